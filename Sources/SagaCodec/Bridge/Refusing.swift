/// Containers for places where the format cannot have any: whatever is written into them is refused. `Codable` has no
/// throwing way to say so when the container is asked for.
private let refusal = CodecError(.unsupported, at: 0)

struct Refusing<Key: CodingKey>: KeyedEncodingContainerProtocol {
    var codingPath: [any CodingKey] { [] }
    func encodeNil(forKey key: Key) throws { throw refusal }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { throw refusal }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(Refusing<Nested>())
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { RefusingElements() }
    func superEncoder() -> any Encoder { RefusingEncoder() }
    func superEncoder(forKey key: Key) -> any Encoder { RefusingEncoder() }
}

struct RefusingElements: UnkeyedEncodingContainer {
    var codingPath: [any CodingKey] { [] }
    var count: Int { 0 }
    func encodeNil() throws { throw refusal }
    func encode<T: Encodable>(_ value: T) throws { throw refusal }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(Refusing<Nested>())
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { RefusingElements() }
    func superEncoder() -> any Encoder { RefusingEncoder() }
}

struct RefusingEncoder: Encoder, SingleValueEncodingContainer {
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Refusing<Key>())
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer { RefusingElements() }
    func singleValueContainer() -> any SingleValueEncodingContainer { self }
    func encodeNil() throws { throw refusal }
    func encode<T: Encodable>(_ value: T) throws { throw refusal }
}
