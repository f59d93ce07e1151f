internal import SagaCodec

/// Turns the user's values into payloads and back.
public protocol PayloadConverter: Sendable {
    /// Encodes a value.
    /// - Throws: `SagaError` of kind codec.
    func encode<Value: Encodable>(_ value: Value) throws -> Payload
    /// Decodes a value.
    /// - Throws: `SagaError` of kind codec, naming the encoding found.
    func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws -> Value
}

/// JSON, the default: readable by people and by every language. A value that is a `Payload` already passes through.
public struct JSONPayloadConverter: PayloadConverter {
    public init() {}

    /// The value as JSON; a `Payload` as it is.
    public func encode<Value: Encodable>(_ value: Value) throws -> Payload {
        if passesThrough(Value.self), let payload = value as? Payload { return payload }
        do {
            return Payload(encoding: "json", data: try JSONCoding.encode(value))
        } catch {
            throw SagaError(kind: .codec, message: "\(Value.self) cannot be written as JSON: \(error)")
        }
    }

    /// The value of JSON data; no data at all reads as null.
    public func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws -> Value {
        if passesThrough(type), let value = payload as? Value { return value }
        // No data at all stands for null, so that optional and empty values can be left out.
        let isAbsent = payload.isEmpty
        guard isAbsent || payload.encoding == "json" else {
            throw SagaError(
                kind: .codec, message: "expected a payload of encoding json for \(Value.self), got \(payload.encoding)")
        }
        do {
            return try JSONCoding.decode(type, from: isAbsent ? Array("null".utf8) : payload.data)
        } catch {
            throw SagaError(kind: .codec, message: "the payload is not a \(Value.self): \(error)")
        }
    }
}

/// Whether a value of that type is a payload, if it is anything. Asked first, because the cast costs more than reading a number.
private func passesThrough(_ type: Any.Type) -> Bool { type == Payload.self || type == Payload?.self }

extension PayloadConverter where Self == JSONPayloadConverter {
    /// JSON.
    public static var json: JSONPayloadConverter { JSONPayloadConverter() }
}
