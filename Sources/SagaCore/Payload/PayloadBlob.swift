public import SagaCodec

/// The data of a large payload, which a store keeps apart from the event that it belongs to: written in the same commit,
/// removed with the run, read only by who needs it.
public struct PayloadBlob: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// Its number within the run: four times the event's id, plus the place of the payload in the event.
    public var number: UInt64
    /// An ``LZ4Frame`` of the data, then xxHash32 of the run's id, the number and the frame.
    public var bytes: [UInt8]

    public init(sagaID: SagaID, number: UInt64, bytes: [UInt8]) {
        self.sagaID = sagaID
        self.number = number
        self.bytes = bytes
    }
}

/// Where the data of a payload is that a store keeps apart.
public struct BlobReference: Hashable, Sendable {
    /// The run whose blob it is.
    public var sagaID: SagaID
    /// See ``PayloadBlob/number``.
    public var number: UInt64
    /// Bytes of the data.
    public var byteCount: Int
}

extension Payload {
    /// What a store takes out of events unless it is told otherwise: data of 32 KiB and more.
    public static let defaultBlobThreshold = 32 * 1_024

    /// The key of a metadata entry that stands for the data. It begins with NUL, which no text has that came over the wire or
    /// out of SQL.
    static let blobKey = "\u{0}blob"

    /// Where the data is, if it is not here: states that recovery and replay make have such payloads, because they do not
    /// read what they do not need. `BlobStore.resolved` brings the data.
    public var blobReference: BlobReference? {
        guard let entry = metadata.last, entry.key == Self.blobKey, data.isEmpty else { return nil }
        let parts = entry.value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let sagaID = SagaID(parts[0]), let number = UInt64(parts[1]),
            let byteCount = Int(parts[2]), byteCount >= 0
        else { return nil }
        return BlobReference(sagaID: sagaID, number: number, byteCount: byteCount)
    }

    /// Whether the data is in a blob; cheaper than to ask where.
    @inlinable
    public var isApart: Bool { !metadata.isEmpty && blobReference != nil }

    /// The same payload without its data.
    func apart(_ sagaID: SagaID, _ number: UInt64) -> Payload {
        let value = "\(sagaID)/\(number)/\(data.count)"
        return Payload(
            encoding: encoding, data: [], metadata: metadata + [MetadataEntry(key: Self.blobKey, value: value)])
    }

    /// The same payload with its data.
    mutating func complete(with data: [UInt8]) {
        self.data = data
        metadata.removeLast()
    }
}

extension PayloadBlob {
    private static let checksumSize = 4
    /// Payloads of an event that may be kept apart.
    static let placesPerEvent: UInt64 = 4

    /// - Throws: ``CodecError/Reason/limitExceeded`` beyond what LZ4 takes in one block (about 2 GB).
    init(sealing data: [UInt8], sagaID: SagaID, number: UInt64) throws(CodecError) {
        var bytes = try LZ4Frame.compress(data)
        let checksum = Self.checksum(of: bytes[...], sagaID, number)
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
        self.init(sagaID: sagaID, number: number, bytes: bytes)
    }

    /// The data.
    /// - Parameter byteCount: How many bytes it has.
    /// - Throws: ``CodecError/Reason/badChecksum`` and others if it is not what was written.
    public func data(byteCount: Int) throws(CodecError) -> [UInt8] {
        guard bytes.count >= LZ4Frame.headerSize + Self.checksumSize else { throw CodecError(.unexpectedEnd, at: 0) }
        let frame = bytes.dropLast(Self.checksumSize)
        let stored = bytes.suffix(Self.checksumSize).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        guard Self.checksum(of: frame, sagaID, number) == stored else {
            throw CodecError(.badChecksum, at: frame.count)
        }
        let data = try LZ4Frame.decompress(Array(frame), limit: byteCount)
        guard data.count == byteCount else { throw CodecError(.unexpectedEnd, at: data.count) }
        return data
    }

    private static func checksum(of frame: ArraySlice<UInt8>, _ sagaID: SagaID, _ number: UInt64) -> UInt32 {
        var keyed = sagaID.bytes
        keyed.reserveCapacity(24 + frame.count)
        withUnsafeBytes(of: number.littleEndian) { keyed.append(contentsOf: $0) }
        keyed += frame
        return keyed.withUnsafeBytes { Checksum.of($0) }
    }
}
