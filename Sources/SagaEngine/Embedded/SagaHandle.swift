public import SagaCore

/// A run of an embedded engine.
public struct SagaHandle<W: DurableWorkflow>: Sendable {
    private let engine: SagaEngine
    /// The run.
    public let target: RunTarget
    /// Whether the run was open before the start that made this handle.
    public let alreadyStarted: Bool

    init(engine: SagaEngine, target: RunTarget, alreadyStarted: Bool) {
        self.engine = engine
        self.target = target
        self.alreadyStarted = alreadyStarted
    }

    /// Waits until the run is closed and gives what it returned.
    /// - Throws: `SagaFailure` if it ended otherwise, with the error and what was undone.
    public func result() async throws -> W.Output {
        let closed = try await closing()
        if case .workflowExecutionCompleted(let event) = closed.closing {
            return try engine.decode(W.Output.self, from: event.output)
        }
        throw SagaFailure(closed)
    }

    /// Waits until the run is closed, or the last of its chain if it continued as new, and tells how that ended.
    public func closing() async throws(CallFailure) -> ClosedRun {
        var target = target
        while true {
            guard case .closed(let closed) = try await engine.call(.result(target)) else { throw Self.mismatch }
            guard case .workflowExecutionContinuedAsNew(let event) = closed.closing else { return closed }
            target.sagaID = event.newSagaID
        }
    }

    /// Gives the run a signal; durable when it returns.
    public func signal<Value: Encodable>(_ name: String, _ value: Value, signalID: String = "") async throws {
        let call = SignalCall(
            target: target, name: name, payload: try engine.encode(value), signalID: signalID, identity: "embedded")
        _ = try await engine.call(.signal(call))
    }

    /// Asks the code something; it changes nothing. Closed runs answer, too.
    /// - Throws: `CallFailure` if there is no such handler, or it threw.
    public func query<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) async throws -> Value {
        try await query(name, payload: .empty)
    }

    /// Asks the code something with an argument.
    public func query<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self
    ) async throws -> Value {
        try await query(name, payload: try engine.encode(argument))
    }

    private func query<Value: Decodable>(_ name: String, payload: Payload) async throws -> Value {
        let call = QueryCall(target: target, name: name, payload: payload)
        guard case .queried(let output, _) = try await engine.call(.query(call)) else { throw Self.mismatch }
        return try engine.decode(Value.self, from: output)
    }

    /// Asks the code to do something and waits for what it returns.
    /// - Throws: `UpdateFailure` if the code refused it, or tried and rolled it back; `CallFailure`.
    public func update<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self, updateID: String = ""
    ) async throws -> Value {
        let call = UpdateCall(
            target: target, name: name, payload: try engine.encode(argument), updateID: updateID, identity: "embedded")
        guard case .updated(let reply) = try await engine.call(.update(call)) else { throw Self.mismatch }
        switch reply.outcome {
        case .completed(let output): return try engine.decode(Value.self, from: output)
        case .rejected(let error): throw UpdateFailure(error: error, wasAccepted: false)
        case .rolledBack(let error): throw UpdateFailure(error: error, wasAccepted: true)
        case .open: throw Self.mismatch
        }
    }

    /// Asks the run to end; its code sees it as `WorkflowCancelled`, and what it did is undone.
    public func cancel(reason: String = "") async throws(CallFailure) {
        _ = try await engine.call(.cancel(ControlCall(target: target, reason: reason, identity: "embedded")))
    }

    /// Stops the run at once, or unwinds it first.
    public func terminate(reason: String, compensate: Bool) async throws(CallFailure) {
        let call = ControlCall(target: target, reason: reason, identity: "embedded")
        _ = try await engine.call(.terminate(call, compensate: compensate))
    }

    /// Goes on from an earlier event in a new run; this one ends as terminated.
    /// - Parameters:
    ///   - event: The last event that is kept.
    ///   - undo: What becomes of what was done after it. Default: it is undone first.
    /// - Returns: A handle of the new run.
    public func reset(
        to event: EventID, undo: ResetCall.Undo = .undo, reason: String = ""
    ) async throws(CallFailure) -> SagaHandle {
        let call = ResetCall(target: target, eventID: event, undo: undo, reason: reason, identity: "embedded")
        guard case .started(let sagaID, _) = try await engine.call(.reset(call)) else { throw Self.mismatch }
        var next = target
        next.sagaID = sagaID
        return SagaHandle(engine: engine, target: next, alreadyStarted: false)
    }

    /// Hands out nothing of the run until it is resumed.
    public func pause(reason: String = "") async throws(CallFailure) {
        _ = try await engine.call(.pause(ControlCall(target: target, reason: reason, identity: "embedded")))
    }

    /// Lets a paused run go on.
    public func resume(reason: String = "") async throws(CallFailure) {
        _ = try await engine.call(.resume(ControlCall(target: target, reason: reason, identity: "embedded")))
    }

    /// How the run stands.
    public func describe() async throws(CallFailure) -> ExecutionDescription {
        guard case .description(let description) = try await engine.call(.describe(target)) else {
            throw Self.mismatch
        }
        return description
    }

    /// How the run stood after an event, with the outputs of its steps so far; nil if it has no such event.
    public func describe(at event: EventID) async throws -> ExecutionDescription? {
        let sagaID = try await describe().sagaID
        return try await engine.replayer.description(of: sagaID, at: event)
    }

    /// What an operator decides about a blocked run.
    public func operate(_ verb: OperatorVerb, step: EventID? = nil, reason: String = "") async throws(CallFailure) {
        _ = try await engine.call(
            .operate(
                OperatorCall(target: target, verb: verb, stepEventID: step, reason: reason, identity: "embedded")))
    }

    /// The events so far.
    public func history() async throws -> [HistoryEvent] {
        let description = try await describe()
        return try await engine.history(of: description.sagaID)
    }

    private static var mismatch: CallFailure {
        CallFailure(.internalError, "the engine gave another answer than was asked for")
    }
}

/// A run that did not complete.
public struct SagaFailure: Error, Sendable {
    public var sagaID: SagaID
    /// Failed, Canceled, TimedOut or Terminated.
    public var status: ExecutionStatus
    /// The original error, if the run failed with one.
    public var error: SagaError?
    /// What was undone.
    public var compensation: CompensationSummary

    package init(_ closed: ClosedRun) {
        sagaID = closed.sagaID
        status = closed.status
        switch closed.closing {
        case .workflowExecutionFailed(let event):
            error = event.error
            compensation = event.compensation
        case .workflowExecutionCanceled(let event): compensation = event.compensation
        case .workflowExecutionTimedOut(let event): compensation = event.compensation
        case .workflowExecutionTerminated(let event): compensation = event.compensation
        default: compensation = .none
        }
    }
}

extension SagaFailure: CustomStringConvertible {
    public var description: String {
        let why = error.map { ": \($0)" } ?? ""
        return "run \(sagaID) is \(status.name) (compensation: \(compensation.state))\(why)"
    }
}
