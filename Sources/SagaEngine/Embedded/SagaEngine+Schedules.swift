public import SagaCore
public import SagaSchedules

/// Sagas that start by the clock (docs/schedules.md).
extension SagaEngine {
    /// Creates a schedule; its namespace is `default`.
    /// - Returns: When it is due next; nil if it is paused.
    /// - Throws: `CallFailure`: `.invalidArgument` for a wrong expression or zone, `.alreadyExists`.
    @discardableResult
    public func createSchedule(_ spec: ScheduleSpec, requestID: String = "") async throws(CallFailure) -> Timestamp? {
        try await schedules.create(own(spec), requestID: requestID, identity: "embedded")
    }

    /// Replaces a schedule; what was due before is not made up for.
    @discardableResult
    public func updateSchedule(_ spec: ScheduleSpec, requestID: String = "") async throws(CallFailure) -> Timestamp? {
        try await schedules.update(own(spec), requestID: requestID, identity: "embedded")
    }

    /// Stops a schedule, or lets it go on.
    @discardableResult
    public func pauseSchedule(_ id: String, _ isPaused: Bool = true) async throws(CallFailure) -> Timestamp? {
        try await schedules.pause(Self.namespace, id, isPaused, requestID: "", identity: "embedded")
    }

    /// Starts a run now, under the overlap policy; a paused schedule does so, too.
    @discardableResult
    public func triggerSchedule(_ id: String, requestID: String = "") async throws(CallFailure) -> TriggerResult {
        try await schedules.trigger(Self.namespace, id, requestID: requestID, identity: "embedded")
    }

    /// Removes a schedule; the runs that it started go on.
    /// - Returns: Whether there was one.
    @discardableResult
    public func deleteSchedule(_ id: String) async throws(CallFailure) -> Bool {
        try await schedules.delete(Self.namespace, id, requestID: "", identity: "embedded")
    }

    /// How a schedule does.
    public func describeSchedule(_ id: String) async throws(CallFailure) -> ScheduleInfo {
        try await schedules.describe(Self.namespace, id)
    }

    /// All schedules by name, at most so many, after one of them.
    public func listSchedules(after: String = "", limit: Int = 1_000) async throws -> [ScheduleInfo] {
        try await schedules.list(Self.namespace, after: after, limit: limit)
    }

    private func own(_ spec: ScheduleSpec) -> ScheduleSpec {
        var spec = spec
        spec.namespace = Self.namespace
        return spec
    }
}
