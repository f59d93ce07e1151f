package import SagaCore

// Events 80 to 82 between the core and the wire, field by field.

extension Wire.CommandIssued {
    package init(_ event: CommandIssued) {
        self.init(commandNumber: event.commandNumber, kind: event.kind, input: Wire.Payload(event.input))
    }
}

extension CommandIssued {
    package init(_ wire: Wire.CommandIssued) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, kind: wire.kind, input: Payload(orEmpty: wire.input))
    }
}

extension Wire.CommandCompleted {
    package init(_ event: CommandCompleted) {
        self.init(issuedEventID: event.issuedEventID, output: Wire.Payload(event.output))
    }
}

extension CommandCompleted {
    package init(_ wire: Wire.CommandCompleted) throws(WireError) {
        self.init(issuedEventID: wire.issuedEventID, output: Payload(orEmpty: wire.output))
    }
}

extension Wire.CommandFailed {
    package init(_ event: CommandFailed) {
        self.init(issuedEventID: event.issuedEventID, error: Wire.SagaError(event.error))
    }
}

extension CommandFailed {
    package init(_ wire: Wire.CommandFailed) throws(WireError) {
        self.init(issuedEventID: wire.issuedEventID, error: SagaError(try required(wire.error, "error")))
    }
}
