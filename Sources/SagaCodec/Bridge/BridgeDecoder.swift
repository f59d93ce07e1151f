/// Reads what ``BridgeEncoder`` wrote.
final class BridgeDecoder<Integers: BincodeIntegers>: Decoder {
    var reader: BincodeReader<Integers>

    init(_ reader: BincodeReader<Integers>) { self.reader = reader }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    @inline(__always)
    func get<T: Decodable>(_ type: T.Type) throws -> T {
        if let value = try scalar(type) { return value }
        return try composite(type)
    }

    /// A scalar of static type `T`, or `nil` if `T` is none.
    @inline(__always)
    private func scalar<T>(_ type: T.Type) throws(CodecError) -> T? {
        if type == String.self { return reinterpret(try reader.readString(), as: type) }
        if type == Bool.self { return reinterpret(try reader.input.readBool(), as: type) }
        if type == Int.self { return reinterpret(try reader.read(Int.self), as: type) }
        if type == UInt64.self { return reinterpret(try reader.read(UInt64.self), as: type) }
        if type == Int64.self { return reinterpret(try reader.read(Int64.self), as: type) }
        if type == UInt32.self { return reinterpret(try reader.read(UInt32.self), as: type) }
        if type == Int32.self { return reinterpret(try reader.read(Int32.self), as: type) }
        if type == Double.self { return reinterpret(try reader.read(Double.self), as: type) }
        if type == UInt8.self { return reinterpret(try reader.read(UInt8.self), as: type) }
        if type == Float.self { return reinterpret(try reader.read(Float.self), as: type) }
        if type == UInt.self { return reinterpret(try reader.read(UInt.self), as: type) }
        if type == UInt16.self { return reinterpret(try reader.read(UInt16.self), as: type) }
        if type == Int16.self { return reinterpret(try reader.read(Int16.self), as: type) }
        if type == Int8.self { return reinterpret(try reader.read(Int8.self), as: type) }
        if type == UInt128.self { return reinterpret(try reader.read(UInt128.self), as: type) }
        if type == Int128.self { return reinterpret(try reader.read(Int128.self), as: type) }
        return nil
    }

    @inline(never)
    private func composite<T: Decodable>(_ type: T.Type) throws -> T {
        let known = BridgeType.of(type)
        if Integers.self == PostcardIntegers.self {
            if let form = known.postcardDecodable { return try getStatic(type, form) }
        } else if let form = known.bincodeDecodable {
            return try getStatic(type, form)
        }
        try reader.input.enter()
        defer { reader.input.leave() }
        switch known.shape {
        case .plain, .set: return try T(from: self)
        case .optional:
            if let value = try (type as? any BridgeOptional.Type)?.decodeWrapped(from: self) as? T { return value }
        case .map:
            if let value = try (type as? any BridgeMap.Type)?.decodePairs(from: self) as? T { return value }
        }
        throw reader.input.failure(.unsupported)
    }

    private func getStatic<T, Form: PostcardDecodable>(_ type: T.Type, _ form: Form.Type) throws(CodecError) -> T {
        let value = try Form(from: &reader.input)
        // `Form` is `T`: it was found by asking `T` for the protocol.
        return withUnsafePointer(to: value) { UnsafeRawPointer($0).assumingMemoryBound(to: T.self).pointee }
    }

    private func getStatic<T, Form: BincodeDecodable>(_ type: T.Type, _ form: Form.Type) throws(CodecError) -> T {
        let value = try Form(from: &reader)
        return withUnsafePointer(to: value) { UnsafeRawPointer($0).assumingMemoryBound(to: T.self).pointee }
    }

    /// Elements that take no bytes must not be counted by the input alone.
    @inline(__always)
    func requireProgress(since before: Int, of count: Int) throws(CodecError) {
        if reader.input.offset == before && count > PostcardReader.emptyElementLimit {
            throw reader.input.failure(.limitExceeded)
        }
    }

