internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Runs the jobs of one run's workflow code, first in first out, on the thread that drains it (semantics, section 6).
///
/// It owns no thread. `async let` and task groups inherit it, so their order is the order of their suspension points.
package final class WorkflowExecutor: TaskExecutor {
    // A mutex, because code that breaks the rules may resume from another thread; such a job then waits for the next drain.
    private let queue = Mutex(JobQueue())

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let thread = currentThread()
        queue.withLock { queue in
            if queue.owner != thread { queue.sawForeignJob = true }
            queue.append(unowned)
        }
    }

    /// From now until `leave`, jobs are expected from the calling thread, and from no other.
    func enter() {
        let thread = currentThread()
        queue.withLock { $0.owner = thread }
    }

    /// From now on no job is expected.
    func leave() { queue.withLock { $0.owner = 0 } }

    /// Whether some other thread resumed the code: an order that no replay can repeat.
    var sawForeignJob: Bool { queue.withLock { $0.sawForeignJob } }

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
    /// The thread that runs the code now; 0 if none does.
    var owner: UInt = 0
    var sawForeignJob = false
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

/// A number for the calling thread, never 0.
private func currentThread() -> UInt {
    #if canImport(Glibc)
        UInt(pthread_self())
    #else
        UInt(bitPattern: pthread_self())
    #endif
}
