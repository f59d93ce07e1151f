internal import SagaCore
internal import SagaEngine
internal import SagaSchedules
internal import SagaWire

// The service Schedules.
extension ServerConnection {
    func createSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.CreateScheduleRequest.self, body)
        try request.require(.write, "create schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let spec = try ScheduleSpec(wire.schedule, header, request.principal)
        let name = request.principal.name
        try ask(request, header) { desk throws(CallFailure) in
            let next = try await desk.create(spec, requestID: header.requestID, identity: name)
            return Wire.CreateScheduleResponse(nextDueMicros: next?.microseconds ?? 0)
        }
    }

    func updateSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.UpdateScheduleRequest.self, body)
        try request.require(.write, "update schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let spec = try ScheduleSpec(wire.schedule, header, request.principal)
        let name = request.principal.name
        try ask(request, header) { desk throws(CallFailure) in
            let next = try await desk.update(spec, requestID: header.requestID, identity: name)
            return Wire.UpdateScheduleResponse(nextDueMicros: next?.microseconds ?? 0)
        }
    }

    func pauseSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.PauseScheduleRequest.self, body)
        try request.require(.write, "pause schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.scheduleID, "schedule_id")
        let principal = request.principal
        try ask(request, header) { desk throws(CallFailure) in
            let next = try await desk.pause(
                principal.namespace, wire.scheduleID, wire.paused, requestID: header.requestID,
                identity: principal.name)
            return Wire.PauseScheduleResponse(nextDueMicros: next?.microseconds ?? 0)
        }
    }

    func triggerSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.TriggerScheduleRequest.self, body)
        try request.require(.write, "trigger schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.scheduleID, "schedule_id")
        let principal = request.principal
        try ask(request, header) { desk throws(CallFailure) in
            let trigger = try await desk.trigger(
                principal.namespace, wire.scheduleID, requestID: header.requestID, identity: principal.name)
            guard trigger.result.outcome != .refused else {
                throw CallFailure(.failedPrecondition, trigger.result.message)
            }
            return Wire.TriggerScheduleResponse(
                sagaID: SagaID(trigger.result.sagaID), workflowID: trigger.workflowID)
        }
    }

    func deleteSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.DeleteScheduleRequest.self, body)
        try request.require(.write, "delete schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.scheduleID, "schedule_id")
        let principal = request.principal
        try ask(request, header) { desk throws(CallFailure) in
            Wire.DeleteScheduleResponse(
                deleted: try await desk.delete(
                    principal.namespace, wire.scheduleID, requestID: header.requestID, identity: principal.name))
        }
    }

    func describeSchedule(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.DescribeScheduleRequest.self, body)
        try request.require(.read, "read schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.scheduleID, "schedule_id")
        let namespace = request.principal.namespace
        try ask(request, header) { desk throws(CallFailure) in
            let info = try await desk.describe(namespace, wire.scheduleID)
            return Wire.DescribeScheduleResponse(
                schedule: Wire.ScheduleInfo(info),
                upcomingMicros: desk.upcoming(info.spec, count: 10).map(\.microseconds))
        }
    }

    func listSchedules(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListSchedulesRequest.self, body)
        try request.require(.read, "read schedules")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let size = try pageSize(wire.pageSize)
        try Check.range(wire.pageToken.count, "page_token", 0...512)
        guard let after = String(validating: wire.pageToken, as: UTF8.self) else {
            throw Check.invalid("page_token", "is none of this server's")
        }
        let namespace = request.principal.namespace
        let desk = core.schedules
        try read(request, header) { _ in
            let infos = try await desk.list(namespace, after: after, limit: size)
            let next = infos.count == size ? infos.last.map { Array($0.spec.scheduleID.utf8) } ?? [] : []
            return try Wire.ListSchedulesResponse(
                schedules: infos.map { Wire.ScheduleInfo($0) }, nextPageToken: next
            ).serialized()
        }
    }

    private func ask<Response: WireMessage>(
        _ request: Request, _ header: CallHeader,
        _ body: @escaping @Sendable (ScheduleDesk) async throws(CallFailure) -> Response
    ) throws(WireStatus) {
        let desk = core.schedules
        try read(request, header) { _ in
            let response: Response
            do throws(CallFailure) { response = try await body(desk) } catch { throw WireStatus(error) }
            return try encode(response)
        }
    }
}

