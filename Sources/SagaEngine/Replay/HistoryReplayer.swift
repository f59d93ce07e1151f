public import SagaCore

/// Makes states of stored histories: from the first event or from a snapshot, up to any event, one run or many.
///
/// Histories are read in pages, so that a long one needs no more memory than a short one. Nothing is changed.
public struct HistoryReplayer: Sendable {
    /// Where a replay begins.
    public enum Start: Sendable {
        /// At the first event: slow and certain.
        case beginning
        /// At the newest snapshot that can be used; at the first event if there is none.
        case snapshot
    }

    let store: any EventStore
    let snapshots: (any SnapshotStore)?
    private let onSkipped: @Sendable (SkippedSnapshot) -> Void

    /// A replayer over a store; its snapshots are used if it keeps any.
    /// - Parameter onSkipped: Called for each snapshot that could not be used, from any task.
    public init(store: any EventStore, onSkipped: @escaping @Sendable (SkippedSnapshot) -> Void = { _ in }) {
        self.store = store
        snapshots = store as? any SnapshotStore
        self.onSkipped = onSkipped
    }

    /// Events read at once.
    static let pageEvents = 4_096
    /// Bad snapshots of one run after which no other is tried.
    private static let maximumSkips = 8

    /// The state of a run after an event.
    /// - Parameters:
    ///   - sagaID: The run.
    ///   - eventID: The last event that counts; nil for all there are.
    ///   - start: Where to begin. Default: at a snapshot.
    ///   - body: Called with each event that is applied, in order; what a snapshot spares is not given.
    /// - Returns: nil if the run has no such event.
    /// - Throws: ``ReplayFailure``.
    public func state(
        of sagaID: SagaID, upTo eventID: EventID? = nil, from start: Start = .snapshot,
        forEach body: (HistoryEvent) -> Void = { _ in }
    ) async throws(ReplayFailure) -> ReplayedRun? {
        let end = eventID.map { $0 == .max ? $0 : $0 + 1 }
        let run = try await replay(sagaID, end: end, from: start, body)
        guard let run, end.map({ run.state.nextEventID == $0 }) ?? true else { return nil }
        return run
    }

    // MARK: One run

    /// Replays up to before an event, or to the end.
    /// - Parameter needsEvents: False if nobody looks at them, and nobody can have written beyond `end`: then only what the
    ///   state keeps is decoded.
    func replay(
        _ sagaID: SagaID, end: EventID?, from start: Start, needsEvents: Bool = true, _ body: (HistoryEvent) -> Void
    ) async throws(ReplayFailure) -> ReplayedRun? {
        var limit = end ?? .max
        var skipped: [EventID] = []
        while start == .snapshot, limit > 0, skipped.count < Self.maximumSkips {
            guard let stored = try await snapshot(of: sagaID, upTo: limit) else { break }
            switch try await tail(of: stored, end: end, needsEvents, body) {
            case .success(let run):
                reportMissing(run, end: end, skipped)
                return run
            case .failure(let problem):
                onSkipped(SkippedSnapshot(sagaID: sagaID, nextEventID: stored.nextEventID, problem: problem))
            }
            skipped.append(stored.nextEventID)
            guard stored.nextEventID > 0 else { break }
            limit = stored.nextEventID - 1
        }
        var run = ReplayedRun(state: ExecutionState(sagaID: sagaID))
        if let misfit = try await fold(&run, end: end, needsEvents, body) { throw .unreplayable(misfit) }
        guard run.state.nextEventID > 0 else { return nil }
        if start == .snapshot, snapshots != nil { reportMissing(run, end: end, skipped) }
        return run
    }

    private func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(ReplayFailure) -> StoredSnapshot? {
        guard let snapshots else { return nil }
        do throws(StoreError) {
            return try await snapshots.snapshot(of: sagaID, upTo: limit)
        } catch {
            guard error.reason == .corrupt else { throw .store(error) }
            // The history may be whole all the same.
            onSkipped(SkippedSnapshot(sagaID: sagaID, nextEventID: 0, problem: .damaged(error.message)))
            return nil
        }
    }

    /// Goes on from a snapshot. The event that it ends with is read again: a snapshot of more than the history has would
    /// otherwise look like one without a tail.
    func tail(
        of stored: StoredSnapshot, end: EventID?, _ needsEvents: Bool, firstPage: [HistoryEvent]? = nil,
        _ body: (HistoryEvent) -> Void
    ) async throws(ReplayFailure) -> Result<ReplayedRun, Snapshot.Problem> {
        let state: ExecutionState
        let program: DefinitionRunState?
        do throws(Snapshot.Problem) { (state, program) = try Snapshot.decodeWhole(stored) } catch {
            return .failure(error)
        }
        guard stored.nextEventID > 0 else { return .failure(.damaged("it holds no event")) }
        var run = ReplayedRun(state: state, snapshotAt: stored.nextEventID)
        run.program = program
        var last = firstPage ?? []
        if last.isEmpty { last = try await page(of: stored.sagaID, from: stored.nextEventID - 1) }
        guard let first = last.first, first.timestamp == state.lastTimestamp else {
            return .failure(.beyondHistory(nextEventID: stored.nextEventID))
        }
        if let misfit = Self.apply(last.dropFirst(), to: &run, end: end, body) {
            return .failure(.misfit(misfit.message))
        }
        if let misfit = try await fold(&run, end: end, needsEvents, body) { return .failure(.misfit(misfit.message)) }
        return .success(run)
    }

