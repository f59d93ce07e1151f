internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workers: attempts that go on outside of their worker, by their token.
extension ServerConnection {
    func completeActivity(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.CompleteActivityRequest.self, body)
        let report = try Check.required(wire.report, "report")
        if let output = report.output { _ = try Check.payload(output, "report.output") }
        if let undoData = report.undoData { _ = try Check.payload(undoData, "report.undo_data") }
        try reportActivity(request, wire.header, report.taskToken, ActivityResult(report))
    }

    func failActivity(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.FailActivityRequest.self, body)
        let report = try Check.required(wire.report, "report")
        let result: ActivityResult
        do throws(WireError) { result = try ActivityResult(report) } catch { throw WireStatus(error) }
        try reportActivity(request, wire.header, report.taskToken, result)
    }

    func stopActivity(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.StopActivityRequest.self, body)
        let report = try Check.required(wire.report, "report")
        if let details = report.details { _ = try Check.payload(details, "report.details") }
        try reportActivity(request, wire.header, report.taskToken, ActivityResult(report))
    }

    func heartbeatActivity(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.HeartbeatActivityRequest.self, body)
        let sign = try Check.required(wire.heartbeat, "heartbeat")
        try request.require(.work, "report about tasks")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let details = try sign.details.map { wire throws(WireStatus) in try Check.payload(wire, "heartbeat.details") }
        let heartbeat = ActivityHeartbeatCall(
            namespace: request.principal.namespace, reference: try attempt(sign.taskToken, request), details: details)
        try call(request, header, isMutation: true, .heartbeatActivity(heartbeat)) { (_, reply) throws(WireStatus) in
            guard case .alive(let isCurrent, let isCancelRequested) = reply else { throw .unexpected(reply) }
            return try encode(
                Wire.HeartbeatActivityResponse(cancelRequested: isCancelRequested, current: isCurrent))
        }
    }

    private func reportActivity(
        _ request: Request, _ wire: Wire.RequestHeader?, _ token: [UInt8], _ result: ActivityResult
    ) throws(WireStatus) {
        try request.require(.work, "report about tasks")
        let header = try CallHeader(wire, request.principal, standard: core.standardDeadline)
        let report = ActivityReportCall(
            namespace: request.principal.namespace, reference: try attempt(token, request), result: result)
        try call(request, header, isMutation: true, .reportActivity(report)) { (_, reply) throws(WireStatus) in
            guard case .reported(let verdict) = reply else { throw .unexpected(reply) }
            return try encode(Wire.ActivityReportResponse(result: Wire.AckResult(verdict)))
        }
    }

    /// A repeat needs no request id: the token names the attempt, and an attempt ends once.
    private func attempt(_ token: [UInt8], _ request: Request) throws(WireStatus) -> TaskReference {
        guard case .activity(let reference)? = core.subject(of: token, namespace: request.principal.namespace) else {
            throw WireStatus(.permissionDenied, "the task token is none of this server's, or has expired")
        }
        return reference
    }
}
