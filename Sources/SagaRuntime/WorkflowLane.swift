internal import Dispatch
internal import SagaCore
internal import Synchronization

/// One serial thread of workflow code: a share of the runs, by saga id.
///
/// Tasks gather in its inbox and are drained many at a wake-up; no task costs an `await`.
final class WorkflowLane: @unchecked Sendable {
    // Safe to share because `runs` is touched on `queue` only, and everything else is behind a mutex or constant.

    private enum Order {
        case task(WorkflowTask)
        case query(QueryTask)
        case localEnded(SagaID, CommandNumber, LocalActivityEnd)
        /// With where it is to be reported, for the lane may have lost that when it comes to it.
        case stepEnded(TaskReference, ActivityResult, any WorkerSink)
        case evict(SagaID)
        case evictAll
    }

    private struct Inbox {
        var orders: [Order] = []
        /// Nothing runs before it is known where results go.
        var isScheduled = true
        var sink: (any WorkerSink)?
    }

    /// The activation that runs now.
    struct Activation {
        var sagaID: SagaID
        var workflowID: String
        var workflowType: String
        var startedAt: UInt64
        var isReported = false
    }

    private let queue: DispatchQueue
    private let workflows: WorkflowRegistry
    private let converter: any PayloadConverter
    private let notice: @Sendable (WorkerNotice) -> Void
    private let willRun: @Sendable () -> Void
    private let inbox = Mutex(Inbox())
    let current = Mutex<Activation?>(nil)
    var runs: RunCache
    /// Runs whose code waits here for just one step.
    let awaiting = Mutex(Set<SagaID>())
    /// Types of code that lately could not go on ahead of its history, and how often that is not tried again.
    var pauses: [String: Int] = [:]
    private let local: LocalRunner
    /// Answers that wait for local activities.
    var held: [SagaID: HeldAnswer] = [:]
    /// Code that is made for one query and gets its history in pages.
    private var queried: [UInt64: WorkflowInstance] = [:]

    /// - Parameters:
    ///   - willRun: Called when the lane wakes up, for the watchdog.
    init(
        number: Int, workflows: WorkflowRegistry, converter: any PayloadConverter, capacity: Int,
        local: LocalRunner, notice: @escaping @Sendable (WorkerNotice) -> Void, willRun: @escaping @Sendable () -> Void
    ) {
        queue = DispatchQueue(label: "saga.workflow-code.\(number)")
        self.workflows = workflows
        self.converter = converter
        self.local = local
        self.notice = notice
        self.willRun = willRun
        runs = RunCache(capacity: capacity)
    }

    func attach(_ sink: (any WorkerSink)?) {
        inbox.withLock { $0.sink = sink }
        queue.async { self.drain() }
    }

    func accept(_ task: WorkflowTask) { put(.task(task)) }

    func accept(_ task: QueryTask) { put(.query(task)) }

    func evict(_ sagaID: SagaID) { put(.evict(sagaID)) }

    /// Drops all runs and the tasks that wait: they belong to a stream that is gone.
    func evictAll() {
        let orders = inbox.withLock { inbox in
            defer { inbox.orders.removeAll() }
            return inbox.orders
        }
        put(.evictAll)
        // Activities go on, and so do their reports; the code that was to go on with them is gone.
        for order in orders {
            if case .stepEnded(let reference, let result, let sink) = order { sink.activity(reference, result) }
        }
    }

    /// Takes the end of a step over that code here waits for; it is reported with what the code makes of it.
    /// - Returns: False, and nothing done, if no code here waits for it.
    func take(_ reference: TaskReference, _ result: ActivityResult) -> Bool {
        guard !reference.isUndo, case .completed = result, let sink = inbox.withLock({ $0.sink }),
            awaiting.withLock({ $0.remove(reference.sagaID) != nil })
        else { return false }
        // On the activity's own thread, if the lane has nothing to do: to wake the lane's would take longer than the code does. What
        // has come meanwhile is the lane's, so that the thread is soon an activity's again.
        if claim(.stepEnded(reference, result, sink)) { queue.sync { drainOnce() } }
        return true
    }

    /// Calls back on the lane's thread once everything put before is done.
    func whenIdle(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }

    private func put(_ order: Order) { if claim(order) { queue.async { self.drain() } } }

