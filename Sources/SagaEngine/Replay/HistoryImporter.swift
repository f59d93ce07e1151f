public import SagaCore

/// Reads whole runs out of a store, for ``HistoryFile``.
public struct HistoryExporter: Sendable {
    private let store: any EventStore

    public init(store: any EventStore) { self.store = store }

    /// Gives a run piece by piece: its events, then its late effects.
    /// - Returns: How many events it has; 0 if there is no such run.
    public func export(
        _ row: ExecutionRow, _ body: (HistoryFile.Item) async throws -> Void
    ) async throws -> UInt64 {
        var next: EventID = 0
        while true {
            let page = try await store.events(of: row.sagaID, from: next, limit: HistoryFile.maximumEvents)
            if page.isEmpty { break }
            next += EventID(page.count)
            // One stored row may have more than were asked for.
            var rest = page[...]
            while !rest.isEmpty {
                try await body(.events(Array(rest.prefix(HistoryFile.maximumEvents))))
                rest = rest.dropFirst(HistoryFile.maximumEvents)
            }
        }
        var query = LateEffectQuery(namespace: row.namespace, sagaID: row.sagaID, limit: 1_000)
        while true {
            let page = try await store.lateEffects(query)
            for late in page { try await body(.lateEffect(late.effect)) }
            guard page.count == query.limit, let last = page.last else { return next }
            query.after = last.place
        }
    }
}

/// Puts runs of a ``HistoryFile`` into a store, where they go on when an engine is opened over it.
///
/// It takes the store over first, so a server that has it open is fenced, and reads its state anew. Each run is checked by
/// the fold that the engine uses before any of its events is written. A run that is there already is left alone, or goes on
/// where an earlier import was cut off, if its events are the same.
///
/// A run that takes several appends has a mark in its row until the last of them, like one that comes in over the wire: whoever
/// takes the store over meanwhile removes it, and nobody takes half of a run for the whole.
public struct HistoryImporter {
    private let store: any EventStore
    private let epoch: UInt64
    private let partitionCount: UInt32
    private var state: ExecutionState?
    private var pending: [HistoryEvent] = []
    private var lateEffects: [LateEffect] = []
    /// Events before this id are in the store.
    private var stored: EventID = 0
    /// Whether the store has only a part of the run, of an import that was cut off.
    private var isUnfinished = false
    /// What was done so far.
    public private(set) var report = Report()

    /// What an import did.
    public struct Report: Hashable, Sendable {
        /// Runs that were written, or finished.
        public var runs = 0
        /// Runs that were there already.
        public var known = 0
        /// Events that were written.
        public var events: UInt64 = 0

        public init(runs: Int = 0, known: Int = 0, events: UInt64 = 0) {
            self.runs = runs
            self.known = known
            self.events = events
        }
    }

    /// Takes a store over.
    public init(into store: any EventStore) async throws(StoreError) {
        self.store = store
        partitionCount = try await store.metadata().partitionCount
        epoch = try await store.takeOver()
    }

    /// Most events of one append: more would have to be in memory at once.
    package static let maximumPending = RunImport.maximumPending

    /// Takes the next item of a file.
    public mutating func add(_ item: HistoryFile.Item) async throws(ImportFailure) {
        switch item {
        case .events(let events):
            guard let first = events.first else { return }
            if state?.sagaID != first.sagaID {
                try await end()
                try await begin(first)
            }
            for event in events {
                do throws(SagaError) { try state?.apply(event) } catch { throw .unreplayable(error) }
                if event.eventID + 1 == stored { try await compare(event) }
                if event.eventID >= stored { pending.append(event) }
                // The last append has to bring an event, for it changes the row.
                if pending.count > Self.maximumPending { try await write(nil) }
            }
        case .lateEffect(let effect):
            guard effect.sagaID == state?.sagaID else {
                throw .conflict("a late effect of run \(effect.sagaID) stands behind another run")
            }
            lateEffects.append(effect)
            if lateEffects.count >= AppendBatch.maximumLateEffects { try await writeLateEffects() }
        }
    }

