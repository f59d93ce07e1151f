public import SagaCore
internal import SagaWire

/// How a run is started, where it differs from the defaults.
public struct WorkflowOptions: Sendable {
    /// Whether a closed workflow id may be used again.
    public enum IDReuse: Sendable {
        /// Unless the last run completed: the default.
        case allowIfFailed
        case allow
        case reject
    }

    /// Version of the code; 0 (default) means the newest that a worker serves.
    public var version: UInt32 = 0
    /// Queue of the code. Default: the server's.
    public var taskQueue = ""
    public var idReuse = IDReuse.allowIfFailed
    /// When the run is unwound and closes as timed out. Default: never.
    public var executionTimeout: Duration?
    /// How long the code has to close after a cancel. Default: the server's (60 s).
    public var cancelGrace: Duration?
    /// Whether a bad end unwinds by itself. Default: yes.
    public var autoCompensate = true
    /// Whether earlier undos go on when one has failed for good. Default: no.
    public var continueOnUndoError = false
    /// Notes, returned by `describe`.
    public var memo: [NamedPayload] = []
    /// Attributes that listings can filter by.
    public var searchAttributes: [NamedPayload] = []
    /// For the call itself. Default: that of the connection.
    public var deadline: Duration?

    public init() {}
}

extension SagaClient {
    /// Starts a run, or finds the open one of that id.
    /// - Returns: A handle, once the start is durable.
    public func start<W: DurableWorkflow>(
        _ workflow: W.Type, id: String, input: W.Input, options: WorkflowOptions = .init()
    ) async throws(SagaClientError) -> WorkflowHandle<W> {
        let (sagaID, alreadyStarted) = try await startEncoded(
            W.typeID, id, try encode(input), options)
        return WorkflowHandle(client: self, workflowID: id, sagaID: sagaID, alreadyStarted: alreadyStarted)
    }

    /// Starts a run by the name of its type.
    public func start(
        type: String, id: String, input: Payload, options: WorkflowOptions = .init()
    ) async throws(SagaClientError) -> (sagaID: SagaID, alreadyStarted: Bool) {
        try await startEncoded(type, id, try encode(input), options)
    }

    private func startEncoded(
        _ type: String, _ id: String, _ input: Payload, _ options: WorkflowOptions
    ) async throws(SagaClientError) -> (sagaID: SagaID, alreadyStarted: Bool) {
        let start = Wire.StartOptions(type: type, id: id, input: input, options)
        let response = try await call(Wire.Workflows.Start.self, deadline: options.deadline) { header in
            Wire.StartWorkflowRequest(header: header, options: start)
        }
        return (try response.sagaID.orMissing(), response.alreadyStarted)
    }

    /// Gives a run a signal, and starts it first if it is not open, in one step.
    public func signalWithStart<W: DurableWorkflow, Value: Encodable>(
        _ workflow: W.Type, id: String, input: W.Input, signal: String, _ value: Value, signalID: String = "",
        options: WorkflowOptions = .init()
    ) async throws(SagaClientError) -> WorkflowHandle<W> {
        let (sagaID, alreadyStarted) = try await signalWithStartEncoded(
            W.typeID, id, try encode(input), signal, try encode(value), signalID, options)
        return WorkflowHandle(client: self, workflowID: id, sagaID: sagaID, alreadyStarted: alreadyStarted)
    }

    /// Gives a run a signal, and starts it first, by the name of its type, if it is not open.
    public func signalWithStart<Value: Encodable>(
        type: String, id: String, input: Payload, signal: String, _ value: Value, signalID: String = "",
        options: WorkflowOptions = .init()
    ) async throws(SagaClientError) -> (sagaID: SagaID, alreadyStarted: Bool) {
        try await signalWithStartEncoded(type, id, try encode(input), signal, try encode(value), signalID, options)
    }

    private func signalWithStartEncoded(
        _ type: String, _ id: String, _ input: Payload, _ signal: String, _ value: Payload, _ signalID: String,
        _ options: WorkflowOptions
    ) async throws(SagaClientError) -> (sagaID: SagaID, alreadyStarted: Bool) {
        let start = Wire.StartOptions(type: type, id: id, input: input, options)
        let payload = Wire.Payload(value)
        let response = try await call(Wire.Workflows.SignalWithStart.self, deadline: options.deadline) { header in
            Wire.SignalWithStartWorkflowRequest(
                header: header, options: start, signalName: signal, signalInput: payload, signalID: signalID)
        }
        return (try response.sagaID.orMissing(), response.alreadyStarted)
    }

