public import SagaCore
internal import SagaWire

/// When to start what (docs/schedules.md).
public struct Schedule: Sendable {
    /// What happens when a run is due and the one before is still open.
    public enum Overlap: String, Hashable, Sendable, CaseIterable {
        /// This one is left out: the default.
        case skip
        /// It starts when the other has closed; at most one waits.
        case bufferOne = "buffer-one"
        /// The other is asked to end, and this one starts when it has closed.
        case cancelOther = "cancel-other"
        /// Both run.
        case allow
    }

    /// Its name, unique in the namespace.
    public var id: String
    /// Five cron fields, `@daily` and its like, or `@every 90s`.
    public var cron: String
    /// IANA time zone. Default: UTC.
    public var timeZone = ""
    public var overlap = Overlap.skip
    /// How late a missed run is still started. Default 60 s.
    public var catchupWindow: Duration = .seconds(60)
    /// Nothing is started but by a trigger.
    public var isPaused = false
    /// What to start.
    public var workflowType: String
    /// The due time is appended to it.
    public var workflowID: String
    public var input: Payload
    /// How it is started. The reuse of ids does not count: each due time has an id of its own.
    public var options = WorkflowOptions()

    /// - Parameter workflowID: Default: the schedule's name.
    public init(id: String, cron: String, workflowType: String, workflowID: String = "", input: Payload = .empty) {
        self.id = id
        self.cron = cron
        self.workflowType = workflowType
        self.workflowID = workflowID.isEmpty ? id : workflowID
        self.input = input
    }
}

/// A schedule and how it does.
public struct ScheduleDescription: Sendable {
    public var schedule: Schedule
    /// When it is due next; nil if it is paused, or never.
    public var nextDue: Timestamp?
    /// When the last run was started, and which it is.
    public var lastStart: Timestamp?
    public var lastSagaID: SagaID?
    /// Runs that were started so far.
    public var started: UInt64
    /// Runs that were left out so far.
    public var skipped: UInt64
    /// Whether a run waits until the one before has closed.
    public var isBuffered: Bool
    /// Why the last start was refused; empty if it was not.
    public var lastError: String
    /// The next times that it is due, without regard to a pause; only from `describeSchedule`.
    public var upcoming: [Timestamp] = []
}

extension SagaClient {
    /// Creates a schedule.
    /// - Returns: When it is due next; nil if it is paused.
    /// - Throws: `.invalidArgument` for a wrong expression or zone, `.alreadyExists`.
    @discardableResult
    public func createSchedule(_ schedule: Schedule) async throws(SagaClientError) -> Timestamp? {
        let spec = Wire.ScheduleSpec(schedule)
        let response = try await call(Wire.Schedules.Create.self) { header in
            Wire.CreateScheduleRequest(header: header, schedule: spec)
        }
        return Timestamp(unlessZero: response.nextDueMicros)
    }

    /// Replaces a schedule, whole; what was due before is not made up for.
    @discardableResult
    public func updateSchedule(_ schedule: Schedule) async throws(SagaClientError) -> Timestamp? {
        let spec = Wire.ScheduleSpec(schedule)
        let response = try await call(Wire.Schedules.Update.self) { header in
            Wire.UpdateScheduleRequest(header: header, schedule: spec)
        }
        return Timestamp(unlessZero: response.nextDueMicros)
    }

    /// Stops a schedule, or lets it go on; what was due in between is left out.
    @discardableResult
    public func pauseSchedule(_ id: String, _ isPaused: Bool = true) async throws(SagaClientError) -> Timestamp? {
        let response = try await call(Wire.Schedules.Pause.self) { header in
            Wire.PauseScheduleRequest(header: header, scheduleID: id, paused: isPaused)
        }
        return Timestamp(unlessZero: response.nextDueMicros)
    }

    /// Starts a run now, under the schedule's overlap policy; a paused schedule does so, too.
    /// - Returns: Its name, and the run; nil if it was left out or waits.
    @discardableResult
    public func triggerSchedule(
        _ id: String
    ) async throws(SagaClientError) -> (workflowID: String, sagaID: SagaID?) {
        let response = try await call(Wire.Schedules.Trigger.self) { header in
            Wire.TriggerScheduleRequest(header: header, scheduleID: id)
        }
        return (response.workflowID, response.sagaID)
    }

