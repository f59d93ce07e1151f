public import SagaCore

/// How a schedule does: everything that it must not forget. Pure: it is moved by what happens and the time at which it does.
public struct ScheduleState: Codable, Hashable, Sendable {
    /// A run that waits until the one before has closed.
    public struct Buffered: Codable, Hashable, Sendable {
        public var workflowID: String
        /// When it was due, in microseconds since 1970.
        public var dueMicros: Int64
        /// When the run before is looked at again, and how long the pause before that is.
        public var lookAtMicros: Int64
        public var pauseMicros: Int64
    }

    /// Times up to this one, in microseconds since 1970, have been dealt with.
    public var cursorMicros: Int64
    /// When the last run was started; 0 for never.
    public var lastStartMicros: Int64 = 0
    /// The last run.
    public var lastSagaID = ""
    public var lastWorkflowID = ""
    /// Runs that were started.
    public var started: UInt64 = 0
    /// Runs that were left out, by the overlap policy or because they came too late.
    public var skipped: UInt64 = 0
    /// Why the last start was refused; empty if it was not.
    public var lastError = ""
    public var buffered: Buffered?

    /// A schedule that begins now.
    public init(now: Timestamp) { cursorMicros = now.microseconds }

    /// The next time that is to be dealt with, after leaving out those that are too late.
    public struct Next: Codable, Hashable, Sendable {
        /// Nil if nothing will be due.
        public var dueMicros: Int64?
        /// How many were left out, as far as they are counted.
        public var missed: UInt64
    }

    /// Times too late that are counted one by one.
    private static let countedMisses: UInt64 = 1_000

    /// - Parameters:
    ///   - clock: Says when something is due.
    ///   - now: Times more than the window before this are left out.
    public func next(_ clock: ScheduleClock, catchupMicros: Int64, now: Timestamp) -> Next {
        let earliest = now.adding(microseconds: -max(0, catchupMicros))
        var time = Timestamp(microseconds: cursorMicros)
        var missed: UInt64 = 0
        while let due = clock.next(after: time) {
            if due >= earliest { return Next(dueMicros: due.microseconds, missed: missed) }
            missed += 1
            // After a very long outage the rest is passed over without counting.
            time = missed >= Self.countedMisses ? max(due, earliest.adding(microseconds: -1)) : due
        }
        return Next(dueMicros: nil, missed: missed)
    }

    /// Takes note of what was left out on the way to the next time.
    public mutating func passOver(_ next: Next) { skipped += next.missed }

    /// A time has come, and is dealt with from now on.
    /// - Returns: Whether a run is to be started for it: not while another one waits.
    public mutating func begin(dueMicros: Int64, overlap: ScheduleOverlap) -> Bool {
        cursorMicros = max(cursorMicros, dueMicros)
        guard buffered == nil || overlap == .allow else {
            skipped += 1
            return false
        }
        return true
    }

    /// What became of a start.
    /// - Parameter dueMicros: When it was due; for a trigger, when that came.
    public mutating func ended(
        _ result: FiringResult, workflowID: String, dueMicros: Int64, overlap: ScheduleOverlap, now: Timestamp
    ) {
        let wasBuffered = buffered?.workflowID == workflowID
        switch result.outcome {
        case .started:
            started += 1
            lastStartMicros = now.microseconds
            lastSagaID = result.sagaID
            lastWorkflowID = workflowID
            lastError = ""
            if wasBuffered { buffered = nil }
        case .refused:
            lastError = result.message
            if wasBuffered { buffered = nil }
        case .busy where overlap == .skip: skipped += 1
        case .busy where wasBuffered || buffered == nil:
            let pause = wasBuffered ? min(60_000_000, (buffered?.pauseMicros ?? 500_000) * 2) : 1_000_000
            buffered = Buffered(
                workflowID: workflowID, dueMicros: dueMicros,
                lookAtMicros: now.adding(microseconds: pause).microseconds, pauseMicros: pause)
        case .busy: skipped += 1
        }
    }

    /// The schedule was changed, or goes on after a pause: what was due before that is not made up for.
    public mutating func restart(now: Timestamp) { cursorMicros = max(cursorMicros, now.microseconds) }
}

/// A start to be made.
public struct Firing: Codable, Hashable, Sendable {
    public var namespace: String
    public var start: ScheduledStart
    /// The workflow id with the due time.
    public var workflowID: String
    public var overlap: ScheduleOverlap
    /// The run before; empty if there was none.
    public var lastWorkflowID: String
    public var scheduleID: String

    public init(
        namespace: String, start: ScheduledStart, workflowID: String, overlap: ScheduleOverlap, lastWorkflowID: String,
        scheduleID: String
    ) {
        self.namespace = namespace
        self.start = start
        self.workflowID = workflowID
        self.overlap = overlap
        self.lastWorkflowID = lastWorkflowID
        self.scheduleID = scheduleID
    }
}

/// What became of it.
public struct FiringResult: Codable, Hashable, Sendable {
    public enum Outcome: String, Codable, Hashable, Sendable {
        case started
        /// The run before is open.
        case busy
        /// It cannot be started, now or later.
        case refused
    }

    public var outcome: Outcome
    public var sagaID = ""
    public var message = ""

    public init(_ outcome: Outcome, sagaID: String = "", message: String = "") {
        self.outcome = outcome
        self.sagaID = sagaID
        self.message = message
    }
}

/// What a schedule tells of itself.
public struct ScheduleInfo: Codable, Hashable, Sendable {
    public var spec: ScheduleSpec
    public var state: ScheduleState
    /// In microseconds since 1970; nil if nothing is due.
    public var nextDueMicros: Int64?
    /// It is about to end.
    public var isDeleted = false
}

/// What a trigger did.
public struct TriggerResult: Codable, Hashable, Sendable {
    public var workflowID: String
    public var result: FiringResult
}
