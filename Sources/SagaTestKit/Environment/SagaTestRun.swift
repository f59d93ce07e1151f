public import SagaCore
public import SagaEngine

/// A saga of a test environment.
public struct SagaTestRun<W: DurableWorkflow> {
    private let environment: SagaTestEnvironment
    /// Its workflow id.
    public let workflowID: String
    /// The run that was started; nil for whatever run of the workflow id is open, or was the last.
    public let sagaID: SagaID?

    init(environment: SagaTestEnvironment, workflowID: String, sagaID: SagaID?) {
        self.environment = environment
        self.workflowID = workflowID
        self.sagaID = sagaID
    }

    private var target: RunTarget {
        RunTarget(namespace: VirtualEngine.namespace, workflowID: workflowID, sagaID: sagaID)
    }

    private func ask(_ call: Call, _ what: String) async throws -> CallReply {
        let reply = try await environment.call(call, waitingFor: "\(what) of saga \(workflowID)")
        try await environment.engine.settle()
        return reply
    }

    private static var mismatch: SagaTestError { SagaTestError("the engine gave another answer than was asked for") }

    // MARK: The end

    /// Waits until the saga is closed, or the last run of its chain if it continued as new; its undos have run by then.
    ///
    /// The code is replayed over the closed history once more.
    /// - Throws: ``SagaTestError`` if it never closes, with what it waits for; ``Nondeterminism`` if its code does not fit its own
    ///   history.
    public func closing() async throws -> ClosedRun {
        var target = target
        while true {
            guard case .closed(let closed) = try await ask(.result(target), "the end") else { throw Self.mismatch }
            try await environment.checkReplay(of: closed.sagaID)
            guard case .workflowExecutionContinuedAsNew(let event) = closed.closing else { return closed }
            target.sagaID = event.newSagaID
        }
    }

    /// Waits for what the saga returns.
    /// - Throws: `SagaFailure` if it ends otherwise; ``SagaTestError`` if it does not end.
    public func result() async throws -> W.Output {
        let closed = try await closing()
        guard case .workflowExecutionCompleted(let event) = closed.closing else { throw SagaFailure(closed) }
        return try environment.converter.decode(W.Output.self, from: event.output)
    }

    /// Waits for the bad end of the saga.
    /// - Throws: ``SagaTestError`` if it ends well.
    public func failure() async throws -> SagaFailure {
        let closed = try await closing()
        guard closed.status != .completed else {
            throw SagaTestError("saga \(workflowID) was to end badly, and completed")
        }
        return SagaFailure(closed)
    }

    // MARK: Messages

    /// Gives the saga a signal.
    public func signal<Value: Encodable>(_ name: String, _ value: Value, signalID: String = "") async throws {
        let signal = SignalCall(
            target: target, name: name, payload: try environment.converter.encode(value), signalID: signalID,
            requestID: environment.request(), identity: "test")
        _ = try await ask(.signal(signal), "signal \(name)")
    }

