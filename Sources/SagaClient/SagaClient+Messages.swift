public import SagaCore
internal import SagaWire

extension SagaClient {
    /// Asks the code of a run something; it changes nothing. Closed runs answer, too.
    /// - Throws: `.unavailable` if no worker serves the code, `.invalidArgument` if it has no such handler.
    public func query(
        _ id: String, sagaID: SagaID? = nil, _ name: String, _ argument: Payload = .empty
    ) async throws(SagaClientError) -> Payload {
        let response = try await call(Wire.Workflows.Query.self) { header in
            Wire.QueryWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), name: name,
                input: Wire.Payload(argument))
        }
        return Payload(orEmpty: response.output)
    }

    /// Asks the code of a run to do something and waits for what it returns.
    /// - Parameter updateID: The same id twice is one update; empty takes the id of the request.
    /// - Throws: `UpdateFailure` if the code refused it, or tried and rolled it back; `SagaClientError`.
    public func update(
        _ id: String, sagaID: SagaID? = nil, _ name: String, _ argument: Payload, updateID: String = "",
        deadline: Duration? = nil
    ) async throws -> Payload {
        let response = try await call(Wire.Workflows.Update.self, deadline: deadline) { header in
            Wire.UpdateWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), name: name,
                input: Wire.Payload(argument), updateID: updateID)
        }
        if let error = response.error {
            throw UpdateFailure(error: SagaError(error), wasAccepted: response.accepted)
        }
        return Payload(orEmpty: response.output)
    }
}

extension WorkflowHandle {
    /// Asks the code something; it changes nothing. Closed runs answer, too.
    public func query<Value: Decodable>(
        _ name: String, as type: Value.Type = Value.self
    ) async throws(SagaClientError) -> Value {
        try client.decode(type, from: try await client.query(workflowID, sagaID: sagaID, name))
    }

    /// Asks the code something with an argument.
    public func query<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self
    ) async throws(SagaClientError) -> Value {
        let payload = try client.encode(argument)
        return try client.decode(type, from: try await client.query(workflowID, sagaID: sagaID, name, payload))
    }

    /// Asks the code to do something and waits for what it returns.
    /// - Throws: `UpdateFailure` if the code refused it, or tried and rolled it back; `SagaClientError`.
    public func update<Argument: Encodable, Value: Decodable>(
        _ name: String, _ argument: Argument, as type: Value.Type = Value.self, updateID: String = ""
    ) async throws -> Value {
        let payload = try client.encode(argument)
        let output = try await client.update(workflowID, sagaID: sagaID, name, payload, updateID: updateID)
        return try client.decode(type, from: output)
    }
}
