internal import SagaCore
internal import Synchronization

/// Opens when a page of a history was taken: without it a store that is faster than the code would fill the memory with a long
/// history.
final class PageGate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// Returns when the gate is open. Called once.
    func opened() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting = continuation }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

extension WorkerMessage {
    /// Lends the page of a history that another page follows.
    /// - Returns: Its run, and what opens when nobody holds it any more; nil for all other messages.
    mutating func lendPage() -> (SagaID, PageGate)? {
        let gate: PageGate
        switch self {
        case .workflowTask(var task) where task.more:
            gate = PageGate()
            task.lease = PageLease { gate.open() }
            self = .workflowTask(task)
            return (task.sagaID, gate)
        case .query(var task) where task.run.more:
            gate = PageGate()
            task.run.lease = PageLease { gate.open() }
            self = .query(task)
            return (task.run.sagaID, gate)
        default: return nil
        }
    }
}
