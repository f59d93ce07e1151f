import Dispatch
import SagaCore
import Synchronization

/// The one writer: a serial queue on a thread of its own, never Swift's cooperative pool (architecture, "Ownership of
/// threads").
///
/// What callers ask while a commit is under way gathers and shares the next one; each batch still gets its own answer.
final class Writer: @unchecked Sendable {
    // Safety: `session` is touched on `queue` only; `pending` is behind its lock.
    private let queue = DispatchQueue(label: "saga.sqlite.writer", qos: .userInitiated)
    private let pending = Mutex(Pending())
    private var session: WriteSession?
    private let path: String

    /// Most events that several callers' batches may bring into one commit; a larger batch is a commit of its own.
    private static let maximumSharedEvents = 4_096

    private enum Job {
        case append(AppendJob)
        case takeOver(Answer<UInt64>)
        case delete(SagaID, Answer<Bool>)
        case keep([StoredSnapshot], newest: Int, Answer<Void>)
        case use(@Sendable (WriteSession?) -> Void)
        case close(CheckedContinuation<Void, Never>)
    }

    private struct AppendJob {
        let batch: AppendBatch
        let answer: Answer<[AppendOutcome]>
    }

    private struct Pending {
        var jobs: [Job] = []
        var isScheduled = false
    }

    init(_ session: sending WriteSession, path: String) {
        self.session = session
        self.path = path
    }

    // MARK: For callers, on any thread

    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] {
        try await withCheckedContinuation { enqueue(.append(AppendJob(batch: batch, answer: $0))) }.get()
    }

    func takeOver() async throws(StoreError) -> UInt64 {
        try await withCheckedContinuation { enqueue(.takeOver($0)) }.get()
    }

    func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool {
        try await withCheckedContinuation { enqueue(.delete(sagaID, $0)) }.get()
    }

    func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try await withCheckedContinuation { enqueue(.keep(snapshots, newest: newest, $0)) }.get()
    }

    /// Uses the tables of queues and timers, in a transaction of its own.
    func use<Value: Sendable>(
        _ body: @escaping @Sendable (QueueTables) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            enqueue(.use { [closed] in answer.resume(returning: $0?.use(body) ?? .failure(closed)) })
        }.get()
    }

    /// Finishes what was asked before; everything later is refused.
    func close() async {
        await withCheckedContinuation { enqueue(.close($0)) }
    }

    private func enqueue(_ job: Job) {
        let schedule = pending.withLock { pending in
            pending.jobs.append(job)
            defer { pending.isScheduled = true }
            return !pending.isScheduled
        }
        if schedule { queue.async { [self] in drain() } }
    }

    // MARK: On the queue

    private func drain() {
        while true {
            let jobs = pending.withLock { pending in
                let jobs = pending.jobs
                pending.jobs = []
                if jobs.isEmpty { pending.isScheduled = false }
                return jobs
            }
            if jobs.isEmpty { return }
            run(jobs)
        }
    }

    /// Runs jobs in order, neighbouring appends in one commit.
    private func run(_ jobs: [Job]) {
        var appends: [AppendJob] = []
        var events = 0
        for job in jobs {
            if case .append(let append) = job {
                let count = append.batch.eventCount
                if !appends.isEmpty && events + count > Self.maximumSharedEvents {
                    commit(appends)
                    appends = []
                    events = 0
                }
                appends.append(append)
                events += count
                continue
            }
            commit(appends)
            appends = []
            events = 0
            if case .takeOver(let answer) = job { answer.resume(returning: session?.takeOver() ?? .failure(closed)) }
            if case .delete(let sagaID, let answer) = job {
                answer.resume(returning: session?.delete(sagaID) ?? .failure(closed))
            }
            if case .keep(let snapshots, let newest, let answer) = job {
                answer.resume(returning: session?.keep(snapshots, newest: newest) ?? .failure(closed))
            }
            if case .use(let body) = job {
                body(session)
                session?.keepLogShort()
            }
            if case .close(let done) = job {
                session?.flush()
                session = nil
                done.resume()
            }
        }
        commit(appends)
    }

    /// Commits batches together; if that fails before the commit itself, each by itself, so that one caller's trouble
    /// does not become another's.
    private func commit(_ jobs: [AppendJob]) {
        if jobs.isEmpty { return }
        switch session?.append(jobs.map(\.batch)) ?? .failure(closed) {
        case .success(let results):
            for (job, result) in zip(jobs, results) { job.answer.resume(returning: result) }
            session?.keepLogShort()
        case .failure(let error):
            if jobs.count == 1 || error.outcomeUnknown || error.reason == .closed {
                for job in jobs { job.answer.resume(returning: .failure(error)) }
            } else {
                for job in jobs { commit([job]) }
            }
        }
    }

    private var closed: StoreError { StoreError(.closed, "\(path): the store was closed") }
}

extension AppendBatch {
    fileprivate var eventCount: Int {
        transactions.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.events.count } }
    }
}
