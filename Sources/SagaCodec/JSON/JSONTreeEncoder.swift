/// What a value's `encode(to:)` left behind, before it becomes text. Containers are references, because `Codable` allows
/// to write into several of them in turn.
enum JSONEncoded {
    case null
    case bool(Bool)
    case digits(String)
    case double(Double)
    case float(Float)
    case string(String)
    case value(JSONValue)
    case array(Elements)
    case object(Members)

    final class Elements {
        var items: [JSONEncoded] = []
    }

    final class Members {
        var items: [(key: String, value: JSONEncoded)] = []
    }

    func write(into serializer: inout JSONSerializer, depth: Int = 0) throws(CodecError) {
        guard depth <= JSONDocument.depthLimit else { throw CodecError(.depthExceeded, at: 0) }
        switch self {
        case .null: serializer.raw("null")
        case .bool(let value): serializer.raw(value ? "true" : "false")
        case .digits(let text): serializer.raw(text)
        case .double(let value): try serializer.float(value)
        case .float(let value): try serializer.float(value)
        case .string(let value): serializer.string(value)
        case .value(let value): try serializer.value(value, depth: depth)
        case .array(let elements):
            serializer.byte(UInt8(ascii: "["))
            var first = true
            for element in elements.items {
                if !first { serializer.byte(UInt8(ascii: ",")) }
                first = false
                try element.write(into: &serializer, depth: depth + 1)
            }
            serializer.byte(UInt8(ascii: "]"))
        case .object(let members):
            serializer.byte(UInt8(ascii: "{"))
            var first = true
            for (key, value) in Self.sorted(members.items) {
                if !first { serializer.byte(UInt8(ascii: ",")) }
                first = false
                serializer.string(key)
                serializer.byte(UInt8(ascii: ":"))
                try value.write(into: &serializer, depth: depth + 1)
            }
            serializer.byte(UInt8(ascii: "}"))
        }
    }

    /// In the order of the keys' bytes; a key written twice has its last value.
    private static func sorted(_ items: [(key: String, value: JSONEncoded)]) -> [(key: String, value: JSONEncoded)] {
        let order = items.indices.sorted { left, right in
            if items[left].key.utf8.elementsEqual(items[right].key.utf8) { return left < right }
            return items[left].key.utf8.lexicographicallyPrecedes(items[right].key.utf8)
        }
        var result: [(key: String, value: JSONEncoded)] = []
        result.reserveCapacity(items.count)
        for index in order {
            if let last = result.last, last.key.utf8.elementsEqual(items[index].key.utf8) { result.removeLast() }
            result.append(items[index])
        }
        return result
    }
}

/// One value's encoder; its containers write into nodes that it owns.
final class JSONTreeEncoder: Encoder {
    private(set) var result: JSONEncoded?
    let path: CodingPath?
    let depth: Int

    init(path: CodingPath?, depth: Int) {
        self.path = path
        self.depth = depth
    }

    var codingPath: [any CodingKey] { path?.keys ?? [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Any value; scalars without an encoder of their own.
    @inline(__always)
    static func encode<T: Encodable>(
        _ value: T, depth: Int, path: @autoclosure () -> CodingPath? = nil
    ) throws -> JSONEncoded {
        if let value = reinterpret(value, as: String.self) { return .string(value) }
        if let value = reinterpret(value, as: Bool.self) { return .bool(value) }
        if let value = reinterpret(value, as: Int.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: Double.self) { return .double(value) }
        if let value = reinterpret(value, as: Float.self) { return .float(value) }
        if let value = reinterpret(value, as: Int64.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt64.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: Int32.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt32.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt8.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: Int8.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt16.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: Int16.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: Int128.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: UInt128.self) { return .digits(String(value)) }
        if let value = reinterpret(value, as: JSONValue.self) { return .value(value) }
        return try encodeComposite(value, depth: depth, path: path())
    }

    @inline(never)
    private static func encodeComposite<T: Encodable>(
        _ value: T, depth: Int, path: CodingPath?
    ) throws -> JSONEncoded {
        guard depth <= JSONDocument.depthLimit else { throw CodecError(.depthExceeded, at: 0) }
        let encoder = JSONTreeEncoder(path: path, depth: depth)
        try value.encode(to: encoder)
        if let result = encoder.result {
            if value is any UnorderedEncodable { return result.inCanonicalOrder(pairs: value is any UnorderedPairs) }
            return result
        }
        // A struct without fields never asks for a container.
        return .object(JSONEncoded.Members())
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Keyed<Key>(members: members(), path: path, depth: depth))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        Unkeyed(elements: elements(), path: path, depth: depth)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// The object being written: a second container of the same kind goes on with the first one's node.
    private func members() -> JSONEncoded.Members {
        if case .object(let members) = result { return members }
        let members = JSONEncoded.Members()
        result = .object(members)
        return members
    }

    private func elements() -> JSONEncoded.Elements {
        if case .array(let elements) = result { return elements }
        let elements = JSONEncoded.Elements()
        result = .array(elements)
        return elements
    }

    struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let members: JSONEncoded.Members
        let path: CodingPath?
        let depth: Int

        var codingPath: [any CodingKey] { path?.keys ?? [] }

        mutating func encodeNil(forKey key: Key) { members.items.append((key.stringValue, .null)) }

        mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            let encoded = try JSONTreeEncoder.encode(value, depth: depth + 1, path: CodingPath(path, key))
            members.items.append((key.stringValue, encoded))
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            let nested = JSONEncoded.Members()
            members.items.append((key.stringValue, .object(nested)))
            return KeyedEncodingContainer(
                Keyed<Nested>(members: nested, path: CodingPath(path, key), depth: depth + 1))
        }

        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            let nested = JSONEncoded.Elements()
            members.items.append((key.stringValue, .array(nested)))
            return Unkeyed(elements: nested, path: CodingPath(path, key), depth: depth + 1)
        }

