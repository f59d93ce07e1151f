package import SagaCore

// Events 50 to 53 between the core and the wire, field by field.

extension Wire.SignalReceived {
    package init(_ event: SignalReceived) {
        self.init(
            name: event.name, payload: Wire.Payload(event.payload), signalID: event.signalID,
            requestID: event.requestID, identity: event.identity, codeGone: event.codeGone)
    }
}

extension SignalReceived {
    package init(_ wire: Wire.SignalReceived) throws(WireError) {
        self.init(
            name: wire.name, payload: Payload(orEmpty: wire.payload), signalID: wire.signalID,
            requestID: wire.requestID, identity: wire.identity, codeGone: wire.codeGone)
    }
}

extension Wire.ExternalSignalRequested {
    package init(_ event: ExternalSignalRequested) {
        self.init(
            commandNumber: event.commandNumber, targetNamespace: event.targetNamespace,
            targetWorkflowID: event.targetWorkflowID, targetSagaID: event.targetSagaID, name: event.name,
            payload: Wire.Payload(event.payload))
    }
}

extension ExternalSignalRequested {
    package init(_ wire: Wire.ExternalSignalRequested) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, targetNamespace: wire.targetNamespace,
            targetWorkflowID: wire.targetWorkflowID, targetSagaID: wire.targetSagaID, name: wire.name,
            payload: Payload(orEmpty: wire.payload))
    }
}

extension Wire.ExternalSignalDelivered {
    package init(_ event: ExternalSignalDelivered) {
        self.init(requestedEventID: event.requestedEventID)
    }
}

extension ExternalSignalDelivered {
    package init(_ wire: Wire.ExternalSignalDelivered) throws(WireError) {
        self.init(requestedEventID: wire.requestedEventID)
    }
}

extension Wire.ExternalSignalFailed {
    package init(_ event: ExternalSignalFailed) {
        self.init(requestedEventID: event.requestedEventID, error: Wire.SagaError(event.error))
    }
}

extension ExternalSignalFailed {
    package init(_ wire: Wire.ExternalSignalFailed) throws(WireError) {
        self.init(requestedEventID: wire.requestedEventID, error: SagaError(try required(wire.error, "error")))
    }
}
