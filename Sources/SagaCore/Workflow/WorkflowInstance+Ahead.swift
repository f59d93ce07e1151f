// Live code and the activity that it waits for are often in one place. Then the code need not wait for the engine to send it back what
// was reported from here: it is told at once, and what it makes of it leaves with the report (semantics, section 6).

extension WorkflowInstance {
    /// What came of telling the code.
    package enum Ahead {
        /// The code does not wait for just that: nothing was done.
        case notNow
        /// The code wanted what only the event can tell: it must be dropped, and made anew from its history.
        case spoiled
        case advanced(StepAdvance)
    }

    /// Lets the code go on with the success of the step that it waits for, before the history has it.
    ///
    /// Whoever owns the history takes the advance only if nothing else has happened that the code should see, and has this
    /// code dropped otherwise; so the first event that comes after it shows that it was taken.
    /// - Parameters:
    ///   - scheduled: The event that scheduled the step. The code has not seen it.
    ///   - output: What the step returned.
    package func goAhead(over scheduled: EventID, _ output: Payload) -> Ahead {
        guard isWhole, scheduled >= nextEventID, ahead.map({ scheduled > $0 }) ?? true,
            let step = context.commands.soleStep
        else { return .notNow }
        ahead = scheduled
        executor.enter()
        defer { executor.leave() }
        context.goAhead(step, output)
        repeat { executor.drain() } while context.resumeMetCondition()
        // A checkpoint must have seen every event.
        if context.misuse != nil || context.handlerFailure != nil || context.sawUnknownTime || context.hasLocalWork
            || context.isAtCheckpoint
        {
            return .spoiled
        }
        return .advanced(
            StepAdvance(
                command: step, commands: context.unrecordedCommands(), unconsumedSignals: context.unconsumedSignals))
    }

    /// Whether the code waits for one step and nothing of it is on the way.
    package var awaitsStep: Bool { isWhole && context.commands.soleStep != nil }

    /// Whether the code runs on without knowing whether its last advance was taken.
    package var isAhead: Bool { ahead != nil && context.isRunning }

    /// Whether the next event that the code has not been told of is this one.
    package func stands(at eventID: EventID) -> Bool {
        if let ahead, eventID > ahead {
            self.ahead = nil
            context.coming.skip(to: eventID)
        }
        return ahead == nil && eventID == nextEventID
    }

    private var isWhole: Bool { mayGoAhead && !isEvicted && window.count == 0 && nextEventID > 0 && context.isRunning }
}
