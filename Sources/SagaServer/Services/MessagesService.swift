internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workflows: queries and updates.
extension ServerConnection {
    func query(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.QueryWorkflowRequest.self, body)
        try request.require(.read, "query workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.name, "name")
        let query = QueryCall(
            target: try RunTarget(wire.workflow, request.principal), name: wire.name,
            payload: try Check.payload(wire.input, "input"))
        try call(request, header, isMutation: false, .query(query)) { (_, reply) throws(WireStatus) in
            guard case .queried(let output, let upTo) = reply else { throw .unexpected(reply) }
            return try encode(Wire.QueryWorkflowResponse(output: Wire.Payload(output), uptoEventID: upTo))
        }
    }

    func update(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.UpdateWorkflowRequest.self, body)
        try request.require(.write, "update workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.name, "name")
        try Check.text(wire.updateID, "update_id", atMost: Name.maximumBytes)
        let update = UpdateCall(
            target: try RunTarget(wire.workflow, request.principal), name: wire.name,
            payload: try Check.payload(wire.input, "input"), updateID: wire.updateID,
            returnsWhenAccepted: wire.returnWhenAccepted, requestID: header.requestID,
            identity: request.principal.name)
        try call(request, header, isMutation: true, .update(update)) { (_, reply) throws(WireStatus) in
            guard case .updated(let update) = reply else { throw .unexpected(reply) }
            return try encode(Wire.UpdateWorkflowResponse(update))
        }
    }
}

extension Wire.UpdateWorkflowResponse {
    init(_ reply: UpdateReply) {
        self.init(acceptedEventID: reply.acceptedEventID, accepted: true)
        switch reply.outcome {
        case .open: break
        case .completed(let output):
            finished = true
            self.output = Wire.Payload(output)
        case .rolledBack(let error):
            finished = true
            self.error = Wire.SagaError(error)
        case .rejected(let error):
            accepted = false
            self.error = Wire.SagaError(error)
        }
    }
}
