/// Reads what ``BridgeEncoder`` wrote.
final class BridgeDecoder: Decoder, BridgePooled {
    private(set) var format: BridgeFormat
    // Unchecked as in the encoder, and for the same reasons.
    @exclusivity(unchecked) var input: PostcardReader
    /// Keyed containers made so far; they know nothing but this decoder.
    @exclusivity(unchecked) private var slots = BridgeSlots()

    static let pool = BridgePool<BridgeDecoder>()

    init(_ format: BridgeFormat, _ input: PostcardReader) {
        self.format = format
        self.input = input
    }

    /// A decoder for one value, most often one that was used before; give it back with ``release()``.
    static func take(_ format: BridgeFormat, _ input: PostcardReader) -> BridgeDecoder {
        guard let decoder = pool.take() else { return BridgeDecoder(format, input) }
        decoder.format = format
        decoder.input = input
        return decoder
    }

    func release() {
        // Whoever kept a container finds an empty input, not memory that is gone.
        input = PostcardReader(UnsafeRawBufferPointer(start: nil, count: 0))
        if !Self.pool.put(self) { slots.removeAll() }
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    // MARK: Scalars

    func get(_ type: Bool.Type) throws(CodecError) -> Bool { try input.readBool() }
    func get(_ type: UInt8.Type) throws(CodecError) -> UInt8 { try input.readByte() }
    func get(_ type: Int8.Type) throws(CodecError) -> Int8 { Int8(bitPattern: try input.readByte()) }
    func get(_ type: Float.Type) throws(CodecError) -> Float { Float(bitPattern: try input.readRaw4()) }
    func get(_ type: Double.Type) throws(CodecError) -> Double { Double(bitPattern: try input.readRaw8()) }
    func get(_ type: Int.Type) throws(CodecError) -> Int { Int(truncatingIfNeeded: try get(Int64.self)) }
    func get(_ type: UInt.Type) throws(CodecError) -> UInt { UInt(truncatingIfNeeded: try get(UInt64.self)) }

    func get(_ type: UInt16.Type) throws(CodecError) -> UInt16 {
        switch format {
        case .postcard: try PostcardIntegers.take16(from: &input)
        case .fixed: try BincodeFixed.take16(from: &input)
        case .varint: try BincodeVarint.take16(from: &input)
        }
    }

    func get(_ type: Int16.Type) throws(CodecError) -> Int16 {
        let raw = try get(UInt16.self)
        return Int16(bitPattern: format == .fixed ? raw : (raw >> 1) ^ (0 &- (raw & 1)))
    }

    func get(_ type: UInt32.Type) throws(CodecError) -> UInt32 {
        switch format {
        case .postcard: try PostcardIntegers.take32(from: &input)
        case .fixed: try BincodeFixed.take32(from: &input)
        case .varint: try BincodeVarint.take32(from: &input)
        }
    }

    func get(_ type: Int32.Type) throws(CodecError) -> Int32 {
        let raw = try get(UInt32.self)
        return Int32(bitPattern: format == .fixed ? raw : (raw >> 1) ^ (0 &- (raw & 1)))
    }

    func get(_ type: UInt64.Type) throws(CodecError) -> UInt64 {
        switch format {
        case .postcard: try PostcardIntegers.take64(from: &input)
        case .fixed: try BincodeFixed.take64(from: &input)
        case .varint: try BincodeVarint.take64(from: &input)
        }
    }

    func get(_ type: Int64.Type) throws(CodecError) -> Int64 {
        let raw = try get(UInt64.self)
        return Int64(bitPattern: format == .fixed ? raw : (raw >> 1) ^ (0 &- (raw & 1)))
    }

    func get(_ type: UInt128.Type) throws(CodecError) -> UInt128 {
        switch format {
        case .postcard: try PostcardIntegers.take128(from: &input)
        case .fixed: try BincodeFixed.take128(from: &input)
        case .varint: try BincodeVarint.take128(from: &input)
        }
    }

    func get(_ type: Int128.Type) throws(CodecError) -> Int128 {
        let raw = try get(UInt128.self)
        return Int128(bitPattern: format == .fixed ? raw : (raw >> 1) ^ (0 &- (raw & 1)))
    }

    func get(_ type: String.Type) throws(CodecError) -> String {
        if format == .postcard { return try input.readString() }
        let count = try getCount()
        let text = try input.readBorrowedRaw(count)
        guard let string = TextStorage.string(text) else { throw CodecError(.badUTF8, at: input.offset &- text.count) }
        return string
    }

    func getCount() throws(CodecError) -> Int {
        let raw = try get(UInt64.self)
        if raw > UInt64(Int.max) { throw input.failure(.unexpectedEnd) }
        return Int(truncatingIfNeeded: raw)
    }

    // MARK: Other values

    /// Any value; scalars come here only from generic code, and have a static form like others.
    @inline(never)
    func get<T: Decodable>(_ type: T.Type) throws -> T {
        let known = BridgeType.of(type)
        if format == .postcard {
            if let form = known.postcardDecodable { return try getStatic(type, form) }
        } else if let form = known.bincodeDecodable {
            return try getStatic(type, form)
        }
        try input.enter()
        defer { input.leave() }
        if known.shape == .plain || known.shape == .set { return try T(from: self) }
        return try getUnusual(type, known.shape)
    }

    // Out of line: a function that has an optional of a generic type anywhere looks its type up in the runtime whenever it is
    // called, which is 470 instructions.
    @inline(never)
    private func getUnusual<T: Decodable>(_ type: T.Type, _ shape: BridgeType.Shape) throws -> T {
        if shape == .optional {
            if let value = try (type as? any BridgeOptional.Type)?.decodeWrapped(from: self) as? T { return value }
        } else if let value = try (type as? any BridgeMap.Type)?.decodePairs(from: self) as? T {
            return value
        }
        throw input.failure(.unsupported)
    }

    private func getStatic<T, Form: PostcardDecodable>(_ type: T.Type, _ form: Form.Type) throws(CodecError) -> T {
        let value = try Form(from: &input)
        // `Form` is `T`: it was found by asking `T` for the protocol.
        return withUnsafePointer(to: value) { UnsafeRawPointer($0).assumingMemoryBound(to: T.self).pointee }
    }

    private func getStatic<T, Form: BincodeDecodable>(_ type: T.Type, _ form: Form.Type) throws(CodecError) -> T {
        let value: Form
        if format == .fixed {
            var reader = BincodeReader<BincodeFixed>(input)
            value = try Form(from: &reader)
            input = reader.input
        } else {
            var reader = BincodeReader<BincodeVarint>(input)
            value = try Form(from: &reader)
            input = reader.input
        }
        return withUnsafePointer(to: value) { UnsafeRawPointer($0).assumingMemoryBound(to: T.self).pointee }
    }

    /// An enum's variant: by its index if its keys are indices, else by its name.
    func getVariant<Key: CodingKey>(_ type: Key.Type = Key.self) throws(CodecError) -> Key {
        if MemoryLayout<Key>.size < BridgeKeys.dynamicSize {
            let known = slot(for: Key.self)
            if known.count > 0 {
                let start = input.offset
                let index = try get(UInt32.self)
                if index < known.count { return known.keys[Int(index)] }
                return try getUnusualKey(index, at: start)
            }
        }
        return try getUnusualVariant()
    }

    /// A key beyond those that are numbered without a gap.
    @inline(never)
    private func getUnusualKey<Key: CodingKey>(_ index: UInt32, at start: Int) throws(CodecError) -> Key {
        guard let key = Key(intValue: Int(index)) else { throw CodecError(.badTag, at: start) }
        return key
    }

    /// A variant whose keys have names, or are too many.
    @inline(never)
    private func getUnusualVariant<Key: CodingKey>(_ type: Key.Type = Key.self) throws(CodecError) -> Key {
        let start = input.offset
        let key: Key?
        if BridgeKeys.areIndices(Key.self) {
            key = Key(intValue: Int(try get(UInt32.self)))
        } else {
            key = Key(stringValue: try get(String.self))
        }
        guard let key else { throw CodecError(.badTag, at: start) }
        return key
    }

    /// Elements that take no bytes must not be counted by the input alone.
    @inline(__always)
    func requireProgress(since before: Int, of count: Int) throws(CodecError) {
        if input.offset == before && count > PostcardReader.emptyElementLimit {
            throw input.failure(.limitExceeded)
        }
    }

    // MARK: Containers

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        if MemoryLayout<Key>.size >= BridgeKeys.dynamicSize { return try dynamicContainer() }
        return slot(for: Key.self).container.copy()
    }

