internal import SagaCore

/// One open run in memory: its state, and what only the live engine knows of it.
///
/// A class, because it is changed in place from many sides of the shard, which alone owns it. What is looked at for each
/// input goes without the check for overlapping accesses: no change of it reaches into the execution again.
final class Execution {
    /// The trace context of the call that started the run, as long as this engine lives: not worth a place in every state.
    var traceID: String?
    /// What the events tell. Changed only by applying an event that is also put into the batch.
    @exclusivity(unchecked) var state: ExecutionState
    /// The newest events, from `recentBase` on: those that are not durable, or that the live code has not been given.
    @exclusivity(unchecked) var recent: [HistoryEvent] = []
    @exclusivity(unchecked) var recentBase: EventID = 0
    /// Events before this id are durable.
    @exclusivity(unchecked) var durableNext: EventID = 0
    /// Events before this id are durable or in the batch in flight.
    @exclusivity(unchecked) var batchedNext: EventID = 0
    /// What the store lists about the run has changed since the last batch.
    var isRowChanged = false
    /// For a run that is not durable at all: what must hold of its workflow id.
    var startCondition: StartCondition?

    /// The clock of its namespace, if that is virtual; nil for real time.
    @exclusivity(unchecked) var clock: NamespaceClock?

    /// The run that goes on when this one continues as new: both are one append.
    var successor: Execution?
    /// The run that this one goes on from, until that append is durable.
    var predecessor: SagaID?

    /// Effects that wait until the events emitted so far are durable.
    @exclusivity(unchecked) var held: [HeldEffect] = []
    /// Effects that wait for the batch in flight.
    @exclusivity(unchecked) var heldInFlight: [HeldEffect] = []
    /// Whether the run is in the shard's list of runs with something to append.
    @exclusivity(unchecked) var isDirty = false
    /// Whether a batch in flight has events of the run.
    @exclusivity(unchecked) var isInFlight = false
    /// Until when the commit may wait for live code, so that a step costs one commit; nil if it waits for nothing.
    @exclusivity(unchecked) var holdUntil: Int64?

    /// Whether the run is in the shard's list of runs without a worker for their code.
    var isWaitingForWorker = false {
        // Or somebody would be told how long it waits from a time that is over.
        didSet { if !isWaitingForWorker { waitsForWorkerSince = nil } }
    }
    /// Since when; nil while it does not wait.
    var waitsForWorkerSince: Timestamp?
    /// Whether the shard has still to see to the run since it was read back; see `revive`.
    var awaitsRevival = false
    /// The event by which it was last resumed: before that is durable nothing of it is handed out.
    var resumedAt: EventID?
    /// Whether the code must be given events.
    @exclusivity(unchecked) var needsActivation = false
    /// The code is given no events while this one is not durable.
    var localBarrier: EventID?
    /// Local activities that code which is gone may have run: what later code says of its own attempt does not speak for them.
    var doubtedLocalSteps: Set<EventID> = []
    /// What the code has made of the report that is being judged.
    var advance: PendingAdvance?
    /// The worker that holds the code live, and the next event that it has not been sent.
    @exclusivity(unchecked) var codeHolder: WorkerID?
    @exclusivity(unchecked) var codeNext: EventID = 0
    /// The answer to this activation is the last that its worker knows of the code.
    var releasedBy: UInt64?
    /// Whether the code wants to end the run, which waits for an undo that a late report has put back. Code that is given
    /// events again says so again, so nothing is lost with it.
    var isEndHeld = false
    /// The run of a definition, as far as it has been given events; nil for code, and while it is not needed.
    var program: DefinitionRun?
    /// Where the definition stood in the snapshot that the run was recovered from; used once.
    var recoveredProgram: DefinitionRunState?
    /// Whether the program is at work.
    var isAdvancing = false
    /// The workflow task that is out.
    @exclusivity(unchecked) var activation: Activation?
    /// Reads the history for a worker that does not hold the code.
    var historyLoad: HistoryLoad?
    /// Checkpoints of the code before the last one: the newest that is durable, and those behind it.
    var earlierCheckpoints: [EventID] = []
    /// Failures of the code in a row.
    var codeFailures: UInt32 = 0
    /// How often in a row a worker could not keep the code until it had all of its history.
    var historyFailures = 0
    /// Whether a retry of the code is armed; it is not activated before.
    var isCodeRetryArmed = false

    /// Forward steps as their tasks stand.
    @exclusivity(unchecked) var tasks = EventTable<LiveTask>()
    /// Steps that were handed out since the last append: few, however many are open.
    @exclusivity(unchecked) var unrecordedStarts: [EventID] = []
    /// Undos as their tasks stand.
    @exclusivity(unchecked) var undoTasks = EventTable<LiveTask>()
    /// Steps whose probe has answered or could not: they are not asked again.
    var probed: Set<EventID> = []

