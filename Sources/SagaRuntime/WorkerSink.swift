package import SagaCore

/// Where a `WorkerHost` delivers what its code did: the embedded engine, or a stream to a server.
///
/// Called from the host's threads and from Swift tasks, never while the host holds a lock. It must not block: it takes the
/// value and wakes whoever works on it.
package protocol WorkerSink: AnyObject, Sendable {
    /// The answer to a workflow task; one for each task, except for tasks that said `more`.
    func workflowTask(_ task: WorkflowTaskIdentity, _ answer: WorkflowTaskAnswer)
    /// The answer to a query; one for each, except for tasks that said `more`.
    func query(_ queryID: UInt64, _ sagaID: SagaID, _ answer: QueryAnswer)
    /// Several answers are given at a wake-up; this is called after the last of them, so that they can leave together.
    func flush()
    /// How an attempt ended; once for each activity task.
    func activity(_ task: TaskReference, _ result: ActivityResult)
    /// How an attempt ended, and what the live code here has made of it; once for each activity task.
    func activity(_ task: TaskReference, _ result: ActivityResult, advance: StepAdvance)
    /// The attempt is alive.
    func heartbeat(_ task: TaskReference, _ details: Payload?)
}

extension WorkerSink {
    package func query(_ queryID: UInt64, _ sagaID: SagaID, _ answer: QueryAnswer) {}
}

/// Which hand-out of which run an answer belongs to.
package struct WorkflowTaskIdentity: Hashable, Sendable {
    package var sagaID: SagaID
    package var generation: UInt64

    package init(sagaID: SagaID, generation: UInt64) {
        self.sagaID = sagaID
        self.generation = generation
    }
}

/// What a `WorkerHost` may use at most.
package struct WorkerLimits: Sendable {
    /// Suspended runs kept in memory; beyond it the least recently used are evicted and replayed when needed again.
    /// Default 10,000, at least 1.
    package var maxCachedRuns: Int
    /// Activities that run at the same time; more wait in the order they came. Default 100, at least 1.
    package var maxConcurrentActivities: Int
    /// Threads for workflow code. Default 2, at least 1.
    package var workflowThreads: Int
    /// Workflow code that runs longer than this without an await is reported. Default 1 s (semantics, section 6).
    package var slowCodeAfter: Duration

    package init(
        maxCachedRuns: Int = 10_000, maxConcurrentActivities: Int = 100, workflowThreads: Int = 2,
        slowCodeAfter: Duration = .seconds(1)
    ) {
        self.maxCachedRuns = max(1, maxCachedRuns)
        self.maxConcurrentActivities = max(1, maxConcurrentActivities)
        self.workflowThreads = max(1, workflowThreads)
        self.slowCodeAfter = slowCodeAfter
    }
}

/// What the operator of a worker should know.
package enum WorkerNotice: Sendable {
    /// Workflow code has not yielded for that long; its thread serves no other run meanwhile.
    case slowWorkflowCode(sagaID: SagaID, workflowID: String, workflowType: String, elapsed: Duration)
    /// Workflow code does not fit its history, or cannot be run here.
    case workflowTaskFailed(sagaID: SagaID, workflowID: String, workflowType: String, SagaError)
    /// An attempt failed.
    case activityFailed(TaskReference, activityType: String, SagaError)
}

extension WorkerNotice: CustomStringConvertible {
    package var description: String {
        switch self {
        case .slowWorkflowCode(let sagaID, let workflowID, let workflowType, let elapsed):
            "workflow code of type \(workflowType) has not yielded for \(elapsed) (run \(sagaID), workflow id"
                + " \(workflowID)): move blocking or long work into an activity"
        case .workflowTaskFailed(let sagaID, let workflowID, let workflowType, let error):
            "workflow task of type \(workflowType) failed (run \(sagaID), workflow id \(workflowID)): \(error)"
        case .activityFailed(let task, let activityType, let error):
            "attempt \(task.attempt) of activity \(activityType) failed (run \(task.sagaID), event \(task.eventID)):"
                + " \(error)"
        }
    }
}
