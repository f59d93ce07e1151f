internal import Dispatch
package import SagaCore
internal import Synchronization

/// Runs registered workflow and activity code: inside the embedded engine, or for a stream to a server. The activation of
/// semantics section 6 is the one boundary, so code behaves the same in both.
///
/// Workflow code runs on the host's own serial threads; each run belongs to one of them by its saga id. Activities run as
/// Swift tasks. Nothing here waits for I/O. What happens is given to the `WorkerSink`.
package final class WorkerHost: Sendable {
    package let workflows: WorkflowRegistry
    package let activities: ActivityRegistry
    /// Who runs the code, for people: `host:pid` for example.
    package let identity: String
    package let limits: WorkerLimits

    private let lanes: [WorkflowLane]
    private let runner: ActivityRunner
    private let watchdog: Watchdog

    /// - Parameters:
    ///   - workflows: The workflow types that it serves.
    ///   - activities: The activities that it serves.
    ///   - converter: How the context turns values into payloads.
    ///   - identity: Who runs the code.
    ///   - limits: What it may use.
    ///   - notice: Takes what an operator should know; called from the host's threads.
    package init(
        workflows: WorkflowRegistry, activities: ActivityRegistry, converter: any PayloadConverter = .json,
        identity: String, limits: WorkerLimits = WorkerLimits(),
        notice: @escaping @Sendable (WorkerNotice) -> Void = { _ in }
    ) {
        self.workflows = workflows
        self.activities = activities
        self.identity = identity
        self.limits = limits
        let watchdog = Watchdog(limit: limits.slowCodeAfter)
        let capacity = (limits.maxCachedRuns + limits.workflowThreads - 1) / limits.workflowThreads
        let local = LocalRunner(activities: activities)
        lanes = (0..<limits.workflowThreads).map { number in
            WorkflowLane(
                number: number, workflows: workflows, converter: converter, capacity: capacity, local: local,
                notice: notice, willRun: { watchdog.wake() })
        }
        runner = ActivityRunner(
            activities: activities, limit: limits.maxConcurrentActivities,
            isTaken: { [lanes] in Self.lane(of: $0.sagaID, lanes).take($0, $1) }, notice: notice)
        self.watchdog = watchdog
        watchdog.watch(lanes)
    }

    /// Sets where results go; nil drops them. Nothing runs before the first call: tasks wait for it.
    ///
    /// The host keeps the sink alive until `shutDown`.
    package func attach(_ sink: (any WorkerSink)?) {
        for lane in lanes { lane.attach(sink) }
        runner.attach(sink)
    }

    // MARK: Workflow code

    /// Advances the code of a run.
    package func accept(_ task: WorkflowTask) { lane(of: task.sagaID).accept(task) }

    /// Asks the code of a run something.
    package func accept(_ task: QueryTask) { lane(of: task.run.sagaID).accept(task) }

    /// Drops a run from memory; its code is resumed with `Evicted` and has no further effect.
    package func evict(_ sagaID: SagaID) { lane(of: sagaID).evict(sagaID) }

    /// Drops all runs and the workflow tasks that wait: the stream that they came by is gone. Activities go on.
    package func evictAll() { for lane in lanes { lane.evictAll() } }

    // MARK: Activities

    /// Performs a side effect.
    package func accept(_ task: ActivityTask) { runner.accept(task) }

    /// Asks an attempt to stop; unknown ones are ignored, for they may just have ended.
    package func cancel(_ task: TaskReference) { runner.cancel(task) }

    /// Attempts that run or wait for their turn.
    package var activityCount: Int { runner.count }

    /// The attempts that run or wait, to be announced on a new stream.
    package var runningActivities: [TaskReference] { runner.references }

    // MARK: The end

    /// Returns when no activity runs or waits, and the ends of all are reported.
    package func activitiesFinished() async {
        await withCheckedContinuation { continuation in runner.whenIdle { continuation.resume() } }
        // Some may be with live code.
        await codePaused()
    }

    /// Returns when all code has done what was put to it before; of code that does not yield, when it is slow by the limits'
    /// measure.
    package func codePaused() async {
        let limit = DispatchTime.now() + .microseconds(Int(clamping: max(0, limits.slowCodeAfter.wholeMicroseconds)))
        for lane in lanes {
            await withCheckedContinuation { continuation in
                let waiting = OneResume(continuation)
                lane.whenIdle { waiting.resume() }
                DispatchQueue.global().asyncAfter(deadline: limit) { waiting.resume() }
            }
        }
    }

    /// Drops all runs, cancels all activities and lets go of the sink. Results that come later are dropped.
    package func shutDown() {
        attach(nil)
        evictAll()
        runner.cancelAll()
    }

    private func lane(of sagaID: SagaID) -> WorkflowLane { Self.lane(of: sagaID, lanes) }

    private static func lane(of sagaID: SagaID, _ lanes: [WorkflowLane]) -> WorkflowLane {
        // The last bits of a UUIDv7 are random.
        lanes[Int(truncatingIfNeeded: sagaID.low & 0x7FFF_FFFF) % lanes.count]
    }
}

/// Whichever of two comes first resumes.
private final class OneResume: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func resume() {
        let waiting = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume()
    }
}

/// Looks after workflow code that does not yield. Sleeps while no lane runs.
private final class Watchdog: Sendable {
    private struct Weak {
        weak var lane: WorkflowLane?
    }

    private let limit: UInt64
    private let queue = DispatchQueue(label: "saga.workflow-watchdog")
    private let isArmed = Atomic(false)
    private let lanes = Mutex<[Weak]>([])

    init(limit: Duration) {
        let nanoseconds = max(1_000, limit.wholeMicroseconds).multipliedReportingOverflow(by: 1_000)
        self.limit = nanoseconds.overflow ? .max : UInt64(nanoseconds.partialValue)
    }

    func watch(_ lanes: [WorkflowLane]) { self.lanes.withLock { $0 = lanes.map { Weak(lane: $0) } } }

    /// A lane begins to run: from now on look, until none runs.
    func wake() {
        guard !isArmed.exchange(true, ordering: .relaxed) else { return }
        // Half the limit, so that code is reported at most half a limit late.
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: limit / 2))) { [weak self] in self?.look() }
    }

    private func look() {
        isArmed.store(false, ordering: .relaxed)
        var isBusy = false
        for weak in lanes.withLock({ $0 }) {
            if weak.lane?.reportSlowCode(after: limit) == true { isBusy = true }
        }
        if isBusy { wake() }
    }
}
