internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

// The service Workers.
extension ServerConnection {
    func work(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.WorkerItem.self, body)
        try request.require(.work, "serve tasks")
        _ = try CallHeader(wire.header, request.principal, standard: nil)
        guard case .open(let open)? = wire.item else {
            throw Check.invalid("item", "must be `open` in the first item of a Work stream")
        }
        guard core.workers.load(ordering: .relaxed) < core.configuration.maxWorkers else {
            throw WireStatus(
                .resourceExhausted, "\(core.configuration.maxWorkers) workers are connected",
                retryAfterMS: request.session.limits.retryAfterMS)
        }
        let worker = try WorkStream(self, request.stream, request.principal, open)
        add(worker, request)
        request.session.widenWindow(request.stream, items: StreamWindow.work.items, bytes: StreamWindow.work.bytes)
        worker.start()
    }
}

extension WorkerMessage {
    fileprivate var isUrgent: Bool {
        if case .evict = self { false } else { true }
    }
}

/// One worker's stream: tasks one way, reports the other.
final class WorkStream: LongStream, @unchecked Sendable {
    // Safe to share: touched by one thread at a time, the connection's event loop or another inside its gate.

    /// Messages that wait for the worker's credit; beyond it the worker counts as gone.
    private static let maximumBacklog = 65_536
    /// Items that are given to the session before they have left.
    private static let maximumQueued = 256

    private let connection: ServerConnection
    private let core: ServerCore
    private let stream: StreamID
    private let namespace: String
    private var offer: WorkerOffer
    private var worker: WorkerID?
    /// Tokens of the activities that are here, to acknowledge and cancel them by.
    private var tokens: [TaskReference: [UInt8]] = [:]
    /// Tokens of the opening item that are not valid; the worker is told so, one by one.
    private var unknownTokens: [[UInt8]] = []
    /// Tokens of questions whose history goes out in pages.
    private var queryTokens: [UInt64: [UInt8]] = [:]
    private var backlog: [WorkerMessage] = []
    private var head = 0
    private var queued = 0
    private var isOver = false

    init(
        _ connection: ServerConnection, _ stream: StreamID, _ principal: Principal, _ open: Wire.WorkOpen
    ) throws(WireStatus) {
        self.connection = connection
        core = connection.core
        self.stream = stream
        namespace = principal.namespace
        try Check.name(open.identity, "open.identity")
        try Check.count(open.taskQueues.count, "open.task_queues", atMost: 64)
        try Check.count(open.slots.count, "open.slots", atMost: 64)
        try Check.count(open.activityTypes.count, "open.activity_types", atMost: 1_024)
        try Check.count(open.workflowTypes.count, "open.workflow_types", atMost: 1_024)
        try Check.count(open.runningTaskTokens.count, "open.running_task_tokens", atMost: 4_096)
        guard !open.taskQueues.isEmpty else { throw Check.invalid("open.task_queues", "is empty") }
        for (index, type) in open.activityTypes.enumerated() { try Check.name(type, "open.activity_types[\(index)]") }
        var workflowTypes: [RegisteredType] = []
        for (index, type) in open.workflowTypes.enumerated() {
            try Check.name(type.workflowType, "open.workflow_types[\(index)].workflow_type")
            let oldest = type.minimumVersion == 0 ? nil : type.minimumVersion
            workflowTypes.append(
                RegisteredType(name: type.workflowType, version: type.version, oldestVersion: oldest))
        }
        var queues: [(name: String, slots: Int32)] = []
        for (index, queue) in open.taskQueues.enumerated() {
            try Check.name(queue, "open.task_queues[\(index)]")
            guard !queues.contains(where: { $0.name == queue }) else {
                throw Check.invalid("open.task_queues[\(index)]", "is there twice")
            }
            queues.append((queue, 0))
        }
        var codeSlots: [String: Int32] = [:]
        for (index, slots) in open.slots.enumerated() {
            guard let position = queues.firstIndex(where: { $0.name == slots.taskQueue }) else {
                throw Check.invalid("open.slots[\(index)].task_queue", "is none of open.task_queues")
            }
            try Check.range(slots.addActivities, "open.slots[\(index)].add_activities", 0...65_536)
            queues[position].slots = min(65_536, queues[position].slots + Int32(slots.addActivities))
            try Check.range(slots.addWorkflows, "open.slots[\(index)].add_workflows", 0...65_536)
            if slots.addWorkflows > 0 {
                codeSlots[slots.taskQueue] = min(65_536, (codeSlots[slots.taskQueue] ?? 0) + Int32(slots.addWorkflows))
            }
        }
        var running: [TaskReference] = []
        for (index, token) in open.runningTaskTokens.enumerated() {
            try Check.range(token.count, "open.running_task_tokens[\(index)]", 1...512)
            guard case .activity(let task)? = core.subject(of: token, namespace: principal.namespace) else {
                // Expired while the worker was away, say: its attempt counts no longer, but the worker's others do.
                unknownTokens.append(token)
                // It holds a place at the worker that the refusal frees.
                queues[0].slots = min(65_536, queues[0].slots + 1)
                continue
            }
            running.append(task)
            tokens[task] = token
        }
        // Names are those of people; who it is counts from the connection.
        offer = WorkerOffer(
            namespace: principal.namespace, identity: open.identity, queues: queues,
            activityTypes: open.activityTypes, workflowTypes: workflowTypes, running: running)
        offer.codeSlots = codeSlots
    }