    /// The file is over: the last run is written.
    public mutating func end() async throws(ImportFailure) {
        guard let state else { return }
        if pending.isEmpty {
            guard !isUnfinished else {
                throw .conflict(
                    "run \(state.sagaID) is there with \(stored) events of an import that was cut off; the file has only"
                        + " \(state.nextEventID): import the file that it came from")
            }
            if stored > state.nextEventID {
                throw .conflict("run \(state.sagaID) is there with \(stored) events, the file has \(state.nextEventID)")
            }
            report.known += 1
        } else {
            try await write(state)
            report.runs += 1
        }
        try await writeLateEffects()
        self.state = nil
    }

    private mutating func begin(_ first: HistoryEvent) async throws(ImportFailure) {
        state = ExecutionState(sagaID: first.sagaID)
        do throws(StoreError) {
            var row = try await store.execution(first.sagaID)
            if let half = row, half.isUnfinishedImport, half.status.isClosed {
                // Another import was cut off, and its rest was not removed.
                _ = try await store.delete(half.sagaID)
                row = nil
            }
            isUnfinished = row?.isUnfinishedImport ?? false
            stored = row?.nextEventID ?? 0
        } catch {
            throw .store(error)
        }
    }

    /// The last event that the store has of the run is the file's.
    private func compare(_ event: HistoryEvent) async throws(ImportFailure) {
        let own: HistoryEvent?
        do throws(StoreError) {
            own = try await store.events(of: event.sagaID, from: event.eventID, limit: 1).first
        } catch {
            throw .store(error)
        }
        guard own == event else {
            throw .conflict("run \(event.sagaID) is there, and its event \(event.eventID) is another one")
        }
    }

    private mutating func write(_ last: ExecutionState?) async throws(ImportFailure) {
        guard let state, let first = pending.first else { return }
        let isStart = first.eventID == 0
        let part = last == nil ? Array(pending.dropLast()) : pending
        var row: ExecutionRow?
        if isStart || last != nil {
            var made = ExecutionRow(state, partitionCount: partitionCount)
            made.nextEventID = first.eventID + EventID(part.count)
            if last == nil { made.markAsUnfinished() }
            row = made
        }
        do throws(StoreError) {
            var start: StartCondition?
            if isStart {
                let newest = try await store.latestExecution(
                    namespace: state.namespace, workflowID: state.workflowID)
                if let newest, !newest.status.isClosed {
                    throw StoreError(
                        .invalid, "workflow id \(state.workflowID) has an open run, \(newest.sagaID), already")
                }
                start = newest.map { .after($0.sagaID) } ?? .unused
            }
            let entry = AppendEntry(
                sagaID: state.sagaID, expectedNextEventID: first.eventID, events: part, row: row, start: start)
            let outcomes = try await store.append(
                AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])]))
            guard outcomes == [.appended] else {
                throw StoreError(.invalid, "run \(state.sagaID) was changed by somebody else meanwhile")
            }
        } catch {
            throw error.reason == .invalid ? .conflict(error.message) : .store(error)
        }
        report.events += UInt64(part.count)
        pending.removeFirst(part.count)
    }

    private mutating func writeLateEffects() async throws(ImportFailure) {
        guard !lateEffects.isEmpty else { return }
        do throws(StoreError) {
            _ = try await store.append(AppendBatch(epoch: epoch, transactions: [], lateEffects: lateEffects))
        } catch {
            throw .store(error)
        }
        lateEffects = []
    }
}

/// Why an import ended early.
public enum ImportFailure: Error, Hashable, Sendable {
    /// The store could not be read or written.
    case store(StoreError)
    /// An event of the file does not fit the ones before it.
    case unreplayable(SagaError)
    /// What the store has is in the way.
    case conflict(String)
}

extension ImportFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .store(let error): error.message
        case .unreplayable(let error): error.message
        case .conflict(let message): message
        }
    }
}
