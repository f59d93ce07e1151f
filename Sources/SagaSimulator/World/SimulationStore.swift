package import SagaCore

/// The store under a simulation: the port's calls, without waiting. The simulated store implements it, and the tests put
/// the real ones behind it.
package protocol SimulationStore: AnyObject {
    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome]
    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent]
    func execution(_ sagaID: SagaID) throws(StoreError) -> ExecutionRow?
    func latestExecution(namespace: String, workflowID: String) throws(StoreError) -> ExecutionRow?
    func openExecutions(after: SagaID?, limit: Int) throws(StoreError) -> [ExecutionRow]
    func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect]
    func takeOver() throws(StoreError) -> UInt64
    /// The process that used the store is dead; a new one opens it.
    func reopen() throws(StoreError)
}

/// The port's semantics in a few lines, by values: epochs, conflicts, start conditions.
package final class SimulatedStore: SimulationStore {
    private struct Run {
        var row: ExecutionRow
        var events: [HistoryEvent]
    }

    private var runs: [SagaID: Run] = [:]
    /// Ids of all runs, ascending.
    private var order: [SagaID] = []
    /// Runs of each workflow id, the newest last.
    private var runsOfID: [String: [SagaID]] = [:]
    private var late: [LateEffect] = []
    private var epoch: UInt64 = 0

    package init() {}

    package func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        try batch.validate(partitionCount: Partition.defaultCount)
        guard batch.epoch == epoch else { throw StoreError(.fenced, "epoch \(batch.epoch), the store has \(epoch)") }
        for effect in batch.lateEffects where !late.contains(where: { $0.isSameReport(as: effect) }) {
            late.append(effect)
        }
        return batch.transactions.map { transaction in
            guard transaction.entries.allSatisfy({ holds($0, with: transaction.entries) }) else { return .conflict }
            for entry in transaction.entries { write(entry) }
            return .appended
        }
    }

    private func holds(_ entry: AppendEntry, with others: [AppendEntry]) -> Bool {
        guard let row = entry.row, let start = entry.start else {
            guard let run = runs[entry.sagaID] else { return false }
            return run.row.closedAt == nil && EventID(run.events.count) == entry.expectedNextEventID
        }
        guard runs[entry.sagaID] == nil else { return false }
        let newest = runsOfID[name(row.namespace, row.workflowID)]?.last
        switch start {
        case .unused: return newest == nil
        case .after(let wanted):
            // Closed before, or by an entry beside this one: a run that continues as a new one.
            let isClosed =
                runs[wanted]?.row.closedAt != nil
                || others.contains { $0.sagaID == wanted && $0.row?.closedAt != nil }
            return newest == wanted && isClosed
        }
    }

    private func write(_ entry: AppendEntry) {
        if let row = entry.row, entry.start != nil {
            runs[entry.sagaID] = Run(row: row, events: entry.events)
            runsOfID[name(row.namespace, row.workflowID), default: []].append(entry.sagaID)
            let position = order.lastIndex { $0 < entry.sagaID }.map { $0 + 1 } ?? 0
            order.insert(entry.sagaID, at: position)
            return
        }
        guard let index = runs.index(forKey: entry.sagaID) else { return }
        runs.values[index].events.append(contentsOf: entry.events)
        runs.values[index].row.nextEventID = EventID(runs.values[index].events.count)
        if let row = entry.row {
            runs.values[index].row.status = row.status
            runs.values[index].row.closedAt = row.closedAt
        }
    }

    private func name(_ namespace: String, _ workflowID: String) -> String { "\(namespace)\u{0}\(workflowID)" }

    package func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent] {
        Array(runs[sagaID]?.events.dropFirst(Int(clamping: from)).prefix(limit) ?? [])
    }

    package func execution(_ sagaID: SagaID) throws(StoreError) -> ExecutionRow? { runs[sagaID]?.row }

    package func latestExecution(namespace: String, workflowID: String) throws(StoreError) -> ExecutionRow? {
        runsOfID[name(namespace, workflowID)]?.last.flatMap { runs[$0]?.row }
    }

    package func openExecutions(after: SagaID?, limit: Int) throws(StoreError) -> [ExecutionRow] {
        var rows: [ExecutionRow] = []
        for sagaID in order where after.map({ $0 < sagaID }) ?? true {
            if rows.count >= limit { break }
            if let row = runs[sagaID]?.row, row.closedAt == nil { rows.append(row) }
        }
        return rows
    }

    package func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect] {
        let all = late.enumerated().map { StoredLateEffect(place: UInt64($0.offset) + 1, effect: $0.element) }
        let own = all.filter { stored in
            stored.place > query.after && stored.effect.namespace == query.namespace
                && (query.sagaID == nil || query.sagaID == stored.effect.sagaID)
        }
        return Array(own.prefix(max(0, query.limit)))
    }

    package func takeOver() throws(StoreError) -> UInt64 {
        epoch += 1
        return epoch
    }

    package func reopen() throws(StoreError) {}

    /// Removes a run and its events.
    func delete(_ sagaID: SagaID) {
        guard let run = runs.removeValue(forKey: sagaID) else { return }
        order.removeAll { $0 == sagaID }
        let name = name(run.row.namespace, run.row.workflowID)
        runsOfID[name]?.removeAll { $0 == sagaID }
    }
}

extension LateEffect {
    fileprivate func isSameReport(as other: LateEffect) -> Bool {
        (sagaID, scheduledEventID, attempt) == (other.sagaID, other.scheduledEventID, other.attempt)
    }
}