    func start() {
        core.workers.add(1, ordering: .relaxed)
        let port = connection.context.port
        worker = core.driver.openWorker(offer) { [self] messages in
            // Encoded on the event loop: the engine's own thread has better things to do.
            port.onLoop { [self] session in send(session, messages) }
        }
        guard !unknownTokens.isEmpty else { return }
        port.onLoop { [self] session in
            guard !isOver else { return }
            for token in unknownTokens { refuse(session, token) }
            unknownTokens = []
        }
    }

    // MARK: To the worker

    private func send(_ session: SessionCore, _ messages: [WorkerMessage]) {
        guard !isOver else { return }
        guard backlog.count - head + messages.count <= Self.maximumBacklog else {
            return cutOff(session, WireStatus(.resourceExhausted, "the worker takes its tasks too slowly"))
        }
        backlog += messages
        // Nobody waits for an eviction: it leaves with the next message, or when the clock strikes. Each by itself would wake the
        // worker once more for every run.
        guard messages.contains(where: \.isUrgent) else { return connection.strikeSoon() }
        pump(session)
    }

    func clockStruck(_ session: SessionCore) { pump(session) }

    func drained(_ session: SessionCore, items: Int) {
        queued = max(0, queued - items)
        pump(session)
    }

    private func pump(_ session: SessionCore) {
        while !isOver, head < backlog.count, queued < Self.maximumQueued {
            let item = item(for: backlog[head])
            head += 1
            do throws(WireError) {
                switch try session.sendItem(stream, Wire.ServerItem(item: item)) {
                case .sent: break
                case .queued: queued += 1
                case .full, .closed:
                    return cutOff(session, WireStatus(.resourceExhausted, "the worker takes its tasks too slowly"))
                }
            } catch {
                return cutOff(session, WireStatus(.internal, "an item cannot be written: \(error)"))
            }
        }
        if head == backlog.count {
            backlog.removeAll(keepingCapacity: backlog.count <= 256)
            head = 0
        }
    }

    private func item(for message: WorkerMessage) -> Wire.ServerItem.Item {
        switch message {
        case .workflowTask(let task):
            let token = core.token(
                .workflow(task.sagaID, generation: task.generation), lifetime: 0, namespace: namespace)
            return .workflowTask(Wire.WorkflowTask(task, token: token, isSticky: task.firstEventID > 0))
        case .activityTask(let task):
            let token = core.token(
                .activity(task.reference), lifetime: task.timeouts.startToCloseMicros, namespace: namespace)
            tokens[task.reference] = token
            let micros = task.timeouts.startToCloseMicros
            let deadline = micros > 0 ? EngineClock.now().wall.adding(microseconds: micros) : nil
            return .activityTask(Wire.ActivityTask(task, token: token, deadline: deadline))
        case .query(let task):
            // All pages of one question go under one token.
            let token =
                queryTokens[task.queryID]
                ?? core.token(.query(task.run.sagaID, id: task.queryID), lifetime: 0, namespace: namespace)
            queryTokens[task.queryID] = task.run.more ? token : nil
            return .queryTask(Wire.QueryTask(task, token: token))
        case .cancel(let task):
            return .cancelActivity(Wire.CancelActivity(taskToken: token(of: task), reason: "cancelled"))
        case .acknowledge(let task, let verdict):
            let token = tokens.removeValue(forKey: task) ?? token(of: task)
            return .ack(Wire.Ack(taskToken: token, result: Wire.AckResult(verdict)))
        case .evict(let sagaID): return .evict(Wire.Evict(sagaID: sagaID))
        }
    }

    private func token(of task: TaskReference) -> [UInt8] {
        tokens[task] ?? core.token(.activity(task), lifetime: 0, namespace: namespace)
    }

    // MARK: From the worker

