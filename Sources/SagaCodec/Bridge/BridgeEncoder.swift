/// Writes any `Encodable` value in a binary format without field names.
///
/// What Rust's serde derives for the same type: a struct is its fields in the order in which `encode(to:)` writes them; an
/// optional field a tag and the value; an array, set or unkeyed container a count and the elements; a dictionary a count and
/// its pairs in the order of the keys; an enum with associated values the variant (its index, if the `CodingKeys` are
/// integers from 0, else its name) and its fields. A type with a static form of its own uses that.
///
/// One class for all formats, not a generic one, and each scalar by name: in generic code that is not specialised, every type
/// that depends on a parameter is looked up in the runtime again and again.
final class BridgeEncoder: Encoder, BridgePooled {
    // Every access to a field would be checked at run time, which was a sixth of the whole cost. None of them overlap: each is one
    // statement of this file, and no user's code runs inside of one.
    private(set) var format: BridgeFormat
    @exclusivity(unchecked) var buffer: PostcardWriter
    @exclusivity(unchecked) private var depth = 0
    /// Unkeyed containers whose count is not known yet: where it goes, and how many elements there are so far.
    @exclusivity(unchecked) fileprivate var counts: [(position: Int, count: Int)] = []
    /// Keyed containers made so far; they know nothing but this encoder.
    @exclusivity(unchecked) private var slots = BridgeSlots()

    static let pool = BridgePool<BridgeEncoder>()

    init(_ format: BridgeFormat, capacity: Int) {
        self.format = format
        buffer = PostcardWriter(capacity: capacity)
    }

    /// An encoder for one value, most often one that was used before; give it back with ``release()``.
    static func take(_ format: BridgeFormat) -> BridgeEncoder {
        guard let encoder = pool.take() else { return BridgeEncoder(format, capacity: 512) }
        encoder.format = format
        return encoder
    }