    /// Removes a schedule; the runs that it started go on.
    /// - Returns: Whether there was one.
    @discardableResult
    public func deleteSchedule(_ id: String) async throws(SagaClientError) -> Bool {
        try await call(Wire.Schedules.Delete.self) { header in
            Wire.DeleteScheduleRequest(header: header, scheduleID: id)
        }.deleted
    }

    /// How a schedule does.
    public func describeSchedule(_ id: String) async throws(SagaClientError) -> ScheduleDescription {
        let response = try await call(Wire.Schedules.Describe.self) { header in
            Wire.DescribeScheduleRequest(header: header, scheduleID: id)
        }
        guard let info = response.schedule else {
            throw SagaClientError(.internal, "the server's answer has no schedule")
        }
        var description = ScheduleDescription(info)
        description.upcoming = response.upcomingMicros.map { Timestamp(microseconds: $0) }
        return description
    }

    /// All schedules of the namespace, by name.
    public func listSchedules() async throws(SagaClientError) -> [ScheduleDescription] {
        var found: [ScheduleDescription] = []
        var token: [UInt8] = []
        repeat {
            let page = token
            let response = try await call(Wire.Schedules.List.self) { header in
                Wire.ListSchedulesRequest(header: header, pageSize: 1_000, pageToken: page)
            }
            found += response.schedules.map { ScheduleDescription($0) }
            token = response.nextPageToken
        } while !token.isEmpty
        return found
    }
}

extension Timestamp {
    init?(unlessZero micros: Int64) {
        if micros == 0 { return nil }
        self.init(microseconds: micros)
    }
}

extension Wire.ScheduleSpec {
    init(_ schedule: Schedule) {
        let overlap: Wire.OverlapPolicy =
            switch schedule.overlap {
            case .skip: .skip
            case .bufferOne: .bufferOne
            case .cancelOther: .cancelOther
            case .allow: .allow
            }
        self.init(
            scheduleID: schedule.id, cron: schedule.cron, timeZone: schedule.timeZone,
            start: Wire.StartOptions(
                type: schedule.workflowType, id: schedule.workflowID, input: schedule.input, schedule.options),
            // 0 would mean the default.
            overlap: overlap, catchupWindowMicros: max(1, schedule.catchupWindow.wholeMicroseconds),
            paused: schedule.isPaused)
    }
}

extension ScheduleDescription {
    init(_ wire: Wire.ScheduleInfo) {
        let spec = wire.schedule ?? Wire.ScheduleSpec()
        let start = spec.start ?? Wire.StartOptions()
        var schedule = Schedule(
            id: spec.scheduleID, cron: spec.cron, workflowType: start.workflowType, workflowID: start.workflowID,
            input: Payload(orEmpty: start.input))
        schedule.timeZone = spec.timeZone
        schedule.isPaused = spec.paused
        schedule.catchupWindow = .microseconds(spec.catchupWindowMicros)
        schedule.overlap =
            switch spec.overlap {
            case .bufferOne: .bufferOne
            case .cancelOther: .cancelOther
            case .allow: .allow
            case .unspecified, .skip, .unrecognized: .skip
            }
        schedule.options.version = start.workflowVersion
        schedule.options.taskQueue = start.taskQueue
        schedule.options.executionTimeout =
            start.executionTimeoutMicros == 0 ? nil : .microseconds(start.executionTimeoutMicros)
        schedule.options.cancelGrace = start.cancelGraceMicros.map { .microseconds($0) }
        schedule.options.autoCompensate = start.autoCompensate ?? true
        schedule.options.continueOnUndoError = start.continueOnUndoError
        schedule.options.memo = start.memo.map { NamedPayload($0) }
        schedule.options.searchAttributes = start.searchAttributes.map { NamedPayload($0) }
        self.init(
            schedule: schedule, nextDue: Timestamp(unlessZero: wire.nextDueMicros),
            lastStart: Timestamp(unlessZero: wire.lastStartMicros), lastSagaID: wire.lastSagaID,
            started: wire.started, skipped: wire.skipped, isBuffered: wire.buffered, lastError: wire.lastError)
    }
}