extension ScheduleSpec {
    /// The schedule that a request describes.
    init(_ wire: Wire.ScheduleSpec?, _ header: CallHeader, _ principal: Principal) throws(WireStatus) {
        let wire = try Check.required(wire, "schedule")
        try Check.name(wire.scheduleID, "schedule.schedule_id")
        try Check.text(wire.timeZone, "schedule.time_zone", atMost: 64)
        let call = try StartCall(wire.start, header, principal)
        let overlap: ScheduleOverlap
        switch wire.overlap {
        case .unspecified, .skip: overlap = .skip
        case .bufferOne: overlap = .bufferOne
        case .cancelOther: overlap = .cancelOther
        case .allow: overlap = .allow
        case .unrecognized(let value): throw Check.invalid("schedule.overlap", "has the unknown value \(value)")
        }
        var start = ScheduledStart(workflowID: call.workflowID, workflowType: call.workflowType, input: call.input)
        start.workflowVersion = call.workflowVersion
        start.taskQueue = call.taskQueue
        start.executionTimeoutMicros = call.executionTimeoutMicros
        start.cancelGraceMicros = call.cancelGraceMicros
        start.autoCompensate = call.autoCompensate
        start.continueOnUndoError = call.continueOnUndoError
        start.memo = call.memo.map { StoredNamedPayload($0) }
        start.searchAttributes = call.searchAttributes.map { StoredNamedPayload($0) }
        self.init(
            scheduleID: wire.scheduleID, namespace: principal.namespace, cron: wire.cron, timeZone: wire.timeZone,
            overlap: overlap,
            catchupMicros: wire.catchupWindowMicros == 0
                ? ScheduleSpec.standardCatchupMicros : wire.catchupWindowMicros,
            isPaused: wire.paused, start: start)
    }
}

extension Wire.ScheduleInfo {
    init(_ info: ScheduleInfo) {
        self.init(
            schedule: Wire.ScheduleSpec(info.spec), nextDueMicros: info.nextDueMicros ?? 0,
            lastStartMicros: info.state.lastStartMicros, lastSagaID: SagaID(info.state.lastSagaID),
            skipped: info.state.skipped, started: info.state.started, buffered: info.state.buffered != nil,
            lastError: truncated(info.state.lastError, to: 4_096))
    }
}

extension Wire.ScheduleSpec {
    init(_ spec: ScheduleSpec) {
        let overlap: Wire.OverlapPolicy =
            switch spec.overlap {
            case .skip: .skip
            case .bufferOne: .bufferOne
            case .cancelOther: .cancelOther
            case .allow: .allow
            }
        let start = spec.start
        let options = Wire.StartOptions(
            workflowID: start.workflowID, workflowType: start.workflowType, workflowVersion: start.workflowVersion,
            taskQueue: start.taskQueue, input: Wire.Payload(start.input.payload),
            executionTimeoutMicros: start.executionTimeoutMicros,
            cancelGraceMicros: start.cancelGraceMicros == 0 ? nil : start.cancelGraceMicros,
            autoCompensate: start.autoCompensate, continueOnUndoError: start.continueOnUndoError,
            memo: start.memo.map { Wire.NamedPayload($0.named) },
            searchAttributes: start.searchAttributes.map { Wire.NamedPayload($0.named) })
        self.init(
            scheduleID: spec.scheduleID, cron: spec.cron, timeZone: spec.timeZone, start: options, overlap: overlap,
            catchupWindowMicros: spec.catchupMicros, paused: spec.isPaused)
    }
}
