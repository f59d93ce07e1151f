internal import SagaCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Runs activities as Swift tasks, so many at a time.
final class ActivityRunner: Sendable {
    private struct State {
        var running: [TaskReference: RunningActivity] = [:]
        var waiting: [ActivityTask] = []
        /// Where `waiting` begins.
        var head = 0
        var sink: (any WorkerSink)?
        /// Nothing runs before it is known where results go.
        var isAttached = false
        var idleWaiters: [@Sendable () -> Void] = []
        /// Attempts that have ended and are being reported.
        var reporting = 0

        var isIdle: Bool { running.isEmpty && reporting == 0 && head == waiting.count }
    }

    private let activities: ActivityRegistry
    private let limit: Int
    private let notice: @Sendable (WorkerNotice) -> Void
    private let isTaken: @Sendable (TaskReference, ActivityResult) -> Bool
    private let state = Mutex(State())
    private let outlet = HeartbeatOutlet()

    /// - Parameter isTaken: Offers an end to live code that waits for it here; true if it reports it in place of the runner.
    init(
        activities: ActivityRegistry, limit: Int, isTaken: @escaping @Sendable (TaskReference, ActivityResult) -> Bool,
        notice: @escaping @Sendable (WorkerNotice) -> Void
    ) {
        self.activities = activities
        self.limit = limit
        self.isTaken = isTaken
        self.notice = notice
    }

    func attach(_ sink: (any WorkerSink)?) {
        let tasks = state.withLock { state -> [(ActivityTask, RunningActivity)] in
            state.sink = sink
            outlet.sink.withLock { $0 = sink }
            state.isAttached = true
            var tasks: [(ActivityTask, RunningActivity)] = []
            while let next = beginNext(&state) { tasks.append(next) }
            return tasks
        }
        for (task, running) in tasks { start(task, running) }
    }

    /// Attempts that run or wait.
    var count: Int { state.withLock { $0.running.count + $0.waiting.count - $0.head } }

    /// The attempts that run or wait, in no special order.
    var references: [TaskReference] {
        state.withLock { Array($0.running.keys) + $0.waiting[$0.head...].map(\.reference) }
    }

    func accept(_ task: ActivityTask) {
        let running = state.withLock { state -> RunningActivity? in
            // Handed out twice, after a reconnect for example: it runs already.
            if state.running[task.reference] != nil { return nil }
            guard state.isAttached, state.running.count < limit else {
                state.waiting.append(task)
                return nil
            }
            return begin(task, &state)
        }
        if let running { start(task, running) }
    }

    func cancel(_ reference: TaskReference) {
        enum Action { case cancel(RunningActivity), dropped((any WorkerSink)?), unknown }
        let action = state.withLock { state -> Action in
            if let running = state.running[reference] { return .cancel(running) }
            if let position = state.waiting[state.head...].firstIndex(where: { $0.reference == reference }) {
                state.waiting.remove(at: position)
                return .dropped(state.sink)
            }
            return .unknown
        }
        switch action {
        case .cancel(let running): running.cancel()
        // It never began, so nothing can have happened.
        case .dropped(let sink):
            sink?.activity(reference, .canceled(outcome: .noEffect, details: nil))
            notifyIfIdle()
        case .unknown: break
        }
    }

    /// Asks all running attempts to stop and forgets those that wait.
    func cancelAll() {
        let running = state.withLock { state in
            state.waiting = []
            state.head = 0
            return Array(state.running.values)
        }
        for activity in running { activity.cancel() }
        notifyIfIdle()
    }

    /// Calls back when nothing runs or waits; at once if that is so now.
    func whenIdle(_ body: @escaping @Sendable () -> Void) {
        let isIdle = state.withLock { state in
            if state.isIdle { return true }
            state.idleWaiters.append(body)
            return false
        }
        if isIdle { body() }
    }

    private func begin(_ task: ActivityTask, _ state: inout State) -> RunningActivity {
        let running = RunningActivity(task, outlet)
        state.running[task.reference] = running
        return running
    }

