public import SagaCodec

// Notes of the code in its own history: events 60, 61, 120 and 140. Field order is the stored form: add fields at the end, with a new event version.

/// A fact that the code recorded. Event 60.
public struct MarkerRecorded: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.markerRecorded

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// What the marker means to the engine.
    public var kind: MarkerKind
    /// Its name; for a step output the key, for a tracked step the step id.
    public var name: String
    /// Its data; for a step tracked by hand what the step was given.
    public var details: Payload
    /// What a step tracked by hand returned.
    public var output: Payload?
    /// How a step tracked by hand is undone.
    public var undo: UndoSpec?
    /// The nested saga scope it was issued in.
    public var scope: UInt32
}

// In an extension, see `HistoryEvent`.
extension MarkerRecorded {
    @_disfavoredOverload
    public init(
        commandNumber: CommandNumber, kind: MarkerKind, name: String, details: borrowing Payload,
        output: Payload? = nil,
        undo: UndoSpec? = nil,
        scope: UInt32 = 0
    ) {
        self.init(
            commandNumber: commandNumber, kind: kind, name: name, details: copy details, output: output, undo: undo,
            scope: scope)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(
            commandNumber: try reader.read(), kind: try reader.read(), name: try reader.read(),
            details: try reader.read(), output: try reader.read(), undo: try reader.read(), scope: try reader.read())
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(kind)
        writer.write(name)
        writer.write(details)
        writer.write(output)
        writer.write(undo)
        writer.write(scope)
    }
}

/// Which side of a patch this run takes. Event 61.
public struct VersionMarkerRecorded: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.versionMarkerRecorded

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The patch's id.
    public var changeID: String
    /// The side taken.
    public var version: UInt32

    public init(commandNumber: CommandNumber, changeID: String, version: UInt32) {
        self.commandNumber = commandNumber
        self.changeID = changeID
        self.version = version
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        changeID = try reader.read()
        version = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(changeID)
        writer.write(version)
    }
}

/// A value that the code computed once. Event 120.
public struct SideEffectRecorded: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.sideEffectRecorded

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The value, given again on replay.
    public var value: Payload

    public init(commandNumber: CommandNumber, value: Payload) {
        self.commandNumber = commandNumber
        self.value = value
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        value = try reader.read()
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(value)
    }
}

/// Attributes that List filters by. Event 140.
public struct UpsertSearchAttributes: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.upsertSearchAttributes

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// New or changed attributes.
    public var attributes: [NamedPayload]

    public init(commandNumber: CommandNumber, attributes: [NamedPayload] = []) {
        self.commandNumber = commandNumber
        self.attributes = attributes
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        attributes = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(attributes)
    }
}
