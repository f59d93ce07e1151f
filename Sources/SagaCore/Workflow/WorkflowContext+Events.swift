// What events do to the code. They are taken in their places: an event is large to copy, and most concern nobody.

extension WorkflowContext {
    // MARK: Events at hand

    /// How the wait ends, if the events at hand say so.
    ///
    /// On replay they do as a rule. While no job waits, nothing of the run but the events themselves can come before what ends
    /// the wait, so the code takes them here, in the same order as if it were suspended and resumed; that takes longer than
    /// all the rest of a step's replay.
    func lookAhead(_ ticket: UInt64, _ target: WaitTarget, _ isCancellable: Bool) -> Resolution? {
        guard isNextForOne else { return nil }
        waiters.add(Waiter(ticket: ticket, target: target, isCancellable: isCancellable, continuation: nil))
        while isNextForOne, let event = coming.take() {
            aheadMismatch = take(event)
            if aheadMismatch != nil { break }
            if let found = aheadResolution {
                aheadResolution = nil
                return found
            }
        }
        // Nothing else has begun to wait since: suspended, it takes the same place.
        _ = waiters.removeFirst { $0.ticket == ticket }
        return nil
    }

    /// What the events at hand say of a step that the code is about to ask for.
    enum ReplayedStep {
        /// Nothing: the code must ask for it.
        case unknown
        /// It was asked for, as that command, and its end is not the next thing that happened.
        case begun(CommandNumber)
        /// It succeeded, and this is what it returned.
        case ended(Payload)
    }

    /// Takes the events of a step that the code is about to ask for, if they come next: that it was scheduled, just so, handed out, and
    /// succeeded. On replay they do as a rule, and then no command need be made, compared and waited for. Everything else goes the
    /// long way, which leads to the same; so do all mismatches, which it words.
    func replayStep(_ activityType: String, _ stepID: String) throws -> ReplayedStep {
        try checkIn()
        guard cancelReason == nil, !Task.isCancelled, isNextForOne, let next = coming.first,
            next.pointee.attributes.isSchedule(of: activityType, stepID, commands.next), let event = coming.take()
        else { return .unknown }
        let number = commands.takeRecordedStep()
        advanceTime(to: event.pointee.timestamp)
        let scheduled = event.pointee.eventID
        while let next = coming.first {
            switch next.pointee.attributes.end(ofStep: scheduled) {
            case .handedOut:
                guard let event = coming.take() else { break }
                advanceTime(to: event.pointee.timestamp)
                continue
            case .completed(let output):
                guard let event = coming.take() else { break }
                advanceTime(to: event.pointee.timestamp)
                return .ended(output)
            case .none: break
            }
            break
        }
        commands.begin(step: number, by: scheduled)
        return .begun(number)
    }

    /// Whether the next event may be taken by code that runs.
    private var isNextForOne: Bool {
        guard let event = coming.first, executor.isIdle, messages.conditions.isEmpty else { return false }
        return event.pointee.attributes.resumesOneAtMost
    }

    /// Takes an event that is not the first: compares it with what the code issued, and gives it to whoever waits for it.
    func take(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        if let mismatch = match(event) { return mismatch }
        advanceTime(to: event.pointee.timestamp)
        return deliver(event)
    }

    func resume(_ waiter: Waiter?, _ resolution: Resolution) {
        guard let waiter else { return }
        if let continuation = waiter.continuation {
            continuation.resume(returning: resolution)
        } else {
            aheadResolution = resolution
        }
    }

    // MARK: One event

    /// Compares a recorded command with what the code issued; says what differs.
    func match(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        guard let number = event.pointee.attributes.commandNumber else { return nil }
        return commands.match(number, with: event)
    }

