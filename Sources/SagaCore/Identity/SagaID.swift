public import SagaCodec

/// One run of a saga: a UUIDv7, so that ids made later sort later (semantics, section 1).
///
/// The time and the random bits come in from outside: nothing in this module reads a clock or makes random numbers.
public struct SagaID: Hashable, Sendable {
    /// The first eight bytes, big endian.
    public let high: UInt64
    /// The last eight bytes, big endian.
    public let low: UInt64

    /// An id of its two halves, as stored.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// By the half with 62 random bits: the other is the time, and every look at a run is by its id.
    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(low) }

    /// What dictionaries and sets ask for first: see ``RandomBitsHash``.
    public func _rawHashValue(seed: Int) -> Int { RandomBitsHash.value(low, high, seed: seed) }

    /// A version 7 id.
    /// - Parameters:
    ///   - time: When the run starts; the milliseconds become the first 48 bits.
    ///   - random: Random bits, of which 74 are used.
    public init(time: Timestamp, random: (UInt64, UInt64)) {
        let milliseconds = UInt64(clamping: time.microseconds / 1_000) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | 0x7000 | (random.0 & 0x0FFF)
        low = 0x8000_0000_0000_0000 | (random.1 & 0x3FFF_FFFF_FFFF_FFFF)
    }

    /// Reads the 36-character form; nil if the text is not a UUID.
    public init?(_ text: some StringProtocol) {
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in text.utf8.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = hexDigit(byte), digits < 32 else { return nil }
            if digits < 16 { halves.0 = halves.0 << 4 | digit } else { halves.1 = halves.1 << 4 | digit }
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(high: halves.0, low: halves.1)
    }

    /// Reads the 16 bytes of an id; nil if there are not exactly 16.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for (index, byte) in bytes.enumerated() {
            if index < 8 { halves.0 = halves.0 << 8 | UInt64(byte) } else { halves.1 = halves.1 << 8 | UInt64(byte) }
        }
        self.init(high: halves.0, low: halves.1)
    }

    /// The 16 bytes, big endian.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            for index in 0..<8 {
                buffer[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                buffer[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            count = 16
        }
    }

    /// When the run was started, to the millisecond.
    public var time: Timestamp { Timestamp(microseconds: Int64(high >> 16) * 1_000) }
}

extension SagaID: Comparable {
    public static func < (left: SagaID, right: SagaID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

extension SagaID: CustomStringConvertible {
    /// The usual 36 characters.
    public var description: String {
        let digits: StaticString = "0123456789abcdef"
        return String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let half = nibble < 16 ? high : low
                let value = Int(half >> UInt64(60 - 4 * (nibble & 15)) & 0xF)
                buffer[position] = digits.utf8Start[value]
                position += 1
            }
            return 36
        }
    }
}

extension SagaID: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let halves = try reader.readRaw16()
        high = halves.0.byteSwapped
        low = halves.1.byteSwapped
    }

    public func encode(into writer: inout PostcardWriter) {
        // Stored big endian, so that stored ids sort like ids.
        writer.writeRaw16(high.byteSwapped, low.byteSwapped)
    }
}

private func hexDigit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}