        mutating func superEncoder() -> any Encoder { later(PlainKey.superKey) }
        mutating func superEncoder(forKey key: Key) -> any Encoder { later(key) }

        private func later(_ key: any CodingKey) -> any Encoder {
            let members = members
            let index = members.items.count
            members.items.append((key.stringValue, .object(JSONEncoded.Members())))
            return JSONDeferredEncoder(path: CodingPath(path, key), depth: depth + 1) {
                members.items[index].value = $0
            }
        }
    }

    struct Unkeyed: UnkeyedEncodingContainer {
        let elements: JSONEncoded.Elements
        let path: CodingPath?
        let depth: Int

        var codingPath: [any CodingKey] { path?.keys ?? [] }
        var count: Int { elements.items.count }

        private var here: CodingPath { CodingPath(path, PlainKey(intValue: count)) }

        mutating func encodeNil() { elements.items.append(.null) }

        mutating func encode<T: Encodable>(_ value: T) throws {
            elements.items.append(try JSONTreeEncoder.encode(value, depth: depth + 1, path: here))
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) -> KeyedEncodingContainer<Nested> {
            let path = here
            let nested = JSONEncoded.Members()
            elements.items.append(.object(nested))
            return KeyedEncodingContainer(Keyed<Nested>(members: nested, path: path, depth: depth + 1))
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            let path = here
            let nested = JSONEncoded.Elements()
            elements.items.append(.array(nested))
            return Unkeyed(elements: nested, path: path, depth: depth + 1)
        }

        mutating func superEncoder() -> any Encoder {
            let elements = elements
            let index = count
            let path = here
            elements.items.append(.object(JSONEncoded.Members()))
            return JSONDeferredEncoder(path: path, depth: depth + 1) { elements.items[index] = $0 }
        }
    }

    struct Single: SingleValueEncodingContainer {
        let encoder: JSONTreeEncoder

        var codingPath: [any CodingKey] { encoder.codingPath }

        mutating func encodeNil() { encoder.result = .null }

        mutating func encode<T: Encodable>(_ value: T) throws {
            encoder.result = try JSONTreeEncoder.encode(value, depth: encoder.depth + 1, path: encoder.path)
        }
    }
}

/// `superEncoder()`: hands each container's node to the place that was kept for it.
final class JSONDeferredEncoder: Encoder {
    private let inner: JSONTreeEncoder
    private let store: (JSONEncoded) -> Void

    init(path: CodingPath?, depth: Int, store: @escaping (JSONEncoded) -> Void) {
        inner = JSONTreeEncoder(path: path, depth: depth)
        self.store = store
    }

    var codingPath: [any CodingKey] { inner.codingPath }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private func keep() {
        if let result = inner.result { store(result) }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let container = inner.container(keyedBy: type)
        keep()
        return container
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let container = inner.unkeyedContainer()
        keep()
        return container
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(deferred: self) }

    struct Single: SingleValueEncodingContainer {
        let deferred: JSONDeferredEncoder

        var codingPath: [any CodingKey] { deferred.codingPath }

        mutating func encodeNil() { deferred.store(.null) }

        mutating func encode<T: Encodable>(_ value: T) throws {
            deferred.store(
                try JSONTreeEncoder.encode(value, depth: deferred.inner.depth + 1, path: deferred.inner.path))
        }
    }
}
