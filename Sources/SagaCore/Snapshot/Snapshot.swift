public import SagaCodec

/// What a run was after some of its events, as a store keeps it: a shortcut, never the truth. Whoever cannot use one takes
/// an older one, or the whole history (semantics, section 2, promise 11).
public struct StoredSnapshot: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// Events before this id are in it.
    public var nextEventID: EventID
    /// See ``Snapshot``.
    public var bytes: [UInt8]

    public init(sagaID: SagaID, nextEventID: EventID, bytes: [UInt8]) {
        self.sagaID = sagaID
        self.nextEventID = nextEventID
        self.bytes = bytes
    }

    /// The checksum that ends the bytes; 0 if they are too few.
    public var checksum: UInt32 { Snapshot.storedChecksum(bytes) }
}

/// The stored form of a run's state.
///
/// | bytes | |
/// |---|---|
/// | 1 | kind: 1 the state of a run, 2 an aggregate |
/// | 1 | ``Codec`` of the state: postcard for a run, JSON for an aggregate |
/// | 2 | version of the state's schema, least significant byte first |
/// | 8 | when it was taken, microseconds since 1970, least significant byte first |
/// | … | the state, and of a declared run where its definition stands, in an ``LZ4Frame`` |
/// | 4 | xxHash32 of the run's id, the next event id, and everything before |
///
/// The checksum covers the key, so that a damaged byte and a snapshot under the wrong run are both noticed.
public enum Snapshot {
    /// Of what it is the state.
    package enum Kind: UInt8, Sendable {
        case run = 1
        case aggregate = 2
    }

    /// The version of the state: of its fields, and of what events make of it. One that was written by another version is
    /// not used; the history makes a new one.
    public static let schemaVersion: UInt16 = 5
    /// Most bytes of a state before compression: 64 MiB. A larger one is not kept.
    public static let maximumStateBytes = LZ4Frame.defaultLimit

    private static let headerSize = 12
    private static let checksumSize = 4

    /// Why a snapshot is not used.
    public enum Problem: Error, Hashable, Sendable {
        /// Some of its bytes are not what was written; with what was found.
        case damaged(String)
        /// A newer program wrote it.
        case future(version: UInt16)
        /// An older program wrote it, whose states meant something else.
        case outdated(version: UInt16)
        /// It holds events that the history does not have.
        case beyondHistory(nextEventID: EventID)
        /// The events after it do not fit.
        case misfit(String)
        /// The history says that it was kept, and the store does not have it.
        case missing
    }

    /// A snapshot of a state.
    /// - Parameters:
    ///   - state: The state; of durable events only.
    ///   - time: When it is taken.
    /// - Throws: ``CodecError/Reason/limitExceeded`` if the state is too large to be kept.
    public static func encode(_ state: ExecutionState, at time: Timestamp) throws(CodecError) -> StoredSnapshot {
        try encode(state, nil, at: time)
    }

    /// The same of a declared run, with where its definition stands after the same events.
    package static func encode(
        _ state: ExecutionState, _ program: DefinitionRunState?, at time: Timestamp
    ) throws(CodecError) -> StoredSnapshot {
        var writer = PostcardWriter(capacity: 1_024)
        state.encode(into: &writer)
        writer.write(program)
        return try seal(
            writer.array(), kind: .run, codec: .postcard, version: schemaVersion, sagaID: state.sagaID,
            nextEventID: state.nextEventID, at: time)
    }

    /// The stored form of a state that is encoded already.
    package static func seal(
        _ raw: [UInt8], kind: Kind, codec: Codec, version: UInt16, sagaID: SagaID, nextEventID: EventID,
        at time: Timestamp
    ) throws(CodecError) -> StoredSnapshot {
        guard raw.count <= maximumStateBytes else { throw CodecError(.limitExceeded, at: 0) }
        let frame = try LZ4Frame.compress(raw)
        var bytes: [UInt8] = [kind.rawValue, codec.rawValue]
        bytes.reserveCapacity(headerSize + frame.count + checksumSize)
        append(version, to: &bytes)
        append(time.microseconds, to: &bytes)
        bytes += frame
        append(checksum(of: bytes[...], sagaID: sagaID, nextEventID: nextEventID), to: &bytes)
        return StoredSnapshot(sagaID: sagaID, nextEventID: nextEventID, bytes: bytes)
    }