    /// Adds an order; true if the caller must see to it that the lane runs.
    private func claim(_ order: Order) -> Bool {
        inbox.withLock { inbox in
            inbox.orders.append(order)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
    }

    private func drain() {
        willRun()
        var batch: [Order] = []
        while takeBatch(&batch) {}
    }

    private func drainOnce() {
        willRun()
        var batch: [Order] = []
        guard takeBatch(&batch) else { return }
        let hasMore = inbox.withLock { inbox in
            inbox.isScheduled = !inbox.orders.isEmpty
            return inbox.isScheduled
        }
        if hasMore { queue.async { self.drain() } }
    }

    /// Carries out what has gathered; false, and the lane sleeps, if there is nothing.
    private func takeBatch(_ batch: inout [Order]) -> Bool {
        batch.removeAll(keepingCapacity: true)
        let sink = inbox.withLock { inbox in
            swap(&batch, &inbox.orders)
            if batch.isEmpty { inbox.isScheduled = false }
            return inbox.sink
        }
        if batch.isEmpty { return false }
        for order in batch {
            switch order {
            case .task(let task): run(task, sink)
            case .query(let task):
                if let answer = answer(task) { sink?.query(task.queryID, task.run.sagaID, answer) }
            case .localEnded(let sagaID, let number, let end): localEnded(sagaID, number, end, sink)
            case .stepEnded(let reference, let result, let ownSink):
                stepEnded(reference, result, ownSink)
                if ownSink !== sink { ownSink.flush() }
            case .evict(let sagaID): drop(sagaID)
            case .evictAll:
                for instance in runs.removeAll() { instance.evict() }
                queried = [:]
                held = [:]
                awaiting.withLock { $0 = [] }
            }
        }
        sink?.flush()
        return true
    }

    private func run(_ task: WorkflowTask, _ sink: (any WorkerSink)?) {
        let identity = WorkflowTaskIdentity(sagaID: task.sagaID, generation: task.generation)
        let instance: WorkflowInstance
        if task.firstEventID == 0 {
            switch definition(for: task) {
            case .success(let definition):
                instance = WorkflowInstance(task: task, definition: definition, converter: converter)
                if let displaced = runs.insert(instance) { forget(displaced) }
            case .failure(let error):
                // Said once, by the last page.
                if !task.more { fail(task, identity, .codeFailure, error, sink) }
                return
            }
        } else if let cached = runs.use(task.sagaID) {
            instance = cached
        } else {
            sink?.workflowTask(identity, .needHistory(from: 0))
            return
        }
        current.withLock {
            $0 = Activation(
                sagaID: task.sagaID, workflowID: task.workflowID, workflowType: task.workflowType,
                startedAt: DispatchTime.now().uptimeNanoseconds)
        }
        let answer = instance.activate(task)
        current.withLock { $0 = nil }
        guard let answer else { return }
        held[task.sagaID] = nil
        if case .completed(_, _, _, let verdicts) = answer {
            let work = instance.takeLocalWork()
            if !work.isEmpty { return runLocally(work, task, identity, verdicts) }
        }
        send(answer, task, identity, sink)
    }

    private func send(
        _ answer: WorkflowTaskAnswer, _ task: WorkflowTask, _ identity: WorkflowTaskIdentity,
        _ sink: (any WorkerSink)?
    ) {
        switch answer {
        case .completed(_, let commands, _, _):
            noteAwaiting(task.sagaID)
            if commands.last?.command.isClosing == true { runs.demote(task.sagaID) }
            sink?.workflowTask(identity, answer)
        case .needHistory:
            drop(task.sagaID)
            sink?.workflowTask(identity, answer)
        case .failed(let cause, let error):
            drop(task.sagaID)
            fail(task, identity, cause, error, sink)
        }
    }

    /// Runs local activities beside the lane; the answer waits for all of them.
    private func runLocally(
        _ work: [LocalActivityWork], _ task: WorkflowTask, _ identity: WorkflowTaskIdentity, _ verdicts: [UpdateVerdict]
    ) {
        // The events have been given to the code; what is kept needs only the names.
        var names = task
        names.events = []
        held[task.sagaID] = HeldAnswer(
            task: names, identity: identity, verdicts: verdicts, open: Set(work.map(\.number)))
        let sagaID = task.sagaID
        for item in work {
            local.run(item, of: names) { [weak self] end in self?.put(.localEnded(sagaID, item.number, end)) }
        }
    }

    private func localEnded(
        _ sagaID: SagaID, _ number: CommandNumber, _ end: LocalActivityEnd, _ sink: (any WorkerSink)?
    ) {
        // The run was evicted, or has another task by now: it will be run again, under the same key.
        guard var waiting = held[sagaID], waiting.open.remove(number) != nil, let instance = runs.use(sagaID) else {
            return
        }
        instance.localEnded(number, end)
        held[sagaID] = waiting.open.isEmpty ? nil : waiting
        if waiting.open.isEmpty { send(instance.answer(waiting.verdicts), waiting.task, waiting.identity, sink) }
    }

    /// What the code says; nil if more of its history must come first.
    private func answer(_ task: QueryTask) -> QueryAnswer? {
        if task.isLive {
            guard let live = runs.use(task.run.sagaID), live.stands(at: task.run.firstEventID) else {
                return .needHistory
            }
            return live.answer(task.name, task.input)
        }
        let instance: WorkflowInstance
        if task.run.firstEventID == 0 {
            switch definition(for: task.run) {
            case .success(let definition):
                instance = WorkflowInstance(task: task.run, definition: definition, converter: converter)
                queried[task.queryID] = instance
            case .failure(let error): return task.run.more ? nil : .failed(error)
            }
        } else if let begun = queried[task.queryID] {
            instance = begun
        } else {
            return task.run.more ? nil : .needHistory
        }
        current.withLock {
            $0 = Activation(
                sagaID: task.run.sagaID, workflowID: task.run.workflowID, workflowType: task.run.workflowType,
                startedAt: now())
        }
        let result = instance.activate(task.run)
        current.withLock { $0 = nil }
        if case .failed(_, let error)? = result {
            queried[task.queryID] = nil
            return .failed(error)
        }
        if task.run.more { return nil }
        queried[task.queryID] = nil
        // Evicts itself with its last owner.
        return instance.answer(task.name, task.input)
    }

    private func fail(
        _ task: WorkflowTask, _ identity: WorkflowTaskIdentity, _ cause: BlockCause, _ error: SagaError,
        _ sink: (any WorkerSink)?
    ) {
        notice(
            .workflowTaskFailed(
                sagaID: task.sagaID, workflowID: task.workflowID, workflowType: task.workflowType, error))
        sink?.workflowTask(identity, .failed(cause, error))
    }

    private func definition(for task: WorkflowTask) -> Result<WorkflowDefinition, SagaError> {
        if let definition = workflows.definition(task.workflowType, version: task.workflowVersion) {
            return .success(definition)
        }
        let versions = workflows.types.filter { $0.name == task.workflowType }.map { String($0.version) }
        let message: String
        if versions.isEmpty {
            message =
                "this worker does not serve workflow type \(task.workflowType); it serves "
                + listing(workflows.types.map { "\($0.name) \($0.version)" })
        } else {
            message =
                "this worker does not serve version \(task.workflowVersion) of workflow type"
                + " \(task.workflowType); it serves versions \(listing(versions))"
        }
        return .failure(SagaError(kind: .configuration, message: message))
    }

    /// Reports the activation that runs for too long, once.
    /// - Returns: Whether the lane is at work.
    func reportSlowCode(after limit: UInt64) -> Bool {
        let slow = current.withLock { current -> Activation? in
            guard let activation = current, !activation.isReported, now() &- activation.startedAt >= limit else {
                return nil
            }
            current?.isReported = true
            return activation
        }
        if let slow {
            let elapsed = Duration.nanoseconds(Int64(clamping: now() &- slow.startedAt))
            notice(
                .slowWorkflowCode(
                    sagaID: slow.sagaID, workflowID: slow.workflowID, workflowType: slow.workflowType,
                    elapsed: elapsed))
        }
        return inbox.withLock { $0.isScheduled }
    }

    private func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}

/// An answer that waits for local activities.
struct HeldAnswer {
    var task: WorkflowTask
    var identity: WorkflowTaskIdentity
    var verdicts: [UpdateVerdict]
    /// Commands whose activities run.
    var open: Set<CommandNumber>
}

/// Names for a message: at most ten.
func listing(_ names: [String]) -> String {
    if names.isEmpty { return "none" }
    let shown = names.prefix(10).joined(separator: ", ")
    return names.count > 10 ? "\(shown) and \(names.count - 10) more" : shown
}
