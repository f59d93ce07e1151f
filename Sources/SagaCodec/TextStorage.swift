/// Strings from bytes, without the checks that were made already.
@usableFromInline
package enum TextStorage {
    /// A string of these bytes, or nil if they are not well-formed UTF-8.
    ///
    /// `String(decoding:as:)` looks at every byte twice again, `String(validating:as:)` costs 60 ns for four bytes. Here the bytes
    /// are looked at once, and the string knows whether it is ASCII, which makes it cheap to compare and to hash.
    @inlinable @inline(__always)
    package static func string(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return "" }
        if bytes.count <= smallLimit { return small(start, bytes.count) }
        let isASCII = UTF8Validation.isASCII(start, bytes.count)
        if _slowPath(!isASCII && !UTF8Validation.isValidSlow(start, bytes.count)) { return nil }
        return copy(start, bytes.count, isASCII: isASCII)
    }

    /// ``string(_:)`` out of line, for readers that have made the short ones in place.
    @usableFromInline @inline(never)
    static func long(_ bytes: UnsafeRawBufferPointer) -> String? { string(bytes) }

    // A short text lies inside the string itself: 15 bytes, and in the last one its form and length. Made with a few loads and
    // shifts instead of a call that goes byte by byte, which is half of what decoding an event's texts costs. The layout is that of
    // the standard library that comes with these compilers, and a test compares it bit for bit; others take the ordinary way.
    #if compiler(>=6.2) && compiler(<6.4) && os(Linux) && (arch(x86_64) || arch(arm64))
        /// The longest text that lies inside a string; 0 where that is not known.
        @inlinable
        static var smallLimit: Int { 15 }

        @inlinable @inline(__always)
        static func small(_ start: UnsafeRawPointer, _ count: Int) -> String? {
            var low: UInt64
            var high: UInt64 = 0
            if count >= 8 {
                low = start.loadUnaligned(as: UInt64.self)
                let last = start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                // For eight bytes the shift is 64, which leaves nothing.
                high = last >> UInt64(truncatingIfNeeded: (16 &- count) &* 8)
            } else if count >= 4 {
                let last = UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
                low =
                    UInt64(start.loadUnaligned(as: UInt32.self))
                    | last &<< UInt64(truncatingIfNeeded: (count &- 4) &* 8)
            } else {
                low =
                    UInt64(start.load(as: UInt8.self))
                    | UInt64(start.load(fromByteOffset: count >> 1, as: UInt8.self))
                    &<< UInt64(truncatingIfNeeded: (count >> 1) &* 8)
                    | UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self))
                    &<< UInt64(truncatingIfNeeded: (count &- 1) &* 8)
            }
            var form: UInt64 = 0xE0
            if _slowPath((low | high) & 0x8080_8080_8080_8080 != 0) {
                guard UTF8Validation.isValidSlow(start, count) else { return nil }
                form = 0xA0
            }
            high |= (form | UInt64(truncatingIfNeeded: count)) << 56
            return unsafeBitCast((low, high), to: String.self)
        }

        /// A text of up to 15 bytes of ASCII; nil if it is anything else. Loads sixteen bytes without a look at the count, whose
        /// values no branch predictor knows.
        /// - Parameter start: sixteen bytes from here must be readable.
        @inlinable @inline(__always)
        static func shortASCII(_ start: UnsafeRawPointer, _ count: Int) -> String? {
            let masks = shortMasks(count)
            let low = UInt64(littleEndian: start.loadUnaligned(as: UInt64.self)) & masks.low
            let high = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) & masks.high
            guard _fastPath((low | high) & 0x8080_8080_8080_8080 == 0) else { return nil }
            return unsafeBitCast((low, high | UInt64(truncatingIfNeeded: 0xE0 | count) << 56), to: String.self)
        }

        /// The bytes of a text that lies inside its string (behind them zeros, and in the last byte its form), and their count.
        @inlinable @inline(__always)
        static func shortBytes(_ value: String) -> (low: UInt64, high: UInt64, count: Int)? {
            let (low, high) = unsafeBitCast(value, to: (UInt64, UInt64).self)
            guard _fastPath(high & 0x2000_0000_0000_0000 != 0) else { return nil }
            return (low, high, Int(truncatingIfNeeded: high >> 56 & 0xF))
        }
    #else
        /// The longest text that lies inside a string; 0 where that is not known.
        @inlinable
        static var smallLimit: Int { 0 }

        @inlinable @inline(__always)
        static func small(_ start: UnsafeRawPointer, _ count: Int) -> String? { "" }

        @inlinable @inline(__always)
        static func shortASCII(_ start: UnsafeRawPointer, _ count: Int) -> String? { nil }

        @inlinable @inline(__always)
        static func shortBytes(_ value: String) -> (low: UInt64, high: UInt64, count: Int)? { nil }
    #endif

    /// What keeps the first `count` of sixteen bytes; `count` is 15 at most.
    @inlinable @inline(__always)
    static func shortMasks(_ count: Int) -> (low: UInt64, high: UInt64) {
        // The shift goes modulo 64, so it is the same for both halves.
        let part = (1 as UInt64) &<< UInt64(truncatingIfNeeded: count &<< 3) &- 1
        return (count >= 8 ? .max : part, count >= 8 ? part : 0)
    }

    /// - Parameter isASCII: must be true only if it is so; the bytes must be well-formed.
    @inlinable @inline(__always)
    static func copy(_ start: UnsafeRawPointer, _ count: Int, isASCII: Bool) -> String {
        let bytes = UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
        if #available(macOS 26, *) {
            return String(copying: UTF8Span(unchecked: bytes.span, isKnownASCII: isASCII))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of a string; valid only inside `body`.
    @inlinable @inline(__always)
    static func withUTF8(_ value: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        let done: Void? = value.utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
        if done == nil { bridged(value).withUnsafeBytes { body($0) } }
    }

    /// Text whose storage is not UTF-8 in one piece: only in other platforms' runtimes. Out of line, so that the usual case
    /// needs no reference of its own.
    @usableFromInline @inline(never)
    static func bridged(_ value: String) -> [UInt8] { [UInt8](value.utf8) }
}
