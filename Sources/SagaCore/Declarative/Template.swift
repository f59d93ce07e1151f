internal import SagaCodec

/// A template taken apart: JSON text with references in its strings. Total: whatever it is given, it gives a JSON text within a
/// limit, or an error.
package struct Template: Hashable, Sendable {
    enum Piece: Hashable, Sendable {
        /// As it stands.
        case text([UInt8])
        /// In place of a whole string: the value.
        case value(ValueReference)
        /// Inside a string: the value's text.
        case inside(ValueReference)
    }

    /// Bytes of a template's text at most.
    package static let maximumBytes = 65_536
    /// References of a template at most.
    package static let maximumReferences = 256
    /// Bytes that a template may grow to.
    package static let maximumResult = 2_097_152

    private(set) var pieces: [Piece] = []

    /// Every reference, in the order in which they stand.
    package var references: [ValueReference] {
        pieces.compactMap { piece in
            switch piece {
            case .text: nil
            case .value(let reference), .inside(let reference): reference
            }
        }
    }

    /// Takes a text apart.
    /// - Throws: What is wrong with it.
    init(_ text: String) throws(ValueReference.Malformed) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumBytes else {
            throw .init("a template of \(bytes.count) bytes; \(Self.maximumBytes) are allowed")
        }
        let document: JSONDocument
        do throws(CodecError) {
            document = try JSONDocument(bytes)
        } catch {
            throw .init("the template is not JSON: \(error.reason) at byte \(error.offset)")
        }
        var text: [UInt8] = []
        var done = 0
        for (token, isKey) in document.strings {
            let inside = document.inside(of: token)
            guard let first = Self.opening(in: bytes[inside]) else { continue }
            text += bytes[done..<inside.lowerBound - 1]
            if isKey, bytes[first] == UInt8(ascii: "$"), !Self.isEscape(bytes, at: first) {
                throw .init("a reference cannot stand in the name of a member")
            }
            try appendString(bytes, inside, after: &text)
            done = inside.upperBound + 1
        }
        text += bytes[done...]
        take(&text)
        // Texts stand between them, so few pieces are few references.
        guard pieces.count <= Self.maximumReferences || references.count <= Self.maximumReferences else {
            throw .init("\(references.count) references; \(Self.maximumReferences) are allowed")
        }
    }

    /// Makes a piece of the text that has gathered.
    private mutating func take(_ text: inout [UInt8]) {
        guard !text.isEmpty else { return }
        pieces.append(.text(text))
        text = []
    }

    /// Where `${` or `$${` first stands.
    private static func opening(in bytes: ArraySlice<UInt8>) -> Int? {
        for index in bytes.indices.dropLast()
        where bytes[index] == UInt8(ascii: "$") && bytes[index + 1] == UInt8(ascii: "{") {
            return index > bytes.startIndex && bytes[index - 1] == UInt8(ascii: "$") ? index - 1 : index
        }
        return nil
    }

    private static func isEscape(_ bytes: [UInt8], at index: Int) -> Bool {
        index + 2 < bytes.count && bytes[index + 1] == UInt8(ascii: "$") && bytes[index + 2] == UInt8(ascii: "{")
    }

    /// Takes a string apart, without its quotes.
    private mutating func appendString(
        _ bytes: [UInt8], _ range: Range<Int>, after text: inout [UInt8]
    ) throws(ValueReference.Malformed) {
        let quote = UInt8(ascii: "\"")
        text.append(quote)
        let start = range.lowerBound
        var at = start
        while at < range.upperBound {
            if Self.isEscape(bytes, at: at), bytes[at] == UInt8(ascii: "$"), at + 3 <= range.upperBound {
                text.append(UInt8(ascii: "$"))
                text.append(UInt8(ascii: "{"))
                at += 3
            } else if bytes[at] == UInt8(ascii: "$"), at + 1 < range.upperBound, bytes[at + 1] == UInt8(ascii: "{") {
                guard let end = bytes[at..<range.upperBound].firstIndex(of: UInt8(ascii: "}")) else {
                    throw .init("a reference has no end: ${ needs a }; write $${ for the characters themselves")
                }
                let reference = try Self.reference(bytes[at + 2..<end])
                if at == start, end + 1 == range.upperBound {
                    // The whole string: the value stands in its place, without quotes.
                    text.removeLast()
                    take(&text)
                    return pieces.append(.value(reference))
                }
                take(&text)
                pieces.append(.inside(reference))
                at = end + 1
            } else {
                text.append(bytes[at])
                at += 1
            }
        }
        text.append(quote)
    }

    private static func reference(_ raw: ArraySlice<UInt8>) throws(ValueReference.Malformed) -> ValueReference {
        var text = String(decoding: raw, as: UTF8.self)
        if raw.contains(UInt8(ascii: "\\")) {
            // As it stood in a JSON string: a default may have quotes.
            let quoted = [UInt8(ascii: "\"")] + raw + [UInt8(ascii: "\"")]
            text = (try? JSONCoding.parse(quoted))?.stringValue ?? text
        }
        do {
            return try ValueReference(text)
        } catch {
            throw .init("${\(text)}: \(error.message)")
        }
    }

    // MARK: Filling in

    /// The text with all values in it.
    func fill(_ values: inout ValueSource) throws(SagaError) -> [UInt8] {
        var result: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let bytes): result += bytes
            case .value(let reference): try values.value(reference).append(to: &result)
            case .inside(let reference): try values.value(reference).appendInside(to: &result)
            }
            guard result.count <= Self.maximumResult else {
                throw ValueSource.problem("the template grows beyond \(Self.maximumResult) bytes")
            }
        }
        return result
    }

    /// The text with all values in it but what only the undo will know: a template again.
    func fillAllButOwn(_ values: inout ValueSource) throws(SagaError) -> String {
        var result: [UInt8] = []
        for piece in pieces {
            var part: [UInt8] = []
            switch piece {
            case .text(let bytes): part = bytes
            case .value(let reference) where reference.root.isOwn:
                result += Self.written(reference, isWhole: true)
                continue
            case .inside(let reference) where reference.root.isOwn:
                result += Self.written(reference, isWhole: false)
                continue
            case .value(let reference): try values.value(reference).append(to: &part)
            case .inside(let reference): try values.value(reference).appendInside(to: &part)
            }
            result += Self.escaped(part)
            // The rest must be a template again.
            guard result.count <= Self.maximumBytes else {
                throw ValueSource.problem("the input of the undo grows beyond \(Self.maximumBytes) bytes")
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func written(_ reference: ValueReference, isWhole: Bool) -> [UInt8] {
        let inside =
            [UInt8(ascii: "$"), UInt8(ascii: "{")] + JSONText.inside(Array(reference.text.utf8)[...]) + [
                UInt8(ascii: "}")
            ]
        return isWhole ? [UInt8(ascii: "\"")] + inside + [UInt8(ascii: "\"")] : inside
    }

    /// Text of users that must not be taken for a reference.
    private static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "$"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "{") {
                result.append(byte)
            }
            result.append(byte)
        }
        return result
    }
}
