/// How a child is started, where it differs from the defaults.
public struct ChildOptions: Sendable {
    /// The child's workflow id. Default: the parent's, with a number.
    public var id: String?
    /// Queue of the child's code. Default: the parent's.
    public var taskQueue: String?
    /// What happens to the child when the parent closes. Default: it is asked to end, and what it did is undone.
    public var parentClosePolicy: ParentClosePolicy
    /// When the child is unwound and closes as timed out. Default: never.
    public var executionTimeout: Duration?

    public init(
        id: String? = nil, taskQueue: String? = nil, parentClosePolicy: ParentClosePolicy = .cancel,
        executionTimeout: Duration? = nil
    ) {
        self.id = id
        self.taskQueue = taskQueue
        self.parentClosePolicy = parentClosePolicy
        self.executionTimeout = executionTimeout
    }
}

/// A child that was started.
public struct ChildHandle<W: DurableWorkflow>: Sendable {
    private let context: WorkflowContext
    private let number: CommandNumber
    /// The child's workflow id.
    public let workflowID: String
    /// Its first run.
    public let sagaID: SagaID

    init(context: WorkflowContext, number: CommandNumber, workflowID: String, sagaID: SagaID) {
        self.context = context
        self.number = number
        self.workflowID = workflowID
        self.sagaID = sagaID
    }

    /// Waits for the child's end and gives what it returned.
    /// - Throws: Its error, or one that says how else it ended.
    public func result() async throws -> W.Output { try await context.endOfChild(number, as: W.Output.self) }

    /// Gives the child a signal.
    public func signal<Value: Encodable>(_ name: String, _ value: Value) async throws {
        try await context.signalExternal(workflowID, name, value)
    }

    /// Asks the child to end; what it did is undone.
    public func cancel() throws { _ = try context.issue(.requestCancelChild(number), site: nil) }
}

extension WorkflowContext {
    /// Runs another workflow as a part of this saga, and returns what it returned. If this saga ends badly, the child is
    /// undone with it, although it completed (semantics, section 4, "Children").
    public func executeChildWorkflow<W: DurableWorkflow>(
        _ workflow: W.Type, _ input: W.Input, options: ChildOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> W.Output {
        let (number, _) = try issueChild(W.typeID, try converter.encode(input), options, CallSite(file, line))
        return try await endOfChild(number, as: W.Output.self)
    }

    /// Starts a child and returns once it runs.
    /// - Throws: `SagaError` if it could not be started, for example because its workflow id is in use.
    public func startChildWorkflow<W: DurableWorkflow>(
        _ workflow: W.Type, _ input: W.Input, options: ChildOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> ChildHandle<W> {
        let (number, workflowID) = try issueChild(W.typeID, try converter.encode(input), options, CallSite(file, line))
        _ = try await wait(for: .childStart(number)).payload()
        guard let sagaID = startOfChild(number) else {
            throw SagaError(kind: .workflowExecution, message: "child \(workflowID) has no run")
        }
        return ChildHandle(context: self, number: number, workflowID: workflowID, sagaID: sagaID)
    }

    private func issueChild(
        _ type: String, _ input: Payload, _ options: ChildOptions, _ site: CallSite
    ) throws -> (CommandNumber, String) {
        let workflowID = options.id ?? "\(self.workflowID)/\(nextChild())"
        let command = StartChildCommand(
            workflowID: workflowID, workflowType: type, taskQueue: options.taskQueue ?? "", input: input,
            parentClosePolicy: options.parentClosePolicy, scope: WorkflowScope.number,
            executionTimeoutMicros: max(0, options.executionTimeout?.wholeMicroseconds ?? 0))
        return (try issue(.startChild(command), site: site), workflowID)
    }

    func endOfChild<Output: Decodable>(_ number: CommandNumber, as type: Output.Type) async throws -> Output {
        try checkIn()
        let output: Payload
        if let ended = takeEndOfChild(number) {
            output = try ended.payload()
        } else {
            output = try await wait(for: .command(number)).payload()
        }
        return try converter.decode(type, from: output)
    }

    /// Events 90 to 99, as far as the code is concerned.
    func deliverChild(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        func ended(_ initiated: EventID, _ kind: ErrorKind, _ how: String) -> SagaError? {
            let error = SagaError(kind: kind, message: "the child \(how)", timestamp: event.pointee.timestamp)
            return resolve(initiated, .failure(error), by: event)
        }
        switch event.pointee.attributes {
        case .childWorkflowExecutionStarted(let started):
            childStarted(started.initiatedEventID, started.childSagaID, .payload(.empty))
        case .childWorkflowExecutionCompleted(let child):
            return resolve(child.initiatedEventID, .payload(child.output), by: event)
        case .childWorkflowExecutionFailed(let child):
            return resolve(child.initiatedEventID, .failure(child.error), by: event)
        case .childWorkflowExecutionCanceled(let child):
            return ended(child.initiatedEventID, .cancelled, "was cancelled")
        case .childWorkflowExecutionTimedOut(let child): return ended(child.initiatedEventID, .timeout, "timed out")
        case .childWorkflowExecutionTerminated(let child):
            return ended(child.initiatedEventID, .workflowExecution, "was terminated")
        case .startChildWorkflowExecutionFailed(let child):
            childStarted(child.initiatedEventID, nil, .failure(child.error))
            return resolve(child.initiatedEventID, .failure(child.error), by: event)
        default: break
        }
        return nil
    }
}
