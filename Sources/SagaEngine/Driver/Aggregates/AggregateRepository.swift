internal import SagaCodec
public import SagaCore

/// Loads and changes the aggregates of one type, in the store of the sagas.
///
/// Each is a history of its own, with domain events (200) only. Its version is the number of its events, and an append says which
/// it expects: of two that decide upon the same state one gets ``AggregateConflict``. Beside the engine: nothing here runs
/// through a shard, and an engine that starts leaves aggregates alone.
public struct AggregateRepository<A: Aggregate>: Sendable {
    /// An aggregate as it was loaded.
    public struct Loaded: Sendable {
        /// Its state.
        public var state: A
        /// How many events made it.
        public var version: UInt64
    }

    private let store: any EventStore
    private let aggregates: AggregateStore
    private let snapshots: (any SnapshotStore)?
    private let converter: any PayloadConverter
    private let snapshotEvents: UInt64
    private let time: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - store: Where the histories live; if it keeps snapshots, they are used.
    ///   - converter: How events become payloads. Default JSON.
    ///   - snapshotEvents: Events between two snapshots; 0 for none. Default 100.
    public init(store: any EventStore, converter: any PayloadConverter = .json, snapshotEvents: UInt64 = 100) {
        self.init(store: store, converter: converter, snapshotEvents: snapshotEvents, time: nil)
    }

    init(
        store: any EventStore, converter: any PayloadConverter, snapshotEvents: UInt64 = 100,
        time: (@Sendable () -> Timestamp)?
    ) {
        self.store = store
        self.time = time ?? { EngineClock.wall() }
        aggregates = AggregateStore(store, time: time)
        self.converter = converter
        self.snapshotEvents = snapshotEvents
        snapshots = store as? any SnapshotStore
    }

    // MARK: Reading

    /// The aggregate of an id.
    /// - Parameters:
    ///   - id: Its name: 1 to 150 bytes.
    ///   - version: With so many events only; nil (default) for all.
    /// - Returns: nil if there is none.
    public func load(_ id: String, version: UInt64? = nil) async throws -> Loaded? {
        guard let row = try await row(id) else { return nil }
        return try await load(row.sagaID, upTo: version ?? .max)
    }

    /// Its events from one on, oldest first; at most a page of about so many.
    public func events(_ id: String, from first: EventID = 0, limit: Int = 1_000) async throws -> [A.Event] {
        guard let row = try await row(id) else { return [] }
        return try await store.events(of: row.sagaID, from: first, limit: limit).map { try decode($0) }
    }

    private func load(_ sagaID: SagaID, upTo limit: UInt64) async throws -> Loaded {
        var loaded = try await newestSnapshot(sagaID, upTo: limit) ?? Loaded(state: A(), version: 0)
        while loaded.version < limit {
            let page = try await store.events(of: sagaID, from: loaded.version, limit: 1_000)
            if page.isEmpty { break }
            for event in page where loaded.version < limit {
                loaded.state.apply(try decode(event))
                loaded.version += 1
            }
        }
        return loaded
    }

    private func decode(_ event: HistoryEvent) throws -> A.Event {
        guard case .domainEvent(let stored) = event.attributes else {
            throw SagaError(
                kind: .replay,
                message: "event \(event.eventID) of \(event.sagaID) is \(event.eventType.name), no domain event",
                isNonRetryable: true)
        }
        return try A.Event.catalog.decode(stored, converter)
    }

    // MARK: Writing

    /// Appends events to an aggregate that has a number of them.
    /// - Parameters:
    ///   - events: What happened.
    ///   - id: The aggregate.
    ///   - version: How many events it must have; 0 for one that is new.
    ///   - requestID: A name of this append by which a repetition is known: it gives the same answer, and nothing is appended
    ///     twice. Empty (default) for none.
    /// - Returns: How many it has afterwards.
    /// - Throws: ``AggregateConflict``, `StoreError`, `SagaError`.
    @discardableResult
    public func append(
        _ events: [A.Event], to id: String, expecting version: UInt64, requestID: String = ""
    ) async throws -> UInt64 {
        guard !events.isEmpty else { return version }
        return try await aggregates.append(
            try events.map { try A.Event.catalog.encode($0, converter) }, to: try name(id), type: A.typeName,
            expecting: version, requestID: requestID
        ).version
    }

    /// Loads an aggregate (or a new one), lets `decide` say what happens, and appends that; after a conflict once more.
    /// - Parameters:
    ///   - id: The aggregate.
    ///   - attempts: How often to decide at most. Default 8.
    ///   - decide: What happens to that state; may be called several times. Throwing refuses.
    /// - Returns: The aggregate with what was appended.
    public func update(
        _ id: String, attempts: Int = 8, _ decide: (A) throws -> [A.Event]
    ) async throws -> Loaded {
        var attempt = 1
        while true {
            var loaded = try await load(id) ?? Loaded(state: A(), version: 0)
            let events = try decide(loaded.state)
            do {
                let before = loaded.version
                loaded.version = try await append(events, to: id, expecting: loaded.version)
                for event in events { loaded.state.apply(event) }
                try await keepSnapshot(of: loaded, id, before: before)
                return loaded
            } catch is AggregateConflict where attempt < attempts {
                attempt += 1
            }
        }
    }

    // MARK: Rows

    /// Under which name an aggregate stands in the store: those of several types may have the same id.
    private func name(_ id: String) throws(SagaError) -> String {
        if let problem = Name.problem(with: id, what: "aggregate id") {
            throw SagaError(kind: .validation, message: problem, isNonRetryable: true)
        }
        return A.typeName + "/" + id
    }

    private func row(_ id: String) async throws -> ExecutionRow? { try await aggregates.row(try name(id)) }

    // MARK: Snapshots

    private func newestSnapshot(_ sagaID: SagaID, upTo limit: UInt64) async throws -> Loaded? {
        guard let snapshots, snapshotEvents > 0,
            let stored = try await snapshots.snapshot(of: sagaID, upTo: limit)
        else { return nil }
        // One that cannot be used is passed over: the events serve.
        guard let raw = try? Snapshot.open(stored, kind: .aggregate, codec: .json, version: A.snapshotVersion),
            let state = try? JSONCoding.decode(A.self, from: raw)
        else { return nil }
        return Loaded(state: state, version: stored.nextEventID)
    }

    private func keepSnapshot(of loaded: Loaded, _ id: String, before: UInt64) async throws {
        guard let snapshots, snapshotEvents > 0, before / snapshotEvents != loaded.version / snapshotEvents,
            let row = try await row(id)
        else { return }
        let stored = try Snapshot.seal(
            try JSONCoding.encode(loaded.state), kind: .aggregate, codec: .json, version: A.snapshotVersion,
            sagaID: row.sagaID, nextEventID: loaded.version, at: time())
        // Lost, it costs time only.
        try? await snapshots.keep([stored], newest: 2)
    }
}