    /// Gives the event to whoever waits for it.
    private func deliver(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        switch event.pointee.attributes {
        case .activityTaskCompleted(let done):
            return resolve(done.scheduledEventID, .payload(done.output), by: event)
        case .activityTaskFailed(let failed):
            return resolve(failed.scheduledEventID, .failure(failed.error), by: event)
        case .activityTaskTimedOut(let late):
            let error = SagaError(
                kind: .timeout, message: "the step \(late.timeout.whatDidNotHappen)", timestamp: event.pointee.timestamp
            )
            return resolve(late.scheduledEventID, .failure(error), by: event)
        case .activityTaskCanceled(let canceled):
            let error = SagaError(
                kind: .cancelled, message: "the step was cancelled", timestamp: event.pointee.timestamp)
            return resolve(canceled.scheduledEventID, .failure(error), by: event)
        case .timerFired(let fired):
            let number = commands.command(of: fired.createdEventID)
            if let mismatch = resolve(fired.createdEventID, .payload(.empty), by: event) { return mismatch }
            if let number, let timer = messages.callbacks.removeValue(forKey: number) {
                runTimerCallback(timer.callback, timer.timerID)
            }
        case .startChildWorkflowExecutionInitiated, .childWorkflowExecutionStarted, .childWorkflowExecutionCompleted,
            .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut,
            .childWorkflowExecutionTerminated, .startChildWorkflowExecutionFailed:
            return deliverChild(event)
        case .localActivityScheduled, .localActivityCompleted, .localActivityFailed, .localActivityTimedOut,
            .localActivityCanceled:
            return deliverLocal(event)
        case .signalReceived(let signal):
            if let waiter = waiters.removeFirst(where: { $0.target == .signal(signal.name) }) {
                resume(waiter, .payload(signal.payload))
            } else if isAtCheckpoint || !runSignalHandler(signal.name, signal.payload) {
                signals.put(signal, from: event.pointee.eventID)
                return messageCameAtCheckpoint()
            }
        case .timerCanceled(let canceled): _ = commands.close(canceled.createdEventID)
        case .workflowUpdateAccepted(let accepted):
            let update = CodeCheckpoint.Update(
                acceptedEventID: event.pointee.eventID, name: accepted.name, input: accepted.input)
            guard isAtCheckpoint else { return runUpdate(update) }
            carriedUpdates.put(update)
            return messageCameAtCheckpoint()
        case .externalSignalDelivered(let delivered):
            return resolve(delivered.requestedEventID, .payload(.empty), by: event)
        case .externalSignalFailed(let failed):
            return resolve(failed.requestedEventID, .failure(failed.error), by: event)
        case .workflowExecutionCancelRequested(let request):
            guard cancelReason == nil else { return nil }
            cancelReason = request.reason
            // In the order the code began to wait, so that replay cancels in the same order.
            for waiter in waiters.removeAll(where: \.isCancellable) {
                abandon(waiter.target)
                resume(waiter, .cancelled(reason: request.reason))
            }
        case .compensationCompleted(let completed):
            if let number = commands.takeCompensation(scope: completed.scope) {
                resume(waiters.removeFirst { $0.target == .command(number) }, .payload(.empty))
            }
        default: break
        }
        return nil
    }

    func resolve(_ causeEventID: EventID, _ resolution: Resolution, by event: UnsafePointer<HistoryEvent>) -> SagaError?
    {
        guard let number = commands.close(causeEventID) else {
            return SagaError(
                kind: .replay,
                message:
                    "event \(event.pointee.eventID) (\(event.pointee.eventType.name)) closes event \(causeEventID), which the code"
                    + " never asked for", isNonRetryable: true)
        }
        // Code that was cancelled no longer waits; that is not an error.
        if let waiter = waiters.removeFirst(where: { $0.target == .command(number) }) {
            resume(waiter, resolution)
        } else if event.pointee.category == .childWorkflow {
            endedChildren[number] = resolution
        }
        return nil
    }
}

/// What an event says of a step.
private enum StepNews {
    case handedOut
    case completed(Payload)
}

extension EventAttributes {
    /// Whether it records the step that the code would ask for as its next command.
    fileprivate func isSchedule(of activityType: String, _ stepID: String, _ number: CommandNumber) -> Bool {
        guard case .activityTaskScheduled(let step) = self else { return false }
        return step.commandNumber == number && step.activityType == activityType && step.stepID == stepID
    }

    /// What it says of a step that ended well, or may yet.
    fileprivate func end(ofStep scheduled: EventID) -> StepNews? {
        switch self {
        case .activityTaskStarted(let started): started.scheduledEventID == scheduled ? .handedOut : nil
        case .activityTaskCompleted(let done): done.scheduledEventID == scheduled ? .completed(done.output) : nil
        default: nil
        }
    }
}
