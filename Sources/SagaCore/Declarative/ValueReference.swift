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
        let (written, fallback) = Self.split(text)
        if let fallback { self.fallback = Self.json(fallback) }
        var segments = try Self.segments(written)
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

    private static func split(_ text: String) -> (path: Substring, fallback: Substring?) {
        let bytes = text.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let next = bytes.index(after: index)
            if next < bytes.endIndex, bytes[index] == UInt8(ascii: "?"), bytes[next] == UInt8(ascii: "?") {
                return (trimmed(text[..<index]), trimmed(text[bytes.index(after: next)...]))
            }
            index = next
        }
        return (trimmed(text[...]), nil)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// The default as JSON text: as it stands if it is JSON, else as a text.
    private static func json(_ text: Substring) -> [UInt8] {
        let bytes = Array(text.utf8)
        do throws(CodecError) {
            _ = try JSONDocument(bytes)
            return bytes
        } catch {
            return JSONText.string(String(text))
        }
    }

    private static func segments(_ path: Substring) throws(Malformed) -> [Segment] {
        var segments: [Segment] = []
        for part in path.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = pieces.first, !name.isEmpty, !name.contains(where: { $0 == "]" || $0 == " " }) else {
                throw Malformed("a part of its path is empty or has a space or bracket")
            }
            segments.append(.member(String(name)))
            for piece in pieces.dropFirst() {
                guard piece.last == "]", let index = Int(piece.dropLast()), index >= 0 else {
                    throw Malformed("write the place in a list as [0]")
                }
                segments.append(.element(index))
            }
            guard segments.count <= maximumSegments else {
                throw Malformed("its path has more than \(maximumSegments) parts")
            }
        }
        return segments
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
