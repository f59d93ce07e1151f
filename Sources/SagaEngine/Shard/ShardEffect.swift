package import SagaCore

/// What a shard wants done. Nothing here is done by the shard itself: it has no socket, file, clock or thread.
/// Large values are boxed: effects are moved more often than they are looked at.
package enum ShardEffect: Sendable {
    /// Make the batch durable, then answer with `ShardInput.appended`.
    case append(BatchID, AppendBatch)
    /// Read events of a run, then answer with `historyLoaded`.
    case loadHistory(LoadID, SagaID, from: EventID, limit: Int)
    /// Read a run's row and events, then answer with `runLoaded`.
    indirect case loadRun(LoadID, RunTarget, LoadedEvents)
    /// Keep a snapshot of this state, and of where its definition stands, when there is time, then tell with `snapshotKept`.
    indirect case snapshot(ExecutionState, DefinitionRunState?)
    /// Answer a caller.
    indirect case reply(CallID, Result<CallReply, CallFailure>)
    /// Send something to a worker.
    case worker(WorkerID, WorkerMessage)
    /// What the store holds is no longer known: take it over again and give every open run with `recovered`.
    case recover
    /// Tell the operator.
    indirect case log(ShardLog)
    /// Call a person: a run is blocked, and that is durable.
    indirect case alert(BlockedRun)
}

/// What became of the report of an attempt.
public enum ReportVerdict: Hashable, Sendable, CaseIterable {
    /// It is durable.
    case recorded
    /// It was recorded before, or counts no longer; nothing changed.
    case alreadyRecorded
    /// The step's undo had begun, or the run was closed: the effect is kept as a `LateEffect`.
    case lateEffect
}

/// Which events of a run to read.
package enum LoadedEvents: Sendable {
    /// The first and the last.
    case ends
    /// The first and the last, and of another run if that was started by this request: a request is remembered as long as
    /// its run is stored.
    case startedBy(String)
    /// The first and the last, and where the code made its last checkpoint: for a question to the code of a closed run.
    case queried
    /// The first, that one, and the last.
    case event(EventID)
    case all
    /// All, of the last of the runs of the workflow id that went on from the one that is named: by a reset, as a new run, or to
    /// undo it. If none did, or it is not among the last hundred, of the named run itself.
    case heir
}

/// What a worker is told. Large values are boxed (the task of an activity is so by itself): they go through several hands.
package enum WorkerMessage: Sendable {
    indirect case workflowTask(WorkflowTask)
    case activityTask(ActivityTask)
    indirect case query(QueryTask)
    /// The run wants the task to stop.
    case cancel(TaskReference)
    /// The report is durable, or was recorded before: it need not be sent again.
    case acknowledge(TaskReference, ReportVerdict)
    /// The run is closed or elsewhere: drop its code.
    case evict(SagaID)
}

/// A line for the operator.
package struct ShardLog: Sendable {
    package enum Level: Sendable {
        case info
        case warning
        case error
    }

    package var level: Level
    package var message: String
    package var sagaID: SagaID?
    package var workflowID: String

    package init(_ level: Level, _ message: String, sagaID: SagaID? = nil, workflowID: String = "") {
        self.level = level
        self.message = message
        self.sagaID = sagaID
        self.workflowID = workflowID
    }
}
