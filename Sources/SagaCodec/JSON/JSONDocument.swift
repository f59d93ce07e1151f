/// One parsed JSON text: its bytes, and a flat list of tokens that point into them.
///
/// Nothing is decoded before it is asked for. Text was checked to be UTF-8 and numbers to be numbers, so what remains
/// to fail later is only range. A token takes 16 bytes and every token at least one byte of text, so the memory is
/// bounded by the input.
package final class JSONDocument: Sendable {
    package enum Kind: UInt8 {
        case null, `false`, `true`, integer, number, text, escapedText, array, object
    }

    package struct Token {
        var kind: Kind
        /// Where the value's text starts (for strings: behind the quote).
        var start: UInt32
        /// Bytes of the value's text (for strings: without quotes); for containers the number of elements or members.
        var count: UInt32
        /// The token behind this value and all that it contains.
        var next: UInt32
    }

    /// Values may be nested this deep.
    package static let depthLimit = 128

    package let bytes: [UInt8]
    package let tokens: [Token]

    package init(_ bytes: [UInt8]) throws(CodecError) {
        self.bytes = bytes
        tokens = try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) -> [Token] in
            var parser = JSONParser(UnsafeRawBufferPointer(buffer))
            return try parser.parse()
        }
    }

    /// The document's own value.
    package static var root: Int { 0 }

    /// The first element of an array, or the first key of an object.
    func firstChild(of token: Int) -> Int { token + 1 }

    func next(after token: Int) -> Int { Int(tokens[token].next) }

    func range(of token: Int) -> Range<Int> {
        let found = tokens[token]
        return Int(found.start)..<Int(found.start) + Int(found.count)
    }

    // MARK: Decoded values

    func string(at token: Int) -> String {
        let range = range(of: token)
        if tokens[token].kind == .escapedText { return String(decoding: unescaped(range), as: UTF8.self) }
        return bytes.withUnsafeBytes { String(decoding: $0[range], as: UTF8.self) }
    }

    func isText(at token: Int, equalTo other: String.UTF8View) -> Bool {
        let range = range(of: token)
        if tokens[token].kind == .escapedText { return unescaped(range).elementsEqual(other) }
        guard range.count == other.count else { return false }
        return bytes[range].elementsEqual(other)
    }

    /// The number as text; nothing but ASCII was let in.
    private func digits(at token: Int) -> String {
        bytes.withUnsafeBytes { String(decoding: $0[range(of: token)], as: UTF8.self) }
    }

    /// `nil` if the number has a fraction or does not fit.
    func integer<T: FixedWidthInteger>(_ type: T.Type, at token: Int) -> T? {
        if tokens[token].kind == .integer {
            let range = range(of: token)
            let negative = bytes[range.lowerBound] == UInt8(ascii: "-")
            var value: T = 0
            for byte in bytes[range].dropFirst(negative ? 1 : 0) {
                let (scaled, over) = value.multipliedReportingOverflow(by: 10)
                let digit = T(truncatingIfNeeded: byte &- 0x30)
                let (sum, overToo) =
                    negative ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
                if over || overToo { return nil }
                value = sum
            }
            return value
        }
        // "1e3" and "2.0" are integers too, as far as a double is exact.
        guard let value = double(at: token), value.magnitude <= 9_007_199_254_740_992 else { return nil }
        return T(exactly: value)
    }

    /// `nil` if the number is too large for the type.
    func double(at token: Int) -> Double? {
        guard let value = Double(digits(at: token)), value.isFinite else { return nil }
        return value
    }

    /// `nil` if the number is too large for the type.
    func float(at token: Int) -> Float? {
        guard let value = Float(digits(at: token)), value.isFinite else { return nil }
        return value
    }

    package func value(at token: Int) -> JSONValue {
        let found = tokens[token]
        switch found.kind {
        case .null: return .null
        case .false: return .bool(false)
        case .true: return .bool(true)
        case .integer:
            if let value = integer(Int64.self, at: token) { return .integer(value) }
            if let value = integer(UInt64.self, at: token) { return .unsigned(value) }
            fallthrough
        case .number: return .number(double(at: token) ?? .infinity)
        case .text, .escapedText: return .string(string(at: token))
        case .array:
            var elements: [JSONValue] = []
            elements.reserveCapacity(Int(found.count))
            var child = firstChild(of: token)
            for _ in 0..<found.count {
                elements.append(value(at: child))
                child = next(after: child)
            }
            return .array(elements)
        case .object:
            var members: [String: JSONValue] = [:]
            members.reserveCapacity(Int(found.count))
            var child = firstChild(of: token)
            for _ in 0..<found.count {
                members[string(at: child)] = value(at: child + 1)
                child = next(after: child + 1)
            }
            return .object(members)
        }
    }

    /// Resolves escapes. The parser has seen that each is complete and every surrogate paired.
    private func unescaped(_ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = bytes[at]
            guard byte == UInt8(ascii: "\\"), at + 1 < range.upperBound else {
                result.append(byte)
                at += 1
                continue
            }
            let escape = bytes[at + 1]
            at += 2
            switch escape {
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = hex4(at)
                at += 4
                if scalar & 0xFC00 == 0xD800 {
                    scalar = 0x10000 + ((scalar & 0x3FF) << 10) + (hex4(at + 2) & 0x3FF)
                    at += 6
                }
                if let scalar = Unicode.Scalar(scalar) { result.append(contentsOf: String(scalar).utf8) }
            default: result.append(escape)
            }
        }
        return result
    }

    private func hex4(_ at: Int) -> UInt32 {
        var value: UInt32 = 0
        for byte in bytes[at..<min(at + 4, bytes.count)] { value = value << 4 | UInt32(hexDigit(byte) ?? 0) }
        return value
    }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- 0x30
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- 0x57
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- 0x37
    default: nil
    }
}
