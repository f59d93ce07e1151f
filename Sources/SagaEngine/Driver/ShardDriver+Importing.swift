internal import Logging
internal import SagaCore

/// Runs that come in from other servers.
extension ShardDriver {
    /// Tries to remove what an import left, before the next take-over has to do it: about ten seconds.
    private static let attempts: UInt32 = 8

    /// Whether a run may come in now.
    /// - Returns: The epoch under which it is written.
    func admitImport(_ state: ExecutionState) async -> Result<UInt64, CallFailure> {
        await withCheckedContinuation { continuation in
            errand { continuation.resume(returning: $0.shard.admitImport(state)) }
        }
    }

    /// Has the shard go on with an open run that was written beside it; returns when it does. If the store was taken over since, the
    /// shard has read the run with all others, and passes this over.
    func adopt(_ state: consuming ExecutionState, epoch: UInt64) async {
        post(.imported(RecoveredRun(state: state), epoch: epoch))
        await withCheckedContinuation { continuation in errand { _ in continuation.resume() } }
    }

    /// Removes what an import has written of a run that did not come to its end.
    /// - Parameter isOutcomeUnknown: Whether its last append may have happened, or may yet happen.
    func discardImport(_ sagaID: SagaID, epoch: UInt64, isOutcomeUnknown: Bool) async {
        if isOutcomeUnknown {
            // Only a new epoch tells; then a run that is whole goes on, and one that is not is removed.
            return errand { core in
                if core.shard.isReady { core.shard.startRecovery("the outcome of an import is not known") }
            }
        }
        var attempt: UInt32 = 0
        while true {
            do throws(StoreError) {
                guard let row = try await store.execution(sagaID), row.isUnfinishedImport else { return }
                return try await removeUnfinished(row, epoch: epoch)
            } catch {
                attempt &+= 1
                // Of another epoch: whoever took the store over has removed it.
                guard error.reason != .fenced, error.reason != .closed, attempt < Self.attempts else {
                    logger.warning(
                        "what is left of an import is removed when the store is next taken over",
                        metadata: ["saga_id": "\(sagaID)", "error": "\(error.message)"])
                    return
                }
            }
            await Self.pause(attempt)
        }
    }

    /// Removes a run that is not whole. Stores remove closed runs only, so it is closed first.
    func removeUnfinished(_ row: ExecutionRow, epoch: UInt64) async throws(StoreError) {
        if !row.status.isClosed {
            let end = try await store.end(of: row)
            let last = try await store.events(of: row.sagaID, from: end - 1, limit: 1).first?.timestamp ?? row.startedAt
            let event = HistoryEvent(
                eventID: end, sagaID: row.sagaID, timestamp: last,
                attributes: .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(
                        reason: "the import was cut off", identity: "", requestID: "", compensation: .none)))
            var closed = row
            closed.status = .terminated
            closed.closedAt = last
            closed.nextEventID = end + 1
            let entry = AppendEntry(sagaID: row.sagaID, expectedNextEventID: end, events: [event], row: closed)
            let outcomes = try await store.append(
                AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])]))
            guard outcomes == [.appended] else {
                throw StoreError(.unavailable, "run \(row.sagaID), which is not whole, was changed meanwhile")
            }
        }
        _ = try await store.delete(row.sagaID)
        await deleted(row.sagaID)
    }

    private static func pause(_ attempt: UInt32) async {
        let wait = RetryPolicy(initialIntervalMicros: 100_000, maximumIntervalMicros: 5_000_000)
            .interval(after: attempt, random: 0)
        try? await Task.sleep(for: .microseconds(wait))
    }
}
