/// Changes payloads on their way out and back, such as by encryption: the server then never sees plain text.
public protocol PayloadCodec: Sendable {
    /// What is sent and stored instead. Give it an encoding of its own, so that nobody takes it for plain data.
    func encode(_ payload: Payload) throws -> Payload
    /// The payload that `encode` was given. One that it did not make is returned as it is.
    func decode(_ payload: Payload) throws -> Payload
}

/// A converter whose payloads pass through a codec.
///
/// ```swift
/// let client = try await SagaClient.connect(options, converter: CodedPayloadConverter(.json, codec: Encryption(key)))
/// ```
/// Give the same converter to `SagaWorker` and to `ActivityRegistry.register`.
public struct CodedPayloadConverter: PayloadConverter {
    private let base: any PayloadConverter
    private let codec: any PayloadCodec

    public init(_ base: any PayloadConverter = .json, codec: any PayloadCodec) {
        self.base = base
        self.codec = codec
    }

    /// The value's payload, encoded by the codec. No data stays no data.
    public func encode<Value: Encodable>(_ value: Value) throws -> Payload {
        let payload = try base.encode(value)
        return payload.isEmpty ? payload : try codec.encode(payload)
    }

    /// The value of a payload that the codec decodes first.
    public func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws -> Value {
        try base.decode(type, from: payload.isEmpty ? payload : try codec.decode(payload))
    }
}
