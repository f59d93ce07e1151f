import Synchronization

/// What the bridge has to know about a type and can only learn by casts, which cost more than everything else it does: so
/// each type is asked once.
final class BridgeType: Sendable {
    enum Shape: Sendable {
        /// Its own `encode(to:)` and `init(from:)`.
        case plain
        case optional, map, set
    }

    let id: ObjectIdentifier
    let shape: Shape
    /// The type's own static forms, which the bridge prefers.
    nonisolated(unsafe) let postcardEncodable: (any PostcardEncodable.Type)?
    nonisolated(unsafe) let postcardDecodable: (any PostcardDecodable.Type)?
    nonisolated(unsafe) let bincodeEncodable: (any BincodeEncodable.Type)?
    nonisolated(unsafe) let bincodeDecodable: (any BincodeDecodable.Type)?

    private init(_ type: Any.Type) {
        id = ObjectIdentifier(type)
        shape =
            type is any BridgeOptional.Type
            ? .optional : type is any BridgeMap.Type ? .map : type is any BridgeSet.Type ? .set : .plain
        postcardEncodable = type as? any PostcardEncodable.Type
        postcardDecodable = type as? any PostcardDecodable.Type
        bincodeEncodable = type as? any BincodeEncodable.Type
        bincodeDecodable = type as? any BincodeDecodable.Type
    }

    private static let all = Mutex<[ObjectIdentifier: BridgeType]>([:])

    /// In front of the dictionary: one atomic word a slot, which points to an entry that is never freed.
    private static let slotCount = 512
    nonisolated(unsafe) private static let slots: UnsafeMutablePointer<Atomic<UInt>> = {
        let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: slotCount)
        for index in 0..<slotCount { (slots + index).initialize(to: Atomic(0)) }
        return slots
    }()

    @inline(__always)
    static func of<T>(_ type: T.Type) -> BridgeType {
        let id = ObjectIdentifier(type)
        let address = UInt(bitPattern: id)
        let slot = slots + Int(truncatingIfNeeded: (address >> 4 ^ address >> 13) & UInt(slotCount - 1))
        if let pointer = UnsafeRawPointer(bitPattern: slot.pointee.load(ordering: .acquiring)) {
            let entry = Unmanaged<BridgeType>.fromOpaque(pointer).takeUnretainedValue()
            if entry.id == id { return entry }
        }
        return find(type, slot)
    }

    @inline(never)
    private static func find(_ type: Any.Type, _ slot: UnsafeMutablePointer<Atomic<UInt>>) -> BridgeType {
        let id = ObjectIdentifier(type)
        let entry = all.withLock { known in
            if let entry = known[id] { return entry }
            // The dictionary keeps it for ever: there are only so many types.
            let entry = BridgeType(type)
            known[id] = entry
            return entry
        }
        slot.pointee.store(UInt(bitPattern: Unmanaged.passUnretained(entry).toOpaque()), ordering: .releasing)
        return entry
    }
}

/// Optionals have a tag here, and none of their own in `Codable`.
protocol BridgeOptional {
    func encodeWrapped(into encoder: BridgeEncoder) throws
    static func decodeWrapped(from decoder: BridgeDecoder) throws -> Self
}

/// Dictionaries have a count and an order here.
protocol BridgeMap {
    func encodePairs(into encoder: BridgeEncoder) throws
    static func decodePairs(from decoder: BridgeDecoder) throws -> Self
}

/// Sets have an order here.
protocol BridgeSet {
    func encodeElements(into encoder: BridgeEncoder) throws
}

extension Optional: BridgeOptional where Wrapped: Codable {
    func encodeWrapped(into encoder: BridgeEncoder) throws {
        encoder.buffer.writeOptionTag(self != nil)
        if let value = self { try encoder.put(value) }
    }

    static func decodeWrapped(from decoder: BridgeDecoder) throws -> Wrapped? {
        try decoder.input.readOptionTag() ? try decoder.get(Wrapped.self) : nil
    }
}

extension Dictionary: BridgeMap where Key: Codable, Value: Codable {
    func encodePairs(into encoder: BridgeEncoder) throws {
        encoder.put(UInt64(count))
        if let texts = self as? [String: Value] {
            // The order of Rust's BTreeMap.
            for (key, value) in texts.sortedForEncoding() {
                encoder.put(key)
                try encoder.put(value)
            }
            return
        }
        // Other keys in the order of their encoded bytes: any order will do that is the same everywhere.
        let pairs = try map { (try encoder.apart($0.key), $0.value) }
        for (key, value) in pairs.sorted(by: { $0.0.lexicographicallyPrecedes($1.0) }) {
            key.withUnsafeBytes { encoder.buffer.writeRaw($0) }
            try encoder.put(value)
        }
    }

    static func decodePairs(from decoder: BridgeDecoder) throws -> [Key: Value] {
        var result: [Key: Value] = [:]
        let count = try decoder.getCount()
        var index = 0
        while index < count {
            let before = decoder.input.offset
            let key = try decoder.get(Key.self)
            result[key] = try decoder.get(Value.self)
            index += 1
            try decoder.requireProgress(since: before, of: count)
        }
        return result
    }
}

extension Set: BridgeSet where Element: Codable {
    func encodeElements(into encoder: BridgeEncoder) throws {
        encoder.put(UInt64(count))
        for element in try map({ try encoder.apart($0) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            element.withUnsafeBytes { encoder.buffer.writeRaw($0) }
        }
    }
}

/// The formats that the bridge writes.
enum BridgeFormat {
    case postcard, fixed, varint
}

/// Postcard as the bridge sees it: bincode with other integers (and another `char`, which `Codable` does not have).
enum PostcardIntegers: BincodeIntegers {
    static var isZigzag: Bool { true }
    static var allowsTrailingBytes: Bool { true }

    @inline(__always)
    static func put(_ value: UInt16, into writer: inout PostcardWriter) { writer.writeVarint(UInt64(value)) }
    @inline(__always)
    static func put(_ value: UInt32, into writer: inout PostcardWriter) { writer.writeVarint(UInt64(value)) }
    @inline(__always)
    static func put(_ value: UInt64, into writer: inout PostcardWriter) { writer.writeVarint(value) }
    static func put(_ value: UInt128, into writer: inout PostcardWriter) { writer.writeVarint128(value) }

    @inline(__always)
    static func take16(from reader: inout PostcardReader) throws(CodecError) -> UInt16 { try reader.readVarint16() }
    @inline(__always)
    static func take32(from reader: inout PostcardReader) throws(CodecError) -> UInt32 { try reader.readVarint32() }
    @inline(__always)
    static func take64(from reader: inout PostcardReader) throws(CodecError) -> UInt64 { try reader.readVarint64() }
    static func take128(from reader: inout PostcardReader) throws(CodecError) -> UInt128 {
        try reader.readVarint128()
    }
}
