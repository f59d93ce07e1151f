internal import SagaCodec
package import SagaCore
internal import Synchronization

/// Histories of aggregates of any type and language, as they are stored: beside the engine, in a namespace of their own.
package struct AggregateStore: Sendable {
    /// Rows of aggregates are in a namespace that begins with this; no caller's is allowed to.
    package static let namespacePrefix = "saga.aggregates/"

    private let store: any EventStore
    private let namespace: String
    private let time: @Sendable () -> Timestamp
    private let epoch = EpochCache()

    /// Events before the end among which a repeated append without an expected version is looked for.
    private static let repeatWindow: EventID = 200
    /// The entry of the first payload of an append that holds its request id.
    package static let requestKey = "saga.request-id"
    /// The entry of a snapshot's payload that holds the version of its fields.
    package static let versionKey = "saga.snapshot-version"

    /// - Parameters:
    ///   - namespace: The callers' namespace.
    ///   - time: What its clock shows; nil is the clock on the wall.
    package init(
        _ store: any EventStore, namespace: String = "default", time: (@Sendable () -> Timestamp)? = nil
    ) {
        self.store = store
        self.time = time ?? { EngineClock.wall() }
        self.namespace = Self.namespacePrefix + namespace
    }

    /// The row of an aggregate; nil if there is none of that name.
    package func row(_ name: String) async throws -> ExecutionRow? {
        if let problem = Name.problem(with: name, what: "aggregate id") {
            throw SagaError(kind: .validation, message: problem, isNonRetryable: true)
        }
        return try await store.latestExecution(namespace: namespace, workflowID: name)
    }

    /// What an append did.
    package struct Appended: Hashable, Sendable {
        /// How many events there are now; of a repeated append: were then.
        package var version: UInt64
        /// The first new one.
        package var firstEventID: EventID
    }

    /// Appends to an aggregate.
    /// - Parameters:
    ///   - events: At least one.
    ///   - name: Its name.
    ///   - type: Its type; one that exists must have the same.
    ///   - version: How many events it must have; nil for any number.
    ///   - requestID: Repeats are known by it; empty for none.
    /// - Throws: ``AggregateConflict``, `StoreError`, `SagaError`.
    package func append(
        _ events: [DomainEvent], to name: String, type: String, expecting version: UInt64?, requestID: String = ""
    ) async throws -> Appended {
        var events = events
        if !requestID.isEmpty, !events.isEmpty {
            events[0].payload.metadata.append(MetadataEntry(key: Self.requestKey, value: requestID))
        }
        var attempt = 1
        while true {
            let row = try await row(name)
            if let row, row.workflowType != type {
                throw SagaError(
                    kind: .validation, message: "aggregate \(name) is of type \(row.workflowType), not \(type)",
                    isNonRetryable: true)
            }
            let present = try await count(row)
            if let done = try await repetition(of: events, row, present, requestID) { return done }
            if let version, version != present { throw AggregateConflict(id: name, expected: version) }
            if try await append(events, name, type, row, after: present) {
                return Appended(version: present + UInt64(events.count), firstEventID: present)
            }
            // Somebody was faster. Whoever does not say what he expects comes after him.
            if let version, requestID.isEmpty { throw AggregateConflict(id: name, expected: version) }
            guard attempt < 16 else { throw AggregateConflict(id: name, expected: version ?? present) }
            attempt += 1
        }
    }

    /// How many events there are: a row may lag behind.
    private func count(_ row: ExecutionRow?) async throws(StoreError) -> EventID {
        guard let row else { return 0 }
        return try await store.end(of: row)
    }

    /// The newest snapshot of an aggregate that can be used; nil if there is none.
    /// - Returns: Its state as JSON, with the version of its fields beside it, and the number of events in it.
    package func snapshot(
        of row: ExecutionRow, upTo limit: EventID
    ) async throws(StoreError) -> (state: Payload, nextEventID: EventID)? {
        guard let snapshots = store as? any SnapshotStore,
            let stored = try await snapshots.snapshot(of: row.sagaID, upTo: limit), stored.nextEventID > 0,
            let version = Snapshot.version(stored),
            let raw = try? Snapshot.open(stored, kind: .aggregate, codec: .json, version: version)
        else { return nil }
        let metadata = [MetadataEntry(key: Self.versionKey, value: String(version))]
        return (Payload(encoding: "json", data: raw, metadata: metadata), stored.nextEventID)
    }

    private func repetition(
        of events: [DomainEvent], _ row: ExecutionRow?, _ present: EventID, _ requestID: String
    ) async throws -> Appended? {
        guard !requestID.isEmpty, let row else { return nil }
        var next = present > Self.repeatWindow ? present - Self.repeatWindow : 0
        while next < present {
            let page = try await store.events(of: row.sagaID, from: next, limit: Int(Self.repeatWindow))
            guard let last = page.last else { return nil }
            for event in page where Self.requestID(event) == requestID {
                let stored = try await store.events(of: row.sagaID, from: event.eventID, limit: events.count)
                let same = stored.prefix(events.count).map(\.attributes) == events.map { .domainEvent($0) }
                guard same else {
                    throw SagaError(
                        kind: .concurrency, message: "request \(requestID) has appended other events already",
                        isNonRetryable: true)
                }
                return Appended(version: event.eventID + UInt64(events.count), firstEventID: event.eventID)
            }
            next = last.eventID + 1
        }
        return nil
    }

    private static func requestID(_ event: HistoryEvent) -> String? {
        guard case .domainEvent(let stored) = event.attributes else { return nil }
        return stored.payload.metadata.last { $0.key == requestKey }?.value
    }

    private func append(
        _ events: [DomainEvent], _ name: String, _ type: String, _ row: ExecutionRow?, after present: EventID
    ) async throws -> Bool {
        let now = time()
        var random = SystemRandomNumberGenerator()
        let sagaID = row?.sagaID ?? SagaID(time: now, random: (random.next(), random.next()))
        let last = try await lastTime(sagaID, present)
        var started: ExecutionRow?
        if row == nil { started = try await newRow(name, type, sagaID, at: now, next: EventID(events.count)) }
        let entry = AppendEntry(
            sagaID: sagaID, expectedNextEventID: present,
            events: events.enumerated().map { offset, event in
                HistoryEvent(
                    eventID: present + EventID(offset), sagaID: sagaID, timestamp: max(now, last),
                    attributes: .domainEvent(event))
            },
            row: started, start: row == nil ? .unused : nil)
        var attempt = 1
        while true {
            let known = try await epoch.value(store)
            do throws(StoreError) {
                return try await store.append(
                    AppendBatch(epoch: known, transactions: [AppendTransaction([entry])])) == [.appended]
            } catch {
                // An engine took the store over since: the epoch is another one, the aggregate may be the same.
                guard error.reason == .fenced, attempt < 5 else { throw error }
                epoch.forget()
                attempt += 1
            }
        }
    }

    private func newRow(
        _ name: String, _ type: String, _ sagaID: SagaID, at now: Timestamp, next: EventID
    ) async throws(StoreError) -> ExecutionRow {
        ExecutionRow(
            sagaID: sagaID, namespace: namespace, workflowID: name, workflowType: type, status: .running,
            startedAt: now, nextEventID: next,
            partition: Partition.of(
                namespace: namespace, workflowID: name, count: try await store.metadata().partitionCount))
    }

    /// Times do not go back within an aggregate, whatever the clock does.
    private func lastTime(_ sagaID: SagaID, _ version: UInt64) async throws(StoreError) -> Timestamp {
        guard version > 0 else { return Timestamp(microseconds: .min) }
        let last = try await store.events(of: sagaID, from: version - 1, limit: 1).first
        return last?.timestamp ?? Timestamp(microseconds: .min)
    }
}

/// The store's epoch, as it was last seen: aggregates are written under the owner's, and never take the store over.
private final class EpochCache: Sendable {
    private let known = Mutex<UInt64?>(nil)

    func value(_ store: any EventStore) async throws(StoreError) -> UInt64 {
        if let epoch = known.withLock({ $0 }) { return epoch }
        let epoch = try await store.metadata().epoch
        known.withLock { $0 = epoch }
        return epoch
    }

    func forget() { known.withLock { $0 = nil } }
}
