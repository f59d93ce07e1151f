package import SagaCore

// Events 70 between the core and the wire, field by field.

extension Wire.SnapshotCreated {
    package init(_ event: SnapshotCreated) {
        self.init(uptoEventID: event.uptoEventID, sizeBytes: event.sizeBytes, checksum: event.checksum)
    }
}

extension SnapshotCreated {
    package init(_ wire: Wire.SnapshotCreated) throws(WireError) {
        self.init(uptoEventID: wire.uptoEventID, sizeBytes: wire.sizeBytes, checksum: wire.checksum)
    }
}
