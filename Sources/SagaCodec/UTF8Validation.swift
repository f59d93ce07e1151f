/// UTF-8 validation over raw memory: eight ASCII bytes at a time, byte by byte only where text is not ASCII.
///
/// The standard library's checked initialisers cost 65-90 ns even for four bytes; this costs one or two.
@usableFromInline
package enum UTF8Validation {
    /// Whether `count` bytes from `start` are well-formed UTF-8 (Unicode 15, table 3-7; surrogates and over-long
    /// forms are refused).
    @inlinable @inline(__always)
    package static func isValid(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        if count >= 8 {
            var at = 0
            let last = count &- 8
            var seen: UInt64 = 0
            while at < last {
                seen |= start.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                at &+= 8
            }
            // The last eight bytes, overlapping what was seen already: no tail loop.
            seen |= start.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            if seen & 0x8080_8080_8080_8080 == 0 { return true }
            return isValidSlow(start, count)
        }
        var seen: UInt8 = 0
        if count >= 4 {
            let low = start.loadUnaligned(as: UInt32.self)
            let high = start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            if (low | high) & 0x8080_8080 == 0 { return true }
            return isValidSlow(start, count)
        }
        var at = 0
        while at < count {
            seen |= start.load(fromByteOffset: at, as: UInt8.self)
            at &+= 1
        }
        return seen < 0x80 || isValidSlow(start, count)
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
