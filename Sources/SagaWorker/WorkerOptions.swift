/// How a worker works, where it differs from the defaults.
public struct WorkerOptions: Sendable {
    /// Queues that it serves. Default: `default`.
    public var taskQueues = ["default"]
    /// Who it is, for people. Default: the host's name and the process id.
    public var identity = ""
    /// Activities that run at the same time. Default 100.
    public var maxConcurrentActivities = 100
    /// Workflow tasks of each queue that the server may give it before it has answered. Default 0: any number.
    public var maxWorkflowTasks = 0
    /// Suspended runs kept in memory; others are replayed when needed. Default 10,000.
    public var maxCachedRuns = 10_000
    /// Threads for workflow code. Default 2.
    public var workflowThreads = 2
    /// How long a worker that is told to stop waits for its activities. Default 30 s.
    public var drainTimeout: Duration = .seconds(30)

    public init() {}
}
