internal import SagaCore
internal import SagaEngine

/// Workers that take a number of workflow tasks at a time (docs/semantics.md, section 6): a task takes a slot until it is answered,
/// or is the worker's no more.
extension Simulation {
    /// A worker is given no more tasks than it takes. The parts of a history that is given in pages are not counted: its last
    /// part is the task.
    func judgeSlots(_ id: WorkerID, _ task: WorkflowTask) {
        guard !task.more, let stream = streams[id], stream.isOpenAtServer else { return }
        streams[id]?.codeOut[task.sagaID] = task.generation
        // Of a run that has closed the server wants nothing any more.
        let out = (streams[id]?.codeOut ?? [:]).keys.count { checker.run($0)?.isClosed != true }
        if out == options.codeSlots { coverage.hit(.codeSlotsFull) }
        if out > options.codeSlots {
            checker.report(
                Violation("limit", "\(out) workflow tasks are with stream \(id), which takes \(options.codeSlots)"))
        }
    }

    /// Whether the answer leaves: one whose run was taken away meanwhile does not.
    func mayLeave(_ input: ShardInput, _ index: Int) -> Bool {
        guard options.codeSlots > 0, case .workflowTaskAnswered(_, let sagaID, let generation, _) = input else {
            return true
        }
        guard workers[index].answering[sagaID] == generation else { return false }
        workers[index].answering[sagaID] = nil
        return true
    }

    /// A server reads its state anew: it has forgotten what is out.
    func forgetSlots(of server: ServerProcess) {
        guard options.codeSlots > 0 else { return }
        for id in streams.keys.sorted() where streams[id]?.incarnation == server.incarnation {
            streams[id]?.codeOut = [:]
        }
    }
}
