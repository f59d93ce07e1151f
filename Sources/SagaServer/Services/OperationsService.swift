internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workflows: what operators do with runs.
extension ServerConnection {
    func pause(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.PauseWorkflowRequest.self, body)
        try request.require(.write, "pause workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let control = try control(wire.workflow, wire.reason, header, request)
        try call(request, header, isMutation: true, .pause(control)) { (_, reply) throws(WireStatus) in
            try encode(Wire.PauseWorkflowResponse(sagaID: try reply.doneRun()))
        }
    }

    func resume(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ResumeWorkflowRequest.self, body)
        try request.require(.write, "resume workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let control = try control(wire.workflow, wire.reason, header, request)
        try call(request, header, isMutation: true, .resume(control)) { (_, reply) throws(WireStatus) in
            try encode(Wire.ResumeWorkflowResponse(sagaID: try reply.doneRun()))
        }
    }

    func reset(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ResetWorkflowRequest.self, body)
        try request.require(.write, "reset workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.text(wire.reason, "reason", atMost: 1_024)
        let undo: ResetCall.Undo
        switch wire.undo {
        case .unspecified, .undo: undo = .undo
        case .keep: undo = .keep
        case .drop: undo = .drop
        case .unrecognized(let value): throw Check.invalid("undo", "has the unknown value \(value)")
        }
        let reset = ResetCall(
            target: try RunTarget(wire.workflow, request.principal), eventID: wire.eventID, undo: undo,
            reason: wire.reason, requestID: header.requestID, identity: request.principal.name)
        try call(request, header, isMutation: true, .reset(reset)) { (_, reply) throws(WireStatus) in
            guard case .started(let sagaID, _) = reply else { throw .unexpected(reply) }
            return try encode(Wire.ResetWorkflowResponse(sagaID: sagaID))
        }
    }

    /// A closed run and its history are removed for good.
    func deleteRun(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.DeleteWorkflowRequest.self, body)
        try request.require(.operate, "delete workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let target = try RunTarget(wire.workflow, request.principal)
        let driver = core.driver
        try read(request, header) { _ in
            switch await driver.delete(target) {
            case .success(let sagaID): return try Wire.DeleteWorkflowResponse(sagaID: sagaID).serialized()
            case .failure(let failure): throw WireStatus(failure)
            }
        }
    }
}
