internal import SagaCore

/// The ends of the runs that completed last. Who starts a short run and then asks for its result often comes just after the end:
/// this answers without the three reads that the store would need.
///
/// Only what is durable stands here, and a closed run never changes, so an answer from here is the one from the store.
struct RecentlyClosed {
    /// Runs that are kept at most.
    static let capacity = 1_024
    /// Bytes of output beyond which a run is not kept.
    static let maximumBytes = 4_096

    private struct Entry {
        var namespace: String
        var workflowID: String
        var run: ClosedRun
    }

    private var entries: [SagaID: Entry] = [:]
    /// In the order in which they closed; `next` is the oldest once there are as many as may be.
    private var order: [SagaID] = []
    private var next = 0

    var count: Int { entries.count }

    mutating func add(_ run: ClosedRun, namespace: String, workflowID: String) {
        guard case .workflowExecutionCompleted(let end) = run.closing, end.output.data.count <= Self.maximumBytes else {
            return
        }
        entries[run.sagaID] = Entry(namespace: namespace, workflowID: workflowID, run: run)
        if order.count < Self.capacity {
            order.append(run.sagaID)
        } else {
            entries[order[next]] = nil
            order[next] = run.sagaID
            next = (next + 1) % Self.capacity
        }
    }

    /// The run, if it was named by its saga id and is here; a workflow id alone means the newest run, which only the store
    /// knows.
    func run(_ target: RunTarget) -> ClosedRun? {
        guard let sagaID = target.sagaID, let entry = entries[sagaID], entry.namespace == target.namespace,
            target.workflowID.isEmpty || entry.workflowID == target.workflowID
        else { return nil }
        return entry.run
    }

    /// The run was deleted. Its place in the order is used up later.
    mutating func remove(_ sagaID: SagaID) { entries[sagaID] = nil }

    mutating func removeAll() { self = RecentlyClosed() }
}