    /// A handle of a run that was started before: of the open or newest run, or of one run.
    public func handle<W: DurableWorkflow>(
        _ workflow: W.Type, id: String, sagaID: SagaID? = nil
    ) -> WorkflowHandle<W> {
        WorkflowHandle(client: self, workflowID: id, sagaID: sagaID, alreadyStarted: true)
    }

    /// Gives a run a signal; durable when it returns.
    public func signal<Value: Encodable>(
        _ id: String, sagaID: SagaID? = nil, _ name: String, _ value: Value, signalID: String = ""
    ) async throws(SagaClientError) {
        let payload = Wire.Payload(try encode(value))
        _ = try await call(Wire.Workflows.Signal.self) { header in
            Wire.SignalWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), name: name, input: payload,
                signalID: signalID)
        }
    }

    /// Asks a run to end; what it did is undone.
    public func cancel(_ id: String, sagaID: SagaID? = nil, reason: String = "") async throws(SagaClientError) {
        _ = try await call(Wire.Workflows.Cancel.self) { header in
            Wire.CancelWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), reason: reason)
        }
    }

    /// Stops a run: at once, or after it was unwound.
    public func terminate(
        _ id: String, sagaID: SagaID? = nil, reason: String, compensate: Bool
    ) async throws(SagaClientError) {
        _ = try await call(Wire.Workflows.Terminate.self) { header in
            Wire.TerminateWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), reason: reason,
                compensate: compensate)
        }
    }

    /// Waits until a run is closed; if it continued as new, until the last of the chain is.
    /// - Parameter timeout: How long to wait; nil waits as long as it takes.
    /// - Returns: What it returned.
    /// - Throws: `WorkflowFailure` if it ended otherwise; `SagaClientError`.
    public func result(
        _ id: String, sagaID: SagaID? = nil, timeout: Duration? = nil
    ) async throws -> Payload {
        let end = timeout.map { ContinuousClock.now + $0 }
        while true {
            let longest = Duration.seconds(3_600)
            let left = end.map { ContinuousClock.now.duration(to: $0) } ?? longest
            let response: Wire.GetWorkflowResultResponse
            do throws(SagaClientError) {
                response = try await call(Wire.Workflows.GetResult.self, deadline: min(left, longest)) { header in
                    Wire.GetWorkflowResultRequest(
                        header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), followRuns: true)
                }
            } catch {
                // An hour without an end is no reason to give up, unless the caller's own time is over.
                guard error.code == .deadlineExceeded, end.map({ .now < $0 }) ?? true else { throw error }
                continue
            }
            guard response.status == .completed else { throw try WorkflowFailure(response, workflowID: id) }
            return Payload(orEmpty: response.output)
        }
    }
}

extension Wire.StartOptions {
    init(type: String, id: String, input: Payload, _ options: WorkflowOptions) {
        let reuse: Wire.IdReusePolicy =
            switch options.idReuse {
            case .allowIfFailed: .allowIfFailed
            case .allow: .allow
            case .reject: .reject
            }
        self.init(
            workflowID: id, workflowType: type, workflowVersion: options.version, taskQueue: options.taskQueue,
            input: Wire.Payload(input), executionTimeoutMicros: options.executionTimeout?.wholeMicroseconds ?? 0,
            cancelGraceMicros: options.cancelGrace?.wholeMicroseconds, autoCompensate: options.autoCompensate,
            continueOnUndoError: options.continueOnUndoError, idReusePolicy: reuse,
            memo: options.memo.map { Wire.NamedPayload($0) },
            searchAttributes: options.searchAttributes.map { Wire.NamedPayload($0) })
    }
}

extension WorkflowFailure {
    fileprivate init(_ response: Wire.GetWorkflowResultResponse, workflowID: String) throws(SagaClientError) {
        self.init(
            workflowID: workflowID, sagaID: try response.sagaID.orMissing(), status: ExecutionStatus(response.status),
            error: response.error.map { SagaError($0) },
            compensation: CompensationSummary(orNone: response.compensation),
            reason: response.reason)
    }
}

extension SagaID? {
    func orMissing() throws(SagaClientError) -> SagaID {
        guard let self else { throw SagaClientError(.internal, "the server's answer names no run") }
        return self
    }
}
