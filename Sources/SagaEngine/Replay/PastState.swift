public import SagaCore

/// Time travel: what `describe` would have said after an event.
extension HistoryReplayer {
    /// Outputs that are told of a past state: the newest ones.
    private static let maximumOutputs = 256

    /// How a run stood after an event, with the outputs of its steps so far; the newest 256 of them.
    ///
    /// What only the live engine knew then (which worker had a task) is not told.
    /// - Returns: nil if the run has no such event.
    /// - Throws: ``ReplayFailure``.
    public func description(
        of sagaID: SagaID, at eventID: EventID
    ) async throws(ReplayFailure) -> ExecutionDescription? {
        var outputs = StepOutputs(limit: Self.maximumOutputs)
        var closing: EventAttributes?
        // From the first event: outputs are in the history alone.
        let run = try await state(of: sagaID, upTo: eventID, from: .beginning) { event in
            outputs.add(event)
            if event.eventID == eventID { closing = event.attributes }
        }
        guard let run else { return nil }
        var description = ExecutionDescription(run.state, closing: run.state.isClosed ? closing : nil)
        description.stepOutputs = outputs.all
        description.waitingFor = run.state.pastReasons
        description.asOf = run.state.lastTimestamp
        return description
    }

    /// The last event of a run that is not later than a time; nil if there is none.
    public func lastEvent(
        of sagaID: SagaID, notLaterThan time: Timestamp
    ) async throws(ReplayFailure) -> EventID? {
        do throws(StoreError) {
            guard let row = try await store.execution(sagaID), row.startedAt <= time else { return nil }
            var (low, high) = (EventID(0), max(1, row.nextEventID))
            // Times never go back: a search by halves.
            while high - low > 1 {
                let middle = low + (high - low) / 2
                let event = try await store.events(of: sagaID, from: middle, limit: 1).first
                if let event, event.timestamp <= time { low = middle } else { high = middle }
            }
            return low
        } catch {
            throw .store(error)
        }
    }
}

/// Outputs by the names of their steps, the newest of each.
private struct StepOutputs {
    private var values: [NamedPayload] = []
    private var openSteps: [EventID: String] = [:]
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var all: [NamedPayload] { values }

    mutating func add(_ event: HistoryEvent) {
        switch event.attributes {
        case .activityTaskScheduled(let value): openSteps[event.eventID] = value.stepID
        case .activityTaskCompleted(let value):
            set(openSteps.removeValue(forKey: value.scheduledEventID), value.output)
        case .activityTaskFailed(let value): openSteps[value.scheduledEventID] = nil
        case .activityTaskTimedOut(let value): openSteps[value.scheduledEventID] = nil
        case .activityTaskCanceled(let value): openSteps[value.scheduledEventID] = nil
        case .localActivityCompleted(let value): set(value.activityType, value.output)
        case .startChildWorkflowExecutionInitiated(let value): openSteps[event.eventID] = "child \(value.workflowID)"
        case .childWorkflowExecutionCompleted(let value):
            set(openSteps.removeValue(forKey: value.initiatedEventID), value.output)
        case .markerRecorded(let value) where value.kind == .stepOutput: set(value.name, value.details)
        default: break
        }
    }

    private mutating func set(_ name: String?, _ value: Payload) {
        guard let name else { return }
        values.removeAll { $0.name == name }
        values.append(NamedPayload(name: name, payload: value))
        if values.count > limit { values.removeFirst() }
    }
}

extension ExecutionState {
    /// What the run waited for, as far as its events tell.
    fileprivate var pastReasons: [WaitReason] {
        if isClosed { return [] }
        if let block {
            return [WaitReason(.blocked, "blocked: \(block.message)", since: block.since, eventID: block.eventID)]
        }
        if status == .paused { return [WaitReason(.paused, "a resume: it is paused")] }
        var reasons: [WaitReason] = []
        for eventID in steps.eventIDs {
            guard let step = steps[eventID] else { continue }
            let name = "step \(step.scheduled.stepID), attempt \(step.attempt)"
            reasons.append(
                WaitReason(
                    step.retryDueAt == nil ? .activity : .retry, name, since: step.scheduledAt,
                    until: step.retryDueAt, eventID: eventID))
        }
        for entry in undoLog.begun {
            reasons.append(
                WaitReason(
                    .activity, "undo of step \(entry.stepID), attempt \(entry.attempt)", eventID: entry.stepEventID))
        }
        for eventID in children.eventIDs {
            guard let child = children[eventID] else { continue }
            reasons.append(WaitReason(.child, "child \(child.initiated.workflowID)", eventID: eventID))
        }
        for eventID in timers.eventIDs {
            guard let timer = timers[eventID] else { continue }
            reasons.append(
                WaitReason(.timer, "timer \(timer.timerID) at \(timer.dueAt)", until: timer.dueAt, eventID: eventID))
        }
        return reasons
    }
}