    func item(_ session: SessionCore, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        guard !isOver, let worker else { return }
        let wire = try decode(Wire.WorkerItem.self, body)
        let item = try Check.required(wire.item, "item")
        do throws(WireError) {
            switch item {
            case .workflowTaskCompleted(let report):
                if !report.sticky { release(worker, report.taskToken) }
                answer(session, worker, report.taskToken, try WorkflowTaskAnswer(report))
            case .needHistory(let report): answer(session, worker, report.taskToken, WorkflowTaskAnswer(report))
            case .workflowTaskFailed(let report):
                answer(session, worker, report.taskToken, try WorkflowTaskAnswer(report))
            case .queryAnswered(let report):
                guard case .query(_, let id)? = core.subject(of: report.taskToken, namespace: namespace) else {
                    return refuse(session, report.taskToken)
                }
                core.driver.post(.queryAnswered(worker, queryID: id, QueryAnswer(report)))
            case .activityCompleted(let report) where report.advance != nil: try advanced(session, worker, report)
            case .activityCompleted(let report): ended(session, worker, report.taskToken, ActivityResult(report))
            case .activityFailed(let report): ended(session, worker, report.taskToken, try ActivityResult(report))
            case .activityCanceled(let report): ended(session, worker, report.taskToken, ActivityResult(report))
            case .activityCompletesLater(let report): ended(session, worker, report.taskToken, .completesLater)
            case .heartbeat(let report):
                guard let task = activity(session, report.taskToken) else { return }
                core.driver.post(.heartbeat(worker, task, report.details.map { Payload($0) }))
            case .slots(let slots):
                guard offer.queues.contains(where: { $0.name == slots.taskQueue }) else {
                    throw WireError(field: "slots.task_queue", reason: .invalid("is none that the worker offered"))
                }
                guard slots.addActivities <= 65_536 else {
                    throw WireError(field: "slots.add_activities", reason: .invalid("is more than 65536"))
                }
                guard slots.addWorkflows <= 65_536 else {
                    throw WireError(field: "slots.add_workflows", reason: .invalid("is more than 65536"))
                }
                if slots.addWorkflows > 0 {
                    core.driver.post(
                        .workerCodeSlots(worker, queue: slots.taskQueue, add: Int32(slots.addWorkflows)))
                }
                core.driver.post(.workerSlots(worker, queue: slots.taskQueue, add: Int32(slots.addActivities)))
            case .drained: core.driver.post(.workerDraining(worker))
            case .open: throw WireError(field: "item", reason: .invalid("is `open` a second time"))
            }
        } catch {
            throw WireStatus(error)
        }
    }

    /// The worker does not keep the code: said before the answer, which may give it its next task.
    private func release(_ worker: WorkerID, _ token: [UInt8]) {
        guard case .workflow(let sagaID, let generation)? = core.subject(of: token, namespace: namespace) else {
            return
        }
        core.driver.post(.codeReleased(worker, sagaID, generation: generation))
    }

    private func answer(
        _ session: SessionCore, _ worker: WorkerID, _ token: [UInt8], _ answer: WorkflowTaskAnswer
    ) {
        guard case .workflow(let sagaID, let generation)? = core.subject(of: token, namespace: namespace) else {
            return refuse(session, token)
        }
        core.driver.post(.workflowTaskAnswered(worker, sagaID, generation: generation, answer))
    }

    private func ended(_ session: SessionCore, _ worker: WorkerID, _ token: [UInt8], _ result: ActivityResult) {
        guard let task = activity(session, token) else { return }
        // The worker knows its task by the token that it sent.
        tokens[task] = token
        core.driver.post(.activityEnded(worker, task, result))
    }

    private func advanced(
        _ session: SessionCore, _ worker: WorkerID, _ report: Wire.ActivityCompleted
    ) throws(WireError) {
        guard let wire = report.advance else { return }
        let advance = try StepAdvance(wire)
        guard let task = activity(session, report.taskToken) else { return }
        tokens[task] = report.taskToken
        core.driver.post(.stepAdvanced(worker, task, ActivityResult(report), advance))
    }

    private func activity(_ session: SessionCore, _ token: [UInt8]) -> TaskReference? {
        // Mostly it is one that this stream has given out: then it is known to be ours, and need not be checked like a stranger's.
        if let task = TaskToken.claimedActivity(token, now: EngineClock.now().wall), tokens[task] == token {
            return task
        }
        guard case .activity(let task)? = core.subject(of: token, namespace: namespace) else {
            refuse(session, token)
            return nil
        }
        return task
    }

    /// A forged, expired or foreign token: the report is refused and nothing changes; the worker's other tasks go on.
    private func refuse(_ session: SessionCore, _ token: [UInt8]) {
        let error = SagaError(
            kind: .validation, message: "the task token is none of this server's, or has expired",
            code: "PERMISSION_DENIED", isNonRetryable: true)
        let ack = Wire.Ack(taskToken: Array(token.prefix(512)), result: .refused, error: Wire.SagaError(error))
        guard let body = try? encode(Wire.ServerItem(item: .ack(ack))) else { return }
        if session.sendItem(stream, body) == .queued { queued += 1 }
    }

    // MARK: The end

    func ended(_ session: SessionCore) {
        leave()
        connection.removeLongStream(stream)
        session.finish(stream)
    }

    func draining(_ session: SessionCore) {
        guard !isOver, let worker else { return }
        core.driver.post(.workerDraining(worker))
        let drain = Wire.Drain(drainMillis: UInt64(core.configuration.drainGrace / .milliseconds(1)))
        guard let body = try? encode(Wire.ServerItem(item: .drain(drain))) else { return }
        if session.sendItem(stream, body) == .queued { queued += 1 }
    }

    func closed() { leave() }

    private func cutOff(_ session: SessionCore, _ status: WireStatus) {
        leave()
        connection.removeLongStream(stream)
        session.fail(stream, status)
    }

    private func leave() {
        guard !isOver else { return }
        isOver = true
        backlog = []
        head = 0
        core.workers.subtract(1, ordering: .relaxed)
        if let worker { core.driver.post(.workerClosed(worker)) }
    }
}
