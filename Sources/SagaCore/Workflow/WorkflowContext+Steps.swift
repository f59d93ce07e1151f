extension WorkflowContext {
    /// Runs a step and returns what it returned. Retries, time-outs and crashes are the engine's business.
    /// - Parameters:
    ///   - activity: Which activity.
    ///   - input: What it receives.
    ///   - options: Queue, retries, time-outs and name of the step.
    /// - Throws: `SagaError` if the step failed for good, `WorkflowCancelled` if the run was asked to end.
    public func executeActivity<A: Activity>(
        _ activity: A.Type, _ input: A.Input, options: ActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await execute(A.typeID, input, as: A.Output.self, undo: options.undo, options, CallSite(file, line))
    }

    /// Runs a step that can be undone; its undo is recorded with it, before it can have an effect.
    public func executeActivity<A: CompensatableActivity>(
        _ activity: A.Type, _ input: A.Input, options: ActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await execute(
            A.typeID, input, as: A.Output.self, undo: options.undo ?? A.undoSpec, options, CallSite(file, line))
    }

    /// Runs a step given by an instance, as the manual writes it.
    public func executeActivity<A: Activity>(
        _ activity: A, _ input: A.Input, options: ActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await executeActivity(A.self, input, options: options, file: file, line: line)
    }

    /// Runs a step that can be undone, given by an instance.
    public func executeActivity<A: CompensatableActivity>(
        _ activity: A, _ input: A.Input, options: ActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await executeActivity(A.self, input, options: options, file: file, line: line)
    }

    /// Runs a step by name, for activities that live in another program or language.
    /// - Parameters:
    ///   - activityType: The name under which a worker serves the activity.
    ///   - input: What it receives.
    ///   - type: What it returns.
    ///   - options: Queue, retries, time-outs, name and undo of the step.
    public func executeActivity<Input: Encodable, Output: Decodable>(
        named activityType: String, _ input: Input, as type: Output.Type = Output.self,
        options: ActivityOptions = .init(), file: StaticString = #fileID, line: UInt = #line
    ) async throws -> Output {
        try await execute(activityType, input, as: type, undo: options.undo, options, CallSite(file, line))
    }

    /// Waits, also over restarts.
    public func sleep(_ duration: Duration, file: StaticString = #fileID, line: UInt = #line)
        async throws
    {
        try await createTimer("sleep", duration, file: file, line: line)
    }

    /// Sets a durable timer and waits for it.
    /// - Parameters:
    ///   - timerID: A name for people and for the determinism check.
    ///   - duration: How long from now; never fires earlier.
    ///   - callback: Name of a callback, recorded with the timer and run when it fires; see `setTimerCallback`.
    public func createTimer(
        _ timerID: String, _ duration: Duration, callback: String? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        let command = WorkflowCommand.startTimer(
            timerID: timerID, durationMicros: max(0, duration.wholeMicroseconds), callback: callback)
        let number = try issue(command, site: CallSite(file, line))
        if let callback { messages.callbacks[number] = (callback, timerID) }
        _ = try await wait(for: .command(number))
    }

    /// Waits for a signal; one that came before is taken at once.
    /// - Parameters:
    ///   - name: Its name.
    ///   - type: What it carries.
    public func waitForSignal<Value: Decodable>(
        _ name: String, as type: Value.Type = Value.self
    ) async throws -> Value {
        if let payload = try takeSignal(name) { return try converter.decode(type, from: payload) }
        return try converter.decode(type, from: try await wait(for: .signal(name)).payload())
    }

    private func execute<Input: Encodable, Output: Decodable>(
        _ activityType: String, _ input: Input, as type: Output.Type, undo: UndoSpec?, _ options: ActivityOptions,
        _ site: CallSite
    ) async throws -> Output {
        // What cannot be written is refused before a recorded step is taken for it, which was another call's.
        let payload = alwaysWrites(Input.self) ? nil : try converter.encode(input)
        switch try replayStep(activityType, options.stepID ?? activityType) {
        case .ended(let output): return try converter.decode(type, from: output)
        case .begun(let number):
            return try converter.decode(type, from: try await wait(for: .command(number)).payload())
        case .unknown:
            let payload = try payload ?? converter.encode(input)
            return try await executeAnew(activityType, payload, as: type, undo: undo, options, site)
        }
    }

    /// A function of its own, so that the way over recorded results has no room to make for it.
    private func executeAnew<Output: Decodable>(
        _ activityType: String, _ input: Payload, as type: Output.Type, undo: UndoSpec?, _ options: ActivityOptions,
        _ site: CallSite
    ) async throws -> Output {
        let step = ScheduleActivity(
            stepID: options.stepID ?? activityType, activityType: activityType, taskQueue: options.taskQueue ?? "",
            input: input, retry: options.retry, timeouts: options.timeouts, undo: undo,
            priority: options.priority, pivot: options.pivot, scope: WorkflowScope.number,
            undoGroup: WorkflowScope.undoGroup)
        let number = try issue(.scheduleActivity(step), site: site)
        let output = try await wait(for: .command(number)).payload()
        return try converter.decode(type, from: output)
    }

    /// Whether every value of a type becomes a payload, so that it need not be made one to know that.
    private func alwaysWrites<Input>(_ type: Input.Type) -> Bool {
        isJSON && (type == Int.self || type == String.self || type == Bool.self)
    }
}