    private func start(_ task: ActivityTask, _ running: RunningActivity) {
        running.attach(
            Task.detached {
                let result = await self.execute(task, running)
                running.finish()
                self.end(task.reference, result)
            })
    }

    private func end(_ reference: TaskReference, _ result: ActivityResult) {
        let (sink, next) = state.withLock { state -> ((any WorkerSink)?, (ActivityTask, RunningActivity)?) in
            state.running[reference] = nil
            state.reporting += 1
            return (state.sink, beginNext(&state))
        }
        if !isTaken(reference, result) { sink?.activity(reference, result) }
        state.withLock { $0.reporting -= 1 }
        if let (task, running) = next { start(task, running) } else { notifyIfIdle() }
    }

    /// Takes the next task that waits, if there is room for it.
    private func beginNext(_ state: inout State) -> (ActivityTask, RunningActivity)? {
        guard state.running.count < limit, state.head < state.waiting.count else { return nil }
        let task = state.waiting[state.head]
        state.head += 1
        // Moves the rest only when half of it is used up, so that each task is moved at most once or twice.
        if state.head * 2 >= state.waiting.count {
            state.waiting.removeFirst(state.head)
            state.head = 0
        }
        return (task, begin(task, &state))
    }

    private func notifyIfIdle() {
        let waiters = state.withLock { state -> [@Sendable () -> Void] in
            guard state.isIdle else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for waiter in waiters { waiter() }
    }

    private func execute(_ task: ActivityTask, _ running: RunningActivity) async -> ActivityResult {
        guard let definition = activities.definition(task.activityType) else {
            let error = SagaError(
                kind: .configuration,
                message: "this worker does not serve activity type \(task.activityType); it serves "
                    + listing(activities.types), timestamp: wallClock())
            return failed(task, error, outcome: .noEffect)
        }
        let input: Payload
        do {
            input = try activities.input(for: task)
        } catch {
            return failed(task, inputError(error, task), outcome: .noEffect)
        }
        do {
            let result = try await definition.execute(input, ActivityContext(task: task, reporter: running))
            return .completed(output: result.output, undoData: running.undoData ?? result.undoData)
        } catch is ActivityCompletesLater {
            guard task.reference.isUndo else { return .completesLater }
            let error = SagaError(
                kind: .configuration, message: "the undo \(task.activityType) cannot complete later",
                timestamp: wallClock(), isNonRetryable: true)
            return failed(task, error, outcome: .unknown)
        } catch let error as ActivityInputError {
            return failed(task, inputError(error.reason, task), outcome: .noEffect)
        } catch let error as NoEffect {
            return ended(task, running, error.cause, outcome: .noEffect)
        } catch {
            return ended(task, running, error, outcome: nil)
        }
    }

    /// - Parameter outcome: What the activity says itself; nil leaves it to the error's kind.
    private func ended(
        _ task: ActivityTask, _ running: RunningActivity, _ error: any Error, outcome: StepOutcome?
    ) -> ActivityResult {
        if error is CancellationError, running.isCancelRequested {
            return .canceled(outcome: outcome ?? .unknown, details: nil)
        }
        var described = SagaError(describing: error, kind: .activityExecution)
        if described.timestamp.microseconds == 0 { described.timestamp = wallClock() }
        return failed(task, described, outcome: outcome ?? described.impliedOutcome)
    }

    private func failed(_ task: ActivityTask, _ error: SagaError, outcome: StepOutcome) -> ActivityResult {
        notice(.activityFailed(task.reference, activityType: task.activityType, error))
        return .failed(error, outcome: outcome)
    }

    /// The code never saw the input, so nothing can have happened, and another attempt would fail alike.
    private func inputError(_ error: any Error, _ task: ActivityTask) -> SagaError {
        let cause = SagaError(describing: error, kind: .codec)
        return SagaError(
            kind: .codec, message: "the input of activity \(task.activityType) does not decode: \(cause.message)",
            causes: [ErrorCause(kind: cause.kind, message: cause.message)], timestamp: wallClock())
    }
}

/// The time of day, for people: nothing is decided by it.
private func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}
