package import SagaCore

/// A run that waits for a person: what `--on-blocked` is told (semantics, section 3).
package struct BlockedRun: Hashable, Sendable {
    package var sagaID: SagaID
    package var namespace: String
    package var workflowID: String
    package var workflowType: String
    /// What blocks it, since when, and by which event; run and event together name the alert.
    package var block: Block
    /// Whether it was found blocked after a start: somebody may have been told before.
    package var isRepeated: Bool

    /// Names the alert: the same blocking has the same name, however often it is told.
    package var alertID: String { "\(sagaID)/\(block.eventID)" }

    package init(
        sagaID: SagaID, namespace: String, workflowID: String, workflowType: String, block: Block, isRepeated: Bool
    ) {
        self.sagaID = sagaID
        self.namespace = namespace
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.block = block
        self.isRepeated = isRepeated
    }
}

/// How a shard stands, in numbers.
package struct ShardStatus: Hashable, Sendable {
    /// Whether every open run is recovered and calls are served.
    package var isReady: Bool
    /// Runs in memory: all that are open.
    package var runs: Int
    /// Those that are there as a whole, and not as a small record.
    package var liveRuns: Int
    /// Those whose code is still to be given to a worker after a start.
    package var runsToRevive: Int
    /// Runs that wait for a person now.
    package var blockedRuns: Int
    /// Events that are not durable yet.
    package var undurableEvents: Int
    /// Late effects recorded since the start.
    package var lateEffects: UInt64
    /// Times that a run became blocked since the start.
    package var blocks: UInt64
    /// Snapshots of open runs kept since the start.
    package var snapshots: UInt64

    /// Runs that are kept as small records.
    package var parkedRuns: Int { runs - liveRuns }
}

extension Shard {
    /// The run was blocked a moment ago. Somebody is called once that is durable, and again after each restart while it
    /// lasts: at least once, whatever crashes.
    func callAPerson(_ execution: Execution) {
        guard let blocked = blockedRun(execution, isRepeated: false) else { return }
        blockCount &+= 1
        hold(.alert(blocked), execution)
    }

    func blockedRun(_ execution: Execution, isRepeated: Bool) -> BlockedRun? {
        guard let block = execution.state.block else { return nil }
        let state = execution.state
        return BlockedRun(
            sagaID: state.sagaID, namespace: state.namespace, workflowID: state.workflowID,
            workflowType: state.workflowType, block: block, isRepeated: isRepeated)
    }
}
