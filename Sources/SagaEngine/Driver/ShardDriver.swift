internal import Dispatch
package import Logging
package import SagaCore
internal import Synchronization

/// Drives a shard: gives it what happens, and does what it wants done.
///
/// Whoever has something for the shard puts it into the mailbox, from any thread, without waiting. If nobody runs the shard,
/// that thread does, once: an idle engine answers without a change of threads. While somebody runs it everything gathers,
/// and goes on on a serial queue, so that many inputs cost one wake-up and one commit. The store never blocks it.
package final class ShardDriver: Sendable {
    /// Where a worker's messages go: called by whoever runs the shard, with everything that one run made; must not block.
    package typealias WorkerSinkFunction = @Sendable ([WorkerMessage]) -> Void
    /// Has something done soon on the calling thread, after what it is at; false if this thread has no such way.
    package typealias Deferral = @Sendable (@escaping @Sendable () -> Void) -> Bool
    /// Where the answer to a call goes: called once, by whoever runs the shard; must not block.
    package typealias Completion = @Sendable (Result<CallReply, CallFailure>) -> Void

    /// For reads that need no shard: list, history.
    package let store: any EventStore
    /// Rings when the store has committed something.
    package let feedBell = FeedBell()
    /// Facts that the store fixed when it was created.
    package let metadata: StoreMetadata
    let logger: Logger
    private let queue = DispatchQueue(label: "saga.shard")
    private let mailbox = Mutex(Mailbox())
    private let timer = ShardTimer()
    /// Touched only by whoever has claimed the mailbox.
    private let core: Core
    /// The store, if it calls back.
    private let directStore: (any CallbackAppender)?
    private let deferral: Deferral?
    /// Inputs beyond which a deferred run goes to the queue: the thread has other things to do than to run the shard.
    private static let manyInputs = 32
    /// Requests that applications leave in the store, if it takes any.
    private let inbox: InboxPump?
    /// What the virtual clocks show, for everybody who asks.
    let readings = Mutex<[String: ClockReading]>([:])
    /// Keeps states that the shard hands out, if the store takes them.
    private let snapshotter: Snapshotter?

    /// Opens the store's facts; nothing is recovered yet.
    /// - Throws: `StoreError` if the store cannot be read.
    /// - Parameters:
    ///   - onBlocked: Called for each run that becomes blocked or is found so; must not block.
    ///   - deferral: How threads that bring many inputs at once, such as event loops, run the shard after the last of them.
    package init(
        store: any EventStore, config: SagaEngineConfig, logger: Logger,
        onBlocked: (@Sendable (BlockedRun) -> Void)? = nil, deferral: Deferral? = nil
    ) async throws(StoreError) {
        self.store = store
        directStore = store as? any CallbackAppender
        self.deferral = deferral
        self.logger = logger
        metadata = try await store.metadata()
        inbox = (store as? any RequestInbox).map { InboxPump($0, logger: logger) }
        snapshotter = (store as? any SnapshotStore).map {
            Snapshotter($0, newest: config.snapshots.kept, logger: logger)
        }
        var random = SystemRandomNumberGenerator()
        var shardConfig = ShardConfig(config, partitionCount: metadata.partitionCount)
        shardConfig.maxBatchesInFlight = max(1, directStore?.batchesAtOnce ?? 1)
        core = Core(shard: Shard(config: shardConfig, seed: random.next()))
        core.alertSink = onBlocked
        timer.start { [weak self] in self?.timerFired() }
        snapshotter?.attach { [weak self] in self?.post($0) }
    }

    deinit { timer.stop() }

    /// Takes the store over and recovers every open run; returns when calls are served.
    package func start() async {
        recover()
        await withCheckedContinuation { continuation in
            // Also if it is ready by now: who waits is told when the clocks are shown.
            errand { $0.readyWaiters.append(continuation) }
        }
        if let inbox { Task { [weak self] in await inbox.run { [weak self] in self } } }
    }

    // MARK: Calls

    /// Asks the engine something.
    /// - Returns: A name for the call, with which its caller may abandon it.
    @discardableResult
    package func call(_ call: Call, completion: @escaping Completion) -> CallID {
        let (id, wake) = mailbox.withLock { box -> (CallID, Bool) in
            let id = box.nextCallID
            box.nextCallID += 1
            box.completions.append((id, completion))
            return (id, box.put(.call(id, call)))
        }
        if wake { scheduleRun() }
        return id
    }

    /// Asks the engine something and waits.
    package func call(_ call: Call) async -> Result<CallReply, CallFailure> {
        await withCheckedContinuation { continuation in
            self.call(call) { continuation.resume(returning: $0) }
        }
    }

    /// The caller no longer waits. Its completion is not called, unless it is just being called.
    package func abandon(_ id: CallID) {
        post(.callAbandoned(id))
        errand { $0.completions[id] = nil }
    }

    // MARK: Workers

    /// Opens a worker's stream.
    /// - Returns: The worker's name for everything that it reports.
    package func openWorker(_ offer: WorkerOffer, sink: @escaping WorkerSinkFunction) -> WorkerID {
        let (id, wake) = mailbox.withLock { box -> (WorkerID, Bool) in
            let id = box.nextWorkerID
            box.nextWorkerID += 1
            box.sinks.append((id, sink))
            return (id, box.put(.workerOpened(id, offer)))
        }
        if wake { scheduleRun() }
        return id
    }

    /// Gives the shard what a worker reports, or that time has passed.
    package func post(_ input: ShardInput) {
        if mailbox.withLock({ $0.put(input) }) { scheduleRun() }
    }

    /// Gives the shard several inputs at once.
    package func post(_ inputs: some Sequence<ShardInput>) {
        let wake = mailbox.withLock { box in
            var wake = false
            for input in inputs { wake = box.put(input) || wake }
            return wake
        }
        if wake { scheduleRun() }
    }

    /// A run was removed from the store; returns when the shard knows.
    func deleted(_ sagaID: SagaID) async {
        await withCheckedContinuation { continuation in
            errand { core in
                core.shard.deleted(sagaID)
                continuation.resume()
            }
        }
    }

    // MARK: Health

    /// How the shard stands; the answer comes from who runs it, so that a shard that hangs does not answer.
    package func status() async -> ShardStatus {
        await withCheckedContinuation { continuation in
            errand { continuation.resume(returning: $0.shard.status) }
        }
    }

    // MARK: The end

    /// Waits until everything that happened is durable, then stops; the store stays open.
    package func shutDown() async {
        inbox?.stop()
        await withCheckedContinuation { continuation in
            errand { $0.idleWaiters.append(continuation) }
        }
    }

    // MARK: Running the shard

    /// Has something done by whoever runs the shard, in order with the inputs.
    func errand(_ body: @escaping @Sendable (Core) -> Void) {
        if mailbox.withLock({ $0.put(body) }) { scheduleRun() }
    }

    /// The mailbox is this thread's: it sees to it that the shard runs.
    private func scheduleRun() {
        if let deferral, deferral({ self.runDeferred() }) { return }
        runOnce()
    }

    private func runDeferred() {
        if mailbox.withLock({ $0.inputs.count }) > Self.manyInputs {
            queue.async { self.runOnQueue() }
        } else {
            runOnce()
        }
    }

    /// Runs the shard on a thread that has other things to do: what has come meanwhile is the queue's.
    private func runOnce() {
        runMailbox()
        if !mailbox.withLock({ $0.release() }) { queue.async { self.runOnQueue() } }
    }

    private func runOnQueue() {
        repeat { runMailbox() } while !mailbox.withLock { $0.release() }
    }

    private func timerFired() { errand { $0.armedFor = nil } }

    private func runMailbox() {
        // Two boxes change places, so that neither gives its memory up and the lock is held for a moment only.
        mailbox.withLock { $0.exchange(with: &core.taken) }
        for (id, completion) in core.taken.completions { core.completions[id] = completion }
        for (id, sink) in core.taken.sinks { core.sinks[id] = sink }
        let now = EngineClock.now()
        for input in core.taken.inputs {
            core.shard.handle(input, now: now)
            if case .workerClosed(let id) = input { core.sinks[id] = nil }
        }
        if core.taken.inputs.isEmpty { core.shard.handle(.tick, now: now) } else { core.isBusy = true }
        for errand in core.taken.errands { errand(core) }
        core.taken.clear()
        perform(core.shard.flush(now: now))
        armTimer(now)
        publishClocks()
        if core.shard.isReady, !core.readyWaiters.isEmpty {
            for waiter in core.readyWaiters { waiter.resume() }
            core.readyWaiters = []
        }
        if core.shard.isIdle, !core.idleWaiters.isEmpty {
            for waiter in core.idleWaiters { waiter.resume() }
            core.idleWaiters = []
        }
    }

    /// Gives something to a worker that is still there.
    func deliver(_ message: WorkerMessage, to worker: WorkerID) {
        errand { $0.sinks[worker]?([message]) }
    }

    /// Answers a caller who still waits.
    func answer(_ id: CallID, _ result: Result<CallReply, CallFailure>) {
        errand { $0.completions.removeValue(forKey: id)?(result) }
    }

    private func publishClocks() {
        guard core.shard.clockVersion != core.clockVersion else { return }
        core.clockVersion = core.shard.clockVersion
        let shown = core.shard.clockReadings
        readings.withLock { readings in
            readings = [:]
            for reading in shown { readings[reading.namespace] = reading }
        }
    }

    private func armTimer(_ now: ShardTime) {
        guard var wake = core.shard.nextWake else { return }
        // A timer that is armed earlier fires, finds nothing, and is armed again: cheaper than moving it each time.
        if let armed = core.armedFor, armed <= wake { return }
        if core.armedFor == nil, core.isBusy {
            // While things happen commits wait for code now and then, and mostly not to the end: one look at every such time
            // serves them all.
            wake = min(wake, now.monotonic &+ Self.busyLook)
            core.isBusy = false
        }
        core.armedFor = wake
        timer.set(after: max(0, min(wake &- now.monotonic, 86_400_000_000)))
    }

    /// How often a busy shard is looked at, in microseconds: as long as a commit waits for code unless told otherwise.
    private static let busyLook: Int64 = 5_000

    // MARK: Effects

    private func perform(_ effects: [ShardEffect]) {
        var messages: [(worker: WorkerID, batch: [WorkerMessage])] = []
        // Pages of histories that others follow, by their runs.
        var pages: [SagaID: PageGate] = [:]
        for effect in effects {
            switch effect {
            case .worker(let id, .activityTask(let task)) where task.hasBlobs: bring(task, to: id)
            case .worker(let id, var message):
                if let (sagaID, gate) = message.lendPage() { pages[sagaID] = gate }
                if let index = messages.firstIndex(where: { $0.worker == id }) {
                    messages[index].batch.append(message)
                } else {
                    messages.append((id, [message]))
                }
            case .reply(let id, .success(.updated(let reply))) where reply.hasBlobs: bring(reply, to: id)
            case .reply(let id, let result): core.completions.removeValue(forKey: id)?(result)
            case .append(let id, let batch): append(id, batch)
            case .loadHistory(let load, let sagaID, let from, let limit):
                loadHistory(load, sagaID, from, limit, after: pages.isEmpty ? nil : pages[sagaID])
            case .loadRun(let load, let target, let events): loadRun(load, target, events)
            case .snapshot(let state, let program): snapshotter?.take(state, program)
            case .recover: recover()
            case .log(let line): log(line)
            case .alert(let run): core.alertSink?(run)
            }
        }
        for (worker, batch) in messages { core.sinks[worker]?(batch) }
    }

    private func append(_ id: BatchID, _ batch: AppendBatch) {
        if batch.hasBlobs { return bring(batch, id) }
        appendWhole(id, batch)
    }

    func appendWhole(_ id: BatchID, _ batch: AppendBatch) {
        if let directStore {
            // No way through Swift's pool: the store's thread runs the shard on.
            let isLarge = batch.transactions.count > Self.manyInputs
            return directStore.append(batch) {
                self.feedBell.ring()
                self.appended(id, $0, isLarge: isLarge)
            }
        }
        Task {
            let result: Result<[AppendOutcome], StoreError>
            do throws(StoreError) {
                result = .success(try await store.append(batch))
            } catch {
                result = .failure(error)
            }
            feedBell.ring()
            post(.appended(id, result))
        }
    }

    /// - Parameter isLarge: The shard will be at it for a while, so that the store's thread had better write the next batch.
    private func appended(_ id: BatchID, _ result: Result<[AppendOutcome], StoreError>, isLarge: Bool) {
        guard isLarge else { return post(.appended(id, result)) }
        if mailbox.withLock({ $0.put(.appended(id, result)) }) { queue.async { self.runOnQueue() } }
    }

    /// Reads the next page while the code is at the one before, and gives it once that was taken.
    private func loadHistory(
        _ load: LoadID, _ sagaID: SagaID, _ from: EventID, _ limit: Int, after page: PageGate?
    ) {
        Task {
            let result: Result<[HistoryEvent], StoreError>
            do throws(StoreError) {
                result = .success(try await store.events(of: sagaID, from: from, limit: limit))
            } catch {
                result = .failure(error)
            }
            if let page { await page.opened() }
            post(.historyLoaded(load, result))
        }
    }

    private func loadRun(_ load: LoadID, _ target: RunTarget, _ events: LoadedEvents) {
        Task {
            let result: Result<LoadedRun?, StoreError>
            do throws(StoreError) {
                result = .success(try await store.run(target, events))
            } catch {
                result = .failure(error)
            }
            post(.runLoaded(load, result))
        }
    }

    /// Snapshots made and missed since the start; nil if the store keeps none.
    package var snapshotCounts: SnapshotCounts? { snapshotter?.counts }

    /// A replayer over the store, whose bad snapshots are logged and counted here.
    package var replayer: HistoryReplayer {
        HistoryReplayer(store: store) { [weak self] in self?.skipped($0) }
    }

    private func skipped(_ snapshot: SkippedSnapshot) {
        snapshotter?.skipped()
        logger.warning(
            "a snapshot is not used: \(snapshot.problem)",
            metadata: ["saga_id": "\(snapshot.sagaID)", "next_event_id": "\(snapshot.nextEventID)"])
    }

    private func log(_ line: ShardLog) {
        var metadata: Logger.Metadata = [:]
        if let sagaID = line.sagaID { metadata["saga_id"] = "\(sagaID)" }
        if !line.workflowID.isEmpty { metadata["workflow_id"] = "\(line.workflowID)" }
        switch line.level {
        case .info: logger.info("\(line.message)", metadata: metadata)
        case .warning: logger.warning("\(line.message)", metadata: metadata)
        case .error: logger.error("\(line.message)", metadata: metadata)
        }
    }
}

