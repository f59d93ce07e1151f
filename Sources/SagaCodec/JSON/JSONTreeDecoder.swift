/// One value's decoder: a place in a parsed document.
final class JSONTreeDecoder: Decoder {
    let document: JSONDocument
    let token: Int
    let path: CodingPath?

    init(document: JSONDocument, token: Int, parent path: CodingPath?) {
        self.document = document
        self.token = token
        self.path = path
    }

    var codingPath: [any CodingKey] { path?.keys ?? [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private var kind: JSONDocument.Kind { document.tokens[token].kind }
    var isNull: Bool { kind == .null }

    func mismatch(_ type: Any.Type, _ wanted: String) -> DecodingError {
        let context = DecodingError.Context(
            codingPath: codingPath,
            debugDescription: "Expected \(wanted), found \(kind) at byte \(document.range(of: token).lowerBound).")
        return isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    private func badNumber(_ type: Any.Type) -> DecodingError {
        .dataCorrupted(
            .init(
                codingPath: codingPath,
                debugDescription: "The number at byte \(document.range(of: token).lowerBound) does not fit \(type)."))
    }

    private func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        guard kind == .integer || kind == .number else { throw mismatch(type, "a number") }
        guard let value = document.integer(type, at: token) else { throw badNumber(type) }
        return value
    }

    /// A scalar of static type `T`, or `nil` if `T` is none.
    @inline(__always)
    private func scalar<T>(_ type: T.Type) throws -> T? {
        if type == String.self {
            guard kind == .text || kind == .escapedText else { throw mismatch(type, "a string") }
            return reinterpret(document.string(at: token), as: type)
        }
        if type == Bool.self {
            guard kind == .true || kind == .false else { throw mismatch(type, "a boolean") }
            return reinterpret(kind == .true, as: type)
        }
        if type == Double.self {
            guard kind == .integer || kind == .number else { throw mismatch(type, "a number") }
            guard let value = document.double(at: token) else { throw badNumber(type) }
            return reinterpret(value, as: type)
        }
        if type == Float.self {
            guard kind == .integer || kind == .number else { throw mismatch(type, "a number") }
            guard let value = document.float(at: token) else { throw badNumber(type) }
            return reinterpret(value, as: type)
        }
        if type == Int.self { return reinterpret(try integer(Int.self), as: type) }
        if type == Int64.self { return reinterpret(try integer(Int64.self), as: type) }
        if type == UInt64.self { return reinterpret(try integer(UInt64.self), as: type) }
        if type == Int32.self { return reinterpret(try integer(Int32.self), as: type) }
        if type == UInt32.self { return reinterpret(try integer(UInt32.self), as: type) }
        if type == UInt8.self { return reinterpret(try integer(UInt8.self), as: type) }
        if type == Int8.self { return reinterpret(try integer(Int8.self), as: type) }
        if type == Int16.self { return reinterpret(try integer(Int16.self), as: type) }
        if type == UInt16.self { return reinterpret(try integer(UInt16.self), as: type) }
        if type == UInt.self { return reinterpret(try integer(UInt.self), as: type) }
        if type == Int128.self { return reinterpret(try integer(Int128.self), as: type) }
        if type == UInt128.self { return reinterpret(try integer(UInt128.self), as: type) }
        if type == JSONValue.self { return reinterpret(document.value(at: token), as: type) }
        return nil
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let value = try scalar(type) { return value }
        return try T(from: self)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try Keyed<Key>(self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try Unkeyed(self) }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    /// The decoder of a value inside this one.
    func child(_ token: Int, _ key: any CodingKey) -> JSONTreeDecoder {
        JSONTreeDecoder(document: document, token: token, parent: CodingPath(path, key))
    }

    struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: JSONTreeDecoder
        /// The tokens of the keys, in the order of the text.
        let keys: [Int]
        /// Only for objects too large to be searched from end to end.
        let index: [String: Int]

        private static var searchLimit: Int { 16 }

        init(_ decoder: JSONTreeDecoder) throws {
            self.decoder = decoder
            let document = decoder.document
            let found = document.tokens[decoder.token]
            guard found.kind == .object else {
                throw decoder.mismatch([String: JSONValue].self, "an object")
            }
            var keys: [Int] = []
            keys.reserveCapacity(Int(found.count))
            var child = document.firstChild(of: decoder.token)
            for _ in 0..<found.count {
                keys.append(child)
                child = document.next(after: child + 1)
            }
            self.keys = keys
            index =
                keys.count > Self.searchLimit
                ? Dictionary(keys.map { (document.string(at: $0), $0) }, uniquingKeysWith: { $1 }) : [:]
        }

        var codingPath: [any CodingKey] { decoder.codingPath }

        var allKeys: [Key] {
            var seen: Set<String> = []
            return keys.compactMap {
                let name = decoder.document.string(at: $0)
                return seen.insert(name).inserted ? Key(stringValue: name) : nil
            }
        }

        /// The token of a member's value. From the end: of two equal keys the last one counts.
        private func find(_ name: String) -> Int? {
            if keys.count > Self.searchLimit { return index[name].map { $0 + 1 } }
            for key in keys.reversed() where decoder.document.isText(at: key, equalTo: name.utf8) { return key + 1 }
            return nil
        }

        private func member(_ key: any CodingKey) throws -> JSONTreeDecoder {
            guard let token = find(key.stringValue) else {
                throw DecodingError.keyNotFound(
                    key,
                    .init(codingPath: codingPath, debugDescription: "The object has no key \"\(key.stringValue)\"."))
            }
            return decoder.child(token, key)
        }

        func contains(_ key: Key) -> Bool { find(key.stringValue) != nil }

        func decodeNil(forKey key: Key) throws -> Bool { try member(key).isNull }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try member(key).decode(type) }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try member(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try member(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { try member(PlainKey.superKey) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }
    }

    struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: JSONTreeDecoder
        let total: Int
        private(set) var currentIndex = 0
        private var token: Int

        init(_ decoder: JSONTreeDecoder) throws {
            self.decoder = decoder
            let found = decoder.document.tokens[decoder.token]
            guard found.kind == .array else { throw decoder.mismatch([JSONValue].self, "an array") }
            total = Int(found.count)
            token = decoder.document.firstChild(of: decoder.token)
        }

        var codingPath: [any CodingKey] { decoder.codingPath }
        var count: Int? { total }
        var isAtEnd: Bool { currentIndex >= total }

        private func current(_ type: Any.Type) throws -> JSONTreeDecoder {
            let key = PlainKey(intValue: currentIndex)
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    type, .init(codingPath: codingPath + [key], debugDescription: "The array has no more elements."))
            }
            return decoder.child(token, key)
        }

        private mutating func advance() {
            token = decoder.document.next(after: token)
            currentIndex += 1
        }

        mutating func decodeNil() throws -> Bool {
            guard try current(Never.self).isNull else { return false }
            advance()
            return true
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            let value = try current(type).decode(type)
            advance()
            return value
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            let container = try current(Nested.self).container(keyedBy: type)
            advance()
            return container
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            let container = try current(Never.self).unkeyedContainer()
            advance()
            return container
        }

        mutating func superDecoder() throws -> any Decoder {
            let decoder = try current(Never.self)
            advance()
            return decoder
        }
    }

    struct Single: SingleValueDecodingContainer {
        let decoder: JSONTreeDecoder

        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { decoder.isNull }

        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
    }
}
