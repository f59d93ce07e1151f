public import Logging
public import SagaCore
internal import SagaRuntime
internal import Synchronization

/// The engine inside a program: the same workflows as on a server, without one (manual, section 7.6).
///
/// ```swift
/// let engine = try await SagaEngine(
///     store: SQLiteEventStore(path: "sagas.db"), workflows: workflows, activities: activities)
/// let handle = try await engine.startWorkflow(PaymentWorkflow.self, id: "payment-42", input: input)
/// print(try await handle.result())
/// ```
public final class SagaEngine: Sendable {
    private let driver: ShardDriver
    private let host: WorkerHost
    private let worker: WorkerID
    let schedules: ScheduleDesk
    private let store: any EventStore
    private let converter: any PayloadConverter
    private let taskQueue: String
    private let isShutDown = Mutex(false)

    /// Opens an engine over a store and recovers its open runs; their code goes on at once.
    /// - Parameters:
    ///   - config: How it runs.
    ///   - store: Where the histories live.
    ///   - workflows: The workflow types that run here.
    ///   - activities: The activities that run here.
    ///   - taskQueues: The queues served here. Default: the engine's workflow queue.
    ///   - converter: How values become payloads. Default JSON.
    ///   - logger: Where it says what an operator should know.
    /// - Throws: `StoreError` if the store cannot be read.
    public init(
        config: SagaEngineConfig = .init(), store: any EventStore, workflows: WorkflowRegistry,
        activities: ActivityRegistry, taskQueues: [String]? = nil, converter: any PayloadConverter = .json,
        logger: Logger = Logger(label: "saga.engine")
    ) async throws {
        self.store = store
        self.converter = converter
        taskQueue = config.workflowTaskQueue
        driver = try await ShardDriver(store: store, config: config, logger: logger)
        let host = WorkerHost(
            workflows: workflows, activities: activities, converter: converter, identity: "embedded",
            notice: { logger.warning("\($0)") })
        self.host = host
        let queues = (taskQueues ?? [config.workflowTaskQueue]).map { (name: $0, slots: Int32(1_000)) }
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: "embedded", queues: queues, activityTypes: activities.types,
            workflowTypes: workflows.types)
        await driver.start()
        worker = driver.openWorker(offer, deliveringTo: host)
        host.attach(HostedWorkerSink(driver: driver, worker: worker))
        schedules = ScheduleDesk(driver, logger: logger)
    }

    /// The one namespace of an embedded engine.
    static let namespace = "default"

    /// Starts a run.
    /// - Parameters:
    ///   - workflow: Which workflow.
    ///   - id: The caller's name for the saga, unique among the open ones; a start with the id of an open run returns
    ///     that run.
    ///   - input: What it receives.
    ///   - options: Time-out, reuse of the id, and the like.
    /// - Returns: A handle, once the start is durable.
    /// - Throws: `CallFailure`.
    public func startWorkflow<W: DurableWorkflow>(
        _ workflow: W.Type, id: String, input: W.Input, options: StartOptions = .init()
    ) async throws -> SagaHandle<W> {
        try await start(W.typeID, id: id, input: try converter.encode(input), options: options)
    }

    /// Starts a run of a type by its name.
    func start<W: DurableWorkflow>(
        _ type: String, id: String, input: Payload, options: StartOptions
    ) async throws -> SagaHandle<W> {
        let start = StartCall(
            namespace: Self.namespace, workflowID: id, workflowType: type,
            workflowVersion: options.workflowVersion, taskQueue: options.taskQueue ?? taskQueue,
            input: input, requestID: options.requestID, identity: "embedded",
            reusePolicy: options.reusePolicy,
            executionTimeoutMicros: options.executionTimeout?.wholeMicroseconds ?? 0,
            autoCompensate: options.autoCompensate, continueOnUndoError: options.continueOnUndoError,
            memo: options.memo, searchAttributes: options.searchAttributes)
        guard case .started(let sagaID, let alreadyStarted) = try await driver.call(.start(start)).get() else {
            throw CallFailure(.internalError, "the engine gave another answer than was asked for")
        }
        return SagaHandle(
            engine: self, target: RunTarget(namespace: Self.namespace, workflowID: id, sagaID: sagaID),
            alreadyStarted: alreadyStarted)
    }

    /// Starts a run and waits for its output.
    public func executeWorkflow<W: DurableWorkflow>(
        _ workflow: W.Type, id: String, input: W.Input, options: StartOptions = .init()
    ) async throws -> W.Output {
        try await startWorkflow(workflow, id: id, input: input, options: options).result()
    }

    /// A handle of a run that was started before.
    public func handle<W: DurableWorkflow>(_ workflow: W.Type, id: String, sagaID: SagaID? = nil) -> SagaHandle<W> {
        SagaHandle(
            engine: self, target: RunTarget(namespace: Self.namespace, workflowID: id, sagaID: sagaID),
            alreadyStarted: true)
    }

    /// Runs that match a filter, newest first.
    public func list(_ query: ExecutionQuery = ExecutionQuery(namespace: "default")) async throws(StoreError)
        -> [ExecutionRow]
    {
        try await store.list(query)
    }

    /// How many runs match a filter.
    public func count(_ query: ExecutionQuery = ExecutionQuery(namespace: "default")) async throws(StoreError) -> Int {
        try await store.count(query)
    }

    /// Removes a closed run and its history.
    /// - Throws: `CallFailure` if it is open, or unknown.
    @discardableResult
    public func deleteWorkflow(id: String, sagaID: SagaID? = nil) async throws(CallFailure) -> SagaID {
        try await driver.delete(RunTarget(namespace: Self.namespace, workflowID: id, sagaID: sagaID)).get()
    }

    /// Removes runs that closed longer ago than that, but no child before its parent.
    /// - Returns: How many.
    @discardableResult
    public func removeRuns(closedLongerAgoThan age: Duration) async throws(StoreError) -> Int {
        let limit = driver.time(of: Self.namespace).adding(microseconds: -max(0, age.wholeMicroseconds))
        return try await driver.removeRuns(closedBefore: limit, namespace: Self.namespace)
    }

    /// Writes down what happened and stops; open runs go on when an engine is opened over the store again.
    public func shutDown() async {
        guard
            isShutDown.withLock({ value in
                defer { value = true }; return !value
            })
        else { return }
        host.shutDown()
        // What live code has taken over is reported before the engine stops.
        await host.codePaused()
        schedules.stop()
        driver.post(.workerClosed(worker))
        await driver.shutDown()
        await store.close()
    }

    /// Event-sourced aggregates of one type, in the engine's store.
    public func aggregates<A: Aggregate>(_ type: A.Type = A.self) -> AggregateRepository<A> {
        let driver = driver
        return AggregateRepository(store: store, converter: converter) { driver.time(of: Self.namespace) }
    }

    var replayer: HistoryReplayer { driver.replayer }

    func call(_ call: Call) async throws(CallFailure) -> CallReply { try await driver.call(call).get() }

    func history(of sagaID: SagaID) async throws(StoreError) -> [HistoryEvent] {
        try await store.allEvents(of: sagaID)
    }

    func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws -> Value {
        try converter.decode(type, from: payload)
    }

    func encode<Value: Encodable>(_ value: Value) throws -> Payload { try converter.encode(value) }
}

/// How a run is started, where it differs from the defaults.
public struct StartOptions: Sendable {
    /// Version of the code; 0 (default) means the newest.
    public var workflowVersion: UInt32 = 0
    /// Queue of the code. Default: the engine's workflow queue.
    public var taskQueue: String?
    /// The same id gives the same answer. Default: none.
    public var requestID = ""
    /// Whether a closed workflow id may be used again. Default: only after a bad end.
    public var reusePolicy = ReusePolicy.allowIfFailed
    /// When the run is unwound and closes as timed out. Default: never.
    public var executionTimeout: Duration?
    /// Whether a bad end unwinds by itself. Default: yes.
    public var autoCompensate = true
    /// Whether earlier undos go on when one has failed for good. Default: no.
    public var continueOnUndoError = false
    /// Notes, returned by `describe`.
    public var memo: [NamedPayload] = []
    /// Attributes that listings filter by.
    public var searchAttributes: [NamedPayload] = []

    public init() {}
}
