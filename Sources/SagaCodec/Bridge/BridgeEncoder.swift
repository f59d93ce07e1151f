/// Writes any `Encodable` value in a binary format without field names.
///
/// What Rust's serde derives for the same type: a struct is its fields in the order in which `encode(to:)` writes them; an
/// optional field a tag and the value; an array, set or unkeyed container a count and the elements; a dictionary a count and
/// its pairs in the order of the keys; an enum with associated values the variant (its index, if the `CodingKeys` are
/// integers from 0, else its name) and its fields. A type with a static form of its own uses that.
final class BridgeEncoder<Integers: BincodeIntegers>: Encoder {
    var writer: BincodeWriter<Integers>
    private var depth = 0
    /// Unkeyed containers whose count is not known yet: where it goes, and how many elements there are so far.
    fileprivate var counts: [(position: Int, count: Int)] = []

    init(capacity: Int) { writer = BincodeWriter(capacity: capacity) }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// As for a new encoder, with the memory of the old one.
    func reset() {
        writer.reset()
        depth = 0
        counts.removeAll(keepingCapacity: true)
    }

    @inline(__always)
    func put<T: Encodable>(_ value: T) throws {
        if let value = reinterpret(value, as: String.self) { return writer.writeString(value) }
        if let value = reinterpret(value, as: Bool.self) { return writer.buffer.writeBool(value) }
        if let value = reinterpret(value, as: Int.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt64.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Int64.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt32.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Int32.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Double.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt8.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Float.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt16.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Int16.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Int8.self) { return writer.write(value) }
        if let value = reinterpret(value, as: UInt128.self) { return writer.write(value) }
        if let value = reinterpret(value, as: Int128.self) { return writer.write(value) }
        try putComposite(value)
    }

    @inline(never)
    private func putComposite<T: Encodable>(_ value: T) throws {
        let type = BridgeType.of(T.self)
        if Integers.self == PostcardIntegers.self {
            if let form = type.postcardEncodable { return putStatic(value, form) }
        } else if let form = type.bincodeEncodable {
            return putStatic(value, form)
        }
        depth += 1
        guard depth <= PostcardReader.depthLimit else { throw CodecError(.depthExceeded, at: 0) }
        let open = counts.count
        switch type.shape {
        case .plain: try value.encode(to: self)
        case .optional: try (value as? any BridgeOptional)?.encodeWrapped(into: self)
        case .map: try (value as? any BridgeMap)?.encodePairs(into: self)
        case .set: try (value as? any BridgeSet)?.encodeElements(into: self)
        }
        if counts.count > open { closeCounts(to: open) }
        depth -= 1
    }

    private func putStatic<T, Form: PostcardEncodable>(_ value: T, _ form: Form.Type) {
        // `Form` is `T`: it was found by asking `T` for the protocol.
        withUnsafePointer(to: value) {
            UnsafeRawPointer($0).assumingMemoryBound(to: Form.self).pointee.encode(into: &writer.buffer)
        }
    }

    private func putStatic<T, Form: BincodeEncodable>(_ value: T, _ form: Form.Type) {
        withUnsafePointer(to: value) {
            UnsafeRawPointer($0).assumingMemoryBound(to: Form.self).pointee.encode(into: &writer)
        }
    }

    /// A value's own bytes, for putting values in order.
    func apart<T: Encodable>(_ value: T) throws -> [UInt8] {
        let other = BridgeEncoder(capacity: 64)
        other.depth = depth
        try other.put(value)
        return other.writer.buffer.array()
    }

    // MARK: Counts that are known late

    private static var countWidth: Int { Integers.self == BincodeFixed.self ? 8 : 1 }

    fileprivate func openCount() -> Int {
        counts.append((writer.buffer.count, 0))
        for _ in 0..<Self.countWidth { writer.buffer.writeRawByte(0) }
        return counts.count - 1
    }

    /// Puts the counts of the containers from `open` on in their places, the last one first, so that a count that needs more
    /// room moves nothing that is still to be found.
    private func closeCounts(to open: Int) {
        while counts.count > open, let last = counts.popLast() {
            let end = writer.buffer.count
            writer.writeCount(last.count)
            writer.buffer.moveTail(from: end, to: last.position, replacing: Self.countWidth)
        }
    }

