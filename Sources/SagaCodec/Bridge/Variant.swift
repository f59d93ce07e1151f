// Enums with associated values by hand, without the keyed containers that synthesized conformances go through: one tag and
// one value, as serde does it. In JSON an object with the variant's name as its only key.

extension Encoder {
    /// Writes an enum's variant and its value.
    ///
    /// With keys that are integers from 0 (`enum CodingKeys: Int, CodingKey`) the binary formats hold the index, as the
    /// Rust crates do, else the name.
    public func encodeVariant<Key: CodingKey, Value: Encodable>(_ key: Key, _ value: Value) throws {
        if let bridge = self as? BridgeEncoder {
            bridge.putVariant(key)
            try bridge.put(value)
            return
        }
        try encodeVariantByKey(key, value)
    }

    // Out of line, see `BridgeEncoder.dynamicContainer`.
    @inline(never)
    private func encodeVariantByKey<Key: CodingKey, Value: Encodable>(_ key: Key, _ value: Value) throws {
        var container = container(keyedBy: Key.self)
        try container.encode(value, forKey: key)
    }
}

extension Decoder {
    /// Reads an enum's variant and hands its key and its value's decoder to `body`, which must decode exactly one value:
    /// `try MyValue(from: decoder)`.
    /// - Throws: ``CodecError/Reason/badTag`` or `DecodingError` for a variant that the key type does not know.
    public func decodeVariant<Key: CodingKey, Value>(
        keyedBy type: Key.Type, _ body: (Key, any Decoder) throws -> Value
    ) throws -> Value {
        if let bridge = self as? BridgeDecoder { return try body(bridge.getVariant(), bridge) }
        return try decodeVariantByKey(keyedBy: type, body)
    }

    @inline(never)
    private func decodeVariantByKey<Key: CodingKey, Value>(
        keyedBy type: Key.Type, _ body: (Key, any Decoder) throws -> Value
    ) throws -> Value {
        let container = try container(keyedBy: type)
        guard let key = container.allKeys.first, container.allKeys.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath, debugDescription: "Expected an object with one known key, a variant's name."
                ))
        }
        return try body(key, try container.superDecoder(forKey: key))
    }
}