/// What waits for the queue.
private struct Mailbox {
    var inputs: [ShardInput] = []
    var errands: [@Sendable (Core) -> Void] = []
    /// Whether somebody runs the shard, or has seen to it that it will be run.
    private var isClaimed = false
    var completions: [(CallID, ShardDriver.Completion)] = []
    var sinks: [(WorkerID, ShardDriver.WorkerSinkFunction)] = []
    var nextCallID: CallID = 1
    var nextWorkerID: WorkerID = 1

    /// Adds an input; true if the caller has claimed the mailbox, and must run the shard.
    mutating func put(_ input: ShardInput) -> Bool {
        inputs.append(input)
        return claim()
    }

    mutating func put(_ errand: @escaping @Sendable (Core) -> Void) -> Bool {
        errands.append(errand)
        return claim()
    }

    private mutating func claim() -> Bool {
        defer { isClaimed = true }
        return !isClaimed
    }

    /// Gives the claim up; false if there is more to do.
    mutating func release() -> Bool {
        isClaimed = !inputs.isEmpty || !errands.isEmpty
        return !isClaimed
    }

    /// Gives everything to an empty box and goes on with that one's memory.
    mutating func exchange(with empty: inout Mailbox) {
        swap(&inputs, &empty.inputs)
        swap(&errands, &empty.errands)
        swap(&completions, &empty.completions)
        swap(&sinks, &empty.sinks)
    }

    mutating func clear() {
        inputs.removeAll(keepingCapacity: inputs.capacity <= 16_384)
        errands.removeAll(keepingCapacity: true)
        completions.removeAll(keepingCapacity: true)
        sinks.removeAll(keepingCapacity: true)
    }
}

/// What belongs to whoever has claimed the mailbox. `@unchecked Sendable`, because nobody else ever touches it.
final class Core: @unchecked Sendable {
    let shard: Shard
    /// What was taken out of the mailbox, and is being worked on.
    fileprivate var taken = Mailbox()
    var armedFor: Int64?
    /// Whether the shard was given something since the timer was last set anew.
    var isBusy = false
    var clockVersion: UInt64 = 0
    var completions: [CallID: ShardDriver.Completion] = [:]
    var sinks: [WorkerID: ShardDriver.WorkerSinkFunction] = [:]
    var readyWaiters: [CheckedContinuation<Void, Never>] = []
    var idleWaiters: [CheckedContinuation<Void, Never>] = []
    var alertSink: (@Sendable (BlockedRun) -> Void)?

    init(shard: Shard) { self.shard = shard }
}
