extension WorkflowContext {
    // MARK: Handlers

    /// Answers queries of that name. The handler only reads: what it asks of the context throws.
    ///
    /// It sees what the code has done up to the last durable event, and goes on answering when the run is closed
    /// (semantics, section 5).
    public func setQueryHandler<Input: Decodable, Output: Encodable>(
        _ name: String, _ handler: @escaping (Input) throws -> Output
    ) throws {
        try checkIn()
        let converter = converter
        messages.queries[name] = { input in
            try converter.encode(try handler(try converter.decode(Input.self, from: input)))
        }
    }

    /// Answers queries of that name that have no arguments.
    public func setQueryHandler<Output: Encodable>(_ name: String, _ handler: @escaping () throws -> Output) throws {
        try checkIn()
        let converter = converter
        messages.queries[name] = { _ in try converter.encode(try handler()) }
    }

    /// Takes updates of that name: a request to the code that it may refuse, and whose result the caller gets.
    /// - Parameters:
    ///   - validate: Refuses an update by throwing; it only reads, and nothing of it is kept but the refusal.
    ///   - handler: Runs once the acceptance is recorded, beside the rest of the code. If it throws, the steps that it ran
    ///     are undone and the update is rolled back (semantics, section 5).
    public func setUpdateHandler<Input: Decodable, Output: Encodable>(
        _ name: String, validate: ((Input) throws -> Void)? = nil,
        _ handler: @escaping (Input) async throws -> Output
    ) throws {
        try checkIn()
        let converter = converter
        messages.updates[name] = MessageHandlers.Update(
            validate: { input in
                let value = try converter.decode(Input.self, from: input)
                try validate?(value)
            },
            run: { input in
                try converter.encode(try await handler(try converter.decode(Input.self, from: input)))
            })
        for update in carriedUpdates.takeAll(where: { $0 == name }) { _ = runUpdate(update) }
    }

    /// Takes signals of that name as they come, also those that came before. A signal goes to code that waits for it first.
    ///
    /// A handler that throws blocks the run, because a signal cannot be given back.
    public func setSignalHandler<Value: Decodable>(
        _ name: String, _ handler: @escaping (Value) async throws -> Void
    ) throws {
        try checkIn()
        let converter = converter
        messages.signals[name] = { payload in try await handler(try converter.decode(Value.self, from: payload)) }
        for entry in signals.takeAll(where: { $0 == name }) { runSignalHandler(name, entry.signal.payload) }
    }

    // MARK: Waiting

    /// Waits until something holds that the code's own handlers bring about.
    /// - Parameter condition: Looked at when it is called, and again after each event. It must not change anything.
    public func waitUntil(_ condition: @escaping () -> Bool) async throws {
        try checkIn()
        if condition() { return }
        let id = messages.addCondition(condition)
        defer { messages.removeCondition(id) }
        _ = try await wait(for: .condition(id)).payload()
    }

    /// Waits until every update that was accepted has been dealt with, so that none is aborted when the code returns.
    public func waitForUpdateHandlers() async throws {
        try await waitUntil { [weak self] in self.map { $0.messages.openUpdates == 0 } ?? true }
    }

