import SagaCore
import SagaEngine
import Testing

/// The code of a run, as a function: everything it has wanted so far, by the events that it has seen.
typealias Script = ([HistoryEvent]) -> [WorkflowCommand]

/// A real shard, and around it everything that it needs, moved by hand: a log that is durable, two clocks, one worker.
/// Nothing happens by itself, so a test, or a crash, can stand between any two things.
final class ShardWorld {
    static let queue = "default"

    private(set) var shard: Shard
    private let config: ShardConfig
    private var incarnation: UInt64 = 0
    var time = ShardTime(wall: Timestamp(microseconds: 1_800_000_000_000_000), monotonic: 5_000_000)

    // What is durable.
    private(set) var log: [SagaID: [HistoryEvent]] = [:]
    private var rows: [SagaID: ExecutionRow] = [:]
    /// Runs in the order in which they began.
    private var order: [SagaID] = []
    private(set) var lateEffects: [LateEffect] = []
    private var epoch: UInt64 = 0

    // What is under way.
    private var effects: [ShardEffect] = []
    private(set) var snapshots: [ExecutionState] = []
    /// How often the shard has read a run from the store.
    private(set) var runLoads = 0
    /// How many events were read with them.
    private(set) var eventLoads = 0
    private(set) var replies: [CallID: Result<CallReply, CallFailure>] = [:]
    private var nextCall: CallID = 1
    private(set) var alerts: [BlockedRun] = []
    private(set) var acknowledged: [(reference: TaskReference, verdict: ReportVerdict)] = []
    private(set) var cancelled: [TaskReference] = []
    /// Where the workflow tasks began that came to the worker.
    private(set) var codeTasks: [EventID] = []
    private(set) var evictions = 0
    /// Where the shard began to read pages of histories.
    private(set) var historyReads: [EventID] = []
    /// The first events of what the worker was asked about.
    private(set) var queries: [[EventID]] = []

    // The worker.
    private(set) var worker: WorkerID = 0
    private var nextWorker: WorkerID = 1
    /// Tasks in the order in which they came; a test takes them out.
    var tasks: [ActivityTask] = []
    var script: Script = { _ in [] }
    /// Answers in place of the script's, while there are any.
    var answers: [WorkflowTaskAnswer] = []
    private var seen: [SagaID: [HistoryEvent]] = [:]

    /// Called before an append is applied, and after, before the shard learns of it; true kills the process there.
    var onAppend: (AppendBatch, _ isApplied: Bool) -> Bool = { _, _ in false }
    /// The connection is lost with the next append, before the store comes to it.
    var losesNextAppend = false
    /// Called when the shard, which lives on, wants to read its state anew, before it has.
    var onRecover: () -> Void = {}
    /// Called when the shard wants to read a run, before it is read.
    var onLoad: (RunTarget) -> Void = { _ in }
    /// Called when a task reaches the worker; true kills the server's process then.
    var onTask: (ActivityTask) -> Bool = { _ in false }

    init(_ configure: (inout ShardConfig) -> Void = { _ in }) {
        var config = ShardConfig()
        config.activationHoldMicros = 0
        config.reclaimGraceMicros = 2_000_000
        // Whatever may be parked is, at once.
        config.maxLiveRuns = 0
        config.minDeadlinesToSweep = 1
        configure(&config)
        self.config = config
        shard = Shard(config: config, seed: 1)
        recover()
        openWorker()
    }

    // MARK: Inputs

    func give(_ input: ShardInput) {
        shard.handle(input, now: time)
        collect()
    }

    @discardableResult
    func call(_ call: Call) -> CallID {
        let id = nextCall
        nextCall += 1
        give(.call(id, call))
        return id
    }

    func report(_ task: ActivityTask, _ result: ActivityResult) {
        give(.activityEnded(worker, task.reference, result))
    }

    /// Opens the worker's stream, with what still runs there.
    func openWorker(running: [TaskReference] = [], slots: Int32 = 10, activities: [String]? = nil) {
        worker = nextWorker
        nextWorker += 1
        seen = [:]
        give(
            .workerOpened(
                worker,
                WorkerOffer(
                    namespace: "default", identity: "worker-\(worker)", queues: [(Self.queue, slots)],
                    activityTypes: activities ?? ["a", "b", "undo", "probe"],
                    workflowTypes: [RegisteredType(name: "script", version: 1)], running: running)))
    }

    func closeWorker() { give(.workerClosed(worker)) }

    // MARK: Time

    /// Turns both clocks, and lets the shard look.
    func advance(by micros: Int64) {
        time.wall = time.wall.adding(microseconds: micros)
        time.monotonic += micros
        give(.tick)
        settle()
    }

    /// Turns the clocks to the next thing that the shard waits for; false if there is none.
    @discardableResult
    func advanceToNextWake() -> Bool {
        guard let wake = shard.nextWake else { return false }
        advance(by: max(1, wake - time.monotonic))
        return true
    }

