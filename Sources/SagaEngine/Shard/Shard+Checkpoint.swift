internal import SagaCore

/// Checkpoints: the code is entered again in the same run, and from then on needs its history from the marker on only
/// (semantics, section 6).
extension Shard {
    /// Records a checkpoint, and lets the next pass of the code begin.
    func checkpoint(_ number: CommandNumber, _ marker: MarkerCommand, hasSeenAll: Bool, _ execution: Execution) {
        // The next pass is given nothing from before the marker, so that what it must know stands in the marker: signals, a
        // cancel request, updates. Code that has not seen all says it again when it has.
        execution.needsActivation = true
        guard hasSeenAll || planted(.checkpointSignalLost) else { return }
        if let open = execution.state.openForCode {
            dropCode(execution)
            return codeFailed(
                execution, .codeFailure,
                SagaError(
                    kind: .workflowExecution,
                    message:
                        "the worker sent a checkpoint as command \(number) while \(open): its library must refuse that")
            )
        }
        execution.keepCheckpoint()
        emit(
            execution,
            .markerRecorded(
                MarkerRecorded(
                    commandNumber: number, kind: .checkpoint, name: marker.name, details: marker.details,
                    output: marker.output)))
        #if SAGA_MUTANTS
            execution.state.forgetAtCheckpoint()
        #endif
    }
}

extension ExecutionState {
    /// What of the code is open, in words; nil if nothing is. Undos that a late report has put back are not the code's.
    fileprivate var openForCode: String? {
        if let eventID = steps.eventIDs.first { return "the step of event \(eventID) is open" }
        if let eventID = timers.eventIDs.first { return "the timer of event \(eventID) is open" }
        if let eventID = children.eventIDs.first { return "the child of event \(eventID) is open" }
        if let eventID = localSteps.eventIDs.first { return "the local activity of event \(eventID) is open" }
        if let eventID = externalSignals.eventIDs.first { return "the signal of event \(eventID) is on its way" }
        return unwinding == nil ? nil : "the run is being unwound"
    }
}

extension Execution {
    /// Another checkpoint is about to be recorded: until it is durable, a question is asked from the last one that is.
    fileprivate func keepCheckpoint() {
        guard let checkpoint = state.checkpoint else { return }
        earlierCheckpoints.append(checkpoint)
        // Of those that are durable only the last is asked from.
        if let last = earlierCheckpoints.lastIndex(where: { $0 < durableNext }) { earlierCheckpoints.removeFirst(last) }
    }

    /// The last checkpoint of the code that is durable; nil if none is.
    var durableCheckpoint: EventID? {
        if let checkpoint = state.checkpoint, checkpoint < durableNext { return checkpoint }
        return earlierCheckpoints.last { $0 < durableNext }
    }

    /// What code that begins anew is given of all events of the run: behind a checkpoint the first event, and those from the
    /// checkpoint on.
    func forNewCode(_ events: ArraySlice<HistoryEvent>) -> [HistoryEvent] {
        guard let checkpoint = state.checkpoint, let first = events.first, checkpoint < events.count else {
            return Array(events)
        }
        return [first] + events.dropFirst(Int(checkpoint))
    }
}
