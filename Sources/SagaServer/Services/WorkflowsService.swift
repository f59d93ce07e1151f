internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workflows: starting and steering. Each method decodes, checks, authorises, and gives the engine its call.
extension ServerConnection {
    func start(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.StartWorkflowRequest.self, body)
        try request.require(.write, "start workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let start = try StartCall(wire.options, header, request.principal)
        try call(request, header, isMutation: true, .start(start)) { (_, reply) throws(WireStatus) in
            guard case .started(let sagaID, let alreadyStarted) = reply else { throw .unexpected(reply) }
            return try encode(
                Wire.StartWorkflowResponse(sagaID: sagaID, alreadyStarted: alreadyStarted))
        }
    }

    func signalWithStart(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.SignalWithStartWorkflowRequest.self, body)
        try request.require(.write, "start and signal workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let start = try StartCall(wire.options, header, request.principal)
        try Check.name(wire.signalName, "signal_name")
        try Check.text(wire.signalID, "signal_id", atMost: Name.maximumBytes)
        let signal = SignalCall(
            target: RunTarget(namespace: start.namespace, workflowID: start.workflowID), name: wire.signalName,
            payload: try Check.payload(wire.signalInput, "signal_input"), signalID: wire.signalID,
            requestID: header.requestID, identity: request.principal.name)
        try call(request, header, isMutation: true, .signalWithStart(start, signal)) {
            (_, reply) throws(WireStatus) in
            switch reply {
            case .started(let sagaID, let alreadyStarted):
                return try encode(
                    Wire.SignalWithStartWorkflowResponse(sagaID: sagaID, alreadyStarted: alreadyStarted))
            case .done(let sagaID): return try encode(Wire.SignalWithStartWorkflowResponse(sagaID: sagaID))
            default: throw .unexpected(reply)
            }
        }
    }

    func signal(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.SignalWorkflowRequest.self, body)
        try request.require(.write, "signal workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.name, "name")
        try Check.text(wire.signalID, "signal_id", atMost: Name.maximumBytes)
        let signal = SignalCall(
            target: try RunTarget(wire.workflow, request.principal), name: wire.name,
            payload: try Check.payload(wire.input, "input"), signalID: wire.signalID, requestID: header.requestID,
            identity: request.principal.name)
        try call(request, header, isMutation: true, .signal(signal)) { (_, reply) throws(WireStatus) in
            try encode(Wire.SignalWorkflowResponse(sagaID: try reply.doneRun()))
        }
    }

    func cancelWorkflow(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.CancelWorkflowRequest.self, body)
        try request.require(.write, "cancel workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let control = try control(wire.workflow, wire.reason, header, request)
        try call(request, header, isMutation: true, .cancel(control)) { (_, reply) throws(WireStatus) in
            try encode(Wire.CancelWorkflowResponse(sagaID: try reply.doneRun()))
        }
    }

    func terminate(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.TerminateWorkflowRequest.self, body)
        try request.require(.write, "terminate workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let control = try control(wire.workflow, wire.reason, header, request)
        let compensate = wire.compensate
        try call(request, header, isMutation: true, .terminate(control, compensate: compensate)) {
            (_, reply) throws(WireStatus) in
            try encode(
                Wire.TerminateWorkflowResponse(
                    sagaID: try reply.doneRun(), status: compensate ? .running : .terminated))
        }
    }

    func control(
        _ wire: Wire.WorkflowRef?, _ reason: String, _ header: CallHeader, _ request: Request
    ) throws(WireStatus) -> ControlCall {
        try Check.text(reason, "reason", atMost: 1_024)
        return ControlCall(
            target: try RunTarget(wire, request.principal), reason: reason, requestID: header.requestID,
            identity: request.principal.name)
    }

    // MARK: Reading

    func getResult(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.GetWorkflowResultRequest.self, body)
        try request.require(.read, "read workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let target = try RunTarget(wire.workflow, request.principal)
        let stream = request.stream
        let followRuns = wire.followRuns
        try call(request, header, isMutation: false, .result(target)) { (connection, reply) throws(WireStatus) in
            try connection.resultAnswer(reply, stream, target, followRuns: followRuns)
        }
    }

    private func resultAnswer(
        _ reply: CallReply, _ stream: StreamID, _ target: RunTarget, followRuns: Bool
    ) throws(WireStatus) -> [UInt8]? {
        guard case .closed(let run) = reply else { throw .unexpected(reply) }
        if followRuns, case .workflowExecutionContinuedAsNew(let continued) = run.closing {
            var next = target
            next.sagaID = continued.newSagaID
            let target = next
            callAgain(stream, .result(target)) { (connection, reply) throws(WireStatus) in
                try connection.resultAnswer(reply, stream, target, followRuns: true)
            }
            return nil
        }
        return try encode(Wire.GetWorkflowResultResponse(run))
    }

    func describe(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.DescribeWorkflowRequest.self, body)
        try request.require(.read, "read workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let target = try RunTarget(wire.workflow, request.principal)
        let stream = request.stream
        try call(request, header, isMutation: false, .describe(target)) { (connection, reply) throws(WireStatus) in
            guard case .description(let description) = reply else { throw .unexpected(reply) }
            let query = LateEffectQuery(
                namespace: description.namespace, sagaID: description.sagaID, limit: maximumCountedLateEffects)
            let virtualTime = connection.core.driver.virtualTime(of: description.namespace)
            connection.readMore(stream) { store in
                var response = Wire.DescribeWorkflowResponse(description)
                response.virtualTimeMicros = virtualTime?.microseconds ?? 0
                response.lateEffects = UInt32(clamping: try await store.lateEffects(query).count)
                return try response.serialized()
            }
            return nil
        }
    }
}

/// Late effects of one run that `describe` counts; beyond them it says so many.
private let maximumCountedLateEffects = 1_000

extension CallReply {
    func doneRun() throws(WireStatus) -> SagaID {
        guard case .done(let sagaID) = self else { throw .unexpected(self) }
        return sagaID
    }
}

extension WireStatus {
    /// The engine answered another question than was asked.
    static func unexpected(_ reply: CallReply) -> WireStatus {
        WireStatus(.internal, "the engine gave an answer of another kind: \(reply)")
    }
}

extension Wire.GetWorkflowResultResponse {
    init(_ run: ClosedRun) {
        self.init(sagaID: run.sagaID, status: Wire.WorkflowStatus(run.status))
        switch run.closing {
        case .workflowExecutionCompleted(let event):
            output = Wire.Payload(event.output)
            compensation = Wire.CompensationSummary(event.compensation)
        case .workflowExecutionFailed(let event):
            error = Wire.SagaError(event.error)
            compensation = Wire.CompensationSummary(event.compensation)
        case .workflowExecutionCanceled(let event):
            reason = event.reason
            compensation = Wire.CompensationSummary(event.compensation)
        case .workflowExecutionTimedOut(let event): compensation = Wire.CompensationSummary(event.compensation)
        case .workflowExecutionTerminated(let event):
            reason = event.reason
            compensation = Wire.CompensationSummary(event.compensation)
        case .workflowExecutionContinuedAsNew(let event): newSagaID = event.newSagaID
        default: break
        }
    }
}