    func release() {
        let isLarge = buffer.count > 1 << 16
        buffer.reset()
        depth = 0
        counts.removeAll(keepingCapacity: true)
        if isLarge || !Self.pool.put(self) { slots.removeAll() }
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    // MARK: Scalars

    func put(_ value: Bool) { buffer.writeBool(value) }
    func put(_ value: UInt8) { buffer.writeRawByte(value) }
    func put(_ value: Int8) { buffer.writeRawByte(UInt8(bitPattern: value)) }
    func put(_ value: Float) { buffer.writeRaw4(value.bitPattern) }
    func put(_ value: Double) { buffer.writeRaw8(value.bitPattern) }
    func put(_ value: Int) { put(Int64(value)) }
    func put(_ value: UInt) { put(UInt64(value)) }

    func put(_ value: UInt16) {
        switch format {
        case .postcard: PostcardIntegers.put(value, into: &buffer)
        case .fixed: BincodeFixed.put(value, into: &buffer)
        case .varint: BincodeVarint.put(value, into: &buffer)
        }
    }

    func put(_ value: Int16) {
        put(UInt16(bitPattern: format == .fixed ? value : (value << 1) ^ (value >> 15)))
    }

    func put(_ value: UInt32) {
        switch format {
        case .postcard: PostcardIntegers.put(value, into: &buffer)
        case .fixed: BincodeFixed.put(value, into: &buffer)
        case .varint: BincodeVarint.put(value, into: &buffer)
        }
    }

    func put(_ value: Int32) {
        put(UInt32(bitPattern: format == .fixed ? value : (value << 1) ^ (value >> 31)))
    }

    func put(_ value: UInt64) {
        switch format {
        case .postcard: PostcardIntegers.put(value, into: &buffer)
        case .fixed: BincodeFixed.put(value, into: &buffer)
        case .varint: BincodeVarint.put(value, into: &buffer)
        }
    }

    func put(_ value: Int64) {
        put(UInt64(bitPattern: format == .fixed ? value : (value << 1) ^ (value >> 63)))
    }

    func put(_ value: UInt128) {
        switch format {
        case .postcard: PostcardIntegers.put(value, into: &buffer)
        case .fixed: BincodeFixed.put(value, into: &buffer)
        case .varint: BincodeVarint.put(value, into: &buffer)
        }
    }

    func put(_ value: Int128) {
        put(UInt128(bitPattern: format == .fixed ? value : (value << 1) ^ (value >> 127)))
    }

    func put(_ value: String) {
        if format == .postcard { return buffer.writeString(value) }
        TextStorage.withUTF8(value) { putBytes($0) }
    }

    private func putBytes(_ bytes: UnsafeRawBufferPointer) {
        put(UInt64(bytes.count))
        buffer.writeRaw(bytes)
    }

    // MARK: Other values

    /// Any value; scalars come here only from generic code, and have a static form like others.
    @inline(never)
    func put<T: Encodable>(_ value: T) throws {
        let type = BridgeType.of(T.self)
        if format == .postcard {
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
            UnsafeRawPointer($0).assumingMemoryBound(to: Form.self).pointee.encode(into: &buffer)
        }
    }

    private func putStatic<T, Form: BincodeEncodable>(_ value: T, _ form: Form.Type) {
        withUnsafePointer(to: value) {
            let value = UnsafeRawPointer($0).assumingMemoryBound(to: Form.self)
            // The buffer goes into a writer and back: a struct of three pointers.
            if format == .fixed {
                var writer = BincodeWriter<BincodeFixed>(taking: &buffer)
                value.pointee.encode(into: &writer)
                swap(&buffer, &writer.buffer)
            } else {
                var writer = BincodeWriter<BincodeVarint>(taking: &buffer)
                value.pointee.encode(into: &writer)
                swap(&buffer, &writer.buffer)
            }
        }
    }

    /// A value's own bytes, for putting values in order.
    func apart<T: Encodable>(_ value: T) throws -> [UInt8] {
        let other = BridgeEncoder(format, capacity: 64)
        other.depth = depth
        try other.put(value)
        return other.buffer.array()
    }

    /// An enum's variant: its index if its keys are indices, else its name.
    func putVariant<Key: CodingKey>(_ key: Key) {
        let areIndices =
            MemoryLayout<Key>.size < BridgeKeys.dynamicSize
            ? slot(for: Key.self).areIndices : BridgeKeys.areIndices(Key.self)
        if areIndices, let index = key.intValue {
            put(UInt32(truncatingIfNeeded: index))
        } else {
            put(key.stringValue)
        }
    }

    // MARK: Counts that are known late

    private var countWidth: Int { format == .fixed ? 8 : 1 }

    fileprivate func openCount() -> Int {
        counts.append((buffer.count, 0))
        for _ in 0..<countWidth { buffer.writeRawByte(0) }
        return counts.count - 1
    }

    /// Puts the counts of the containers from `open` on in their places, the last one first, so that a count that needs more
    /// room moves nothing that is still to be found.
    private func closeCounts(to open: Int) {
        while counts.count > open, let last = counts.popLast() {
            let end = buffer.count
            put(UInt64(last.count))
            buffer.moveTail(from: end, to: last.position, replacing: countWidth)
        }
    }

    // MARK: Containers

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if MemoryLayout<Key>.size >= BridgeKeys.dynamicSize { return dynamicContainer() }
        return slot(for: Key.self).container.copy()
    }