    /// Asks the code something.
    public func query<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) async throws -> Value {
        try await query(QueryCall(target: target, name: name), type)
    }

    /// Asks the code something with an argument.
    public func query<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self
    ) async throws -> Value {
        let payload = try environment.converter.encode(argument)
        return try await query(QueryCall(target: target, name: name, payload: payload), type)
    }

    private func query<Value: Decodable>(_ query: QueryCall, _ type: Value.Type) async throws -> Value {
        guard case .queried(let output, _) = try await ask(.query(query), "query \(query.name)") else {
            throw Self.mismatch
        }
        return try environment.converter.decode(type, from: output)
    }

    /// Asks the code to do something and waits for what it returns.
    /// - Throws: `UpdateFailure` if the code refused it, or tried and rolled it back.
    public func update<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self, updateID: String = ""
    ) async throws -> Value {
        let call = UpdateCall(
            target: target, name: name, payload: try environment.converter.encode(argument), updateID: updateID,
            requestID: environment.request(), identity: "test")
        guard case .updated(let reply) = try await ask(.update(call), "update \(name)") else { throw Self.mismatch }
        switch reply.outcome {
        case .completed(let output): return try environment.converter.decode(type, from: output)
        case .rejected(let error): throw UpdateFailure(error: error, wasAccepted: false)
        case .rolledBack(let error): throw UpdateFailure(error: error, wasAccepted: true)
        case .open: throw Self.mismatch
        }
    }

    // MARK: Control

    private func control(_ reason: String) -> ControlCall {
        ControlCall(target: target, reason: reason, requestID: environment.request(), identity: "test")
    }

    /// Asks the saga to end; what it did is undone.
    public func cancel(reason: String = "") async throws { _ = try await ask(.cancel(control(reason)), "the cancel") }

    /// Stops the saga at once, or unwinds it first.
    public func terminate(reason: String = "", compensate: Bool) async throws {
        _ = try await ask(.terminate(control(reason), compensate: compensate), "the termination")
    }

    /// Hands out nothing of the saga until it is resumed.
    public func pause(reason: String = "") async throws { _ = try await ask(.pause(control(reason)), "the pause") }

    /// Lets a paused saga go on.
    public func resume(reason: String = "") async throws {
        _ = try await ask(.resume(control(reason)), "the resumption")
    }

    /// Goes on from an earlier event in a new run.
    public func reset(to event: EventID, undo: ResetCall.Undo = .undo, reason: String = "") async throws -> SagaTestRun
    {
        let call = ResetCall(
            target: target, eventID: event, undo: undo, reason: reason, requestID: environment.request(),
            identity: "test")
        guard case .started(let sagaID, _) = try await ask(.reset(call), "the reset") else { throw Self.mismatch }
        return SagaTestRun(environment: environment, workflowID: workflowID, sagaID: sagaID)
    }

    /// What an operator decides about a blocked saga.
    public func operate(_ verb: OperatorVerb, step: EventID? = nil, reason: String = "test") async throws {
        let call = OperatorCall(
            target: target, verb: verb, stepEventID: step, reason: reason, requestID: environment.request(),
            identity: "test")
        _ = try await ask(.operate(call), "the operator's decision")
    }

    // MARK: What is known

    /// How the saga stands.
    public func describe() async throws -> ExecutionDescription {
        guard case .description(let description) = try await ask(.describe(target), "the description") else {
            throw Self.mismatch
        }
        return description
    }

    /// The events so far.
    public func history() async throws -> [HistoryEvent] {
        let sagaID = try await describe().sagaID
        return try await environment.engine.history(of: sagaID)
    }

    /// The steps that are undone, by their names, in the order in which their undos completed.
    public func undone() async throws -> [String] { UndoSequence(try await history()).undone }

    /// The steps that closed and have an undo, by their names, in that order.
    public func undoable() async throws -> [String] { UndoSequence(try await history()).undoable }

    /// Sees to it that everything that had to be undone is undone, last first. Steps of a group whose undos may run at the same
    /// time count in any order among themselves.
    /// - Throws: ``SagaTestError`` that says what is missing or in the wrong place.
    public func requireUndone() async throws {
        if let problem = UndoSequence(try await history()).problem {
            throw SagaTestError("saga \(workflowID): \(problem)")
        }
    }
}

/// What a history says of the order in which things were done and undone.
struct UndoSequence {
    private struct Step {
        var eventID: EventID
        var name: String
        var group: UInt32
    }

    private var owed: [Step] = []
    private var done: [EventID] = []
    private var names: [EventID: String] = [:]

    init(_ events: [HistoryEvent]) {
        guard let sagaID = events.first?.sagaID else { return }
        var state = ExecutionState(sagaID: sagaID)
        var entries: [EventID: UndoEntry] = [:]
        for event in events {
            guard (try? state.apply(event)) != nil else { return }
            for step in state.undoLog.stepEventIDs where entries[step] == nil {
                entries[step] = state.undoLog.entry(step)
            }
            if case .compensationStepCompleted(let step) = event.attributes { done.append(step.stepEventID) }
        }
        owed = entries.values.sorted { ($0.closingEventID, $0.stepEventID) < ($1.closingEventID, $1.stepEventID) }
            .map { Step(eventID: $0.stepEventID, name: $0.stepID, group: $0.group) }
        for step in owed { names[step.eventID] = step.name }
    }

    var undone: [String] { done.map { names[$0] ?? "event \($0)" } }
    var undoable: [String] { owed.map(\.name) }

    /// What is not as it must be; nil if all is undone, last first.
    var problem: String? {
        let missing = owed.filter { !done.contains($0.eventID) }.map(\.name)
        if !missing.isEmpty { return "not undone: \(missing.joined(separator: ", "))" }
        var last = Int.max
        var lastName = ""
        var lastGroup: UInt32 = 0
        for eventID in done {
            guard let position = owed.firstIndex(where: { $0.eventID == eventID }) else { continue }
            let step = owed[position]
            if position > last, step.group == 0 || step.group != lastGroup {
                return "\(step.name) was undone after \(lastName), which was done before it"
            }
            if position < last { (last, lastName, lastGroup) = (position, step.name, step.group) }
        }
        return nil
    }
}
