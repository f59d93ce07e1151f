package import SagaCore

// Events 60, 61, 120 and 140 between the core and the wire, field by field.

extension Wire.MarkerRecorded {
    package init(_ event: MarkerRecorded) {
        self.init(
            commandNumber: event.commandNumber, kind: Wire.MarkerKind(event.kind), name: event.name,
            details: Wire.Payload(event.details), output: event.output.map { Wire.Payload($0) },
            undo: event.undo.map { Wire.UndoSpec($0) }, scope: event.scope)
    }
}

extension MarkerRecorded {
    package init(_ wire: Wire.MarkerRecorded) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, kind: try MarkerKind(wire.kind, "kind"), name: wire.name,
            details: Payload(orEmpty: wire.details), output: wire.output.map { Payload($0) },
            undo: try UndoSpec.optional(wire.undo, "undo"), scope: wire.scope)
    }
}

extension Wire.VersionMarkerRecorded {
    package init(_ event: VersionMarkerRecorded) {
        self.init(commandNumber: event.commandNumber, changeID: event.changeID, version: event.version)
    }
}

extension VersionMarkerRecorded {
    package init(_ wire: Wire.VersionMarkerRecorded) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, changeID: wire.changeID, version: wire.version)
    }
}

extension Wire.SideEffectRecorded {
    package init(_ event: SideEffectRecorded) {
        self.init(commandNumber: event.commandNumber, value: Wire.Payload(event.value))
    }
}

extension SideEffectRecorded {
    package init(_ wire: Wire.SideEffectRecorded) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, value: Payload(orEmpty: wire.value))
    }
}

extension Wire.UpsertSearchAttributes {
    package init(_ event: UpsertSearchAttributes) {
        self.init(commandNumber: event.commandNumber, attributes: event.attributes.map { Wire.NamedPayload($0) })
    }
}

extension UpsertSearchAttributes {
    package init(_ wire: Wire.UpsertSearchAttributes) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, attributes: wire.attributes.map { NamedPayload($0) })
    }
}
