import Dispatch
import SagaCore
import Synchronization

/// How a queue answers a waiting caller.
typealias Answer<Value> = CheckedContinuation<Result<Value, StoreError>, Never>

/// Group commit over a few connections, without a timer: a connection that is free takes what has gathered; while all are
/// busy the next commit grows. Idle, an append goes out at once; under load, batches grow by themselves.
///
/// Each connection has a thread of its own, never one of Swift's cooperative pool. It waits for the server; what waits for
/// nothing, the caller of a small append does itself.
final class CommitQueue: @unchecked Sendable {
    // Safety: a lane's session is touched by whoever has taken the lane from the idle ones, who gives it to the lane's queue;
    // `pending` is behind its lock.
    private let lanes: [Lane]
    private let pending: Mutex<Pending>
    private let options: PostgresOptions
    /// Set on the lanes' threads.
    private let laneMark = DispatchSpecificKey<Bool>()

    private final class Lane: @unchecked Sendable {
        let queue: DispatchQueue
        let session: AppendSession

        init(_ number: Int, _ options: PostgresOptions) {
            queue = DispatchQueue(label: "saga.postgres.writer-\(number)", qos: .userInitiated)
            session = AppendSession(options)
        }
    }

    private struct Pending {
        var jobs: [Job] = []
        var events = 0
        var idle: [Int]
        var isClosed = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    init(_ options: PostgresOptions) {
        self.options = options
        let count = max(1, options.writers)
        lanes = (0..<count).map { Lane($0, options) }
        pending = Mutex(Pending(idle: Array((0..<count).reversed())))
        for lane in lanes { lane.queue.setSpecific(key: laneMark, value: true) }
    }

    /// Connections that write.
    var writers: Int { lanes.count }

    // MARK: For callers, on any thread

    /// - Parameter batch: A validated batch.
    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] {
        try await withCheckedContinuation { (answer: Answer<[AppendOutcome]>) in
            append(batch) { answer.resume(returning: $0) }
        }.get()
    }

    /// - Parameters:
    ///   - batch: A validated batch.
    ///   - answer: Called once, on a connection's thread.
    func append(_ batch: AppendBatch, answer: @escaping AppendJob.Answer) {
        let events = batch.eventCount
        // Only a batch whose transactions are independent of each other may be written in parts at the same time.
        let canSplit =
            lanes.count > 1 && batch.transactions.count >= options.splitAbove
            && AppendPlan(batch.transactions[...]).oneByOne.isEmpty
        enqueue([.append(AppendJob(batch, events: events, canSplit: canSplit, answer: answer))], events: events) {
            answer(.failure($0))
        }
    }

    func takeOver() async throws(StoreError) -> UInt64 {
        try await withCheckedContinuation { answer in
            enqueue([.takeOver(answer)], events: 0) { answer.resume(returning: .failure($0)) }
        }.get()
    }

    /// Keeps late effects, in a commit of their own.
    func keep(_ effects: [LateEffect], epoch: UInt64) async throws(StoreError) {
        try await withCheckedContinuation { answer in
            enqueue([.keep(effects, epoch: epoch, answer)], events: 0) { answer.resume(returning: .failure($0)) }
        }.get()
    }

