internal import SagaCodec

/// Where a reader of a feed is to go on: to be kept as it is, together with what was made of the events before it.
///
/// It stays valid over restarts and migrations of the store, and when runs are removed. It is good for one store only.
public struct FeedPosition: Hashable, Sendable {
    /// Opaque; 1 to 512 bytes.
    public var bytes: [UInt8]

    /// A position as it was kept.
    public init(bytes: [UInt8]) { self.bytes = bytes }
}

extension FeedPosition {
    /// version (1) · mark of the store (4) · commit (8) · run (16) · event (8) · checksum (4), all big endian.
    private static let version: UInt8 = 1
    private static let length = 41

    init(_ place: FeedPlace, mark: UInt32) {
        bytes = [Self.version]
        bytes.reserveCapacity(Self.length)
        Self.add(mark, to: &bytes)
        Self.add(place.commit, to: &bytes)
        Self.add(place.sagaID.high, to: &bytes)
        Self.add(place.sagaID.low, to: &bytes)
        Self.add(place.eventID, to: &bytes)
        Self.add(bytes.withUnsafeBytes { Checksum.of($0) }, to: &bytes)
    }

    /// The place that it stands for.
    /// - Parameter mark: The mark of the store that is read.
    /// - Throws: ``FeedPositionError``: it is not a position, or not of this store.
    func place(mark: UInt32) throws(FeedPositionError) -> FeedPlace {
        let isWhole: Bool = bytes.withUnsafeBytes { all in
            guard all.count == Self.length, all.first == Self.version else { return false }
            let body = UnsafeRawBufferPointer(rebasing: all[..<(Self.length - 4)])
            return Checksum.of(body) == UInt32(truncatingIfNeeded: number(at: Self.length - 4, 4))
        }
        guard isWhole else {
            throw FeedPositionError(
                "\(bytes.count) bytes that are no position of a feed; give back the bytes of an earlier item as they "
                    + "were, or none and say where to begin")
        }
        guard number(at: 1, 4) == UInt64(mark) else {
            throw FeedPositionError(
                "the position is of another store; read this one from its beginning, or from now on")
        }
        return FeedPlace(
            commit: number(at: 5, 8), sagaID: SagaID(high: number(at: 13, 8), low: number(at: 21, 8)),
            eventID: number(at: 29, 8))
    }

    private func number(at offset: Int, _ count: Int) -> UInt64 {
        bytes.dropFirst(offset).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func add(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Tells stores apart, so that a position is not taken for a place of another one. Of the store's secret key it says no
    /// more than 32 bits of a hash.
    static func mark(of metadata: StoreMetadata) -> UInt32 {
        (Array("saga feed".utf8) + metadata.taskTokenKey).withUnsafeBytes { Checksum.of($0) }
    }
}

/// A position that cannot be used.
public struct FeedPositionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it, and what to do.
    public var message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}
