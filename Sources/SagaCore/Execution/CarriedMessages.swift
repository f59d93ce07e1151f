public import SagaCodec

/// A message that an earlier run of the saga has dealt with. A run that goes on from another knows the newest of them, so that
/// one that is repeated does nothing (semantics, section 2, promise 9).
public struct CarriedMessage: Hashable, Sendable {
    /// What an id stands for. The raw value is stored.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
        /// The request id of a call.
        case request = 0
        /// The id of a signal.
        case signal = 1
        /// The id of an update.
        case update = 2
    }

    /// Messages that a run takes along at most. Who repeats one does so in minutes, not for ever.
    public static let maximumCount = 256
    /// Bytes of their ids at most.
    public static let maximumBytes = 16_384

    /// What the id stands for.
    public var kind: Kind
    /// Its id.
    public var id: String
    /// The run that has it in its history.
    public var sagaID: SagaID

    public init(kind: Kind, id: String, sagaID: SagaID) {
        self.kind = kind
        self.id = id
        self.sagaID = sagaID
    }
}

extension CarriedMessage: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(kind: try reader.read(), id: try reader.read(), sagaID: try reader.read())
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(kind)
        writer.write(id)
        writer.write(sagaID)
    }
}

extension ExecutionState {
    /// The run before this one that has dealt with a message; nil if none has, as far as this run knows.
    public func earlierRun(with kind: CarriedMessage.Kind, _ id: String) -> SagaID? {
        if carriedMessages.isEmpty || id.isEmpty { return nil }
        return carriedMessages.last { $0.kind == kind && $0.id == id }?.sagaID
    }

    /// The run that has dealt with a request: this one, or one before it.
    public func run(withRequest requestID: String) -> SagaID? {
        event(ofRequest: requestID) != nil ? sagaID : earlierRun(with: .request, requestID)
    }

    /// The run that has recorded a signal: this one, or one before it.
    public func run(withSignal signalID: String) -> SagaID? {
        hasSignal(signalID) ? sagaID : earlierRun(with: .signal, signalID)
    }

    /// What a run that goes on from this one must know: the newest messages that were dealt with here, and before.
    /// - Parameter kept: The last event that the next run has itself; nil for none.
    public func messagesToCarry(after kept: EventID? = nil) -> [CarriedMessage] {
        struct Found {
            /// Where it stands among the run's own events; nil if it was dealt with before all of them.
            var eventID: EventID?
            /// It came behind that event in a run that was reset to it.
            var isBehind = false
            var message: CarriedMessage
        }
        var found: [Found] = []
        func add(_ kind: CarriedMessage.Kind, _ id: String, _ eventID: EventID) {
            if let kept, eventID <= kept { return }
            // What a reset did is told of the run that it made. Of an update this is only where it was accepted: what became of it
            // this run knows.
            let run = kind == .update ? sagaID : origin(of: eventID)
            found.append(Found(eventID: eventID, message: CarriedMessage(kind: kind, id: id, sagaID: run)))
        }
        // Of a million only as many as can go along, and some in place of those that are too long.
        let looked = 4 * CarriedMessage.maximumCount
        let ownRequests = requests.newest(looked, after: kept) { id, eventID in
            signalIDs[id] != eventID && updates[id]?.eventID != eventID
        }
        for (id, eventID) in ownRequests { add(.request, id, eventID) }
        for (id, eventID) in signalIDs.newest(looked, after: kept, where: { _, _ in true }) {
            add(.signal, id, eventID)
        }
        // One that is open is aborted with the run: whoever asks again means the next run.
        for (id, update) in updates where update.outcome != .open { add(.update, id, update.eventID) }
        found.sort { one, other in
            if one.eventID != other.eventID { return one.eventID ?? 0 < other.eventID ?? 0 }
            if one.message.kind != other.message.kind {
                return one.message.kind.rawValue < other.message.kind.rawValue
            }
            return one.message.id.utf8.lexicographicallyPrecedes(other.message.id.utf8)
        }
        let earlier = carriedMessages.map { message in
            let origin = origins.first { $0.sagaID == message.sagaID }
            return Found(eventID: origin?.upTo, isBehind: origin != nil, message: message)
        }
        // The newest first, as many as may be. Few runs were ever reset: mostly these two follow each other as they are.
        var all = earlier + found
        if !origins.isEmpty {
            all = all.enumerated().sorted { one, other in
                let (first, second) = (one.element, other.element)
                guard let position = first.eventID, let otherPosition = second.eventID else {
                    return first.eventID == nil && second.eventID == nil
                        ? one.offset < other.offset : first.eventID == nil
                }
                if position != otherPosition { return position < otherPosition }
                if first.isBehind != second.isBehind { return second.isBehind }
                return one.offset < other.offset
            }.map(\.element)
        }
        var seen: Set<[String]> = []
        var bytes = 0
        var carried: [CarriedMessage] = []
        for message in all.reversed().map(\.message) {
            guard carried.count < CarriedMessage.maximumCount else { break }
            // One that is too long must not take the place of all others.
            guard bytes + message.id.utf8.count <= CarriedMessage.maximumBytes else { continue }
            guard seen.insert(["\(message.kind.rawValue)", message.id]).inserted else { continue }
            bytes += message.id.utf8.count
            carried.append(message)
        }
        return carried.reversed()
    }
}
