internal import Logging
internal import SagaClient
internal import SagaCore
internal import SagaRuntime
internal import SagaTransport
internal import SagaWire
internal import Synchronization

/// Between the code that runs here and the stream to the server, which comes and goes.
///
/// Tokens of workflow tasks live as long as the stream; what is known of activities lives until the server has
/// acknowledged their reports.
final class WorkerLink: WorkerSink {
    /// An activity that is here, from its hand-out until its report is acknowledged.
    private struct Attempt {
        var token: [UInt8]
        var queue: String
        /// The encoded report, once there is one.
        var report: [UInt8]?
    }

    /// A server's token as a key. Its end is the server's signature, which is as good as chance.
    private struct TokenKey: Hashable {
        let bytes: [UInt8]

        static func == (one: TokenKey, other: TokenKey) -> Bool { one.bytes == other.bytes }

        /// Its last bytes: they are of the server's tag.
        private var bits: UInt64 {
            var bits: UInt64 = 0
            for index in max(0, bytes.count - 8)..<bytes.count { bits = bits &<< 8 | UInt64(bytes[index]) }
            return bits
        }

        func hash(into hasher: inout Hasher) { hasher.combine(bits) }

        func _rawHashValue(seed: Int) -> Int { RandomBitsHash.value(bits, seed: seed) }
    }

    private struct State {
        var stream: WorkStreamObserver?
        /// Counts streams, so that what an old one says is told apart.
        var epoch: UInt64 = 0
        var generation: UInt64 = 0
        var workflowTokens: [WorkflowTaskIdentity: [UInt8]] = [:]
        /// Runs of which only part of the events has come: the task goes on under the same name.
        var partialTasks: [SagaID: UInt64] = [:]
        /// Tokens of queries by the name they have here, and the names by token: a history comes in pages.
        var queryTokens: [UInt64: [UInt8]] = [:]
        var queryIDs: [[UInt8]: UInt64] = [:]
        var attempts: [TaskReference: Attempt] = [:]
        var references: [TokenKey: TaskReference] = [:]
        /// The server drains: the stream ends once nothing is open.
        var endsWhenIdle = false
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let host: WorkerHost
    private let taskQueues: [String]
    /// Of each queue; 0 is any number.
    private let maxWorkflowTasks: Int
    private let logger: Logger
    private let state = Mutex(State())

    init(host: WorkerHost, taskQueues: [String], maxWorkflowTasks: Int, logger: Logger) {
        self.host = host
        self.maxWorkflowTasks = maxWorkflowTasks
        self.taskQueues = taskQueues
        self.logger = logger
    }

    // MARK: A stream's life

    /// Serves on a connection until the stream ends or the task is cancelled (the stream then stays for `drain`).
    /// - Returns: Why it ended; nil if in order.
    func serve(on connection: ClientConnection) async -> SagaClientError? {
        let open: [UInt8]
        do throws(WireError) {
            open = try Wire.WorkerItem(header: Wire.RequestHeader(), item: .open(offer())).serialized()
        } catch {
            return SagaClientError(.invalidArgument, "the worker's offer cannot be sent: \(error)")
        }
        let observer = WorkStreamObserver(link: self)
        // Known before the first task can come, so that no answer finds the way barred.
        let reports = state.withLock { state in
            state.stream = observer
            state.epoch += 1
            state.endsWhenIdle = false
            return state.attempts.values.compactMap(\.report)
        }
        observer.begin(
            connection.openStream(
                method: Wire.Method.workersWork.rawValue, body: open, observer: observer, window: .work))
        // What the last stream may have lost.
        for report in reports { observer.send(report) }
        let outcome = await observer.waitForEnd()
        guard let outcome else { return nil }
        // Runs are held by the stream: the server gives them to another.
        state.withLock { state in
            state.stream = nil
            state.workflowTokens = [:]
            state.partialTasks = [:]
            state.queryTokens = [:]
            state.queryIDs = [:]
        }
        host.evictAll()
        switch outcome {
        case .success: return nil
        case .failure(let error): return SagaClientError(error, isMutation: false)
        }
    }

