/// Writes JSON text: no spaces, object keys in the order of their UTF-8 bytes.
struct JSONSerializer {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func string(_ text: String) {
        byte(UInt8(ascii: "\""))
        for unit in text.utf8 {
            switch unit {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                byte(UInt8(ascii: "\\"))
                byte(unit)
            case 0x0A: raw("\\n")
            case 0x0D: raw("\\r")
            case 0x09: raw("\\t")
            case 0x08: raw("\\b")
            case 0x0C: raw("\\f")
            case 0..<0x20:
                raw("\\u00")
                byte(unit < 0x10 ? 0x30 : 0x31)
                byte(Self.hexDigits[Int(unit & 0xF)])
            default: byte(unit)
            }
        }
        byte(UInt8(ascii: "\""))
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// The shortest text that reads back as the same value; JSON has none for NaN and infinity.
    mutating func float<T: BinaryFloatingPoint & CustomStringConvertible>(_ value: T) throws(CodecError) {
        guard value.isFinite else { throw CodecError(.badNumber, at: 0) }
        raw(value.description)
    }

    mutating func value(_ value: JSONValue, depth: Int = 0) throws(CodecError) {
        guard depth <= JSONDocument.depthLimit else { throw CodecError(.depthExceeded, at: 0) }
        switch value {
        case .null: raw("null")
        case .bool(let value): raw(value ? "true" : "false")
        case .integer(let value): raw(String(value))
        case .unsigned(let value): raw(String(value))
        case .number(let value): try float(value)
        case .string(let value): string(value)
        case .array(let elements):
            byte(UInt8(ascii: "["))
            var first = true
            for element in elements {
                if !first { byte(UInt8(ascii: ",")) }
                first = false
                try self.value(element, depth: depth + 1)
            }
            byte(UInt8(ascii: "]"))
        case .object(let members):
            byte(UInt8(ascii: "{"))
            var first = true
            for (key, member) in members.sortedForEncoding() {
                if !first { byte(UInt8(ascii: ",")) }
                first = false
                string(key)
                byte(UInt8(ascii: ":"))
                try self.value(member, depth: depth + 1)
            }
            byte(UInt8(ascii: "}"))
        }
    }
}
