/// UTF-8 validation over raw memory: eight ASCII bytes at a time, byte by byte only where text is not ASCII.
///
/// The standard library's checked initialisers cost 65-90 ns even for four bytes; this costs one or two.
@usableFromInline
package enum UTF8Validation {
    /// Whether `count` bytes from `start` are well-formed UTF-8 (Unicode 15, table 3-7; surrogates and over-long
    /// forms are refused).
    @inlinable @inline(__always)
    package static func isValid(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        _fastPath(isASCII(start, count)) || isValidSlow(start, count)
    }

    /// Whether `count` bytes from `start` are ASCII. Up to 32 bytes without a loop: loads overlap instead.
    @inlinable @inline(__always)
    package static func isASCII(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        var seen: UInt64
        if count <= 16 {
            if count >= 8 {
                seen =
                    start.loadUnaligned(as: UInt64.self)
                    | start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            } else if count >= 4 {
                seen = UInt64(
                    truncatingIfNeeded: start.loadUnaligned(as: UInt32.self)
                        | start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            } else if count > 0 {
                seen = UInt64(
                    truncatingIfNeeded: start.load(as: UInt8.self)
                        | start.load(fromByteOffset: count >> 1, as: UInt8.self)
                        | start.load(fromByteOffset: count &- 1, as: UInt8.self))
            } else {
                seen = 0
            }
        } else {
            let last = count &- 16
            var words = start.loadUnaligned(fromByteOffset: last, as: SIMD2<UInt64>.self)
            var at = 0
            repeat {
                words |= start.loadUnaligned(fromByteOffset: at, as: SIMD2<UInt64>.self)
                at &+= 16
            } while at < last
            seen = words[0] | words[1]
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// Whether the `count` bytes before `end` are ASCII; `count` is 32 at most, and 32 bytes before `end` must be readable.
    @inlinable @inline(__always)
    static func isShortASCII(endingAt end: UnsafeRawPointer, _ count: Int) -> Bool {
        let places = SIMD16<Int8>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
        let counts = SIMD16<Int8>(repeating: Int8(truncatingIfNeeded: count))
        // A byte counts if it is not further from the end than there are bytes.
        let low = (end - 32).loadUnaligned(as: SIMD16<Int8>.self)
            .replacing(with: 0, where: places &+ counts .< SIMD16<Int8>(repeating: 32))
        let high = (end - 16).loadUnaligned(as: SIMD16<Int8>.self)
            .replacing(with: 0, where: places &+ counts .< SIMD16<Int8>(repeating: 16))
        let words = unsafeBitCast(low | high, to: SIMD2<UInt64>.self)
        return (words[0] | words[1]) & 0x8080_8080_8080_8080 == 0
    }

    @usableFromInline @inline(never)
    package static func isValidSlow(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: start, count: count)
        var at = 0
        while at < count {
            let lead = bytes[at]
            if lead < 0x80 {
                at += 1
                continue
            }
            // The second byte's range carries all the special cases; the others are plain continuations.
            let length: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xBF
            switch lead {
            case 0xC2...0xDF: length = 2
            case 0xE0:
                length = 3
                low = 0xA0
            case 0xED:
                length = 3
                high = 0x9F
            case 0xE1...0xEF: length = 3
            case 0xF0:
                length = 4
                low = 0x90
            case 0xF4:
                length = 4
                high = 0x8F
            case 0xF1...0xF3: length = 4
            default: return false
            }
            guard count - at >= length, bytes[at + 1] >= low, bytes[at + 1] <= high else { return false }
            var next = at + 2
            while next < at + length {
                guard bytes[next] & 0xC0 == 0x80 else { return false }
                next += 1
            }
            at += length
        }
        return true
    }
}
