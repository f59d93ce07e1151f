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
        let isASCII = UTF8Validation.isASCII(start, bytes.count)
        if _slowPath(!isASCII && !UTF8Validation.isValidSlow(start, bytes.count)) { return nil }
        return copy(start, bytes.count, isASCII: isASCII)
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
