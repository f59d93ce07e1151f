internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Definitions: sagas as data.
extension ServerConnection {
    func registerDefinition(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.RegisterDefinitionRequest.self, body)
        try request.require(.write, "register definitions")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let definition = try definition(wire.definition)
        let call = DefinitionCall(
            namespace: request.principal.namespace, definition: definition, requestID: header.requestID,
            identity: request.principal.name)
        try self.call(request, header, isMutation: true, .define(call)) { (_, reply) throws(WireStatus) in
            guard case .defined(let version, let isUnchanged) = reply else { throw .unexpected(reply) }
            return try encode(Wire.RegisterDefinitionResponse(version: version, unchanged: isUnchanged))
        }
    }

    /// Checks what it is given and stores nothing, so no engine is asked.
    func validateDefinition(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ValidateDefinitionRequest.self, body)
        try request.require(.read, "check definitions")
        _ = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        guard body.count <= 1 << 20 else { throw WireStatus(.invalidArgument, "a definition has at most 1 MiB") }
        let problems = try definition(wire.definition).problems
        request.session.respond(
            request.stream,
            try encode(Wire.ValidateDefinitionResponse(problems: problems.map { Wire.DefinitionProblem($0) })))
    }

    func getDefinition(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.GetDefinitionRequest.self, body)
        try request.require(.read, "read definitions")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.name, "name")
        let call = Call.definition(namespace: request.principal.namespace, name: wire.name, version: wire.version)
        try self.call(request, header, isMutation: false, call) { (_, reply) throws(WireStatus) in
            guard case .definition(let definition, let registeredAt) = reply else { throw .unexpected(reply) }
            return try encode(
                Wire.GetDefinitionResponse(
                    definition: Wire.SagaDefinition(definition), registeredMicros: registeredAt.microseconds))
        }
    }

    func listDefinitions(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListDefinitionsRequest.self, body)
        try request.require(.read, "list definitions")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        // A page token is the last name of the page before.
        guard wire.pageToken.count <= Name.maximumBytes, let after = String(validating: wire.pageToken, as: UTF8.self)
        else { throw Check.invalid("page_token", "is none of this server's") }
        let call = Call.definitions(
            namespace: request.principal.namespace, after: after, limit: try pageSize(wire.pageSize))
        try self.call(request, header, isMutation: false, call) { (_, reply) throws(WireStatus) in
            guard case .definitions(let definitions, let hasMore) = reply else { throw .unexpected(reply) }
            return try encode(
                Wire.ListDefinitionsResponse(
                    definitions: definitions.map {
                        Wire.DefinitionInfo(
                            name: $0.name, version: $0.version, registeredMicros: $0.registeredAt.microseconds,
                            steps: UInt32(clamping: $0.stepCount))
                    }, nextPageToken: hasMore ? Array((definitions.last?.name ?? "").utf8) : []))
        }
    }

    private func definition(_ wire: Wire.SagaDefinition?) throws(WireStatus) -> SagaDefinition {
        let wire = try Check.required(wire, "definition")
        do throws(WireError) { return try SagaDefinition(wire) } catch { throw WireStatus(error) }
    }
}
