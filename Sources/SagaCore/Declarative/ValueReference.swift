internal import SagaCodec

/// A reference to a value of a run: `input.order.items[0].price`, `steps.flight.output.number ?? null`.
package struct ValueReference: Hashable, Sendable {
    /// Where the value comes from.
    package enum Root: Hashable, Sendable {
        /// What the run was started with.
        case input
        /// The output of an earlier step, by its id.
        case step(String)
        /// What the step of this undo returned, what is known of its effect, and its idempotency key.
        case ownOutput
        case ownOutcome
        case ownKey

        /// Whether only an undo can read it.
        var isOwn: Bool {
            switch self {
            case .ownOutput, .ownOutcome, .ownKey: true
            case .input, .step: false
            }
        }
    }

    package enum Segment: Hashable, Sendable {
        case member(String)
        case element(Int)
    }

    /// Parts of a path at most.
    static let maximumSegments = 32

    package var root: Root
    package var path: [Segment]
    /// JSON text that stands in for a value that is not there; nil = that is an error.
    package var fallback: [UInt8]?
    /// As it was written.
    package var text: String

    /// Why a text is no reference.
    struct Malformed: Error {
        var message: String

        init(_ message: String) { self.message = message }
    }

    /// Reads `path` or `path ?? value`; a value that is not JSON is a text.
    init(_ text: String) throws(Malformed) {
        self.text = text
        // By bytes: a definition of a thousand steps has thousands of references, and each is read at every check of it.
        let bytes = Array(text.utf8)
        let (written, fallback) = Self.split(bytes)
        if let fallback { self.fallback = Self.json(bytes[fallback]) }
        var segments = try Self.segments(bytes[written])
        guard case .member(let first)? = segments.first else { throw Malformed("it begins with no name") }
        segments.removeFirst()
        switch first {
        case "input": root = .input
        case "output": root = .ownOutput
        case "outcome": root = .ownOutcome
        case "key": root = .ownKey
        case "steps":
            guard segments.count >= 2, case .member(let id) = segments[0], segments[1] == .member("output") else {
                throw Malformed("write steps.ID.output and a path")
            }
            root = .step(id)
            segments.removeFirst(2)
        default: throw Malformed("it begins with \(first); write input or steps.ID.output and a path")
        }
        path = segments
        if root == .ownOutcome || root == .ownKey, !path.isEmpty { throw Malformed("\(first) is a text without parts") }
    }

    /// Where the path stands, and where the value after `??`.
    private static func split(_ bytes: [UInt8]) -> (path: Range<Int>, fallback: Range<Int>?) {
        let mark = UInt8(ascii: "?")
        for index in bytes.indices.dropLast() where bytes[index] == mark && bytes[index + 1] == mark {
            return (trimmed(bytes, 0..<index), trimmed(bytes, index + 2..<bytes.count))
        }
        return (trimmed(bytes, bytes.indices), nil)
    }

    private static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isSpace(bytes[start]) { start += 1 }
        while start < end, isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// The default as JSON text: as it stands if it is JSON, else as a text.
    private static func json(_ slice: ArraySlice<UInt8>) -> [UInt8] {
        let bytes = Array(slice)
        // The most usual one.
        if bytes == Array("null".utf8) { return bytes }
        do throws(CodecError) {
            _ = try JSONDocument(bytes)
            return bytes
        } catch {
            return JSONText.string(String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func segments(_ path: ArraySlice<UInt8>) throws(Malformed) -> [Segment] {
        var segments: [Segment] = []
        segments.reserveCapacity(4)
        var start = path.startIndex
        while true {
            let end = path[start...].firstIndex(of: UInt8(ascii: ".")) ?? path.endIndex
            try append(path[start..<end], to: &segments)
            guard segments.count <= maximumSegments else {
                throw Malformed("its path has more than \(maximumSegments) parts")
            }
            if end == path.endIndex { return segments }
            start = end + 1
        }
    }

    /// One part of a path: a name and places in lists, `items[0][1]`.
    private static func append(_ part: ArraySlice<UInt8>, to segments: inout [Segment]) throws(Malformed) {
        let (open, close) = (UInt8(ascii: "["), UInt8(ascii: "]"))
        var rest = part
        let name = rest.prefix { $0 != open }
        guard !name.isEmpty, !name.contains(where: { $0 == close || $0 == UInt8(ascii: " ") }) else {
            throw Malformed("a part of its path is empty or has a space or bracket")
        }
        segments.append(.member(String(decoding: name, as: UTF8.self)))
        rest = rest[name.endIndex...]
        while !rest.isEmpty {
            rest = rest.dropFirst()
            let piece = rest.prefix { $0 != open }
            guard piece.last == close, let index = Int(String(decoding: piece.dropLast(), as: UTF8.self)), index >= 0
            else { throw Malformed("write the place in a list as [0]") }
            segments.append(.element(index))
            rest = rest[piece.endIndex...]
        }
    }
}

/// JSON texts, put together as bytes.
enum JSONText {
    /// A text with its quotes.
    static func string(_ text: String) -> [UInt8] {
        // A text can always be written; the empty text is what could stand for the error that cannot be.
        (try? JSONCoding.serialize(.string(text))) ?? Array("\"\"".utf8)
    }

    /// Text as the inside of a JSON string: escapes what needs it.
    static func inside(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 8)
        for byte in bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append(UInt8(ascii: "\\")) }
            // Space between values may be a line break, which a string cannot have.
            result.append(byte < 0x20 ? 0x20 : byte)
        }
        return result
    }
}
