package import SagaCore

/// CRC-32C (Castagnoli) over a stored row: the bytes of its events and what they are keyed by, so that a damaged byte and
/// a blob under the wrong key are both noticed.
package struct Checksum {
    private static let table: [UInt32] = makeTable()

    /// Eight tables of 256: eight bytes a step.
    private static func makeTable() -> [UInt32] {
        var table = [UInt32](repeating: 0, count: 2_048)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
            table[byte] = value
        }
        for index in 256..<2_048 {
            let before = table[index - 256]
            table[index] = before >> 8 ^ table[Int(before & 0xFF)]
        }
        return table
    }

    /// The checksum of a row.
    package static func of(
        _ events: UnsafeRawBufferPointer, sagaID: SagaID, firstEventID: EventID, count: Int
    ) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var state: UInt32 = .max
            for word in [sagaID.high, sagaID.low, firstEventID, UInt64(truncatingIfNeeded: count)] {
                state = step(word, state, table)
            }
            var at = 0
            while events.count - at >= 8 {
                let word = UInt64(littleEndian: events.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                state = step(word, state, table)
                at += 8
            }
            while at < events.count {
                state = state >> 8 ^ table[Int((state ^ UInt32(events[at])) & 0xFF)]
                at += 1
            }
            return ~state
        }
    }

    /// The plain CRC-32C of bytes, as its published test vectors have it.
    package static func plain(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { state, byte in state >> 8 ^ table[Int((state ^ UInt32(byte)) & 0xFF)] }
    }

    @inline(__always)
    private static func step(_ word: UInt64, _ state: UInt32, _ table: UnsafeBufferPointer<UInt32>) -> UInt32 {
        let mixed = word ^ UInt64(state)
        var result: UInt32 = 0
        for index in 0..<8 {
            // Indices stay below 2,048: seven tables of 256 and a byte.
            result ^= table[(7 - index) * 256 + Int(truncatingIfNeeded: mixed >> UInt64(8 * index) & 0xFF)]
        }
        return result
    }
}
