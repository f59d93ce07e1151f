package import SagaCore

// Events 200 between the core and the wire, field by field.

extension Wire.DomainEvent {
    package init(_ event: DomainEvent) {
        self.init(typeName: event.typeName, typeVersion: event.typeVersion, payload: Wire.Payload(event.payload))
    }
}

extension DomainEvent {
    package init(_ wire: Wire.DomainEvent) throws(WireError) {
        self.init(typeName: wire.typeName, typeVersion: wire.typeVersion, payload: Payload(orEmpty: wire.payload))
    }
}