    // MARK: Effects

    private func collect() { effects += shard.flush(now: time) }

    /// Does what the shard wants, until it wants nothing more or the process is killed.
    func settle() {
        var steps = 0
        while !effects.isEmpty, steps < 10_000 {
            steps += 1
            perform(effects.removeFirst())
        }
    }

    private func perform(_ effect: ShardEffect) {
        switch effect {
        case .append(let id, let batch): append(id, batch)
        case .loadHistory(let load, let sagaID, let from, let limit):
            historyReads.append(from)
            give(.historyLoaded(load, .success(Array((log[sagaID] ?? []).dropFirst(Int(from)).prefix(limit)))))
        case .loadRun(let load, let target, let wanted):
            runLoads += 1
            onLoad(target)
            let run = loadedRun(target, wanted)
            eventLoads += run?.events.count ?? 0
            give(.runLoaded(load, .success(run)))
        case .reply(let id, let result): replies[id] = result
        case .worker(let id, let message): if id == worker { take(message) }
        case .recover:
            onRecover()
            recover()
        case .log: break
        case .snapshot(let state, _): snapshots.append(state)
        case .alert(let run): alerts.append(run)
        }
    }

    private func loadedRun(_ target: RunTarget, _ wanted: LoadedEvents) -> LoadedRun? {
        let runs = order.filter { rows[$0]?.workflowID == target.workflowID }
        guard var sagaID = target.sagaID ?? runs.last, let events = log[sagaID] else { return nil }
        switch wanted {
        case .all, .startedBy, .ends: break
        case .queried:
            let checkpoint = events.last(where: \.isCheckpoint)?.eventID
            return rows[sagaID].map { LoadedRun(row: $0, events: events, checkpoint: checkpoint) }
        case .event(let eventID):
            let few = events.filter { [0, eventID, EventID(events.count) - 1].contains($0.eventID) }
            return rows[sagaID].map { LoadedRun(row: $0, events: few) }
        case .heir:
            let pairs = runs.compactMap { run in RunBefore.of(log[run] ?? []).map { (run: run, before: $0) } }
            sagaID = RunBefore.heir(of: sagaID, pairs)
        }
        return rows[sagaID].map { LoadedRun(row: $0, events: log[sagaID] ?? []) }
    }

    private func append(_ id: BatchID, _ batch: AppendBatch) {
        if onAppend(batch, false) { return crash() }
        if losesNextAppend {
            losesNextAppend = false
            return give(.appended(id, .failure(StoreError(.unavailable, "lost", outcomeUnknown: true))))
        }
        var outcomes: [AppendOutcome] = []
        for transaction in batch.transactions {
            let holds = transaction.entries.allSatisfy { entry in
                EventID(log[entry.sagaID]?.count ?? 0) == entry.expectedNextEventID
                    && rows[entry.sagaID]?.status.isClosed != true
            }
            outcomes.append(holds ? .appended : .conflict)
            for entry in transaction.entries where holds {
                if log[entry.sagaID] == nil { order.append(entry.sagaID) }
                log[entry.sagaID, default: []] += entry.events
                if let row = entry.row { rows[entry.sagaID] = row }
                rows[entry.sagaID]?.nextEventID = EventID(log[entry.sagaID]?.count ?? 0)
            }
        }
        for effect in batch.lateEffects
        where !lateEffects.contains(where: { $0.scheduledEventID == effect.scheduledEventID }) {
            lateEffects.append(effect)
        }
        if onAppend(batch, true) { return crash() }
        give(.appended(id, .success(outcomes)))
    }

    private func take(_ message: WorkerMessage) {
        switch message {
        case .workflowTask(let task): answer(task)
        case .activityTask(let task):
            if onTask(task) {
                tasks.append(task)
                return crash()
            }
            tasks.append(task)
        case .query(let query): queries.append(query.run.events.map(\.eventID))
        case .cancel(let reference): cancelled.append(reference)
        case .acknowledge(let reference, let verdict): acknowledged.append((reference, verdict))
        case .evict(let sagaID):
            evictions += 1
            seen[sagaID] = nil
        }
    }

    /// The code at the worker has gone on with the end of a step before it was reported, and has seen events up to now.
    func report(_ task: ActivityTask, _ result: ActivityResult, advance: StepAdvance) {
        give(.stepAdvanced(worker, task.reference, result, advance))
        settle()
        if seen[task.reference.sagaID] != nil,
            let end = history.lastIndex(where: { $0.eventType == .activityTaskCompleted })
        {
            seen[task.reference.sagaID] = Array(history[...end])
        }
    }

