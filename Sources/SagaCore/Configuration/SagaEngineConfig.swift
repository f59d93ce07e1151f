/// How an engine runs (manual, section 11.1). The defaults suit a server with a few thousand open sagas.
public struct SagaEngineConfig: Sendable {
    /// When the state of a run is written down. Default: every 100 events.
    public var snapshots = SnapshotPolicy()
    /// Events between two snapshots; 0 for none. Default 100.
    public var maxEventsBeforeSnapshot: UInt64 {
        get { snapshots.events }
        set { snapshots.events = newValue }
    }
    /// Start-to-close time-out of a step that does not say its own. Default 300 s.
    public var defaultActivityTimeout: Duration = .seconds(300)
    /// Queue of workflows that do not name one. Default `default`.
    public var workflowTaskQueue = "default"
    /// Attempts of a step that does not say its own. Default 3.
    public var maxActivityRetries: UInt32 = 3
    /// Wait before the second attempt. Default 1 s.
    public var retryBackoffInitial: Duration = .seconds(1)
    /// Longest wait between attempts. Default 60 s.
    public var retryBackoffMax: Duration = .seconds(60)
    /// How long workflow code may take to close after a cancel before the server unwinds it. Default 60 s.
    public var cancelGrace: Duration = .seconds(60)
    /// After a start of the server, how long a step that may still run somewhere is not handed out again. Default 10 s.
    public var reclaimGrace: Duration = .seconds(10)
    /// How long a worker may take to advance workflow code before another one gets it. Default 10 s.
    public var workflowTaskTimeout: Duration = .seconds(10)
    /// How long a commit may wait for live workflow code to advance, so that a step costs one commit. Ten times as long
    /// while many runs wait, whose code's answers queue, too. Default 5 ms.
    public var activationHold: Duration = .milliseconds(5)
    /// Most events in one commit. Default 1,024.
    public var maxBatchEvents = 1_024
    /// Most runs in one commit. Default 256.
    public var maxBatchRuns = 256
    /// Open runs that are kept in memory as a whole. Others that wait are kept as a small record, a few hundred bytes each, and
    /// made of it again when something comes. Default 8,192.
    public var maxLiveRuns = 8_192
    /// Limits of task queues by their names. Default: none.
    public var taskQueueLimits: [String: TaskQueueLimit] = [:]
    /// What is special about namespaces, by their names; the entry `*` is for all that have none of their own. Default: nothing.
    public var namespaces: [String: NamespaceOptions] = [:]
    /// Whether a caller with administrator's rights may give a namespace a virtual clock. Default: no, because there is no way
    /// back; `saga dev` allows it.
    public var allowsVirtualClocks = false

    public init() {}
}
