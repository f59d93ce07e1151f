import SagaCore

/// A read model: how the sagas of orders stand, by what was committed of them. Its position is part of it and is stored with
/// it, in one write: whatever crashes when, each event has its effect exactly once.
struct OrderBoard: Codable, Sendable, Hashable {
    /// Orders that are open now.
    private(set) var open: Set<String> = []
    private(set) var done = 0
    private(set) var failed = 0
    /// Undos that were carried out.
    private(set) var undone = 0
    /// Where the feed goes on after everything that is counted here; nil before the first event.
    private(set) var position: [UInt8]?

    /// Takes in what one saga committed. Give it to a store of your own after this, in one transaction with the rest of what
    /// you keep.
    mutating func apply(_ events: [HistoryEvent], of order: String, position: FeedPosition) {
        for event in events {
            switch event.eventType {
            case .workflowExecutionStarted: open.insert(order)
            case .workflowExecutionCompleted: if open.remove(order) != nil { done += 1 }
            case .workflowExecutionFailed, .workflowExecutionCanceled, .workflowExecutionTimedOut,
                .workflowExecutionTerminated:
                if open.remove(order) != nil { failed += 1 }
            case .compensationStepCompleted: undone += 1
            default: break
            }
        }
        self.position = position.bytes
    }
}