    /// Finishes what was asked before; everything later is refused.
    func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let isDone = pending.withLock { pending in
                pending.isClosed = true
                if pending.idle.count == lanes.count && pending.jobs.isEmpty { return true }
                pending.closing.append(done)
                return false
            }
            if isDone { done.resume() }
        }
        for lane in lanes { lane.queue.sync { lane.session.close() } }
    }

    private func enqueue(_ jobs: [Job], events: Int, refuse: (StoreError) -> Void) {
        // Who answers a caller and is given the next batch at once goes on itself: a change of threads costs more than the
        // batch, if it is small.
        let isOnLane = DispatchQueue.getSpecific(key: laneMark) == true
        let (refusal, woken) = pending.withLock { pending -> (StoreError?, Int?) in
            if pending.isClosed { return (Self.closed, nil) }
            if pending.events > 0 && pending.events + events > options.maximumWaitingEvents {
                let message = "PostgreSQL is slow: \(pending.events) events wait for their commit; try again later"
                return (StoreError(.unavailable, message), nil)
            }
            pending.jobs += jobs
            pending.events += events
            if isOnLane && pending.events < options.splitAbove { return (nil, nil) }
            return (nil, pending.idle.popLast())
        }
        if let refusal { return refuse(refusal) }
        if let woken { begin(woken) }
    }

    private func wake(_ number: Int) {
        let lane = lanes[number]
        lane.queue.async { [self] in drain(lane, number) }
    }

    /// Gives an idle lane to the caller's job. A small append is sent by the caller itself, which takes no longer than to
    /// hand it over: the lane's thread wakes up while the server is at work, and not before it.
    private func begin(_ number: Int) {
        guard let work = take(number) else { return }
        let lane = lanes[number]
        guard case .commit(let parts) = work, options.batching, parts.count == 1,
            parts[0].transactions.count <= Self.mostSentByCaller
        else { return lane.queue.async { [self] in drain(lane, number, work) } }
        switch lane.session.begin(epoch: parts[0].job.epoch, parts[0].transactions) {
        case .none: lane.queue.async { [self] in drain(lane, number, work) }
        case .sent:
            lane.queue.async { [self] in
                commit(lane.session, parts, isBegun: true)
                drain(lane, number)
            }
        case .failed(let error):
            lane.queue.async { [self] in
                failed(lane.session, parts, error)
                drain(lane, number)
            }
        }
    }

    private static let mostSentByCaller = 8

    // MARK: On a lane's queue

    /// - Parameter first: What was taken for the lane already.
    private func drain(_ lane: Lane, _ number: Int, _ first: Work? = nil) {
        var next = first ?? take(number)
        while let work = next {
            perform(work, lane.session)
            next = take(number)
        }
    }

    private func perform(_ work: Work, _ session: AppendSession) {
        switch work {
        case .takeOver(let answer):
            do throws(StoreError) {
                answer.resume(returning: .success(try session.takeOver()))
            } catch {
                session.forget()
                answer.resume(returning: .failure(error))
            }
        case .keep(let effects, let epoch, let answer):
            do throws(StoreError) {
                answer.resume(returning: .success(try session.keep(effects, epoch: epoch)))
            } catch {
                if error.reason == .unavailable { session.forget() }
                answer.resume(returning: .failure(error))
            }
        case .commit(let parts): commit(session, parts)
        }
    }

    private enum Work {
        case takeOver(Answer<UInt64>)
        case keep([LateEffect], epoch: UInt64, Answer<Void>)
        case commit([AppendJob.Part])
    }

    /// What a free lane does next; nil sends it to sleep.
    private func take(_ number: Int) -> Work? {
        let (work, woken, closing) = pending.withLock { pending -> (Work?, Int?, [CheckedContinuation<Void, Never>]) in
            guard let first = pending.jobs.first else {
                pending.idle.append(number)
                guard pending.isClosed, pending.idle.count == lanes.count else { return (nil, nil, []) }
                defer { pending.closing = [] }
                return (nil, nil, pending.closing)
            }
            guard case .append(let job) = first else {
                pending.jobs.removeFirst()
                let work: Work
                switch first {
                case .takeOver(let answer): work = .takeOver(answer)
                case .keep(let effects, let epoch, let answer): work = .keep(effects, epoch: epoch, answer)
                case .append: return (nil, nil, [])
                }
                return (work, pending.jobs.isEmpty ? nil : pending.idle.popLast(), [])
            }
            let parts = Self.takeParts(&pending, first: job, options, idle: pending.idle.count)
            return (.commit(parts), pending.jobs.isEmpty ? nil : pending.idle.popLast(), [])
        }
        if let woken { wake(woken) }
        for waiter in closing { waiter.resume() }
        return work
    }

    /// Takes jobs of one epoch, up to the limit of a shared commit. A single large batch is halved if a connection is
    /// idle: two cores then work on it.
    private static func takeParts(
        _ pending: inout Pending, first: AppendJob, _ options: PostgresOptions, idle: Int
    ) -> [AppendJob.Part] {
        if !options.batching {
            removeFirst(&pending, 1, events: first.events)
            return [first.takePart(upTo: first.untaken)]
        }
        if first.untaken >= options.splitAbove, idle > 0, pending.jobs.count == 1, first.canSplit {
            let part = first.takePart(upTo: (first.untaken + 1) / 2)
            return [part]
        }
        var parts: [AppendJob.Part] = []
        var events = 0
        var runs = 0
        var count = 0
        for next in pending.jobs {
            // Only what stands at the front is taken out below: another kind of job ends the commit.
            guard case .append(let job) = next else { break }
            if job.epoch != first.epoch || (count > 0 && events + job.events > options.maximumSharedEvents) { break }
            // The other connection takes it at the same time.
            if idle > 0 && runs >= options.splitAbove { break }
            runs += job.untaken
            parts.append(job.takePart(upTo: job.untaken))
            events += job.events
            count += 1
        }
        removeFirst(&pending, count, events: events)
        return parts
    }

    private static func removeFirst(_ pending: inout Pending, _ count: Int, events: Int) {
        pending.jobs.removeFirst(count)
        pending.events = max(0, pending.events - events)
    }

    /// Commits parts together; if the server refuses that, each by itself, so that one caller's trouble does not become
    /// another's.
    private func commit(_ session: AppendSession, _ parts: [AppendJob.Part], isBegun: Bool = false) {
        guard let epoch = parts.first?.job.epoch else { return }
        if !options.batching { return parts.forEach { commitSingly(session, epoch, $0) } }
        let transactions = parts.count == 1 ? parts[0].transactions : parts.flatMap(\.transactions)[...]
        do throws(StoreError) {
            var outcomes = try session.append(
                epoch: epoch, transactions, areIndependent: isBegun || (parts.count == 1 && parts[0].job.canSplit),
                isBegun: isBegun)[...]
            for part in parts {
                part.finish(.success(Array(outcomes.prefix(part.transactions.count))))
                outcomes = outcomes.dropFirst(part.transactions.count)
            }
        } catch {
            failed(session, parts, error)
        }
    }

    private func failed(_ session: AppendSession, _ parts: [AppendJob.Part], _ error: StoreError) {
        if error.reason == .unavailable { session.forget() }
        if parts.count == 1 || error.outcomeUnknown || error.reason != .invalid {
            for part in parts { part.finish(.failure(error)) }
        } else {
            for part in parts { commit(session, [part]) }
        }
    }

    /// A commit for each transaction: what it would be like without batching.
    private func commitSingly(_ session: AppendSession, _ epoch: UInt64, _ part: AppendJob.Part) {
        var outcomes: [AppendOutcome] = []
        do throws(StoreError) {
            for index in part.transactions.indices {
                outcomes += try session.append(epoch: epoch, part.transactions[index...index])
            }
            part.finish(.success(outcomes))
        } catch {
            if error.reason == .unavailable { session.forget() }
            var error = error
            if outcomes.contains(.appended) { error.outcomeUnknown = true }
            part.finish(.failure(error))
        }
    }

    static let closed = StoreError(.closed, "the PostgreSQL store was closed")
}

