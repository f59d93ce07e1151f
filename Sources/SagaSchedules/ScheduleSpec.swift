public import SagaCore

/// What happens when a run is due and the one before is still open (semantics, section 5).
public enum ScheduleOverlap: String, Codable, Hashable, Sendable, CaseIterable {
    /// This one is left out.
    case skip
    /// It starts when the other has closed; at most one waits.
    case bufferOne = "buffer-one"
    /// The other is asked to end, and this one starts when it has closed; at most one waits.
    case cancelOther = "cancel-other"
    /// Both run.
    case allow
}

/// When to start what.
public struct ScheduleSpec: Codable, Hashable, Sendable {
    /// Catch-up window where none is given, in microseconds.
    public static let standardCatchupMicros: Int64 = 60_000_000

    /// Its name, unique in the namespace.
    public var scheduleID: String
    /// The namespace of the runs that it starts.
    public var namespace: String
    /// See ``CronExpression``.
    public var cron: String
    /// IANA time zone; empty is UTC.
    public var timeZone: String
    public var overlap: ScheduleOverlap
    /// How late a missed run is still started, in microseconds. Default 60 s.
    public var catchupMicros: Int64
    /// Nothing is started but by a trigger.
    public var isPaused: Bool
    /// What to start.
    public var start: ScheduledStart

    public init(
        scheduleID: String, namespace: String = "default", cron: String, timeZone: String = "",
        overlap: ScheduleOverlap = .skip, catchupMicros: Int64 = ScheduleSpec.standardCatchupMicros,
        isPaused: Bool = false, start: ScheduledStart
    ) {
        self.scheduleID = scheduleID
        self.namespace = namespace
        self.cron = cron
        self.timeZone = timeZone
        self.overlap = overlap
        self.catchupMicros = catchupMicros
        self.isPaused = isPaused
        self.start = start
    }

    /// Says when it is due.
    /// - Throws: `ScheduleError` if the expression or the zone is wrong.
    public func clock(_ zones: TimeZones = .system) throws(ScheduleError) -> ScheduleClock {
        ScheduleClock(try CronExpression(cron), try zones.rules(timeZone))
    }

    /// Checks everything that can be wrong with it.
    /// - Parameter now: It must be due at some time after this.
    public func check(_ zones: TimeZones = .system, now: Timestamp) throws(ScheduleError) {
        if let problem = Name.problem(with: scheduleID, what: "schedule id") { throw ScheduleError(problem) }
        if let problem = Name.problem(with: start.workflowType, what: "workflow type") { throw ScheduleError(problem) }
        if let problem = Name.problem(with: start.workflowID, what: "workflow id") { throw ScheduleError(problem) }
        guard start.workflowID.utf8.count <= 200 else {
            throw ScheduleError("the workflow id has more than 200 bytes: the due time is appended to it")
        }
        guard scheduleID.utf8.count + namespace.utf8.count <= 245 else {
            throw ScheduleError("the schedule id and the namespace have more than 245 bytes together")
        }
        guard start.input.size <= 65_536 else { throw ScheduleError("the input has more than 65536 bytes") }
        guard (0...31_622_400_000_000).contains(catchupMicros) else {
            throw ScheduleError("the catch-up window is 0 to 366 days")
        }
        guard try clock(zones).next(after: now) != nil else { throw ScheduleError("\(cron) is never due") }
    }
}

/// What a schedule starts; the due time is appended to the workflow id.
public struct ScheduledStart: Codable, Hashable, Sendable {
    public var workflowID: String
    public var workflowType: String
    /// 0 means the newest that a worker serves.
    public var workflowVersion: UInt32 = 0
    /// Empty means the server's default queue.
    public var taskQueue = ""
    public var input = StoredPayload(.empty)
    /// 0 means never.
    public var executionTimeoutMicros: Int64 = 0
    /// 0 means the server's default.
    public var cancelGraceMicros: Int64 = 0
    public var autoCompensate = true
    public var continueOnUndoError = false
    public var memo: [StoredNamedPayload] = []
    public var searchAttributes: [StoredNamedPayload] = []

    public init(workflowID: String, workflowType: String, input: Payload = .empty) {
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.input = StoredPayload(input)
    }
}

/// A payload inside a schedule's own JSON: as text where it is text, else byte by byte.
public struct StoredPayload: Codable, Hashable, Sendable {
    var encoding: String
    var text: String?
    var bytes: [UInt8]?
    var keys: [String]
    var values: [String]

    public init(_ payload: Payload) {
        encoding = payload.encoding
        text = String(validating: payload.data, as: UTF8.self)
        bytes = text == nil ? payload.data : nil
        keys = payload.metadata.map(\.key)
        values = payload.metadata.map(\.value)
    }

    /// The payload again.
    public var payload: Payload {
        Payload(
            encoding: encoding, data: bytes ?? text.map { Array($0.utf8) } ?? [],
            metadata: zip(keys, values).map { MetadataEntry(key: $0, value: $1) })
    }

    var size: Int { bytes?.count ?? text?.utf8.count ?? 0 }
}

/// A payload with a name.
public struct StoredNamedPayload: Codable, Hashable, Sendable {
    var name: String
    var payload: StoredPayload

    public init(_ named: NamedPayload) {
        name = named.name
        payload = StoredPayload(named.payload)
    }

    /// The same again.
    public var named: NamedPayload { NamedPayload(name: name, payload: payload.payload) }
}