    @inline(never)
    private func dynamicContainer<Key: CodingKey>() throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try Dynamic<Key>(self))
    }

    @inline(__always)
    private func slot<Key: CodingKey>(for type: Key.Type) -> DecodingSlot<Key> {
        if let known = slots[ObjectIdentifier(type)] { return unsafeDowncast(known, to: DecodingSlot<Key>.self) }
        return newSlot(for: type)
    }

    @inline(never)
    private func newSlot<Key: CodingKey>(for type: Key.Type) -> DecodingSlot<Key> {
        let id = ObjectIdentifier(type)
        let slot = DecodingSlot(id, KeyedDecodingContainer(Fields<Key>(decoder: self)))
        slots[id] = slot
        return slot
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        Elements(decoder: self, total: try getCount())
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: BridgeDecoder

        var codingPath: [any CodingKey] { [] }

        /// The variant that stands next, if this is an enum: the only keys that are written at all.
        var allKeys: [Key] {
            let start = decoder.input
            defer { decoder.input = start }
            return (try? decoder.getVariant(Key.self)).map { [$0] } ?? []
        }

        private func expect(_ wanted: Key) throws(CodecError) {
            let start = decoder.input.offset
            guard try decoder.getVariant(Key.self).stringValue == wanted.stringValue else {
                throw CodecError(.badTag, at: start)
            }
        }

        func contains(_ key: Key) -> Bool { true }

        func decodeNil(forKey key: Key) throws -> Bool { try !decoder.input.readOptionTag() }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try decoder.get(type) }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder.get(type) }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder.get(type) }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder.get(type) }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decoder.get(type) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder.get(type) }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder.get(type) }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder.get(type) }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder.get(type) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder.get(type) }
        func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try decoder.get(type) }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder.get(type) }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder.get(type) }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder.get(type) }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder.get(type) }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder.get(type) }
        func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try decoder.get(type) }

        func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }

        // One by one: the protocol has an implementation of each that asks for nil first.
        func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }
        func decodeIfPresent(_ type: UInt128.Type, forKey key: Key) throws -> UInt128? {
            try decoder.input.readOptionTag() ? try decoder.get(type) : nil
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try expect(key)
            return try decoder.container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try expect(key)
            return try decoder.unkeyedContainer()
        }

        func superDecoder() -> any Decoder { decoder }
        func superDecoder(forKey key: Key) -> any Decoder { decoder }
    }

    struct Dynamic<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: BridgeDecoder
        private var names: [String] = []
        /// A reader at the start of each value, which ends with it; nil for nil.
        private var values: [String: PostcardReader?] = [:]

        init(_ decoder: BridgeDecoder) throws {
            self.decoder = decoder
            let count = try decoder.getCount()
            for _ in 0..<count {
                let name = try decoder.get(String.self)
                let length = try decoder.input.readRaw4()
                var value: PostcardReader?
                if length != BridgeKeys.nilLength {
                    value = decoder.input
                    try decoder.input.skipRaw(Int(length))
                    value?.end = decoder.input.cursor
                }
                if values.updateValue(value, forKey: name) == nil { names.append(name) }
            }
        }

        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { names.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }

        private func member<T>(_ key: Key, _ body: () throws -> T) throws -> T {
            guard let found = values[key.stringValue], let value = found else {
                throw decoder.input.failure(.missingKey)
            }
            let after = decoder.input
            decoder.input = value
            defer { decoder.input = after }
            return try body()
        }

        func decodeNil(forKey key: Key) throws -> Bool {
            guard let value = values[key.stringValue] else { throw decoder.input.failure(.missingKey) }
            return value == nil
        }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try member(key) { try decoder.get(type) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            throw decoder.input.failure(.unsupported)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw decoder.input.failure(.unsupported)
        }

        func superDecoder() throws -> any Decoder { throw decoder.input.failure(.unsupported) }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw decoder.input.failure(.unsupported) }
    }

    struct Elements: UnkeyedDecodingContainer {
        let decoder: BridgeDecoder
        let total: Int
        private(set) var currentIndex = 0

        init(decoder: BridgeDecoder, total: Int) {
            self.decoder = decoder
            self.total = total
        }

        var codingPath: [any CodingKey] { [] }
        /// A hint for allocation, so no count that the input merely claims.
        var count: Int? { total <= decoder.input.remaining ? total : nil }
        var isAtEnd: Bool { currentIndex >= total }

        private mutating func advance() throws(CodecError) {
            guard currentIndex < total else { throw decoder.input.failure(.unexpectedEnd) }
            currentIndex += 1
        }

        mutating func decodeNil() throws -> Bool {
            guard currentIndex < total else { throw decoder.input.failure(.unexpectedEnd) }
            let isNil = try !decoder.input.readOptionTag()
            if isNil { currentIndex += 1 }
            return isNil
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            try advance()
            let before = decoder.input.offset
            let value = try decoder.get(type)
            try decoder.requireProgress(since: before, of: total)
            return value
        }
        mutating func decode(_ type: Bool.Type) throws -> Bool {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: String.Type) throws -> String {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Double.Type) throws -> Double {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Float.Type) throws -> Float {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int.Type) throws -> Int {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int8.Type) throws -> Int8 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int16.Type) throws -> Int16 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int32.Type) throws -> Int32 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int64.Type) throws -> Int64 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: Int128.Type) throws -> Int128 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt.Type) throws -> UInt {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt8.Type) throws -> UInt8 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt16.Type) throws -> UInt16 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt32.Type) throws -> UInt32 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt64.Type) throws -> UInt64 {
            try advance()
            return try decoder.get(type)
        }
        mutating func decode(_ type: UInt128.Type) throws -> UInt128 {
            try advance()
            return try decoder.get(type)
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            try advance()
            return try decoder.container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try advance()
            return try decoder.unkeyedContainer()
        }

        mutating func superDecoder() throws -> any Decoder {
            try advance()
            return decoder
        }
    }

    struct Single: SingleValueDecodingContainer {
        let decoder: BridgeDecoder

        var codingPath: [any CodingKey] { [] }

        /// Consumes the byte only if it says nil: what follows a value that is there has no tag here.
        func decodeNil() -> Bool {
            var ahead = decoder.input
            guard let byte = try? ahead.readByte(), byte == 0 else { return false }
            decoder.input = ahead
            return true
        }

        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.get(type) }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.get(type) }
        func decode(_ type: String.Type) throws -> String { try decoder.get(type) }
        func decode(_ type: Double.Type) throws -> Double { try decoder.get(type) }
        func decode(_ type: Float.Type) throws -> Float { try decoder.get(type) }
        func decode(_ type: Int.Type) throws -> Int { try decoder.get(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoder.get(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoder.get(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoder.get(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoder.get(type) }
        func decode(_ type: Int128.Type) throws -> Int128 { try decoder.get(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try decoder.get(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.get(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.get(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.get(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.get(type) }
        func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.get(type) }
    }
}