    // MARK: Containers

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        if MemoryLayout<Key>.size >= BridgeKeys.dynamicSize {
            return KeyedDecodingContainer(try Dynamic<Key>(self))
        }
        return KeyedDecodingContainer(Fields<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        Elements(decoder: self, total: try reader.readCount())
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: BridgeDecoder

        var codingPath: [any CodingKey] { [] }

        /// The variant that stands next, if this is an enum: the only keys that are written at all.
        var allKeys: [Key] {
            let start = decoder.reader
            defer { decoder.reader = start }
            return (try? variant()).map { [$0] } ?? []
        }

        private func variant() throws(CodecError) -> Key {
            let start = decoder.reader.input.offset
            let key: Key?
            if BridgeKeys.areIndices(Key.self) {
                key = Key(intValue: Int(try decoder.reader.readTag()))
            } else {
                key = Key(stringValue: try decoder.reader.readString())
            }
            guard let key else { throw CodecError(.badTag, at: start) }
            return key
        }

        private func expect(_ wanted: Key) throws(CodecError) {
            let start = decoder.reader.input.offset
            guard try variant().stringValue == wanted.stringValue else { throw CodecError(.badTag, at: start) }
        }

        func contains(_ key: Key) -> Bool { true }

        func decodeNil(forKey key: Key) throws -> Bool { try !decoder.reader.input.readOptionTag() }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try decoder.get(type) }

        func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? { try option(type) }

        @inline(__always)
        private func option<T: Decodable>(_ type: T.Type) throws -> T? {
            try decoder.reader.input.readOptionTag() ? try decoder.get(type) : nil
        }

        // One by one: the protocol has an implementation of each that asks for nil first.
        func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try option(type) }
        func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try option(type) }
        func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try option(type) }
        func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try option(type) }
        func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try option(type) }
        func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try option(type) }
        func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try option(type) }
        func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try option(type) }
        func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try option(type) }
        func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? { try option(type) }
        func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try option(type) }
        func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try option(type) }
        func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try option(type) }
        func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try option(type) }
        func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try option(type) }
        func decodeIfPresent(_ type: UInt128.Type, forKey key: Key) throws -> UInt128? { try option(type) }

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
        private var values: [String: BincodeReader<Integers>?] = [:]

        init(_ decoder: BridgeDecoder) throws {
            self.decoder = decoder
            let count = try decoder.reader.readCount()
            for _ in 0..<count {
                let name = try decoder.reader.readString()
                let length = try decoder.reader.input.readRaw4()
                var value: BincodeReader<Integers>?
                if length != BridgeKeys.nilLength {
                    value = decoder.reader
                    try decoder.reader.input.skipRaw(Int(length))
                    value?.input.end = decoder.reader.input.cursor
                }
                if values.updateValue(value, forKey: name) == nil { names.append(name) }
            }
        }

        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { names.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }

        private func member<T>(_ key: Key, _ body: () throws -> T) throws -> T {
            guard let found = values[key.stringValue], let value = found else {
                throw decoder.reader.input.failure(.missingKey)
            }
            let after = decoder.reader
            decoder.reader = value
            defer { decoder.reader = after }
            return try body()
        }

        func decodeNil(forKey key: Key) throws -> Bool {
            guard let value = values[key.stringValue] else { throw decoder.reader.input.failure(.missingKey) }
            return value == nil
        }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try member(key) { try decoder.get(type) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            throw decoder.reader.input.failure(.unsupported)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw decoder.reader.input.failure(.unsupported)
        }

        func superDecoder() throws -> any Decoder { throw decoder.reader.input.failure(.unsupported) }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw decoder.reader.input.failure(.unsupported) }
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
        var count: Int? { total <= decoder.reader.input.remaining ? total : nil }
        var isAtEnd: Bool { currentIndex >= total }

        private mutating func advance() throws(CodecError) {
            guard currentIndex < total else { throw decoder.reader.input.failure(.unexpectedEnd) }
            currentIndex += 1
        }

        mutating func decodeNil() throws -> Bool {
            guard currentIndex < total else { throw decoder.reader.input.failure(.unexpectedEnd) }
            let isNil = try !decoder.reader.input.readOptionTag()
            if isNil { currentIndex += 1 }
            return isNil
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            try advance()
            let before = decoder.reader.input.offset
            let value = try decoder.get(type)
            try decoder.requireProgress(since: before, of: total)
            return value
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
            var ahead = decoder.reader
            guard let byte = try? ahead.input.readByte(), byte == 0 else { return false }
            decoder.reader = ahead
            return true
        }

        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.get(type) }
    }
}