    private func offer() -> Wire.WorkOpen {
        let attempts = state.withLock { Array($0.attempts.values) }
        // The limit is shared between the queues; what still runs keeps its slot. What only waits for its acknowledgement
        // is not announced, so the server gives no slot back for it: it must not take one here.
        let share = max(1, host.limits.maxConcurrentActivities / max(1, taskQueues.count))
        return Wire.WorkOpen(
            identity: host.identity, taskQueues: taskQueues, activityTypes: host.activities.types,
            workflowTypes: host.workflows.types.map {
                Wire.WorkflowTypeOffer(workflowType: $0.name, minimumVersion: $0.version, version: $0.version)
            },
            slots: taskQueues.map { queue in
                let taken = attempts.count { $0.queue == queue && $0.report == nil }
                return Wire.Slots(
                    taskQueue: queue, addActivities: UInt32(clamping: max(0, share - taken)),
                    addWorkflows: UInt32(clamping: max(0, maxWorkflowTasks)))
            },
            runningTaskTokens: attempts.filter { $0.report == nil }.prefix(4_096).map(\.token))
    }

    /// Takes no new task and waits until every report is acknowledged, at most so long; then ends the stream.
    func drain(for time: Duration) async {
        guard let stream = state.withLock({ $0.stream }) else { return }
        let running = state.withLock { $0.attempts.count }
        send(.drained(Wire.Drained(running: UInt32(clamping: running))))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilIdle() }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
            self.wakeIdleWaiters()
        }
        stream.finish()
        // The server ends its side in turn.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await stream.waitForEnd() }
            group.addTask { try? await Task.sleep(for: .seconds(2)) }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.attempts.isEmpty { return true }
                state.idleWaiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    private func wakeIdleWaiters() {
        let waiters = state.withLock { state in
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets go of the stream.
    func stop() {
        let stream = state.withLock { state in
            defer { state.stream = nil }
            return state.stream
        }
        stream?.cancel()
    }

    // MARK: From the server, on the event loop

    func received(_ body: UnsafeRawBufferPointer) {
        let item: Wire.ServerItem
        do throws(WireError) { item = try Wire.ServerItem(decoding: body, limits: .response) } catch {
            return logger.error("the server sent an item that does not read: \(error)")
        }
        switch item.item {
        case .workflowTask(let wire): workflowTask(wire)
        case .activityTask(let wire): activityTask(wire)
        case .queryTask(let wire): queryTask(wire)
        case .cancelActivity(let wire): cancel(wire.taskToken)
        case .evict(let wire): if let sagaID = wire.sagaID { host.evict(sagaID) }
        case .ack(let wire): acknowledged(wire)
        case .heartbeatAnswer(let wire): if wire.cancelRequested || !wire.current { cancel(wire.taskToken) }
        case .drain: drainRequested()
        case nil: break
        }
    }

    private func workflowTask(_ wire: Wire.WorkflowTask) {
        var task: WorkflowTask
        do throws(WireError) { task = try WorkflowTask(wire) } catch {
            // A history with events that this worker does not know must not be guessed over.
            let failure = SagaError(kind: .codec, message: "the workflow task does not read: \(error)")
            logger.error("\(failure.message)")
            send(Wire.WorkerItem.Item(.failed(.codeFailure, failure), token: wire.taskToken))
            return
        }
        state.withLock { state in
            if let generation = state.partialTasks[task.sagaID], task.firstEventID > 0 {
                task.generation = generation
            } else {
                state.generation += 1
                task.generation = state.generation
            }
            state.partialTasks[task.sagaID] = task.more ? task.generation : nil
            state.workflowTokens[WorkflowTaskIdentity(sagaID: task.sagaID, generation: task.generation)] =
                wire.taskToken
        }
        host.accept(task)
    }

    private func queryTask(_ wire: Wire.QueryTask) {
        let queryID = state.withLock { state in
            if let known = state.queryIDs[wire.taskToken] { return known }
            state.generation += 1
            state.queryIDs[wire.taskToken] = state.generation
            state.queryTokens[state.generation] = wire.taskToken
            return state.generation
        }
        do throws(WireError) {
            host.accept(try QueryTask(wire, queryID: queryID))
        } catch {
            query(
                queryID, SagaID(high: 0, low: 0),
                .failed(SagaError(kind: .codec, message: "the query does not read: \(error)")))
        }
    }

    private func activityTask(_ wire: Wire.ActivityTask) {
        let task: ActivityTask
        do throws(WireError) { task = try ActivityTask(wire) } catch {
            let failure = SagaError(kind: .codec, message: "the activity task does not read: \(error)")
            logger.error("\(failure.message)")
            send(Wire.WorkerItem.Item(.failed(failure, outcome: .noEffect), token: wire.taskToken))
            return
        }
        let isNew = state.withLock { state in
            guard state.attempts[task.reference] == nil else { return false }
            state.attempts[task.reference] = Attempt(token: wire.taskToken, queue: task.taskQueue)
            state.references[TokenKey(bytes: wire.taskToken)] = task.reference
            return true
        }
        // Handed out twice: it runs already, or its report is on the way.
        if isNew { host.accept(task) }
    }

    private func cancel(_ token: [UInt8]) {
        if let reference = state.withLock({ $0.references[TokenKey(bytes: token)] }) { host.cancel(reference) }
    }

    private func acknowledged(_ ack: Wire.Ack) {
        if ack.result == .refused, let error = ack.error {
            logger.error("the server refused a report: \(error.message)")
        }
        let (isIdle, mustEnd) = state.withLock { state -> (Bool, WorkStreamObserver?) in
            if let reference = state.references.removeValue(forKey: TokenKey(bytes: ack.taskToken)) {
                state.attempts[reference] = nil
            }
            return (state.attempts.isEmpty, state.attempts.isEmpty && state.endsWhenIdle ? state.stream : nil)
        }
        if isIdle { wakeIdleWaiters() }
        mustEnd?.finish()
    }

    /// The server goes away: it gets what runs here, then the stream ends and another server is looked for.
    private func drainRequested() {
        let mustEnd = state.withLock { state in
            state.endsWhenIdle = true
            return state.attempts.isEmpty ? state.stream : nil
        }
        mustEnd?.finish()
    }

    // MARK: From the code

    func workflowTask(_ task: WorkflowTaskIdentity, _ answer: WorkflowTaskAnswer) {
        // The stream that the task came by is gone: its answer is of no use.
        guard let token = state.withLock({ $0.workflowTokens.removeValue(forKey: task) }) else { return }
        if let problem = send(Wire.WorkerItem.Item(answer, token: token)) {
            let error = SagaError(
                kind: .codec, message: "the commands cannot be sent: \(problem)", isNonRetryable: true)
            send(Wire.WorkerItem.Item(.failed(.codeFailure, error), token: token))
        }
    }

    func query(_ queryID: UInt64, _ sagaID: SagaID, _ answer: QueryAnswer) {
        let token = state.withLock { state in
            let token = state.queryTokens.removeValue(forKey: queryID)
            if let token { state.queryIDs[token] = nil }
            return token
        }
        guard let token else { return }
        if let problem = send(.queryAnswered(Wire.QueryAnswered(answer, token: token))) {
            let error = SagaError(kind: .codec, message: "the answer cannot be sent: \(problem)")
            send(.queryAnswered(Wire.QueryAnswered(.failed(error), token: token)))
        }
    }

    func flush() {}

    func activity(_ task: TaskReference, _ result: ActivityResult) { report(task, result, nil) }

    func activity(_ task: TaskReference, _ result: ActivityResult, advance: StepAdvance) {
        report(task, result, advance)
    }

    private func report(_ task: TaskReference, _ result: ActivityResult, _ advance: StepAdvance?) {
        guard let token = state.withLock({ $0.attempts[task]?.token }) else { return }
        let report: [UInt8]
        do throws(WireError) {
            report = try Self.encoded(Wire.WorkerItem.Item(result, token: token, advance: advance))
        } catch {
            // By itself it may be sent; the server asks the code then, which says why it cannot.
            if advance != nil { return self.report(task, result, nil) }
            // The activity ran; only its report cannot be sent.
            let failure = SagaError(
                kind: .codec, message: "the report of the activity cannot be sent: \(error)", isNonRetryable: true)
            guard let small = try? Self.encoded(Wire.WorkerItem.Item(.failed(failure, outcome: .unknown), token: token))
            else { return }
            report = small
        }
        let stream = state.withLock { state in
            state.attempts[task]?.report = report
            return state.stream
        }
        stream?.send(report)
    }

    func heartbeat(_ task: TaskReference, _ details: Payload?) {
        guard let token = state.withLock({ $0.attempts[task]?.token }) else { return }
        send(.heartbeat(Wire.Heartbeat(taskToken: token, details: details.map { Wire.Payload($0) })))
    }

    /// Largest item that is sent, in bytes: the protocol's message limit.
    private static let maximumItem = 4 << 20

    private static func encoded(_ item: Wire.WorkerItem.Item) throws(WireError) -> [UInt8] {
        let bytes = try Wire.WorkerItem(item: item).serialized()
        guard bytes.count <= maximumItem else {
            throw WireError(field: "", reason: .tooLarge(limit: maximumItem))
        }
        return bytes
    }

    @discardableResult
    private func send(_ item: Wire.WorkerItem.Item) -> WireError? {
        do throws(WireError) {
            let bytes = try Self.encoded(item)
            state.withLock { $0.stream }?.send(bytes)
            return nil
        } catch {
            return error
        }
    }
}
