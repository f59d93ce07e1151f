package import SagaCodec

/// What one pass of workflow code leaves to the next beside the value that it gave its checkpoint: all that the context would
/// know if the code had gone on (semantics, section 6). It stands in the marker, as the output, and only code reads it.
package struct CodeCheckpoint: Hashable, Sendable {
    /// The encoding of the payload that holds it.
    static let encoding = "saga/checkpoint"
    /// How it is written; another one is refused.
    private static let form: UInt8 = 1

    /// Where the random numbers go on.
    var random: UInt64
    /// Children started so far, for the names of the next.
    var children: UInt32
    /// Undo groups opened so far.
    var undoGroups: UInt32
    /// Step outputs, by key.
    var outputs: [NamedPayload]
    /// Patches that were asked for, by id.
    var patches: [Patch]
    var searchAttributes: [NamedPayload]
    /// Nil if nobody asked the run to end.
    var cancelReason: String?
    /// Signals that the code has not taken, in the order in which they came.
    package var signals: [CarriedSignal]
    /// Accepted updates whose handlers have not begun.
    var updates: [Update]

    /// Which side of a patch the run takes.
    struct Patch: Hashable, Sendable {
        var id: String
        var side: Bool
    }

    struct Update: Hashable, Sendable {
        var acceptedEventID: EventID
        var name: String
        var input: Payload
    }
}

extension CodeCheckpoint {
    var payload: Payload { Payload(encoding: Self.encoding, data: Postcard.encode(self)) }

    /// - Throws: `SagaError` that names the event, if the marker has none, or one that this program does not read.
    package init(_ marker: MarkerRecorded, eventID: EventID) throws(SagaError) {
        let why: String
        if let payload = marker.output, payload.encoding == Self.encoding {
            do throws(CodecError) {
                self = try Postcard.decode(CodeCheckpoint.self, from: payload.data)
                return
            } catch {
                why = "does not decode: \(error)"
            }
        } else {
            why = "has no state of the code"
        }
        throw SagaError(
            kind: .replay, message: "the checkpoint of event \(eventID) \(why); reset to an event before it",
            isNonRetryable: true
        ).with("event_id", String(eventID))
    }
}

extension CodeCheckpoint: PostcardCodable {
    package init(from reader: inout PostcardReader) throws(CodecError) {
        guard try reader.read(UInt8.self) == Self.form else { throw reader.failure(.badTag) }
        random = try reader.read()
        children = try reader.read()
        undoGroups = try reader.read()
        outputs = try reader.read()
        patches = try reader.read()
        searchAttributes = try reader.read()
        cancelReason = try reader.read()
        signals = try reader.read([StoredSignal].self).map(\.signal)
        updates = try reader.read()
    }

    package func encode(into writer: inout PostcardWriter) {
        writer.write(Self.form)
        writer.write(random)
        writer.write(children)
        writer.write(undoGroups)
        writer.write(outputs)
        writer.write(patches)
        writer.write(searchAttributes)
        writer.write(cancelReason)
        writer.write(signals.map { StoredSignal($0) })
        writer.write(updates)
    }
}

extension CodeCheckpoint.Patch: PostcardCodable {
    init(from reader: inout PostcardReader) throws(CodecError) {
        id = try reader.read()
        side = try reader.read()
    }

    func encode(into writer: inout PostcardWriter) {
        writer.write(id)
        writer.write(side)
    }
}

extension CodeCheckpoint.Update: PostcardCodable {
    init(from reader: inout PostcardReader) throws(CodecError) {
        acceptedEventID = try reader.read()
        name = try reader.read()
        input = try reader.read()
    }

    func encode(into writer: inout PostcardWriter) {
        writer.write(acceptedEventID)
        writer.write(name)
        writer.write(input)
    }
}

/// A signal as it is written; the public type has no stored form of its own.
private struct StoredSignal: PostcardCodable {
    var signal: CarriedSignal

    init(_ signal: CarriedSignal) { self.signal = signal }

    init(from reader: inout PostcardReader) throws(CodecError) {
        signal = CarriedSignal(name: try reader.read(), payload: try reader.read(), signalID: try reader.read())
    }

    func encode(into writer: inout PostcardWriter) {
        writer.write(signal.name)
        writer.write(signal.payload)
        writer.write(signal.signalID)
    }
}
