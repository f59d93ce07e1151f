/// An update that was accepted or refused, by its id.
public struct UpdateState: Hashable, Sendable {
    /// How far it is.
    public enum Outcome: Hashable, Sendable {
        /// Its handler runs.
        case open
        /// Its handler returned.
        case completed(Payload)
        /// Its handler threw, and what it did is undone.
        case rolledBack(SagaError)
        /// The validator refused it.
        case rejected(SagaError)
    }

    /// Its handler.
    public var name: String
    /// The event that accepted or refused it.
    public var eventID: EventID
    /// How far it is.
    public var outcome: Outcome
}

extension ExecutionState {
    /// Events 51 to 53 and 131 to 134: messages to other sagas, and updates.
    mutating func applyMessage(_ event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .externalSignalRequested(let value):
            externalSignals[event.eventID] = value
        case .externalSignalDelivered(let value): try endExternalSignal(value.requestedEventID, event)
        case .externalSignalFailed(let value): try endExternalSignal(value.requestedEventID, event)
        case .workflowUpdateAccepted(let value):
            remember(value.requestID, event.eventID)
            updates[value.updateID] = UpdateState(name: value.name, eventID: event.eventID, outcome: .open)
            openUpdates[event.eventID] = value.updateID
            lastMessageEventID = event.eventID
        case .workflowUpdateRejected(let value):
            updates[value.updateID] = UpdateState(
                name: value.name, eventID: event.eventID, outcome: .rejected(value.error))
        case .workflowUpdateCompleted(let value):
            try endUpdate(value.acceptedEventID, event, .completed(value.output))
        case .workflowUpdateRolledBack(let value):
            try endUpdate(value.acceptedEventID, event, .rolledBack(value.error))
        default: break
        }
    }

    private mutating func endExternalSignal(_ requested: EventID, _ event: HistoryEvent) throws(SagaError) {
        guard externalSignals[requested] != nil else { throw misfit(event, "signal \(requested) is not on its way") }
        externalSignals[requested] = nil
    }

    private mutating func endUpdate(
        _ accepted: EventID, _ event: HistoryEvent, _ outcome: UpdateState.Outcome
    ) throws(SagaError) {
        guard let updateID = openUpdates[accepted] else { throw misfit(event, "update \(accepted) is not open") }
        openUpdates[accepted] = nil
        updates[updateID]?.outcome = outcome
    }

    /// An update that was recorded under this id.
    @inlinable
    public func update(_ updateID: String) -> UpdateState? { updates[updateID] }
}