    /// The state in a snapshot.
    /// - Throws: ``Problem``.
    public static func decode(_ snapshot: StoredSnapshot) throws(Problem) -> ExecutionState {
        try decodeWhole(snapshot).state
    }

    /// The state in a snapshot, and of a declared run where its definition stands.
    /// - Throws: ``Problem``.
    package static func decodeWhole(
        _ snapshot: StoredSnapshot
    ) throws(Problem) -> (state: ExecutionState, program: DefinitionRunState?) {
        let raw = try open(snapshot, kind: .run, codec: .postcard, version: schemaVersion)
        do throws(CodecError) {
            return try raw.withUnsafeBufferPointer { (raw) throws(CodecError) in
                var reader = PostcardReader(UnsafeRawBufferPointer(raw), strict: true)
                let state = try ExecutionState(from: &reader)
                let program: DefinitionRunState? = try reader.read()
                try reader.requireEnd()
                guard state.sagaID == snapshot.sagaID, state.nextEventID == snapshot.nextEventID,
                    program.map({ $0.nextEventID == state.nextEventID }) ?? true
                else { throw CodecError(.badTag, at: 0) }
                return (state, program)
            }
        } catch {
            throw .damaged("it does not decode: \(error)")
        }
    }

    /// The encoded state in a snapshot.
    package static func open(
        _ snapshot: StoredSnapshot, kind: Kind, codec: Codec, version wanted: UInt16
    ) throws(Problem) -> [UInt8] {
        let bytes = snapshot.bytes
        guard bytes.count > headerSize + LZ4Frame.headerSize + checksumSize else { throw .damaged("it is cut off") }
        let body = bytes.dropLast(checksumSize)
        guard checksum(of: body, sagaID: snapshot.sagaID, nextEventID: snapshot.nextEventID) == storedChecksum(bytes)
        else { throw .damaged("its checksum is wrong") }
        // The checksum holds, so these bytes were written on purpose.
        let version = UInt16(bytes[2]) | UInt16(bytes[3]) << 8
        guard bytes[0] == kind.rawValue, bytes[1] == codec.rawValue, version <= wanted else {
            throw .future(version: version)
        }
        guard version == wanted else { throw .outdated(version: version) }
        do throws(CodecError) {
            return try LZ4Frame.decompress(Array(body.dropFirst(headerSize)), limit: maximumStateBytes)
        } catch {
            throw .damaged("it does not decode: \(error)")
        }
    }

    /// The version of the state's schema, as a snapshot says; nil if it is cut off.
    package static func version(_ snapshot: StoredSnapshot) -> UInt16? {
        guard snapshot.bytes.count >= headerSize else { return nil }
        return UInt16(snapshot.bytes[2]) | UInt16(snapshot.bytes[3]) << 8
    }

    /// When a snapshot was taken; nil if it is cut off.
    public static func takenAt(_ snapshot: StoredSnapshot) -> Timestamp? {
        guard snapshot.bytes.count >= headerSize else { return nil }
        var micros: UInt64 = 0
        for (index, byte) in snapshot.bytes[4..<headerSize].enumerated() { micros |= UInt64(byte) << UInt64(8 * index) }
        return Timestamp(microseconds: Int64(bitPattern: micros))
    }

    static func storedChecksum(_ bytes: [UInt8]) -> UInt32 {
        guard bytes.count >= checksumSize else { return 0 }
        return bytes.suffix(checksumSize).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func checksum(of body: ArraySlice<UInt8>, sagaID: SagaID, nextEventID: EventID) -> UInt32 {
        var keyed: [UInt8] = []
        keyed.reserveCapacity(24 + body.count)
        keyed += sagaID.bytes
        append(nextEventID, to: &keyed)
        keyed += body
        return keyed.withUnsafeBytes { Checksum.of($0) }
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

extension Snapshot.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .damaged(let what): "it is damaged: \(what)"
        case .future(let version): "a newer program wrote it (version \(version))"
        case .outdated(let version): "an older program wrote it (version \(version))"
        case .beyondHistory(let next): "it has events up to \(next), which the history does not have"
        case .missing: "it is not there"
        case .misfit(let what): "the events after it do not fit: \(what)"
        }
    }
}
