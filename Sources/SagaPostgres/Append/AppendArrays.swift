import SagaCore

/// The parameters of the append statements, in memory that is kept.
final class AppendArrays {
    // Later appends.
    private let ids = PgArray(.uuid)
    private let firsts = PgArray(.int8)
    private let counts = PgArray(.int4)
    private let events = PgArray(.bytes)
    private let statuses = PgArray(.int2)
    private let closings = PgArray(.timestamp)
    private let searches = PgArray(.text)
    private let attributes = PgArray(.bytes)
    // First appends.
    private let startIDs = PgArray(.uuid)
    private let startCounts = PgArray(.int4)
    private let startEvents = PgArray(.bytes)
    private let namespaces = PgArray(.text)
    private let workflowIDs = PgArray(.text)
    private let workflowTypes = PgArray(.text)
    private let startStatuses = PgArray(.int2)
    private let startTimes = PgArray(.timestamp)
    private let startClosings = PgArray(.timestamp)
    private let parts = PgArray(.int4)
    private let afters = PgArray(.uuid)
    private let startSearches = PgArray(.text)
    private let startAttributes = PgArray(.bytes)
    // Data of large payloads, of any append.
    private let blobOwners = PgArray(.uuid)
    private let blobNumbers = PgArray(.int8)
    private let blobs = PgArray(.bytes)
    private let blobThreshold: Int

    /// Which transaction each later append, and each start, belongs to: the server answers with places in the arrays.
    private(set) var laterOwners: [Int] = []
    private(set) var startOwners: [Int] = []
    private var hasStatus = false
    private var hasBlobs = false

    /// In the order of the statement's parameters.
    private let later: [PgArray]
    private let starts: [PgArray]
    private let large: [PgArray]

    init(blobThreshold: Int) {
        self.blobThreshold = blobThreshold
        later = [ids, firsts, counts, events, statuses, closings, searches, attributes]
        starts = [
            startIDs, startCounts, startEvents, namespaces, workflowIDs, workflowTypes, startStatuses, startTimes,
            startClosings, parts, afters, startSearches, startAttributes,
        ]
        large = [blobOwners, blobNumbers, blobs]
    }

    func clear() {
        if !laterOwners.isEmpty { for array in later { array.clear() } }
        if !startOwners.isEmpty { for array in starts { array.clear() } }
        if hasBlobs { for array in large { array.clear() } }
        laterOwners.removeAll(keepingCapacity: true)
        startOwners.removeAll(keepingCapacity: true)
        hasStatus = false
        hasBlobs = false
    }

    var isEmpty: Bool { laterOwners.isEmpty && startOwners.isEmpty }

    /// Adds an entry, which has been validated.
    func add(_ entry: AppendEntry, owner: Int) throws(StoreError) {
        if entry.start != nil, let row = entry.row {
            try addStart(entry, row, owner)
        } else {
            try addLater(entry, owner)
        }
    }

    private func addLater(_ entry: AppendEntry, _ owner: Int) throws(StoreError) {
        let closing = try entry.row.flatMap { row throws(StoreError) in try Self.stored(row.closedAt, entry) }
        laterOwners.append(owner)
        ids.add(entry.sagaID)
        firsts.add(Int64(clamping: entry.expectedNextEventID))
        counts.add(Int32(clamping: entry.events.count))
        add(entry, to: events)
        if let row = entry.row {
            hasStatus = true
            statuses.add(Int16(row.status.rawValue))
        } else {
            statuses.addNull()
        }
        if let closing { closings.add(closing) } else { closings.addNull() }
        SearchAttributes.add(entry.row?.searchAttributes ?? [], to: searches, attributes)
    }

    private func addStart(_ entry: AppendEntry, _ row: ExecutionRow, _ owner: Int) throws(StoreError) {
        let closing = try Self.stored(row.closedAt, entry)
        guard let started = try Self.stored(row.startedAt, entry) else { return }
        startOwners.append(owner)
        startIDs.add(entry.sagaID)
        startCounts.add(Int32(clamping: entry.events.count))
        add(entry, to: startEvents)
        namespaces.add(row.namespace)
        workflowIDs.add(row.workflowID)
        workflowTypes.add(row.workflowType)
        startStatuses.add(Int16(row.status.rawValue))
        startTimes.add(started)
        if let closing { startClosings.add(closing) } else { startClosings.addNull() }
        parts.add(Int32(clamping: row.partition))
        if case .after(let earlier)? = entry.start { afters.add(earlier) } else { afters.addNull() }
        SearchAttributes.add(row.searchAttributes, to: startSearches, startAttributes)
    }

    /// Its events; large payloads apart.
    private func add(_ entry: AppendEntry, to rows: PgArray) {
        // Nearly all rows are shorter than one large payload, and are not looked at again.
        let length = rows.add(entry.events, of: entry.sagaID, from: entry.expectedNextEventID)
        guard length >= blobThreshold, let apart = entry.takingBlobsOut(threshold: blobThreshold) else { return }
        rows.removeLast(of: length)
        rows.add(apart.events, of: entry.sagaID, from: entry.expectedNextEventID, hasBlobs: true)
        for blob in apart.blobs {
            hasBlobs = true
            blobOwners.add(blob.sagaID)
            blobNumbers.add(Int64(clamping: blob.number))
            blobs.add(bytes: blob.bytes)
        }
    }

    private static func stored(_ time: Timestamp?, _ entry: AppendEntry) throws(StoreError) -> Int64? {
        guard let time else { return nil }
        guard let stored = PgTime.stored(time) else {
            throw StoreError(
                .invalid, "append to \(entry.sagaID): the time \(time.microseconds) µs is beyond what PostgreSQL stores"
            )
        }
        return stored
    }

    /// The statement that is enough for what was added.
    var statement: PgStatement { form.statement }

    /// The statement's parameters, without the epoch; valid until the next change.
    var parameters: [UnsafeRawBufferPointer?] {
        switch form {
        case .step: later.prefix(4).map(\.only)
        case .change: later.map(\.only)
        case .start: starts.map(\.only)
        case .steps: buffers(4)
        case .all: buffers(later.count + starts.count)
        case .allWithBlobs: buffers(later.count + starts.count + large.count)
        }
    }

    private enum Form {
        case step
        case change
        case start
        case steps
        case all
        case allWithBlobs

        var statement: PgStatement {
            switch self {
            case .step: AppendStatements.step
            case .change: AppendStatements.change
            case .start: AppendStatements.start
            case .steps: AppendStatements.steps
            case .all: AppendStatements.all
            case .allWithBlobs: AppendStatements.allWithBlobs
            }
        }
    }

    private var form: Form {
        if hasBlobs { return .allWithBlobs }
        switch (laterOwners.count, startOwners.count) {
        case (1, 0): return hasStatus ? .change : .step
        case (0, 1) where afters.only == nil: return .start
        case (_, 0): return hasStatus ? .all : .steps
        default: return .all
        }
    }

    private func buffers(_ count: Int) -> [UnsafeRawBufferPointer?] {
        [UnsafeRawBufferPointer?](unsafeUninitializedCapacity: count) { places, filled in
            for place in 0..<count { places.initializeElement(at: place, to: array(at: place).buffer) }
            filled = count
        }
    }

    private func array(at place: Int) -> PgArray {
        if place < later.count { return later[place] }
        let next = place - later.count
        return next < starts.count ? starts[next] : large[next - starts.count]
    }
}
