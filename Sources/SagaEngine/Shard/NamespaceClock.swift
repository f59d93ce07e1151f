public import SagaCore

/// The clock of a namespace whose time is virtual (semantics, section 5).
///
/// What it shows is the time of the last event of a run of the engine's own, its keeper: so it is as durable as all else, fenced
/// with it, and a restart finds it where it stood.
final class NamespaceClock {
    let namespace: String
    /// The run that keeps it.
    var keeper: SagaID
    /// The time in the namespace. While the clock jumps that is where it jumps to, and nothing that happens then becomes durable
    /// before the jump.
    var now: Timestamp
    var isJumping = false
    /// What it shows durably.
    var shown: Timestamp
    /// Whether it moves by hand only.
    var isHeld = false
    /// How far it was moved by hand; nil if it stands there.
    var limit: Timestamp?
    /// Calls that wait until it shows a time.
    var waiters: [(call: CallID, request: ClockCall)] = []
    /// What is due for sagas, and for schedules.
    private var deadlines = DeadlineHeap()
    private var scheduleDeadlines = DeadlineHeap()
    /// Runs at which something happened since they were last found at rest.
    var stirred: [SagaID: Execution] = [:]

    init(namespace: String, keeper: SagaID, now: Timestamp) {
        self.namespace = namespace
        self.keeper = keeper
        self.now = now
        shown = now
    }

    var reading: ClockReading {
        ClockReading(namespace: namespace, time: shown, isVirtual: true, isHeld: isHeld)
    }

    func arm(_ deadline: Deadline, _ execution: Execution) {
        if execution.state.namespace == ScheduleDesk.namespace {
            scheduleDeadlines.push(deadline)
        } else {
            deadlines.push(deadline)
        }
    }

    /// Takes what is due.
    func popDue() -> Deadline? { deadlines.popDue(now.microseconds) ?? scheduleDeadlines.popDue(now.microseconds) }

    /// When something is due next, without what nobody waits for any more: a clock must not jump for that.
    /// - Returns: For sagas, and for schedules. Schedules alone never move a clock: they are due for ever.
    func next(_ isWanted: (Deadline) -> Bool) -> (saga: Timestamp?, schedule: Timestamp?) {
        while let first = deadlines.first, !isWanted(first) { deadlines.popDue(.max) }
        while let first = scheduleDeadlines.first, !isWanted(first) { scheduleDeadlines.popDue(.max) }
        return (
            deadlines.earliest.map { Timestamp(microseconds: $0) },
            scheduleDeadlines.earliest.map { Timestamp(microseconds: $0) }
        )
    }
}

/// What the clock of a namespace shows.
public struct ClockReading: Hashable, Sendable {
    public var namespace: String
    public var time: Timestamp
    /// Whether its time is virtual.
    public var isVirtual: Bool
    /// Whether it moves by hand only.
    public var isHeld: Bool

    public init(namespace: String, time: Timestamp, isVirtual: Bool, isHeld: Bool) {
        self.namespace = namespace
        self.time = time
        self.isVirtual = isVirtual
        self.isHeld = isHeld
    }
}

/// What is asked of the clock of a namespace.
public struct ClockCall: Hashable, Sendable {
    public var namespace: String
    /// Give the namespace a virtual clock if it has none.
    public var begins: Bool
    /// Move on to this time, doing on the way what becomes due; answered when the clock stands there and nothing is under way.
    public var advanceTo: Timestamp?
    /// From now on move by hand only, or by itself again; nil changes nothing.
    public var isHeld: Bool?
    public var identity: String

    public init(
        namespace: String, begins: Bool = false, advanceTo: Timestamp? = nil, isHeld: Bool? = nil, identity: String = ""
    ) {
        self.namespace = namespace
        self.begins = begins
        self.advanceTo = advanceTo
        self.isHeld = isHeld
        self.identity = identity
    }
}
