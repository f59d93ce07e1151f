internal import SagaCore
internal import SagaEngine
internal import SagaMemory

/// Who lives around a virtual engine: runs the activities, and hears the answers.
protocol VirtualHost: AnyObject {
    /// A point at which the process may die: the host calls `VirtualEngine.crash` if it does.
    /// - Returns: Whether it died.
    func boundary() async throws -> Bool
    /// Runs an attempt, and sees to it that what it has to say is reported.
    func run(_ task: ActivityTask) async throws
    /// Runs a local activity with all of its attempts.
    func runLocally(_ work: LocalActivityWork, of task: WorkflowTask) async throws -> LocalActivityEnd
    /// The run wants an attempt to stop.
    func stop(_ reference: TaskReference)
    /// What became of a report.
    func acknowledged(_ reference: TaskReference, _ verdict: ReportVerdict)
    func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>)
    /// The engine has read its state anew; who waits for an answer asks again.
    func recovered()
}

/// The real shard and the real workflow runtime over a store in memory, on a clock that only moves when it is told to.
/// Everything happens one after the other, so the same calls give the same events, ids and times.
final class VirtualEngine {
    static let namespace = "default"
    /// The first of January 2026, so that every run has the same ids.
    static let beginning = Timestamp(microseconds: 1_767_225_600_000_000)

    let store = MemoryEventStore(taskTokenKey: [UInt8](repeating: 0, count: 32), blobThreshold: .max)
    weak var host: (any VirtualHost)?
    private(set) var shard: Shard
    /// Microseconds since the beginning.
    private(set) var now: Int64 = 0
    private let settings: Settings
    private var incarnation: UInt64 = 0
    private var inputs: [ShardInput] = []
    private var effects: ArraySlice<ShardEffect> = []
    private var code: VirtualCode
    private var workers: [(id: WorkerID, offer: WorkerOffer)] = []
    private var agenda: [Appointment] = []
    private var appointments: UInt64 = 0

    struct Settings {
        var config = ShardConfig()
        var seed: UInt64 = 1
        var identity: String
        /// The code is made anew of its history for every task.
        var replaysEveryTask = false
        var converter: any PayloadConverter = .json
    }

    private struct Appointment {
        var at: Int64
        /// Of two at the same time the one that was made first.
        var order: UInt64
        var diesWithProcess: Bool
        var action: () async throws -> Void
    }

    init(_ settings: Settings, workflows: WorkflowRegistry) {
        self.settings = settings
        shard = Shard(config: settings.config, seed: settings.seed)
        code = VirtualCode(
            workflows: workflows, converter: settings.converter, replaysEveryTask: settings.replaysEveryTask)
    }

    var time: ShardTime {
        ShardTime(wall: Self.beginning.adding(microseconds: now), monotonic: now)
    }

    // MARK: Workers