    // MARK: Containers

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if MemoryLayout<Key>.size >= BridgeKeys.dynamicSize {
            return KeyedEncodingContainer(Dynamic<Key>(encoder: self, index: openCount()))
        }
        return KeyedEncodingContainer(Fields<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { Elements(encoder: self, index: openCount()) }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// The keys are an enum's cases: what is written is the fields alone.
    struct Fields<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: BridgeEncoder

        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) { encoder.writer.buffer.writeOptionTag(false) }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try encoder.put(value) }

        func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws { try option(value) }

        @inline(__always)
        private func option<T: Encodable>(_ value: T?) throws {
            encoder.writer.buffer.writeOptionTag(value != nil)
            if let value { try encoder.put(value) }
        }

        // One by one: the protocol has an implementation of each that leaves a missing value out.
        func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: String?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: Int128?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try option(value) }
        func encodeIfPresent(_ value: UInt128?, forKey key: Key) throws { try option(value) }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            variant(key)
            return encoder.container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            variant(key)
            return encoder.unkeyedContainer()
        }

        private func variant(_ key: Key) {
            if BridgeKeys.areIndices(Key.self), let index = key.intValue {
                encoder.writer.writeTag(UInt32(truncatingIfNeeded: index))
            } else {
                encoder.writer.writeString(key.stringValue)
            }
        }

        func superEncoder() -> any Encoder { encoder }
        func superEncoder(forKey key: Key) -> any Encoder { encoder }
    }

    /// The keys are data: a count, then for each its name, the length of the value in four bytes, and the value, so that
    /// the decoder can list the keys. A missing value is left out.
    struct Dynamic<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: BridgeEncoder
        let index: Int

        var codingPath: [any CodingKey] { [] }

        private func member(_ key: any CodingKey, _ body: () throws -> Void) throws {
            encoder.counts[index].count += 1
            encoder.writer.writeString(key.stringValue)
            let open = encoder.counts.count
            encoder.writer.buffer.writeRaw4(0)
            let start = encoder.writer.buffer.count
            try body()
            if encoder.counts.count > open { encoder.closeCounts(to: open) }
            let length = encoder.writer.buffer.count - start
            encoder.writer.buffer.patchRaw4(UInt32(truncatingIfNeeded: length), at: start - 4)
        }

        func encodeNil(forKey key: Key) {
            encoder.counts[index].count += 1
            encoder.writer.writeString(key.stringValue)
            encoder.writer.buffer.writeRaw4(BridgeKeys.nilLength)
        }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            try member(key) { try encoder.put(value) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            KeyedEncodingContainer(Refusing<Nested>())
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { RefusingElements() }
        func superEncoder() -> any Encoder { RefusingEncoder() }
        func superEncoder(forKey key: Key) -> any Encoder { RefusingEncoder() }
    }

    struct Elements: UnkeyedEncodingContainer {
        let encoder: BridgeEncoder
        let index: Int

        var codingPath: [any CodingKey] { [] }
        var count: Int { index < encoder.counts.count ? encoder.counts[index].count : 0 }

        private func add() throws {
            // A container that is used after its value was finished has no place any more.
            guard index < encoder.counts.count else { throw CodecError(.unsupported, at: 0) }
            encoder.counts[index].count += 1
        }

        func encodeNil() throws {
            try add()
            encoder.writer.buffer.writeOptionTag(false)
        }

        func encode<T: Encodable>(_ value: T) throws {
            try add()
            try encoder.put(value)
        }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            guard (try? add()) != nil else { return KeyedEncodingContainer(Refusing<Nested>()) }
            return encoder.container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            guard (try? add()) != nil else { return RefusingElements() }
            return encoder.unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            guard (try? add()) != nil else { return RefusingEncoder() }
            return encoder
        }
    }

    struct Single: SingleValueEncodingContainer {
        let encoder: BridgeEncoder

        var codingPath: [any CodingKey] { [] }

        func encodeNil() { encoder.writer.buffer.writeOptionTag(false) }

        func encode<T: Encodable>(_ value: T) throws { try encoder.put(value) }
    }
}

enum BridgeKeys {
    /// Key types of this size and more can hold a name or number of their own; smaller ones are the cases of an enum.
    static var dynamicSize: Int { 8 }

    /// In the place of a value's length where the keys are data: there is no value.
    static var nilLength: UInt32 { .max }

    /// Whether the keys are numbered from 0, so that an enum's variant can be written as its index.
    @inline(__always)
    static func areIndices<Key: CodingKey>(_ type: Key.Type) -> Bool { Key(intValue: 0) != nil }
}
