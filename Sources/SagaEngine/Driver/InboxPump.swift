internal import Logging
internal import SagaCore
internal import Synchronization

/// Carries requests from a store's inbox to the shard, and what became of them back.
///
/// A request stays in the inbox until the append that it causes takes it out; so one that the engine loses, with its
/// memory or its connection, is simply found again.
final class InboxPump: Sendable {
    private let inbox: any RequestInbox
    private let logger: Logger
    private let state = Mutex(State())

    /// Requests that the engine works on at the same time.
    private static let limit = 512

    private struct State {
        var inFlight: [SagaID] = []
        var settled: [InboxOutcome] = []
        var parked: [InboxOutcome] = []
        var isStopped = false
    }

    init(_ inbox: any RequestInbox, logger: Logger) {
        self.inbox = inbox
        self.logger = logger
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// Runs until it is stopped or its driver is gone.
    func run(_ driver: @Sendable () -> ShardDriver?) async {
        var failures: UInt32 = 0
        while !state.withLock({ $0.isStopped }), let driver = driver() {
            do throws(StoreError) {
                try await writeBack()
                let taken = state.withLock { $0.inFlight }
                let requests = try await inbox.waitingRequests(
                    limit: max(0, Self.limit - taken.count), excluding: taken)
                for request in requests { send(request, to: driver) }
                failures = 0
            } catch {
                if error.reason == .closed { return }
                failures &+= 1
                if failures == 1 {
                    logger.warning("the inbox cannot be read; trying again", metadata: ["error": "\(error.message)"])
                }
                let wait = RetryPolicy(initialIntervalMicros: 100_000, maximumIntervalMicros: 5_000_000)
                    .interval(after: failures, random: 0)
                try? await Task.sleep(for: .microseconds(wait))
            }
        }
    }

    /// Results that no append has written.
    private func writeBack() async throws(StoreError) {
        let (settled, parked) = state.withLock { ($0.settled, $0.parked) }
        if !settled.isEmpty { try await inbox.settle(settled) }
        for row in parked { try await inbox.park(row.id, problem: row.message) }
        let done = Set((settled + parked).map(\.id))
        guard !done.isEmpty else { return }
        state.withLock { state in
            state.settled.removeAll { done.contains($0.id) }
            state.parked.removeAll { done.contains($0.id) }
            state.inFlight.removeAll { done.contains($0) }
        }
    }

    private func send(_ request: InboxRequest, to driver: ShardDriver) {
        state.withLock { $0.inFlight.append(request.id) }
        if let problem = Self.problem(with: request) {
            logger.warning("a request in the inbox was parked", metadata: ["problem": "\(problem)"])
            state.withLock {
                $0.parked.append(InboxOutcome(id: request.id, outcome: "parked", sagaID: nil, message: problem))
            }
            return
        }
        driver.call(Self.call(request)) { [self] in finished(request, $0) }
    }

    private static func problem(with request: InboxRequest) -> String? {
        let name: (String, String)
        switch request.kind {
        case .start(let type, let queue):
            if !queue.isEmpty, let problem = Name.problem(with: queue, what: "task queue") { return problem }
            name = (type, "workflow type")
        case .signal(let signal): name = (signal, "signal name")
        }
        return Name.problem(with: request.namespace, what: "namespace")
            ?? Name.problem(with: request.workflowID, what: "workflow id") ?? Name.problem(with: name.0, what: name.1)
    }

    private static func call(_ request: InboxRequest) -> Call {
        switch request.kind {
        case .start(let type, let queue):
            .start(
                StartCall(
                    namespace: request.namespace, workflowID: request.workflowID, workflowType: type, taskQueue: queue,
                    input: request.payload, requestID: request.requestID, identity: request.identity))
        case .signal(let name):
            .signal(
                SignalCall(
                    target: RunTarget(namespace: request.namespace, workflowID: request.workflowID), name: name,
                    payload: request.payload, requestID: request.requestID, identity: request.identity))
        }
    }

    /// On the driver's queue.
    private func finished(_ request: InboxRequest, _ result: Result<CallReply, CallFailure>) {
        var outcome = InboxOutcome(id: request.id, outcome: "signaled", sagaID: nil)
        switch result {
        case .success(.started(let sagaID, let alreadyStarted)):
            outcome.outcome = alreadyStarted ? "already started" : "started"
            outcome.sagaID = sagaID
        case .success(.done(let sagaID)): outcome.sagaID = sagaID
        case .success: break
        case .failure(let failure):
            switch failure.code {
            case .unavailable, .resourceExhausted, .internalError:
                // It waits in the inbox as before.
                return state.withLock { state in state.inFlight.removeAll { $0 == request.id } }
            case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .aborted:
                outcome.outcome = "refused"
                outcome.sagaID = failure.sagaID
                outcome.message = failure.message
            }
        }
        state.withLock { $0.settled.append(outcome) }
    }
}