/// What waits for a connection.
private enum Job {
    case append(AppendJob)
    case takeOver(Answer<UInt64>)
    case keep([LateEffect], epoch: UInt64, Answer<Void>)
}

/// One caller's batch; it may be written in several parts.
final class AppendJob: @unchecked Sendable {
    // Safety: `taken` changes under the queue's lock only; `state` has its own.
    typealias Answer = @Sendable (Result<[AppendOutcome], StoreError>) -> Void

    let epoch: UInt64
    let events: Int
    /// Whether several connections may write parts of it at the same time.
    let canSplit: Bool
    private let transactions: [AppendTransaction]
    private let answer: Answer
    private var taken = 0
    private let state: Mutex<State>

    private struct State {
        var outcomes: [AppendOutcome]
        var unfinished: Int
        var anyAppended = false
        var failure: StoreError?
    }

    /// A run of a batch's transactions that one commit has.
    struct Part {
        let job: AppendJob
        let transactions: ArraySlice<AppendTransaction>

        func finish(_ result: Result<[AppendOutcome], StoreError>) { job.finish(transactions.startIndex, self, result) }
    }

    init(_ batch: AppendBatch, events: Int, canSplit: Bool, answer: @escaping Answer) {
        epoch = batch.epoch
        transactions = batch.transactions
        self.events = events
        self.canSplit = canSplit
        self.answer = answer
        state = Mutex(
            State(
                outcomes: [AppendOutcome](repeating: .conflict, count: batch.transactions.count),
                unfinished: batch.transactions.count))
    }

    var untaken: Int { transactions.count - taken }

    func takePart(upTo count: Int) -> Part {
        let end = min(transactions.count, taken + max(count, 0))
        defer { taken = end }
        return Part(job: self, transactions: transactions[taken..<end])
    }

    private func finish(_ start: Int, _ part: Part, _ result: Result<[AppendOutcome], StoreError>) {
        let count = part.transactions.count
        let answer = state.withLock { state -> Result<[AppendOutcome], StoreError>? in
            switch result {
            case .success(let outcomes):
                for (offset, outcome) in outcomes.prefix(count).enumerated() {
                    state.outcomes[start + offset] = outcome
                }
                state.anyAppended = true
            case .failure(let error):
                if state.failure == nil || error.outcomeUnknown { state.failure = error }
            }
            state.unfinished -= count
            guard state.unfinished <= 0 else { return nil }
            guard var failure = state.failure else { return .success(state.outcomes) }
            // A part that is written makes the whole one of unknown outcome.
            if state.anyAppended { failure.outcomeUnknown = true }
            return .failure(failure)
        }
        if let answer { self.answer(answer) }
    }
}

extension AppendBatch {
    fileprivate var eventCount: Int {
        transactions.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.events.count } }
    }
}
