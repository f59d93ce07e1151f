package import SagaCore

extension EventStore {
    /// Every event of a run, page by page.
    package func allEvents(of sagaID: SagaID) async throws(StoreError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let page = try await self.events(of: sagaID, from: EventID(events.count), limit: HistoryReplayer.pageEvents)
            if page.isEmpty { return events }
            events += page
        }
    }

    /// A run by its name, with the events that were asked for; nil if there is none. A run that is named by its saga id
    /// alone, without a namespace, is found in any: for the engine's own questions, never for a caller's.
    package func run(_ target: RunTarget, _ wanted: LoadedEvents) async throws(StoreError) -> LoadedRun? {
        let row: ExecutionRow?
        if let sagaID = target.sagaID, case .heir = wanted {
            row = try await execution(try await heir(of: sagaID, target))
        } else if let sagaID = target.sagaID {
            row = try await execution(sagaID)
        } else {
            row = try await latestExecution(namespace: target.namespace, workflowID: target.workflowID)
        }
        if case .startedBy(let requestID) = wanted, let started = try await run(target, startedBy: requestID) {
            return started
        }
        guard let row, target.namespace.isEmpty || row.namespace == target.namespace,
            target.workflowID.isEmpty || row.workflowID == target.workflowID
        else { return nil }
        switch wanted {
        case .all, .heir: return LoadedRun(row: row, events: try await allEvents(of: row.sagaID))
        case .ends, .startedBy: return LoadedRun(row: row, events: try await ends(of: row))
        case .queried:
            let state = try await closedState(of: row)
            return LoadedRun(
                row: row, events: try await ends(of: row), checkpoint: state?.checkpoint, firstRun: state?.firstRun)
        case .event(let eventID):
            var events = try await ends(of: row)
            // None are there if the run was removed meanwhile.
            if !events.isEmpty, eventID > 0, eventID < row.nextEventID &- 1, row.nextEventID > 0 {
                // A page is whole rows: it may hold more.
                let page = try await self.events(of: row.sagaID, from: eventID, limit: 1)
                events.insert(contentsOf: page.prefix(1), at: 1)
            }
            return LoadedRun(row: row, events: events)
        }
    }

    /// One past the last event of a run; what its row says may lag behind.
    package func end(of row: ExecutionRow) async throws(StoreError) -> EventID {
        var end = row.nextEventID
        while true {
            let more = try await events(of: row.sagaID, from: end, limit: 1_000)
            if more.isEmpty { return end }
            end += EventID(more.count)
        }
    }

    /// What a closed run has come to: it says where its code was last entered again, and which run it began in. Nil if the history does
    /// not tell.
    private func closedState(of row: ExecutionRow) async throws(StoreError) -> ExecutionState? {
        guard row.status.isClosed else { return nil }
        do throws(ReplayFailure) {
            return try await HistoryReplayer(store: self).replay(
                row.sagaID, end: row.nextEventID, from: .snapshot, needsEvents: false, { _ in })?.state
        } catch {
            // A history that does not replay is refused by the code itself, in better words.
            if case .store(let error) = error { throw error }
            return nil
        }
    }

    private func ends(of row: ExecutionRow) async throws(StoreError) -> [HistoryEvent] {
        var ends = Array(try await events(of: row.sagaID, from: 0, limit: 1).prefix(1))
        if row.nextEventID > 1 {
            let last = try await events(of: row.sagaID, from: row.nextEventID - 1, limit: 1)
            ends += last.suffix(1)
        }
        return ends
    }

    /// The run of a workflow id that a request started, among the last hundred.
    private func run(_ target: RunTarget, startedBy requestID: String) async throws(StoreError) -> LoadedRun? {
        guard !requestID.isEmpty else { return nil }
        let rows = try await list(
            ExecutionQuery(namespace: target.namespace, workflowID: target.workflowID, limit: 100))
        for row in rows {
            let first = try await events(of: row.sagaID, from: 0, limit: 1).first
            guard case .workflowExecutionStarted(let started)? = first?.attributes, started.requestID == requestID
            else { continue }
            return LoadedRun(row: row, events: try await ends(of: row))
        }
        return nil
    }

    /// Runs of one workflow id that are looked at for the heir of one of them.
    private static var mostRelatives: Int { 1_000 }

    /// - Throws: `StoreError` of reason invalid if the workflow id has had so many runs that it would take too long to find out: better
    ///   no answer than another run's.
    private func heir(of sagaID: SagaID, _ target: RunTarget) async throws(StoreError) -> SagaID {
        var rows: [ExecutionRow] = []
        while true {
            let page = try await list(
                ExecutionQuery(
                    namespace: target.namespace, workflowID: target.workflowID, before: rows.last?.sagaID, limit: 100))
            rows += page
            guard rows.count <= Self.mostRelatives else {
                throw StoreError(
                    .invalid,
                    "workflow id \(target.workflowID) has had more than \(Self.mostRelatives) runs: which of them goes on from"
                        + " \(sagaID) is not looked for; remove old ones (retention), and undo or end what is left by hand"
                )
            }
            if page.count < 100 { break }
        }
        // What a run is a continuation of, its first event says. One that a reset made begins with the other's, so only runs
        // that begin with the same event are read further.
        var firsts: [HistoryEvent?] = []
        var firstRun: [Beginning: Int] = [:]
        var isShared = [Bool](repeating: false, count: rows.count)
        for (index, row) in rows.enumerated() {
            let first = try await events(of: row.sagaID, from: 0, limit: 1).first
            firsts.append(first)
            guard let first else { continue }
            if let other = firstRun.updateValue(index, forKey: Beginning(first)) {
                isShared[other] = true
                isShared[index] = true
            }
        }
        // Of a run that is stored no more nobody knows how it began: then each may go on from it by a reset.
        let isHere = rows.contains { $0.sagaID == sagaID }
        var pairs: [(run: SagaID, before: SagaID)] = []
        for (index, row) in rows.enumerated() where row.sagaID != sagaID {
            guard let first = firsts[index] else { continue }
            let before = isShared[index] || !isHere ? try await runBefore(row.sagaID) : RunBefore.of([first])
            if let before { pairs.append((row.sagaID, before)) }
        }
        return RunBefore.heir(of: sagaID, pairs)
    }

    /// The run that a run goes on from. Page by page: a reset stands behind what it copied, which is at most as long as a run
    /// may be when it is reset.
    private func runBefore(_ sagaID: SagaID) async throws(StoreError) -> SagaID? {
        var before: SagaID?
        var next: EventID = 0
        while next < EventID(PackedEvents.maximumCount) {
            let page = try await events(of: sagaID, from: next, limit: 1_000)
            if page.isEmpty { return before }
            before = RunBefore.of(page) ?? before
            next += EventID(page.count)
        }
        return before
    }
}

/// What two runs have in common if one was made of the other by resets.
private struct Beginning: Hashable {
    var time: Timestamp
    var attributes: EventAttributes

    init(_ event: HistoryEvent) {
        time = event.timestamp
        attributes = event.attributes
    }
}