    /// Applies what follows, page by page.
    /// - Returns: Why an event does not fit; nil if all do.
    private func fold(
        _ run: inout ReplayedRun, end: EventID?, _ needsEvents: Bool, _ body: (HistoryEvent) -> Void
    ) async throws(ReplayFailure) -> SagaError? {
        if !needsEvents { return try await foldRows(&run, end: end) }
        while end.map({ run.state.nextEventID < $0 }) ?? !run.state.isClosed {
            let events = try await page(of: run.state.sagaID, from: run.state.nextEventID)
            if events.isEmpty { return nil }
            if let misfit = Self.apply(events[...], to: &run, end: end, body) { return misfit }
        }
        return nil
    }

    /// The same from stored rows, whose events are not wanted. While the events of a page are applied, the store reads the next ones.
    private func foldRows(_ run: inout ReplayedRun, end: EventID?) async throws(ReplayFailure) -> SagaError? {
        var fold = HistoryFold()
        var ahead: PagesAhead?
        defer { ahead?.close() }
        while end.map({ run.state.nextEventID < $0 }) ?? !run.state.isClosed {
            let from = run.state.nextEventID
            let rows: PackedHistory
            do throws(StoreError) {
                if let next = await ahead?.next() {
                    rows = try next.get()
                } else {
                    rows = try await store.packedEvents(of: run.state.sagaID, from: from, limit: Self.pageEvents)
                    ahead = pagesBehind(rows, end: end)
                }
            } catch {
                throw .store(error)
            }
            do throws(SagaError) { try fold.apply(rows, to: &run.state) } catch { return error }
            // The end, or rows without anything new.
            if run.state.nextEventID == from { return nil }
            run.eventsApplied += run.state.nextEventID - from
            if let recorded = fold.recordedSnapshot { run.recordedSnapshot = recorded }
        }
        return nil
    }

    private static func apply(
        _ events: ArraySlice<HistoryEvent>, to run: inout ReplayedRun, end: EventID?, _ body: (HistoryEvent) -> Void
    ) -> SagaError? {
        for event in events {
            if let end, event.eventID >= end { break }
            do throws(SagaError) { try run.state.apply(event) } catch { return error }
            run.eventsApplied += 1
            if case .snapshotCreated(let created) = event.attributes { run.recordedSnapshot = created.uptoEventID }
            body(event)
        }
        return nil
    }

    private func page(of sagaID: SagaID, from: EventID) async throws(ReplayFailure) -> [HistoryEvent] {
        do throws(StoreError) {
            return try await store.events(of: sagaID, from: from, limit: Self.pageEvents)
        } catch {
            throw .store(error)
        }
    }

    /// The history speaks of a newer snapshot than the one that was used, and it was not there to be skipped.
    func reportMissing(_ run: ReplayedRun, end: EventID?, _ skipped: [EventID]) {
        // An older state may be asked for whose snapshots were removed long ago.
        guard end == nil, let recorded = run.recordedSnapshot, recorded >= run.snapshotAt,
            !skipped.contains(recorded + 1)
        else { return }
        onSkipped(SkippedSnapshot(sagaID: run.state.sagaID, nextEventID: recorded + 1, problem: .missing))
    }
}

/// A run as a replay left it.
public struct ReplayedRun: Sendable {
    /// What its events make of it.
    public var state: ExecutionState
    /// Events before this id came from a snapshot; 0 if there was none.
    public var snapshotAt: EventID = 0
    /// Events that were read and applied.
    public var eventsApplied: UInt64 = 0
    /// Where the definition of a declared run stood in the snapshot.
    package var program: DefinitionRunState?
    /// The last event of the newest snapshot that those events speak of.
    var recordedSnapshot: EventID?
}

/// A snapshot that was not used, because it could not be trusted.
public struct SkippedSnapshot: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// Events before this id are (or should be) in it.
    public var nextEventID: EventID
    /// What is wrong with it.
    public var problem: Snapshot.Problem
}

/// Why a history could not be replayed.
public enum ReplayFailure: Error, Hashable, Sendable {
    /// The store could not be read, or what it has is damaged.
    case store(StoreError)
    /// An event does not fit the ones before it.
    case unreplayable(SagaError)

    /// The failure as the one structure that crosses the wire.
    public var sagaError: SagaError {
        switch self {
        case .store(let error): error.sagaError
        case .unreplayable(let error): error
        }
    }
}

extension ReplayFailure: CustomStringConvertible {
    public var description: String { sagaError.message }
}
