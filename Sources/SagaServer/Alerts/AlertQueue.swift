package import Logging
package import SagaEngine
internal import Synchronization

/// How alerts went, since the start.
struct AlertCounts: Hashable, Sendable {
    var delivered: UInt64 = 0
    var failed: UInt64 = 0
    var waiting: UInt64 = 0
}

/// Alerts about blocked runs on their way to a person: one at a time, away from the engine's thread, each tried until it is
/// delivered. What is not delivered when the process ends is raised again after the next start, because the run is blocked
/// still; so each alert arrives at least once (semantics, section 3).
///
/// It holds one entry for each time that a run was blocked and the alert is not delivered.
package final class AlertQueue: Sendable {
    /// Brings one alert to its place; must end by itself. An error means: again later.
    package typealias Delivery = @Sendable (BlockedRun) async throws -> Void

    private struct State {
        var waiting: [BlockedRun] = []
        var names: Set<String> = []
        var counts = AlertCounts()
        var task: Task<Void, Never>?
        var isRunning = false
        var isStopped = false
    }

    private let deliver: Delivery
    private let logger: Logger
    /// Before the second attempt; doubled each time.
    private let firstPause: Duration
    private let state = Mutex(State())

    package init(deliver: @escaping Delivery, logger: Logger, firstPause: Duration = .seconds(1)) {
        self.deliver = deliver
        self.logger = logger
        self.firstPause = firstPause
    }

    var counts: AlertCounts {
        state.withLock { state in
            var counts = state.counts
            counts.waiting = UInt64(state.waiting.count)
            return counts
        }
    }

    /// Takes an alert; never waits.
    package func add(_ run: BlockedRun) {
        state.withLock { state in
            guard !state.isStopped, state.names.insert(run.alertID).inserted else { return }
            state.waiting.append(run)
            guard !state.isRunning else { return }
            state.isRunning = true
            state.task = Task { await self.work() }
        }
    }

    /// Ends deliveries that are under way or to come.
    package func stop() {
        let task = state.withLock { state in
            state.isStopped = true
            return state.task
        }
        task?.cancel()
    }

    private func work() async {
        var pause = firstPause
        while let run = next() {
            do {
                try await deliver(run)
                state.withLock { state in
                    state.counts.delivered += 1
                    state.names.remove(run.alertID)
                    state.waiting.removeAll { $0.alertID == run.alertID }
                }
                pause = firstPause
            } catch {
                if Task.isCancelled { return }
                logger.error(
                    "the alert about a blocked saga was not delivered; it is tried again",
                    metadata: [
                        "workflow_id": "\(run.workflowID)", "saga_id": "\(run.sagaID)", "error": "\(error)",
                        "pause": "\(pause)",
                    ])
                // To the back: one that cannot be delivered must not hold up the others.
                state.withLock { state in
                    state.counts.failed += 1
                    state.waiting.removeAll { $0.alertID == run.alertID }
                    state.waiting.append(run)
                }
                do { try await Task.sleep(for: pause) } catch { return }
                pause = min(pause * 2, .seconds(60))
            }
        }
    }

    private func next() -> BlockedRun? {
        state.withLock { state in
            guard !state.isStopped, let run = state.waiting.first else {
                state.isRunning = false
                return nil
            }
            return run
        }
    }
}