    // What is new is out of line: a function that makes a generic type anywhere looks it up in the runtime whenever it is called.
    @inline(never)
    private func dynamicContainer<Key: CodingKey>() -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Dynamic<Key>(encoder: self, index: openCount()))
    }

    @inline(__always)
    private func slot<Key: CodingKey>(for type: Key.Type) -> EncodingSlot<Key> {
        if let known = slots[ObjectIdentifier(type)] { return unsafeDowncast(known, to: EncodingSlot<Key>.self) }
        return newSlot(for: type)
    }

    @inline(never)
    private func newSlot<Key: CodingKey>(for type: Key.Type) -> EncodingSlot<Key> {
        let id = ObjectIdentifier(type)
        let slot = EncodingSlot(id, KeyedEncodingContainer(Fields<Key>(encoder: self)))
        slots[id] = slot
        return slot
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { Elements(encoder: self, index: openCount()) }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// The keys are an enum's cases: what is written is the fields alone.
    struct Fields<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: BridgeEncoder

        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) { encoder.buffer.writeOptionTag(false) }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try encoder.put(value) }
        func encode(_ value: Bool, forKey key: Key) { encoder.put(value) }
        func encode(_ value: String, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Double, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Float, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int8, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int16, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int32, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int64, forKey key: Key) { encoder.put(value) }
        func encode(_ value: Int128, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt8, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt16, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt32, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt64, forKey key: Key) { encoder.put(value) }
        func encode(_ value: UInt128, forKey key: Key) { encoder.put(value) }

        func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { try encoder.put(value) }
        }

        // One by one: the protocol has an implementation of each that leaves a missing value out.
        func encodeIfPresent(_ value: Bool?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: String?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Double?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Float?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int8?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int16?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int32?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int64?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: Int128?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt8?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt16?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt32?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt64?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }
        func encodeIfPresent(_ value: UInt128?, forKey key: Key) {
            encoder.buffer.writeOptionTag(value != nil)
            if let value { encoder.put(value) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            encoder.putVariant(key)
            return encoder.container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            encoder.putVariant(key)
            return encoder.unkeyedContainer()
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
            encoder.put(key.stringValue)
            let open = encoder.counts.count
            encoder.buffer.writeRaw4(0)
            let start = encoder.buffer.count
            try body()
            if encoder.counts.count > open { encoder.closeCounts(to: open) }
            let length = encoder.buffer.count - start
            encoder.buffer.patchRaw4(UInt32(truncatingIfNeeded: length), at: start - 4)
        }

        func encodeNil(forKey key: Key) {
            encoder.counts[index].count += 1
            encoder.put(key.stringValue)
            encoder.buffer.writeRaw4(BridgeKeys.nilLength)
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
            encoder.buffer.writeOptionTag(false)
        }

        func encode<T: Encodable>(_ value: T) throws {
            try add()
            try encoder.put(value)
        }
        func encode(_ value: Bool) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: String) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Double) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Float) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int8) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int16) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int32) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int64) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: Int128) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt8) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt16) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt32) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt64) throws {
            try add()
            encoder.put(value)
        }
        func encode(_ value: UInt128) throws {
            try add()
            encoder.put(value)
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

        func encodeNil() { encoder.buffer.writeOptionTag(false) }

        func encode<T: Encodable>(_ value: T) throws { try encoder.put(value) }
        func encode(_ value: Bool) { encoder.put(value) }
        func encode(_ value: String) { encoder.put(value) }
        func encode(_ value: Double) { encoder.put(value) }
        func encode(_ value: Float) { encoder.put(value) }
        func encode(_ value: Int) { encoder.put(value) }
        func encode(_ value: Int8) { encoder.put(value) }
        func encode(_ value: Int16) { encoder.put(value) }
        func encode(_ value: Int32) { encoder.put(value) }
        func encode(_ value: Int64) { encoder.put(value) }
        func encode(_ value: Int128) { encoder.put(value) }
        func encode(_ value: UInt) { encoder.put(value) }
        func encode(_ value: UInt8) { encoder.put(value) }
        func encode(_ value: UInt16) { encoder.put(value) }
        func encode(_ value: UInt32) { encoder.put(value) }
        func encode(_ value: UInt64) { encoder.put(value) }
        func encode(_ value: UInt128) { encoder.put(value) }
    }
}

enum BridgeKeys {
    /// Key types of this size and more can hold a name or number of their own; smaller ones are the cases of an enum.
    static var dynamicSize: Int { 8 }

    /// In the place of a value's length where the keys are data: there is no value.
    static var nilLength: UInt32 { .max }

    /// Whether the keys are numbered from 0, so that an enum's variant can be written as its index.
    @inline(never)
    static func areIndices<Key: CodingKey>(_ type: Key.Type) -> Bool { Key(intValue: 0) != nil }
}