    /// Opens a worker's stream.
    func serve(activities: [String], workflows: [RegisteredType]) {
        let id = WorkerID(workers.count + 1)
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: settings.identity,
            queues: [(name: settings.config.defaultTaskQueue, slots: 1_000)], activityTypes: activities,
            workflowTypes: workflows)
        workers.append((id, offer))
        inputs.append(.workerOpened(id, offer))
    }

    /// Further queues that the workers serve from now on.
    func serve(queue: String, activities: [String], workflows: [RegisteredType]) {
        let id = WorkerID(workers.count + 1)
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: settings.identity, queues: [(name: queue, slots: 1_000)],
            activityTypes: activities, workflowTypes: workflows)
        workers.append((id, offer))
        inputs.append(.workerOpened(id, offer))
    }

    func register(_ workflows: WorkflowRegistry) { code.workflows = workflows }

    // MARK: What happens

    func post(_ id: CallID, _ call: Call) { inputs.append(.call(id, call)) }

    func report(_ reference: TaskReference, _ result: ActivityResult) {
        // Any of the workers will do: the shard knows an attempt by its reference.
        inputs.append(.activityEnded(workers.first?.id ?? 1, reference, result))
    }

    func heartbeat(_ reference: TaskReference, _ details: Payload?) {
        inputs.append(.heartbeat(workers.first?.id ?? 1, reference, details))
    }

    /// Has something done at a time.
    /// - Parameter diesWithProcess: Whether a crash before that time prevents it.
    func schedule(
        after delay: Int64, diesWithProcess: Bool = false, _ action: @escaping () async throws -> Void
    ) {
        let (at, overflow) = now.addingReportingOverflow(max(0, delay))
        appointments += 1
        let appointment = Appointment(
            at: overflow ? .max : at, order: appointments, diesWithProcess: diesWithProcess, action: action)
        let position = agenda.firstIndex { ($0.at, $0.order) > (appointment.at, appointment.order) } ?? agenda.count
        agenda.insert(appointment, at: position)
    }

    // MARK: Going on

    /// Does the next thing that is at hand; no time passes.
    /// - Returns: Whether there was one.
    func step() async throws -> Bool {
        if let effect = effects.popFirst() {
            try await perform(effect)
            return true
        }
        guard !inputs.isEmpty else { return false }
        let taken = inputs
        inputs = []
        for input in taken { shard.handle(input, now: time) }
        effects = shard.flush(now: time)[...]
        return true
    }

    /// Does everything that is at hand.
    func settle() async throws { while try await step() {} }

    /// When the next thing is due; nil if nothing is.
    var nextDue: Int64? { [shard.nextWake, agenda.first?.at].compactMap(\.self).min() }

    /// Lets time pass until the next thing that is due.
    /// - Returns: Whether there was one until then; if not, it is as late as it may be.
    func skip(to limit: Int64) async throws -> Bool {
        guard let due = nextDue, due <= limit else {
            now = max(now, limit)
            return false
        }
        if let first = agenda.first, first.at == due {
            agenda.removeFirst()
            now = max(now, due)
            try await first.action()
        } else {
            // At least a little, so that what is due again at once cannot hold the clock.
            now = max(now + 1, due)
        }
        inputs.append(.tick)
        return true
    }

    /// Says that something may have changed.
    func tick() { inputs.append(.tick) }

    // MARK: The process

    /// The process dies and is started again.
    func crash(downFor micros: Int64) async throws {
        inputs = []
        effects = []
        agenda.removeAll(where: \.diesWithProcess)
        code.evictAll()
        incarnation += 1
        now += max(1, micros)
        shard = Shard(config: settings.config, seed: settings.seed + incarnation)
        try await recover()
    }

    /// What a process does when it starts.
    func recover() async throws {
        let epoch = try await store.takeOver()
        var after: SagaID?
        var fold = HistoryFold()
        while true {
            let rows = try await store.openExecutions(after: after, limit: 100)
            let replayer = HistoryReplayer(store: store)
            let page = try await replayer.recoveryPage(of: rows)
            for row in rows {
                guard let run = try await replayer.recover(row, in: page, with: &fold) else { continue }
                shard.handle(.recovered(run), now: time)
            }
            guard let last = rows.last else { break }
            after = last.sagaID
        }
        shard.handle(.recoveryFinished(epoch: epoch), now: time)
        for (id, offer) in workers {
            // After a crash this is the stream of a new process; without one the stream is still there.
            shard.handle(.workerClosed(id), now: time)
            shard.handle(.workerOpened(id, offer), now: time)
        }
        inputs.append(.tick)
        host?.recovered()
    }

    // MARK: Effects

    private func perform(_ effect: ShardEffect) async throws {
        switch effect {
        case .append(let id, let batch):
            if try await host?.boundary() == true { return }
            let result: Result<[AppendOutcome], StoreError>
            do throws(StoreError) {
                result = .success(try await store.append(batch))
            } catch {
                result = .failure(error)
            }
            if try await host?.boundary() == true { return }
            inputs.append(.appended(id, result))
        case .loadHistory(let load, let sagaID, let from, let limit):
            inputs.append(.historyLoaded(load, .success(try await store.events(of: sagaID, from: from, limit: limit))))
        case .loadRun(let load, let target, let wanted):
            inputs.append(.runLoaded(load, .success(try await store.run(target, wanted))))
        case .reply(let call, let result): host?.answered(call, result)
        case .worker(let worker, let message): try await perform(message, of: worker)
        case .log, .alert, .snapshot: break
        case .recover: try await recover()
        }
    }

    private func perform(_ message: WorkerMessage, of worker: WorkerID) async throws {
        switch message {
        case .workflowTask(let task):
            let answer = try await code.advance(task) { work in
                try await host?.runLocally(work, of: task) ?? .canceled(.unknown)
            }
            guard let answer else { return }
            inputs.append(.workflowTaskAnswered(worker, task.sagaID, generation: task.generation, answer))
        case .activityTask(let task): try await host?.run(task)
        case .query(let task):
            guard let answer = code.answer(task) else { return }
            inputs.append(.queryAnswered(worker, queryID: task.queryID, answer))
        case .evict(let sagaID): code.evict(sagaID)
        case .cancel(let reference): host?.stop(reference)
        case .acknowledge(let reference, let verdict): host?.acknowledged(reference, verdict)
        }
    }

    // MARK: What is known

    /// The durable history of a run.
    func history(of sagaID: SagaID) async throws -> [HistoryEvent] { try await store.allEvents(of: sagaID) }

    /// What a run waits for, for people.
    func waiting(_ target: RunTarget) -> String {
        // The upper half of the numbers is the shard's own.
        let call = CallID.max >> 1
        shard.handle(.call(call, .describe(target)), now: time)
        let answers = shard.flush(now: time)
        for case .reply(call, .success(.description(let description))) in answers {
            let reasons = description.waitingFor.map(\.text)
            return reasons.isEmpty
                ? "it is \(description.status.name)" : "it waits for \(reasons.joined(separator: "; "))"
        }
        return "it waits, and nobody knows for what"
    }
}
