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
                        "run \(row.sagaID) is a child of a saga whose run \(parent) is open and may undo it",
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

    /// Removes runs that closed before a time, but no child before its parent.
    /// - Parameter limitOfRun: The time for each of them, where they go by different clocks; none is later than `limit`.
    /// - Returns: How many.
    package func removeRuns(
        closedBefore limit: Timestamp, namespace: String, limitOfRun: ((ExecutionRow) -> Timestamp)? = nil
    ) async throws(StoreError) -> Int {
        var removed = 0
        // Parents go first: what they leave goes in the next round.
        while true {
            let count = try await removeRound(closedBefore: limit, namespace, limitOfRun)
            if count == 0 { return removed }
            removed += count
        }
    }

    /// Removes what schedules leave behind when they go on in new runs, a while after that: it is of no use to anybody. The times of
    /// a schedule are those of the namespace that it belongs to, so that is whose clock counts.
    /// - Returns: How many.
    package func removeClosedSchedules(after period: Duration) async throws(StoreError) -> Int {
        let age = -max(0, period.wholeMicroseconds)
        let latest = ([EngineClock.wall()] + virtualClocks.map(\.time)).max() ?? EngineClock.wall()
        return try await removeRuns(closedBefore: latest.adding(microseconds: age), namespace: ScheduleDesk.namespace) {
            self.time(of: ScheduleDesk.owner(ofKey: $0.workflowID)).adding(microseconds: age)
        }
    }

    /// Removes what virtual clocks leave behind when their keepers go on in new runs: only the open one is ever read. Their times
    /// are those of the clocks, so their age says nothing.
    /// - Returns: How many.
    package func removeClosedClocks() async throws(StoreError) -> Int {
        try await removeRuns(closedBefore: Shard.endOfTime, namespace: Shard.clockNamespace)
    }

    private func removeRound(
        closedBefore limit: Timestamp, _ namespace: String, _ limitOfRun: ((ExecutionRow) -> Timestamp)?
    ) async throws(StoreError) -> Int {
        // What was started after that time cannot have closed before it: the young are not even looked at.
        var query = ExecutionQuery(
            namespace: namespace, statuses: ExecutionStatus.allCases.filter(\.isClosed),
            before: SagaID(time: limit, random: (.max, .max)), limit: 1_000)
        var removed = 0
        while true {
            let page = try await store.list(query)
            for row in page where row.closedAt.map({ $0 < limitOfRun?(row) ?? limit }) ?? false {
                let target = RunTarget(namespace: namespace, workflowID: row.workflowID, sagaID: row.sagaID)
                guard let run = try await store.run(target, .ends), try await !isNeeded(run) else { continue }
                if try await store.delete(row.sagaID) { removed += 1 }
                await deleted(row.sagaID)
            }
            guard page.count == query.limit, let last = page.last else { return removed }
            query.before = last.sagaID
        }
    }

    /// Whether another run that is stored may come back to a closed one.
    private func isNeeded(_ run: LoadedRun) async throws(StoreError) -> Bool {
        if let parent = run.parent, try await store.execution(parent) != nil { return true }
        // A round of undoing says what the next one need not undo again.
        if let undone = run.undone, try await store.execution(undone) != nil { return true }
        // Its undo entries went on to the next run, those of its children among them: they find the child by this one.
        guard run.handsUndoOn else { return false }
        return try await isOpen(run.row.namespace, run.row.workflowID) != nil
    }

    /// The open run that may undo a child; nil if there is none.
    private func openParent(of run: LoadedRun) async throws(StoreError) -> SagaID? {
        if let undone = run.undone {
            let target = RunTarget(namespace: run.row.namespace, workflowID: run.row.workflowID, sagaID: undone)
            guard let child = try await store.run(target, .ends), child.undone == nil else { return nil }
            return try await openParent(of: child)
        }
        guard let parent = run.parent, let row = try await store.execution(parent) else { return nil }
        // The parent may have gone on in a new run, and have taken its undo log along.
        return try await row.status.isClosed ? isOpen(row.namespace, row.workflowID) : parent
    }

    private func isOpen(_ namespace: String, _ workflowID: String) async throws(StoreError) -> SagaID? {
        let newest = try await store.latestExecution(namespace: namespace, workflowID: workflowID)
        return newest.flatMap { $0.status.isClosed ? nil : $0.sagaID }
    }
}

extension LoadedRun {
    /// The run that started it as a child.
    fileprivate var parent: SagaID? {
        guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return nil }
        return started.parentSagaID
    }

    /// The run that this one does nothing but undo.
    fileprivate var undone: SagaID? {
        guard case .workflowExecutionStarted(let started)? = events.first?.attributes, started.parentSagaID == nil,
            !started.requestID.isEmpty
        else { return nil }
        return started.continuedFrom
    }

    /// Whether the run that went on from it has its undo entries.
    fileprivate var handsUndoOn: Bool {
        switch events.last?.attributes {
        case .workflowExecutionContinuedAsNew(let end): end.undoCarried
        case .workflowExecutionTerminated(let end): end.resetEventID != nil
        default: false
        }
    }
}
