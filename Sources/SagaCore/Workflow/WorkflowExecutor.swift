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
    /// The thread that runs the code now; 0 if none does.
    private let owner = Atomic<UInt>(0)
    /// Whether there may be jobs: most events resume nothing.
    private let hasJobs = Atomic<Bool>(false)

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let isForeign = owner.load(ordering: .relaxed) != currentThread()
        queue.withLock { queue in
            if isForeign { queue.sawForeignJob = true }
            queue.append(unowned)
        }
        hasJobs.store(true, ordering: .releasing)
    }

    /// From now until `leave`, jobs are expected from the calling thread, and from no other.
    func enter() {
        owner.store(currentThread(), ordering: .relaxed)
    }

    /// From now on no job is expected.
    func leave() { owner.store(0, ordering: .relaxed) }

    /// Whether some other thread resumed the code: an order that no replay can repeat.
    var sawForeignJob: Bool { queue.withLock { $0.sawForeignJob } }

    /// Whether no job waits.
    var isIdle: Bool { !hasJobs.load(ordering: .acquiring) }

    /// Runs jobs until none is left.
    /// - Returns: How many ran.
    @discardableResult
    package func drain() -> Int {
        var ran = 0
        while hasJobs.load(ordering: .acquiring) {
            let job = queue.withLock { queue in
                let job = queue.popFirst()
                // Under the lock, so that no job can come in between and be forgotten.
                if queue.isEmpty { hasJobs.store(false, ordering: .relaxed) }
                return job
            }
            guard let job else { break }
            job.runSynchronously(on: asUnownedTaskExecutor())
            ran += 1
        }
        return ran
    }

    /// Whether the current task runs here; code on another executor has escaped the deterministic order.
    package var isCurrent: Bool {
        withUnsafeCurrentTask { $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
    }

    /// Whether the calling thread is the one that drains. All that runs on it between `enter` and `leave` is code of the run, in
    /// an order that replay repeats; much cheaper to ask than `isCurrent`.
    var isOnItsThread: Bool { owner.load(ordering: .relaxed) == currentThread() }
}

private struct JobQueue {
    var sawForeignJob = false
    private var jobs: [UnownedJob] = []
    private var head = 0

    var isEmpty: Bool { head == jobs.count }

    mutating func append(_ job: UnownedJob) { jobs.append(job) }

    mutating func popFirst() -> UnownedJob? {
        guard head < jobs.count else { return nil }
        let job = jobs[head]
        head += 1
        if head == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            head = 0
        }
        return job
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
