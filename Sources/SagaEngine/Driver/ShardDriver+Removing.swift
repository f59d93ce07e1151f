package import SagaCore

/// Removing closed runs: by name, and by age.
extension ShardDriver {
    /// Removes a closed run. A child stays until its parent has closed, because its undo log may be needed (semantics,
    /// section 4, "Children").
    package func delete(_ target: RunTarget) async -> Result<SagaID, CallFailure> {
        do throws(StoreError) {
            guard let run = try await store.run(target, .ends) else {
                return .failure(CallFailure(.notFound, "there is no run of workflow id \(target.workflowID)"))
            }
            let row = run.row
            guard row.status.isClosed else {
                return .failure(
                    CallFailure(
                        .failedPrecondition, "run \(row.sagaID) is open; only closed runs can be deleted",
                        sagaID: row.sagaID, status: row.status))
            }
            if let parent = try await openParent(of: run) {
                return .failure(
                    CallFailure(
                        .failedPrecondition,
                        "run \(row.sagaID) is a child of run \(parent), which is open and may undo it",
                        sagaID: row.sagaID, status: row.status))
            }
            _ = try await store.delete(row.sagaID)
            await deleted(row.sagaID)
            return .success(row.sagaID)
        } catch {
            let code: CallFailure.Code = error.reason == .misconfigured ? .failedPrecondition : .unavailable
            return .failure(CallFailure(code, error.message))
        }
    }

    /// Removes runs that closed before a time.
    /// - Returns: How many.
    package func removeRuns(closedBefore limit: Timestamp, namespace: String) async throws(StoreError) -> Int {
        // What was started after that time cannot have closed before it: the young are not even looked at.
        var query = ExecutionQuery(
            namespace: namespace, statuses: ExecutionStatus.allCases.filter(\.isClosed),
            before: SagaID(time: limit, random: (.max, .max)), limit: 1_000)
        var removed = 0
        while true {
            let page = try await store.list(query)
            for row in page where row.closedAt.map({ $0 < limit }) ?? false {
                let target = RunTarget(namespace: namespace, workflowID: row.workflowID, sagaID: row.sagaID)
                guard let run = try await store.run(target, .ends), try await openParent(of: run) == nil else {
                    continue
                }
                if try await store.delete(row.sagaID) { removed += 1 }
                await deleted(row.sagaID)
            }
            guard page.count == query.limit, let last = page.last else { return removed }
            query.before = last.sagaID
        }
    }

    private func openParent(of run: LoadedRun) async throws(StoreError) -> SagaID? {
        guard case .workflowExecutionStarted(let started)? = run.events.first?.attributes,
            let parent = started.parentSagaID, let row = try await store.execution(parent), !row.status.isClosed
        else { return nil }
        return parent
    }
}
