import Foundation
import SagaClient
import SagaCore
import Synchronization

/// Numbers from 0 on, for whoever asks.
private final class Counter: Sendable {
    private let next = Mutex(0)

    func take() -> Int {
        next.withLock { number in
            defer { number += 1 }
            return number
        }
    }
}

/// BENCH. Swift has no TLS of its own on Linux, so there is no `raw`: what the client adds is measured against C's.
struct Measurement: Sendable {
    struct Unknown: Error {}

    let client: SagaClient
    let `where`: ConnectAction
    let action: Action

    private func one(_ number: Int) async throws {
        switch action.text {
        case "health": _ = try await client.health(echo: action.echo)
        case "saga":
            var options = WorkflowOptions()
            options.taskQueue = action.taskQueue
            let id = "\(action.workflowID)-\(number)"
            let input = try action.input.payload()
            let run = try await client.start(type: action.workflowType, id: id, input: input, options: options)
            _ = try await client.result(id, sagaID: run.sagaID)
        default: throw Unknown()
        }
    }

    /// All of it, the median and the 99th percentile, in microseconds.
    func lines() async throws -> [String] {
        let count = Int(action.number)
        let next = Counter()
        let clock = ContinuousClock()
        let began = clock.now
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<max(1, action.concurrency) {
                group.addTask {
                    var times: [Double] = []
                    while true {
                        let number = next.take()
                        guard number < count else { return times }
                        let began = clock.now
                        try await one(number)
                        times.append(began.duration(to: clock.now) / .microseconds(1))
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let total = began.duration(to: clock.now) / .microseconds(1)
        let found = [total, times[times.count / 2], times[times.count * 99 / 100]]
        return found.map { String(format: "%.1f", $0) }
    }
}