    var resultWaiters: [CallID] = []
    /// The reset that is under way, and who waits for it.
    var reset: ResetCall?
    var resetWaiters: [(CallID, Call)] = []
    var isLoadingForReset = false
    var pendingUpdates: [PendingUpdate] = []
    var updateWaiters: [UpdateWaiter] = []
    var eventWaiters: [(call: CallID, from: EventID)] = []
    /// Calls that came while the run was closing: for the next run of the workflow id.
    var callsAfterClose: [(CallID, Call)] = []
    /// Reports that came while the run was closing: judged when its end is durable.
    var reportsAfterClose: [LateReport] = []
    /// Late effects that go with the next batch of the run.
    var lateEffects: [LateEffect] = []
    /// Events before this id stand in the newest snapshot, or in the one that is being made.
    var snapshotAt: EventID = 0
    /// When that one was taken, or the run began, on the monotonic clock; and bytes of payload since.
    var snapshotTime: Int64?
    var bytesSinceSnapshot = 0
    /// The state as the batch in flight leaves it, if a snapshot is due.
    var snapshotInFlight: ExecutionState?
    /// Where the definition stands in it.
    var programInFlight: DefinitionRunState?
    /// A snapshot that was kept, which the next append records.
    var unrecordedSnapshot: SnapshotCreated?
    /// The closing event, once there is one.
    var closing: EventAttributes?

    init(sagaID: SagaID) { state = ExecutionState(sagaID: sagaID) }

    var sagaID: SagaID { state.sagaID }
    var hasUndurableEvents: Bool { durableNext < state.nextEventID }

    /// Drops events that nobody needs from memory any more.
    func trimRecent() {
        guard historyLoad == nil else { return }
        if isDeclared {
            let needed = min(durableNext, program?.nextEventID ?? durableNext)
            guard needed > recentBase else { return }
            recent.removeFirst(Int(needed - recentBase))
            return recentBase = needed
        }
        // A young run keeps its few events, so that its first worker needs no read.
        if recentBase == 0 && recent.count <= 32 && codeHolder == nil { return }
        let needed = min(durableNext, codeHolder == nil ? durableNext : codeNext)
        guard needed > recentBase else { return }
        recent.removeFirst(Int(needed - recentBase))
        recentBase = needed
    }

    /// The events from an id on; nil if they are no longer in memory.
    func recentEvents(from eventID: EventID) -> ArraySlice<HistoryEvent>? {
        guard eventID >= recentBase, eventID <= state.nextEventID else { return nil }
        return recent[Int(eventID - recentBase)...]
    }
}

/// A workflow task that is out.
struct Activation {
    var worker: WorkerID
    var generation: UInt64
    /// Whether the worker was given the whole history.
    var isFull: Bool
}

/// A read of the history for a worker.
struct HistoryLoad {
    var load: LoadID
    var worker: WorkerID
    var generation: UInt64
    var next: EventID
    /// The first event of a run that has made a checkpoint, until it is sent with the next page.
    var start: [HistoryEvent] = []
}

/// A step's or undo's task, as the live engine knows it.
struct LiveTask: Hashable {
    enum Phase: Hashable {
        /// Waits until its cause is durable.
        case waitingForCommit
        /// Ready for a worker.
        case queued
        /// With a worker.
        case out(WorkerID)
        /// Goes on outside of the worker that had it; somebody will complete it by its token.
        case later
        /// May be with a worker of the time before the restart.
        case maybeOut
        /// Waits for the next attempt.
        case waitingForRetry
    }

    var phase: Phase
    var attempt: UInt32 = 1
    /// When it was handed out, on the wall clock.
    var handedOutAt = Timestamp(microseconds: 0)
    /// The worker's name, for the `…Started` event; nil once that is recorded.
    var unrecordedStart: String?
    /// When the attempt must have reported, and when it must give the next sign of life; on the monotonic clock.
    var closeBy: Int64 = .max
    var heartbeatBy: Int64 = .max
    var heartbeatDetails: Payload?
    /// When the attempt gave its last sign of life; nil if it gave none.
    var lastHeartbeatAt: Timestamp?
    /// Since when it waits for a worker, while it is queued.
    var queuedAt: Timestamp?
    /// Whether the worker was told to stop.
    var isCancelSent = false
    /// Whether an attempt may have run of which nothing is known.
    var mayHaveRun = false

    /// Whether the attempt runs, with its worker or outside.
    var isOut: Bool {
        switch phase {
        case .out, .later: true
        default: false
        }
    }
}

/// An effect that must not happen before its cause is durable. Large values are boxed, so that the effects of each step stay
/// small to keep and to move.
enum HeldEffect {
    indirect case reply(CallID, CallReply, original: Call)
    /// With what was reported, because a report that did not become durable is judged anew.
    case acknowledge(Reporter, TaskReference, ActivityResult, ReportVerdict)
    /// For that attempt: a later one has a cause of its own to wait for.
    case queueStep(EventID, attempt: UInt32)
    case queueUndo(EventID, attempt: UInt32)
    case queueProbe(TaskReference)
    case cancelStep(EventID)
    indirect case alert(BlockedRun)
    /// Tell another run what an event of this one asks for.
    case deliver(EventID)
    /// Call another run, although this one is closed.
    indirect case endChild(EventID, Call)
    /// Give the code what it must not see before that is durable.
    case activateCode
    /// Let a virtual clock fire what is due.
    case clockMoved
}
