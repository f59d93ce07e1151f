internal import CSagaProto
internal import SagaCodec

/// Places 0 to 127. A place beyond is never new, so that it fails instead of passing unseen.
private struct PlaceSet {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// False if it was there.
    @inline(__always)
    mutating func insert(_ place: Int) -> Bool {
        let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: place)
        if place < 64 {
            defer { low |= bit }
            return low & bit == 0
        }
        guard place < 128 else { return false }
        defer { high |= bit }
        return high & bit == 0
    }
}

/// Looks at a peer's bytes before protobuf-c does (wire.md, "What bad input gets").
///
/// protobuf-c lets invalid UTF-8 and embedded NULs pass, takes a hundred times a hostile message's size in memory, and
/// knows no depth limit. One linear pass, driven by protobuf-c's own descriptors, refuses all of that first:
///
///  * every length lies inside its parent, every varint has at most ten bytes, every wire type fits its field;
///  * strings are UTF-8 without NUL, saga ids have 16 bytes or none, enum values have a name (in requests);
///  * no singular field and no oneof comes twice (legal protobuf that no encoder writes; merging it costs protobuf-c
///    quadratic time);
///  * the number of fields, of elements and of unknown fields is limited.
///
/// Unknown fields are passed over, as the protocol's additive changes need.
struct MessageGuard {
    /// Deeper than any message of the schema, which has no recursive one (a test holds both in place).
    static let deepest = 16

    private let limits: MessageLimits
    private var fieldsLeft: Int
    private var unknownLeft: Int

    init(_ limits: MessageLimits) {
        self.limits = limits
        fieldsLeft = limits.fields
        unknownLeft = limits.unknownFields
    }

    /// Throws what is wrong with `bytes` as a message of this type.
    mutating func run(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) throws(WireError) {
        if bytes.count > limits.messageBytes {
            throw WireError(field: "", reason: .tooLarge(limit: limits.messageBytes))
        }
        guard let start = bytes.baseAddress else { return }
        var cursor = Cursor(start: start, at: 0, end: bytes.count)
        try scan(&cursor, descriptor, depth: 0)
    }

    /// Reads the fields of one message up to `cursor.end`.
    private mutating func scan(
        _ cursor: inout Cursor, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
    ) throws(WireError) {
        if depth > Self.deepest { throw WireError(field: "", reason: .depth) }
        let first = cursor.at
        var seen = PlaceSet()
        var seenOneofs = PlaceSet()
        var elements = 0
        while cursor.at < cursor.end {
            let (number, type) = try cursor.tag()
            fieldsLeft -= 1
            if fieldsLeft < 0 { throw WireError(field: "", reason: .tooManyFields(limit: limits.fields)) }
            guard let index = Self.index(of: number, in: descriptor) else {
                try cursor.skip(type)
                unknownLeft -= 1
                if unknownLeft < 0 {
                    throw WireError(field: "", reason: .tooManyUnknownFields(limit: limits.unknownFields))
                }
                continue
            }
            let field = descriptor.pointee.fields + index
            let isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
            if isRepeated {
                elements += 1
                if elements > limits.elements {
                    throw Self.error(field, .tooManyElements(limit: limits.elements))
                }
            } else {
                // A oneof is known by the place of its case number in the struct.
                let isMember = field.pointee.flags & Self.oneofFlag != 0
                let place = isMember ? Int(field.pointee.quantifier_offset / 4) : index
                let isNew = isMember ? seenOneofs.insert(place) : seen.insert(place)
                if !isNew { throw Self.error(field, .repeated) }
            }
            do throws(WireError) {
                try check(field, type, &cursor, &elements, isRepeated: isRepeated, depth: depth)
            } catch {
                // Only elements that are values of their own have an index; packed numbers have not.
                guard isRepeated, Self.wireType(field.pointee.type) == .length else {
                    throw error.within(Self.name(field))
                }
                let place = Cursor(start: cursor.start, at: first, end: cursor.end)
                throw error.within(Self.name(field), index: place.count(of: number, before: cursor.fieldStart))
            }
        }
    }

