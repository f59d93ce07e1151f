internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Compensation: what operators do about blocked undos.
extension ServerConnection {
    func listBlocked(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListBlockedRequest.self, body)
        try request.require(.read, "list workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        var causes: Set<BlockCause> = []
        try Check.count(wire.causes.count, "causes", atMost: 8)
        for (index, cause) in wire.causes.enumerated() {
            do throws(WireError) { causes.insert(try BlockCause(cause, "causes[\(index)]")) } catch {
                throw WireStatus(error)
            }
        }
        let filter = try ListFilter(
            Wire.WorkflowFilter(workflowTypes: wire.workflowTypes, onlyBlocked: true),
            namespace: request.principal.namespace)
        let size = try pageSize(wire.pageSize)
        let before = try position(of: wire.pageToken)
        let driver = core.driver
        let wanted = causes
        try read(request, header) { store in
            let page = try await filter.page(of: store, before: before, size: size)
            var response = Wire.ListBlockedResponse(nextPageToken: page.next?.bytes ?? [])
            for row in page.rows {
                let target = RunTarget(namespace: row.namespace, workflowID: row.workflowID, sagaID: row.sagaID)
                guard case .success(.description(let description)) = await driver.call(.describe(target)),
                    let block = description.block, wanted.isEmpty || wanted.contains(block.cause)
                else { continue }
                response.workflows.append(
                    Wire.BlockedWorkflow(
                        info: Wire.WorkflowInfo(description), cause: Wire.BlockCause(block.cause),
                        sinceMicros: block.since.microseconds, message: truncated(block.message, to: 4_096),
                        openUndo: description.undoEntries.filter { !$0.status.isSettled }.map { Wire.UndoEntryInfo($0) }
                    ))
            }
            return try response.serialized()
        }
    }

    func retryUndo(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.RetryUndoRequest.self, body)
        try operate(.retry, request, wire.header, wire.undo, reason: wire.reason)
    }

    func retryUndoWithInput(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.RetryUndoWithInputRequest.self, body)
        let input = try Check.payload(try Check.required(wire.input, "input"), "input")
        try operate(.retryWithInput, request, wire.header, wire.undo, reason: wire.reason, input: input)
    }

    func skipUndo(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.SkipUndoRequest.self, body)
        if wire.reason.isEmpty { throw Check.invalid("reason", "is missing: say why the undo is left out") }
        try operate(.skip, request, wire.header, wire.undo, reason: wire.reason)
    }

    func resolveUndo(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ResolveUndoRequest.self, body)
        if wire.note.isEmpty { throw Check.invalid("note", "is missing: say what was done by hand") }
        try operate(.resolve, request, wire.header, wire.undo, reason: wire.note)
    }

    func giveUpUndo(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.GiveUpRequest.self, body)
        if wire.reason.isEmpty { throw Check.invalid("reason", "is missing: say why the unwinding is given up") }
        try operate(.giveUp, request, wire.header, target: wire.workflow, "workflow", reason: wire.reason)
    }

    private func operate(
        _ verb: OperatorVerb, _ request: Request, _ header: Wire.RequestHeader?, _ undo: Wire.UndoRef?, reason: String,
        input: Payload? = nil
    ) throws(WireStatus) {
        let undo = try Check.required(undo, "undo")
        try operate(
            verb, request, header, target: undo.workflow, "undo.workflow", step: undo.stepEventID, reason: reason,
            input: input)
    }

    private func operate(
        _ verb: OperatorVerb, _ request: Request, _ wireHeader: Wire.RequestHeader?, target: Wire.WorkflowRef?,
        _ field: String, step: EventID? = nil, reason: String, input: Payload? = nil
    ) throws(WireStatus) {
        try request.require(.operate, "decide about undos")
        let header = try CallHeader(wireHeader, request.principal, standard: core.standardDeadline)
        try Check.text(reason, "reason", atMost: 4_096)
        let action = OperatorCall(
            target: try RunTarget(target, request.principal, field), verb: verb, stepEventID: step, input: input,
            reason: reason, requestID: header.requestID, identity: request.principal.name)
        try call(request, header, isMutation: true, .operate(action)) { (_, reply) throws(WireStatus) in
            try encode(Wire.OperatorResponse(sagaID: try reply.doneRun()))
        }
    }
}
