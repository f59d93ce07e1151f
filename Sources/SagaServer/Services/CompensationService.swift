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
                        openUndo: description.undoLog.open(limit: 1_000).map { Wire.UndoEntryInfo($0) }
                    ))
            }
            return try response.serialized()
        }
    }

    func listLateEffects(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListLateEffectsRequest.self, body)
        try request.require(.read, "list late effects")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        var target: RunTarget?
        if wire.workflow != nil { target = try RunTarget(wire.workflow, request.principal) }
        let size = try pageSize(wire.pageSize)
        let after = try Self.place(wire.pageToken)
        let namespace = request.principal.namespace
        let named = target
        try read(request, header) { store in
            var query = LateEffectQuery(namespace: namespace, after: after, limit: size + 1)
            if let named {
                guard let run = try await store.run(named, .ends) else {
                    throw WireStatus(.notFound, "there is no run of workflow id \(named.workflowID)")
                }
                query.sagaID = run.row.sagaID
            }
            let found = try await store.lateEffects(query)
            var response = Wire.ListLateEffectsResponse(
                lateEffects: found.prefix(size).map { Wire.LateEffect($0.effect) })
            // One more than is wanted tells whether there is a next page.
            if found.count > size { response.nextPageToken = Self.pageToken(found[size - 1].place) }
            return try response.serialized()
        }
    }

    private static func pageToken(_ place: UInt64) -> [UInt8] { withUnsafeBytes(of: place.bigEndian) { Array($0) } }

    private static func place(_ token: [UInt8]) throws(WireStatus) -> UInt64 {
        if token.isEmpty { return 0 }
        guard token.count == 8 else { throw Check.invalid("page_token", "is none of this server's") }
        return token.reduce(0) { $0 << 8 | UInt64($1) }
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

extension Wire.LateEffect {
    init(_ effect: LateEffect) {
        self.init(
            sagaID: effect.sagaID, workflowID: effect.workflowID, scheduledEventID: effect.scheduledEventID,
            attempt: effect.attempt, reportedMicros: effect.reportedAt.microseconds,
            output: Wire.Payload(effect.output), undoneAgain: effect.isUndoneAgain, activityType: effect.activityType,
            stepID: effect.stepID, undoActivityType: effect.undoActivityType,
            idempotencyKey: effect.idempotencyKey)
    }
}