    /// Runs an operation against the clock; the loser is cancelled, in the same way on replay.
    /// - Returns: What the operation returned; nil if the time passed first.
    public func withDeadline<Result: Sendable>(
        _ duration: Duration, file: StaticString = #fileID, line: UInt = #line,
        _ operation: @escaping () async throws -> Result
    ) async throws -> Result? {
        let operation = OnExecutor(value: operation)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await operation.value() }
            group.addTask {
                try await self.createTimer("deadline", duration, file: file, line: line)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// Waits for a signal, at most so long.
    /// - Returns: What it carries; nil if the time passed first.
    public func waitForSignal<Value: Decodable & Sendable>(
        _ name: String, as type: Value.Type = Value.self, within duration: Duration, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value? {
        if let payload = try takeSignal(name) { return try converter.decode(type, from: payload) }
        return try await withDeadline(duration, file: file, line: line) {
            try await self.waitForSignal(name, as: type)
        }
    }

    // MARK: Other sagas

    /// Gives another saga of the namespace a signal; returns when that saga has it in its history. It gets the signal once,
    /// whatever crashes on the way.
    /// - Parameters:
    ///   - workflowID: The saga.
    ///   - sagaID: One run of it; nil means the open one.
    ///   - name: Name of the signal.
    ///   - value: What it carries.
    /// - Throws: `SagaError` if there is no such run, or it is closed.
    public func signalExternal<Value: Encodable>(
        _ workflowID: String, sagaID: SagaID? = nil, _ name: String, _ value: Value, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        let command = SignalExternalCommand(
            workflowID: workflowID, sagaID: sagaID, name: name, payload: try converter.encode(value))
        let number = try issue(.signalExternal(command), site: CallSite(file, line))
        _ = try await wait(for: .command(number)).payload()
    }
}

// MARK: - For the instance

extension WorkflowContext {
    /// Gives a signal to its handler; false if there is none.
    @discardableResult
    func runSignalHandler(_ name: String, _ payload: Payload) -> Bool {
        guard let handler = messages.signals[name] else { return false }
        runHandler("the handler of signal \(name)") { try await handler(payload) }
        return true
    }

    /// Gives a fired timer to its callback; false if there is none.
    @discardableResult
    func runTimerCallback(_ callback: String, _ timerID: String) -> Bool {
        guard let handler = messages.timers[callback] else { return false }
        runHandler("the callback \(callback) of timer \(timerID)") { try await handler(timerID) }
        return true
    }

    private func runHandler(_ what: String, _ body: @escaping () async throws -> Void) {
        let body = OnExecutor(value: body)
        messages.running += 1
        Task(executorPreference: executor) {
            defer { self.messages.running -= 1 }
            do {
                try await body.value()
            } catch is Evicted {
                // Its context is dead; nothing is said.
            } catch is WorkflowCancelled {
                // The run ends, and so does its handler.
            } catch {
                let cause = SagaError(describing: error, kind: .workflowExecution)
                self.handlerFailed(
                    SagaError(
                        kind: .workflowExecution, message: "\(what) failed: \(cause.message)",
                        causes: [ErrorCause(kind: cause.kind, message: cause.message)]))
            }
        }
    }

    /// Runs an update that was accepted in an earlier pass of the code; it waits, like a signal, until the code has set its
    /// handler in this one. If the code ends before that, it is aborted like any update that is open then.
    func runCarried(_ update: CodeCheckpoint.Update) {
        guard isRunning, messages.updates[update.name] != nil else { return carriedUpdates.put(update) }
        _ = runUpdate(update)
    }

    /// Runs the handler of an accepted update in a scope of its own, so that its steps can be undone by themselves.
    func runUpdate(_ accepted: CodeCheckpoint.Update) -> SagaError? {
        guard let handler = messages.updates[accepted.name] else {
            return SagaError(
                kind: .replay,
                message:
                    "event \(accepted.acceptedEventID) accepted update \(accepted.name), for which the code has no handler;"
                    + " it has \(Self.listing(messages.updates.keys.sorted()))", isNonRetryable: true)
        }
        messages.openUpdates += 1
        let run = OnExecutor(value: handler.run)
        let eventID = accepted.acceptedEventID
        messages.running += 1
        Task(executorPreference: executor) {
            defer { self.messages.running -= 1 }
            do {
                let output = try await self.saga(name: "update") { try await run.value(accepted.input) }
                self.updateEnded(.completeUpdate(acceptedEventID: eventID, output: output))
            } catch is Evicted {
                // Its context is dead; nothing is said.
            } catch {
                self.updateEnded(
                    .rollBackUpdate(
                        acceptedEventID: eventID, error: SagaError(describing: error, kind: .workflowExecution)))
            }
        }
        return nil
    }

    private func updateEnded(_ command: WorkflowCommand) {
        messages.openUpdates -= 1
        _ = try? issue(command, site: nil)
    }

    /// What the validator says. Called between activations, on the thread that holds the code.
    func judge(_ update: UpdateRequest) -> UpdateVerdict {
        guard let handler = messages.updates[update.name] else {
            let error = SagaError(
                kind: .validation,
                message: "the code has no handler for update \(update.name); it has"
                    + " \(Self.listing(messages.updates.keys.sorted()))", isNonRetryable: true)
            return UpdateVerdict(updateID: update.updateID, error: error)
        }
        do {
            try reading { try handler.validate(update.input) }
            return UpdateVerdict(updateID: update.updateID)
        } catch {
            return UpdateVerdict(
                updateID: update.updateID, error: SagaError(describing: error, kind: .validation))
        }
    }

    /// What the query handler says.
    func answer(_ name: String, _ input: Payload) -> Result<Payload, SagaError> {
        guard let handler = messages.queries[name] else {
            return .failure(
                SagaError(
                    kind: .validation,
                    message: "the code has no handler for query \(name); it has"
                        + " \(Self.listing(messages.queries.keys.sorted()))", isNonRetryable: true))
        }
        do {
            return .success(try reading { try handler(input) })
        } catch {
            return .failure(SagaError(describing: error, kind: .workflowExecution))
        }
    }

    private static func listing(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.prefix(10).joined(separator: ", ")
    }
}