    /// Checks the value of one field; errors are relative to the field.
    @inline(__always)
    private mutating func check(
        _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ type: Cursor.WireType, _ cursor: inout Cursor,
        _ elements: inout Int, isRepeated: Bool, depth: Int
    ) throws(WireError) {
        switch field.pointee.type {
        case PROTOBUF_C_TYPE_STRING:
            guard type == .length else { throw WireError(field: "", reason: .wireType) }
            let text = try cursor.length()
            let start = cursor.start + cursor.at
            cursor.at += text
            if text == 0 { return }
            if !UTF8Validation.isValid(start, text) { throw WireError(field: "", reason: .utf8) }
            if memchr(start, 0, text) != nil { throw WireError(field: "", reason: .nul) }
        case PROTOBUF_C_TYPE_BYTES:
            guard type == .length else { throw WireError(field: "", reason: .wireType) }
            let count = try cursor.length()
            cursor.at += count
            if count != 0 && count != 16 && Self.isSagaID(field) {
                throw WireError(field: "", reason: .length(expected: 16, found: count))
            }
        case PROTOBUF_C_TYPE_MESSAGE:
            guard type == .length else { throw WireError(field: "", reason: .wireType) }
            let count = try cursor.length()
            guard let inner = field.pointee.descriptor else { throw WireError(field: "", reason: .malformed) }
            let outer = (cursor.end, cursor.fieldStart)
            cursor.end = cursor.at + count
            // On an error the cursor is left where it stopped; the caller only needs where this field began.
            defer { (cursor.end, cursor.fieldStart) = outer }
            try scan(&cursor, inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self), depth: depth + 1)
        case let kind:
            if isRepeated && type == .length {
                try checkPacked(field, kind, &cursor, &elements)
            } else {
                guard type == Self.wireType(kind) else { throw WireError(field: "", reason: .wireType) }
                try checkScalar(field, kind, &cursor)
            }
        }
    }

    /// Several numbers under one tag.
    private mutating func checkPacked(
        _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ kind: ProtobufCType, _ cursor: inout Cursor,
        _ elements: inout Int
    ) throws(WireError) {
        let count = try cursor.length()
        let outer = cursor.end
        cursor.end = cursor.at + count
        defer { cursor.end = outer }
        elements -= 1
        while cursor.at < cursor.end {
            elements += 1
            fieldsLeft -= 1
            if elements > limits.elements {
                throw WireError(field: "", reason: .tooManyElements(limit: limits.elements))
            }
            if fieldsLeft < 0 { throw WireError(field: "", reason: .tooManyFields(limit: limits.fields)) }
            try checkScalar(field, kind, &cursor)
        }
    }

    @inline(__always)
    private func checkScalar(
        _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ kind: ProtobufCType, _ cursor: inout Cursor
    ) throws(WireError) {
        switch Self.wireType(kind) {
        case .fixed32: try cursor.advance(4)
        case .fixed64: try cursor.advance(8)
        default:
            let value = try cursor.varint()
            if kind == PROTOBUF_C_TYPE_ENUM && limits.refusesUnknownEnumValues {
                let number = Int32(truncatingIfNeeded: value)
                if !Self.isKnown(number, field) { throw WireError(field: "", reason: .unknownEnumValue(number)) }
            }
        }
    }

    // MARK: - Descriptors

    private static let oneofFlag = UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue)

    /// Place of a field number in the descriptor's table.
    @inline(__always)
    static func index(of number: UInt32, in descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> Int? {
        guard let ranges = descriptor.pointee.field_ranges else { return nil }
        // Most messages number their fields from 1 without a gap: the first range.
        if number &- UInt32(bitPattern: ranges[0].start_value) < ranges[1].orig_index {
            return Int(number &- UInt32(bitPattern: ranges[0].start_value))
        }
        var low = 0
        var high = Int(descriptor.pointee.n_field_ranges)
        // The table has one entry more than ranges, so that every range has an end.
        while low < high {
            let middle = (low + high) / 2
            let start = UInt32(bitPattern: ranges[middle].start_value)
            let place = ranges[middle].orig_index
            if number < start {
                high = middle
            } else if number - start >= ranges[middle + 1].orig_index - place {
                low = middle + 1
            } else {
                return Int(place + (number - start))
            }
        }
        return nil
    }

    private static func isKnown(_ value: Int32, _ field: UnsafePointer<ProtobufCFieldDescriptor>) -> Bool {
        guard let raw = field.pointee.descriptor else { return false }
        let descriptor = raw.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
        guard let ranges = descriptor.pointee.value_ranges else { return false }
        for index in 0..<Int(descriptor.pointee.n_value_ranges) {
            let start = Int64(ranges[index].start_value)
            let count = Int64(ranges[index + 1].orig_index) - Int64(ranges[index].orig_index)
            if Int64(value) >= start && Int64(value) < start + count { return true }
        }
        return false
    }

    @inline(__always)
    private static func wireType(_ kind: ProtobufCType) -> Cursor.WireType {
        switch kind {
        case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: .fixed32
        case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: .fixed64
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: .length
        default: .varint
        }
    }

    /// The IDL's rule: bytes whose name ends in `saga_id` or `saga_ids` are saga ids.
    static func isSagaID(_ field: UnsafePointer<ProtobufCFieldDescriptor>) -> Bool {
        guard let name = field.pointee.name else { return false }
        var length = strlen(name)
        if length > 0 && name[length - 1] == UInt8(ascii: "s") { length -= 1 }
        return length >= 7 && memcmp(name + (length - 7), "saga_id", 7) == 0
    }

    private static func name(_ field: UnsafePointer<ProtobufCFieldDescriptor>) -> String {
        field.pointee.name.map { String(cString: $0) } ?? ""
    }

    private static func error(
        _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ reason: WireError.Reason
    ) -> WireError {
        WireError(field: name(field), reason: reason)
    }
}
