package import SagaCore

package typealias WorkerID = UInt64
package typealias BatchID = UInt64
package typealias LoadID = UInt64

/// The two clocks, read once by whoever drives the shard: it has none of its own.
package struct ShardTime: Hashable, Sendable {
    /// For what must survive a restart: timers, retries, time-outs of runs.
    package var wall: Timestamp
    /// Microseconds of a clock that never jumps, for time-outs of live workers.
    package var monotonic: Int64

    package init(wall: Timestamp, monotonic: Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}

/// Everything that can happen to a shard. Large values are boxed: inputs are moved more often than they are looked at.
package enum ShardInput: Sendable {
    indirect case call(CallID, Call)
    /// The caller no longer waits; what it asked for stays asked for, but for a reset whose run is still being read.
    case callAbandoned(CallID)
    indirect case workerOpened(WorkerID, WorkerOffer)
    case workerSlots(WorkerID, queue: String, add: Int32)
    /// The worker takes so many more workflow tasks of a queue whose number it has limited.
    case workerCodeSlots(WorkerID, queue: String, add: Int32)
    /// The worker takes no new task; it finishes what it has.
    case workerDraining(WorkerID)
    case workerClosed(WorkerID)
    /// The worker does not keep the code of a run, whose task it answers next.
    case codeReleased(WorkerID, SagaID, generation: UInt64)
    case workflowTaskAnswered(WorkerID, SagaID, generation: UInt64, WorkflowTaskAnswer)
    indirect case queryAnswered(WorkerID, queryID: UInt64, QueryAnswer)
    case activityEnded(WorkerID, TaskReference, ActivityResult)
    /// The same, with what the live code of the run has made of it where it ran.
    indirect case stepAdvanced(WorkerID, TaskReference, ActivityResult, StepAdvance)
    case heartbeat(WorkerID, TaskReference, Payload?)
    case appended(BatchID, Result<[AppendOutcome], StoreError>)
    case historyLoaded(LoadID, Result<[HistoryEvent], StoreError>)
    indirect case runLoaded(LoadID, Result<LoadedRun?, StoreError>)
    /// A snapshot of an open run is in the store.
    indirect case snapshotKept(SagaID, SnapshotCreated)
    /// One open run as the store has it; only while recovering.
    indirect case recovered(RecoveredRun)
    /// One open run that came in from another server under that epoch, as the store has it.
    indirect case imported(RecoveredRun, epoch: UInt64)
    /// All open runs were given.
    case recoveryFinished(epoch: UInt64)
    /// Time has passed.
    case tick
}

/// What a worker offers when its stream opens.
package struct WorkerOffer: Sendable {
    package var namespace: String
    package var identity: String
    /// Free slots for activity tasks by queue.
    package var queues: [(name: String, slots: Int32)]
    /// Free slots for workflow tasks by queue; a queue that is not named has any number.
    package var codeSlots: [String: Int32] = [:]
    package var activityTypes: [String]
    package var workflowTypes: [RegisteredType]
    /// Tasks that still run from an earlier stream.
    package var running: [TaskReference]

    package init(
        namespace: String, identity: String, queues: [(name: String, slots: Int32)], activityTypes: [String],
        workflowTypes: [RegisteredType], running: [TaskReference] = []
    ) {
        self.namespace = namespace
        self.identity = identity
        self.queues = queues
        self.activityTypes = activityTypes
        self.workflowTypes = workflowTypes
        self.running = running
    }
}

/// An open run as its events tell it, from a snapshot on or from the first.
package struct RecoveredRun: Sendable {
    package var state: ExecutionState
    /// Events before this id stand in the snapshot that it was made from; 0 for none.
    package var snapshotAt: EventID
    /// Where the definition of a declared run stood in that snapshot.
    package var program: DefinitionRunState?

    package init(state: ExecutionState, snapshotAt: EventID = 0, program: DefinitionRunState? = nil) {
        self.state = state
        self.snapshotAt = snapshotAt
        self.program = program
    }
}

/// A run read from the store.
package struct LoadedRun: Sendable {
    package var row: ExecutionRow
    /// The events that were asked for.
    package var events: [HistoryEvent]
    /// The marker of the last checkpoint of its code, if that was asked for; nil if it made none.
    package var checkpoint: EventID?
    /// The run that its first event happened in, if that was asked for and is another one.
    package var firstRun: SagaID?

    package init(
        row: ExecutionRow, events: [HistoryEvent], checkpoint: EventID? = nil, firstRun: SagaID? = nil
    ) {
        self.row = row
        self.events = events
        self.checkpoint = checkpoint
        self.firstRun = firstRun
    }
}