    private func answer(_ task: WorkflowTask) {
        codeTasks.append(task.firstEventID)
        var events = task.firstEventID == 0 ? [] : seen[task.sagaID] ?? []
        guard EventID(events.count) == task.firstEventID else {
            return give(
                .workflowTaskAnswered(worker, task.sagaID, generation: task.generation, .needHistory(from: 0)))
        }
        events += task.events
        seen[task.sagaID] = events
        if task.more { return }
        var answer: WorkflowTaskAnswer
        if answers.isEmpty {
            let recorded = events.compactMap(\.attributes.commandNumber).max().map { $0 + 1 } ?? 0
            let commands = script(events).enumerated().map {
                NumberedCommand(number: CommandNumber($0.offset), command: $0.element)
            }
            answer = .completed(
                seenEventID: EventID(events.count) - 1, commands: Array(commands.dropFirst(Int(recorded))),
                unconsumedSignals: 0)
        } else {
            answer = answers.removeFirst()
        }
        give(.workflowTaskAnswered(worker, task.sagaID, generation: task.generation, answer))
    }

    // MARK: Death and recovery

    /// The server's process dies; what is durable stays. The worker lives on and connects again, unless told otherwise.
    func crash(workerReturns: Bool = true) {
        incarnation += 1
        effects = []
        shard = Shard(config: config, seed: incarnation + 1)
        recover()
        if workerReturns { openWorker(running: tasks.map(\.reference)) }
    }

    private func recover() {
        epoch += 1
        for sagaID in rows.keys.sorted() {
            guard let row = rows[sagaID], !row.status.isClosed else { continue }
            var state = ExecutionState(sagaID: sagaID)
            do throws(SagaError) { for event in log[sagaID] ?? [] { try state.apply(event) } } catch {
                Issue.record("a history does not replay: \(error)")
            }
            give(.recovered(RecoveredRun(state: state)))
        }
        give(.recoveryFinished(epoch: epoch))
    }

    /// Somebody deletes a closed run.
    func delete(_ sagaID: SagaID) {
        log[sagaID] = nil
        rows[sagaID] = nil
        order.removeAll { $0 == sagaID }
        shard.deleted(sagaID)
    }

    // MARK: What there is

    /// The only run of the world.
    var sagaID: SagaID? { rows.keys.sorted().first { rows[$0]?.namespace != Shard.clockNamespace } }
    /// The newest open run of a workflow id; nil if there is none.
    var openRun: SagaID? { openRun("w") }
    func openRun(_ workflowID: String) -> SagaID? {
        rows.values.first { $0.workflowID == workflowID && !$0.status.isClosed }?.sagaID
    }
    var history: [HistoryEvent] { sagaID.flatMap { log[$0] } ?? [] }
    var status: ExecutionStatus? { sagaID.flatMap { rows[$0]?.status } }
    var types: [EventType] { history.map(\.eventType) }

    /// Starts the one run and does what follows.
    func start(executionTimeout: Int64 = 0, autoCompensate: Bool = true, script: @escaping Script) {
        self.script = script
        call(
            .start(
                StartCall(
                    namespace: "default", workflowID: "w", workflowType: "script", input: .empty, requestID: "start",
                    executionTimeoutMicros: executionTimeout, autoCompensate: autoCompensate)))
        settle()
    }

    var target: RunTarget { RunTarget(namespace: "default", workflowID: "w") }
}

extension [HistoryEvent] {
    /// Whether the step that was scheduled under a name is closed.
    func isClosed(_ stepID: String) -> Bool {
        guard let scheduled = scheduled(stepID) else { return false }
        return contains { event in
            switch event.attributes {
            case .activityTaskCompleted(let value): value.scheduledEventID == scheduled
            case .activityTaskFailed(let value): value.scheduledEventID == scheduled
            case .activityTaskTimedOut(let value): value.scheduledEventID == scheduled
            case .activityTaskCanceled(let value): value.scheduledEventID == scheduled
            default: false
            }
        }
    }

    /// The event that scheduled a step.
    func scheduled(_ stepID: String) -> EventID? {
        first { event in
            if case .activityTaskScheduled(let value) = event.attributes { value.stepID == stepID } else { false }
        }?.eventID
    }

    /// The first event that a test describes.
    func firstMatch<Value>(_ match: (EventAttributes) -> Value?) -> Value? {
        for event in self { if let value = match(event.attributes) { return value } }
        return nil
    }
}

extension WorkflowCommand {
    /// A step of the tests.
    static func step(
        _ name: String, type: String? = nil, retry: RetryPolicy = .never, timeouts: ActivityTimeouts = .standard,
        undo: UndoSpec? = UndoSpec(activityType: "undo"), scope: UInt32 = 0, pivot: Bool = false
    ) -> WorkflowCommand {
        .scheduleActivity(
            ScheduleActivity(
                stepID: name, activityType: type ?? name, input: .json("1"), retry: retry, timeouts: timeouts,
                undo: undo, pivot: pivot, scope: scope))
    }
}
