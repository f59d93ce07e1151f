internal import SagaCore

/// Runs that come in from other servers while this one is at work.
extension Shard {
    /// Whether a run may come in now, as far as the shard knows; the store has the last word.
    /// - Returns: The epoch under which it is written.
    func admitImport(_ state: ExecutionState) -> Result<UInt64, CallFailure> {
        guard isReady else {
            return .failure(
                CallFailure(.unavailable, "the engine reads its state; try again", retryAfterMicros: 100_000))
        }
        // What the engine keeps in runs of its own comes from nobody else.
        if state.taskQueue == EngineQueue.name,
            [DefinitionCatalogue.runType, Self.clockType].contains(state.workflowType)
        {
            return .failure(
                CallFailure(.invalidArgument, "runs of type \(state.workflowType) are the engine's own"))
        }
        let key = WorkflowKey(namespace: state.namespace, workflowID: state.workflowID)
        if let open = openRuns[key], let execution = executions[open], !execution.state.isClosed {
            return .failure(RunImport.openRun(state.workflowID, open, execution.state.status))
        }
        if let failure = quotas.start(in: state.namespace, now: time.monotonic) { return .failure(failure) }
        return .success(epoch)
    }

    /// A run is whole in the store, and open: it goes on here, the way it would after a restart. After another take-over it was read
    /// with all others.
    func imported(_ run: RecoveredRun, _ epoch: UInt64) {
        guard isReady, epoch == self.epoch, let execution = enter(run) else { return }
        execution.clock = clock(of: execution.state.namespace, execution.state.workflowID)
        if execution.clock != nil { stir(execution) }
        if let blocked = blockedRun(execution, isRepeated: true) { effects.append(.alert(blocked)) }
        rearm(execution)
        lookForParent(of: execution.sagaID)
        execution.awaitsRevival = false
        activate(execution)
    }
}
