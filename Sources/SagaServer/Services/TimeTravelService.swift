internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workflows: the state of a run as of an event.
extension ServerConnection {
    func stateAt(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.StateAtRequest.self, body)
        try request.require(.read, "read workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let target = try RunTarget(wire.workflow, request.principal)
        guard let at = wire.at else {
            throw WireStatus(.invalidArgument, "event_id or time_us is missing: the state as of when?")
        }
        let replayer = core.driver.replayer
        try read(request, header) { store in
            guard let row = try await store.row(of: target) else {
                throw WireStatus(.notFound, "there is no run of workflow id \(target.workflowID)")
            }
            let eventID: EventID
            switch at {
            case .eventID(let wanted): eventID = wanted
            case .timeMicros(let micros):
                let time = Timestamp(microseconds: micros)
                guard let found = try await replayer.lastEvent(of: row.sagaID, notLaterThan: time) else {
                    throw WireStatus(.notFound, "run \(row.sagaID) began at \(row.startedAt), after that time")
                }
                eventID = found
            }
            guard let description = try await replayer.description(of: row.sagaID, at: eventID) else {
                throw WireStatus(
                    .notFound, "run \(row.sagaID) has no event \(eventID); its last is \(row.nextEventID &- 1)")
            }
            var state = Wire.DescribeWorkflowResponse(description)
            state.stepOutputs = description.stepOutputs.map { Wire.NamedPayload($0) }
            return try Wire.StateAtResponse(eventID: eventID, state: state).serialized()
        }
    }
}
