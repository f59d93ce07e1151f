import SagaCodec

/// Checks golden and malformed vectors against the codecs. Whatever it does not understand has failed.
public struct VectorCheck {
    public private(set) var passed = 0
    public private(set) var failed = 0
    /// What failed and why, one line a case.
    public private(set) var failures: [String] = []

    private enum Format {
        case postcard, fixint, varint
    }

    public init() {}

    /// Checks the text of a file: tab-separated, one case a line, `#` for comments.
    ///
    /// Three columns are a golden vector (name, value, hex) or a corpus event (index, framed hex, JSON); four a malformed
    /// one (name, type, hex, the crate's answer).
    public mutating func check(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            let problem: String? =
                switch columns.count {
                case 3 where UInt(columns[0]) != nil: framed(columns[1], json: columns[2])
                case 3: golden(columns[0], value: columns[1], hex: columns[2])
                case 4: malformed(columns[0], rustType: columns[1], hex: columns[2], answer: columns[3])
                default: "\(columns.count) columns"
                }
            if let problem {
                failed += 1
                failures.append("\(columns.first ?? ""): \(problem)")
            } else {
                passed += 1
            }
        }
    }

    private func split(_ name: String) -> (Format, String) {
        if name.hasPrefix("fixint/") { return (.fixint, String(name.dropFirst(7))) }
        if name.hasPrefix("varint/") { return (.varint, String(name.dropFirst(7))) }
        return (.postcard, name)
    }

    // MARK: Golden vectors: decodes, is the value, has these bytes again

    private func golden(_ name: String, value: String, hex: String) -> String? {
        let (format, plain) = split(name)
        guard let type = VectorTable.type(named: plain) else { return "no type is known for this name" }
        guard let bytes = Self.bytes(hex) else { return "not hex" }
        return roundTrip(type, bytes, format, value: value)
    }

    private func roundTrip<T: VectorValue>(
        _ type: T.Type, _ bytes: [UInt8], _ format: Format, value expected: String
    ) -> String? {
        do throws(CodecError) {
            let value = try decode(type, bytes, format, strict: true)
            _ = try decode(type, bytes, format, strict: false)
            let again = encode(value, format)
            if again != bytes { return "encodes to \(Self.hex(again))" }
            if type == VectorHistoryEvent.self {
                guard try JSONCoding.parse(Array(expected.utf8)) == JSONCoding.parse(Array(value.rustDebug.utf8)) else {
                    return "is another value: \(value.rustDebug)"
                }
            } else if !VectorDescription.matches(value.rustDebug, expected) {
                return "is another value: \(value.rustDebug)"
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func framed(_ hex: String, json: String) -> String? {
        guard let bytes = Self.bytes(hex), bytes.count >= 4 else { return "not hex" }
        let length = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length == bytes.count - 4 else { return "the frame's length is \(length), there are \(bytes.count - 4)" }
        return roundTrip(VectorHistoryEvent.self, Array(bytes[4...]), .postcard, value: json)
    }

    // MARK: Malformed vectors: the crate's answer

    private func malformed(_ name: String, rustType: String, hex: String, answer: String) -> String? {
        let (format, _) = split(name)
        guard let type = VectorTable.type(rust: rustType) else { return "no type is known by the name \(rustType)" }
        guard let bytes = Self.bytes(hex) else { return "not hex" }
        return outcome(type, bytes, format, answer)
    }

    private func outcome<T: VectorValue>(
        _ type: T.Type, _ bytes: [UInt8], _ format: Format, _ answer: String
    ) -> String? {
        do throws(CodecError) {
            let value = try decode(type, bytes, format, strict: false)
            guard answer.hasPrefix("ACCEPTED") else { return "was accepted as \(value.rustDebug)" }
            let expected = answer.dropFirst("ACCEPTED".count)
            guard expected.hasPrefix(" -> ") else { return nil }
            return VectorDescription.matches(value.rustDebug, String(expected.dropFirst(4)))
                ? nil : "is another value: \(value.rustDebug)"
        } catch {
            guard let reasons = Self.reasons.first(where: { answer.hasPrefix($0.0) })?.1 else {
                return "was refused (\(error))"
            }
            return reasons.contains(error.reason) ? nil : "was refused as \(error)"
        }
    }

    /// The crates' errors and ours.
    private static let reasons: [(String, [CodecError.Reason])] = [
        ("DeserializeUnexpectedEnd", [.unexpectedEnd]), ("DeserializeBadVarint", [.badVarint]),
        ("DeserializeBadBool", [.badBool]), ("DeserializeBadOption", [.badOption]),
        ("DeserializeBadUtf8", [.badUTF8]), ("DeserializeBadChar", [.badCharacter]), ("SerdeDeCustom", [.badTag]),
        ("Io(", [.unexpectedEnd]), ("InvalidBoolEncoding", [.badBool]), ("InvalidTagEncoding", [.badOption]),
        ("InvalidUtf8Encoding", [.badUTF8]), ("InvalidCharEncoding", [.badCharacter]),
        // bincode says nothing more exact for these.
        ("Custom(", [.badVarint, .badTag, .trailingBytes]), ("SizeLimit", [.limitExceeded, .unexpectedEnd]),
    ]

    // MARK: Codecs

    private func encode<T: VectorValue>(_ value: T, _ format: Format) -> [UInt8] {
        switch format {
        case .postcard:
            var writer = PostcardWriter()
            value.put(into: &writer)
            return writer.array()
        case .fixint:
            var writer = BincodeWriter<BincodeFixed>()
            value.put(into: &writer)
            return writer.buffer.array()
        case .varint:
            var writer = BincodeWriter<BincodeVarint>()
            value.put(into: &writer)
            return writer.buffer.array()
        }
    }

    private func decode<T: VectorValue>(
        _ type: T.Type, _ bytes: [UInt8], _ format: Format, strict: Bool
    ) throws(CodecError) -> T {
        try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) -> T in
            let raw = UnsafeRawBufferPointer(buffer)
            switch format {
            case .postcard:
                var reader = PostcardReader(raw, strict: strict)
                let value = try T(from: &reader)
                if strict { try reader.requireEnd() }
                return value
            case .fixint:
                var reader = BincodeReader<BincodeFixed>(raw, strict: strict)
                let value = try T(from: &reader)
                if strict || BincodeFixed.allowsTrailingBytes == false { try reader.input.requireEnd() }
                return value
            case .varint:
                var reader = BincodeReader<BincodeVarint>(raw, strict: strict)
                let value = try T(from: &reader)
                if strict || BincodeVarint.allowsTrailingBytes == false { try reader.input.requireEnd() }
                return value
            }
        }
    }

    // MARK: Hex

    private static func bytes(_ hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var result: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            result.append(byte)
        }
        return result
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
