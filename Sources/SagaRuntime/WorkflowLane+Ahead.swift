internal import Dispatch
internal import SagaCore
internal import Synchronization

/// Code that goes on with the end of its step at once, because both are here.
extension WorkflowLane {
    /// Chances that code of a type lets pass after one of it was told what did not come to be: it had to be made anew.
    static let pauseAfterMiss = 16
    /// The same after one wanted to know what only the event tells: it most likely will again.
    static let pauseAfterSpoiling = 256

    /// Lets the run's next step be offered to its code, if that waits for nothing else. To be called before its answer leaves.
    func noteAwaiting(_ sagaID: SagaID) {
        guard let instance = runs.use(sagaID), instance.awaitsStep, held[sagaID] == nil else { return }
        if let pause = pauses[instance.workflowType] {
            pauses[instance.workflowType] = pause > 1 ? pause - 1 : nil
            return
        }
        _ = awaiting.withLock { $0.insert(sagaID) }
    }

    func stepEnded(_ reference: TaskReference, _ result: ActivityResult, _ sink: any WorkerSink) {
        guard case .completed(let output, _) = result, held[reference.sagaID] == nil,
            let instance = runs.use(reference.sagaID)
        else {
            sink.activity(reference, result)
            return
        }
        current.withLock {
            $0 = Activation(
                sagaID: reference.sagaID, workflowID: instance.workflowID, workflowType: instance.workflowType,
                startedAt: DispatchTime.now().uptimeNanoseconds)
        }
        let ahead = instance.goAhead(over: reference.eventID, output)
        current.withLock { $0 = nil }
        switch ahead {
        case .notNow: sink.activity(reference, result)
        case .spoiled:
            drop(reference.sagaID)
            pauses[instance.workflowType] = Self.pauseAfterSpoiling
            sink.activity(reference, result)
        case .advanced(let advance):
            noteAwaiting(reference.sagaID)
            if advance.commands.last?.command.isClosing == true { runs.demote(reference.sagaID) }
            sink.activity(reference, result, advance: advance)
        }
    }

    func drop(_ sagaID: SagaID) { if let instance = runs.remove(sagaID) { forget(instance) } }

    func forget(_ instance: WorkflowInstance) {
        // It was told what has not come to be.
        if instance.isAhead { pauses[instance.workflowType] = Self.pauseAfterMiss }
        _ = awaiting.withLock { $0.remove(instance.sagaID) }
        instance.evict()
    }
}
