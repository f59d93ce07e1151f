/// RFC 8259, nothing more: no comments, no trailing commas, no bare control characters, no lone surrogates, no
/// byte-order mark.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    private var tokens: [JSONDocument.Token] = []

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func parse() throws(CodecError) -> [JSONDocument.Token] {
        guard bytes.count < Int(Int32.max) else { throw CodecError(.limitExceeded, at: 0) }
        skipSpace()
        try value(depth: 0)
        skipSpace()
        if at < bytes.count { throw CodecError(.trailingBytes, at: at) }
        return tokens
    }

    private func failure(_ reason: CodecError.Reason = .badSyntax) -> CodecError {
        CodecError(at < bytes.count ? reason : .unexpectedEnd, at: at)
    }

    /// The byte at the cursor; 0, which no rule below allows, at the end.
    private var byte: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }

    private mutating func expect(_ wanted: UInt8) throws(CodecError) {
        guard byte == wanted else { throw failure() }
        at += 1
    }

    private mutating func add(_ kind: JSONDocument.Kind, _ start: Int, _ count: Int) {
        tokens.append(
            .init(
                kind: kind, start: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: count),
                next: UInt32(truncatingIfNeeded: tokens.count + 1)))
    }

    private mutating func value(depth: Int) throws(CodecError) {
        switch byte {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .true)
        case UInt8(ascii: "f"): try word("false", .false)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    private mutating func word(_ text: StaticString, _ kind: JSONDocument.Kind) throws(CodecError) {
        let start = at
        for index in 0..<text.utf8CodeUnitCount { try expect(text.utf8Start[index]) }
        add(kind, start, at - start)
    }

    /// Runs `element` for each comma-separated part up to `close`; returns their number and closes the token.
    private mutating func container(
        _ kind: JSONDocument.Kind, close: UInt8, depth: Int,
        _ element: (inout JSONParser) throws(CodecError) -> Void
    ) throws(CodecError) {
        guard depth < JSONDocument.depthLimit else { throw CodecError(.depthExceeded, at: at) }
        let token = tokens.count
        add(kind, at, 0)
        at += 1
        skipSpace()
        var count: UInt32 = 0
        if byte != close {
            while true {
                try element(&self)
                count += 1
                skipSpace()
                if byte != UInt8(ascii: ",") { break }
                at += 1
                skipSpace()
            }
        }
        try expect(close)
        tokens[token].count = count
        tokens[token].next = UInt32(truncatingIfNeeded: tokens.count)
    }

    private mutating func array(depth: Int) throws(CodecError) {
        try container(.array, close: UInt8(ascii: "]"), depth: depth) { (parser) throws(CodecError) in
            try parser.value(depth: depth + 1)
        }
    }

    private mutating func object(depth: Int) throws(CodecError) {
        try container(.object, close: UInt8(ascii: "}"), depth: depth) { (parser) throws(CodecError) in
            try parser.string()
            parser.skipSpace()
            try parser.expect(UInt8(ascii: ":"))
            parser.skipSpace()
            try parser.value(depth: depth + 1)
        }
    }

    private mutating func number() throws(CodecError) {
        let start = at
        var kind = JSONDocument.Kind.integer
        if byte == UInt8(ascii: "-") { at += 1 }
        if byte == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if byte == UInt8(ascii: ".") {
            kind = .number
            at += 1
            try digits()
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            kind = .number
            at += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        // Only so long a number, or one with an exponent, can be beyond a double; it is refused here, so that later
        // every number has a value.
        if kind == .number || at - start > 300 {
            let text = String(decoding: bytes[start..<at], as: UTF8.self)
            guard let value = Double(text), value.isFinite else { throw CodecError(.badNumber, at: start) }
        }
        add(kind, start, at - start)
    }

    private mutating func digits() throws(CodecError) {
        guard (0x30...0x39).contains(byte) else { throw failure() }
        while (0x30...0x39).contains(byte) { at += 1 }
    }

    private mutating func string() throws(CodecError) {
        try expect(UInt8(ascii: "\""))
        let start = at
        var kind = JSONDocument.Kind.text
        while true {
            let next = byte
            if next == UInt8(ascii: "\"") { break }
            if next < 0x20 { throw failure() }
            at += 1
            if next == UInt8(ascii: "\\") {
                kind = .escapedText
                try escape()
            }
        }
        if let base = bytes.baseAddress, !UTF8Validation.isValid(base + start, at - start) {
            throw CodecError(.badUTF8, at: start)
        }
        add(kind, start, at - start)
        at += 1
    }

    private mutating func escape() throws(CodecError) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 1
        case UInt8(ascii: "u"):
            let start = at - 1
            at += 1
            let unit = try hex4()
            switch unit & 0xFC00 {
            case 0xD800:
                try expect(UInt8(ascii: "\\"))
                try expect(UInt8(ascii: "u"))
                if try hex4() & 0xFC00 != 0xDC00 { throw CodecError(.badCharacter, at: start) }
            case 0xDC00: throw CodecError(.badCharacter, at: start)
            default: break
            }
        default: throw failure()
        }
    }

    private mutating func hex4() throws(CodecError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = hexDigit(byte) else { throw failure() }
            value = value << 4 | UInt16(digit)
            at += 1
        }
        return value
    }
}
