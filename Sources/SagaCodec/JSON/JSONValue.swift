/// Any JSON, for code that does not know the shape: templates and conditions of declarative sagas, tools, the console.
///
/// An object has no order; it is written with sorted keys, so equal values have equal bytes. Of two equal keys in a
/// text the last one counts.
public enum JSONValue: Sendable, Equatable, Hashable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits.
    case integer(Int64)
    /// A number above `Int64.max` written without fraction and exponent that fits; never a smaller one.
    case unsigned(UInt64)
    /// Every other number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue {
    /// The member of an object; `nil` if there is none or this is no object.
    public subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The element of an array; `nil` beyond its ends or if this is no array.
    public subscript(index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var objectValue: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    public var isNull: Bool { self == .null }

    /// The number, if it is one: integers beyond 2^53 lose digits.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The number, if it is one without a fraction and within the type.
    public var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// Wraps an unsigned integer in the case that belongs to it.
    public init(_ value: UInt64) {
        self = Int64(exactly: value).map(JSONValue.integer) ?? .unsigned(value)
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        if let own = decoder as? JSONTreeDecoder {
            self = own.document.value(at: own.token)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .null: writer.writeRawByte(0)
        case .bool(let value):
            writer.writeRawByte(1)
            writer.write(value)
        case .integer(let value):
            writer.writeRawByte(2)
            writer.write(value)
        case .unsigned(let value):
            writer.writeRawByte(3)
            writer.write(value)
        case .number(let value):
            writer.writeRawByte(4)
            writer.write(value)
        case .string(let value):
            writer.writeRawByte(5)
            writer.write(value)
        case .array(let value):
            writer.writeRawByte(6)
            writer.write(value)
        case .object(let value):
            writer.writeRawByte(7)
            writer.write(value)
        }
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        try reader.enter()
        defer { reader.leave() }
        switch try reader.readVarint32() {
        case 0: self = .null
        case 1: self = .bool(try reader.read())
        case 2: self = .integer(try reader.read())
        case 3: self = .unsigned(try reader.read())
        case 4: self = .number(try reader.read())
        case 5: self = .string(try reader.read())
        case 6: self = .array(try reader.read())
        case 7: self = .object(try reader.read())
        default: throw reader.failure(.badTag)
        }
    }
}
