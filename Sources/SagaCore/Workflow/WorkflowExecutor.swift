internal import Synchronization

/// Runs the jobs of one run's workflow code, first in first out, on the thread that drains it (semantics, section 6).
///
/// It owns no thread. `async let` and task groups inherit it, so their order is the order of their suspension points.
package final class WorkflowExecutor: TaskExecutor {
    // A mutex, because code that breaks the rules may resume from another thread; such a job then waits for the next drain.
    private let queue = Mutex(JobQueue())

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        queue.withLock { $0.append(unowned) }
    }

    /// Runs jobs until none is left.
    /// - Returns: How many ran.
    @discardableResult
    package func drain() -> Int {
        var ran = 0
        while let job = queue.withLock({ $0.popFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
            ran += 1
        }
        return ran
    }

    /// Whether the current task runs here; code on another executor has escaped the deterministic order.
    package var isCurrent: Bool {
        withUnsafeCurrentTask { $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
    }
}

private struct JobQueue {
    private var jobs: [UnownedJob] = []
    private var head = 0

    mutating func append(_ job: UnownedJob) { jobs.append(job) }

    mutating func popFirst() -> UnownedJob? {
        guard head < jobs.count else {
            jobs.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        defer { head += 1 }
        return jobs[head]
    }
}
