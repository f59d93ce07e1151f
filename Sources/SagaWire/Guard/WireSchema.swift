internal import CSagaProto

/// The IDL as it is compiled in, for tests and tools: what fields each message has.
package struct WireSchema: Sendable {
    /// How a field's value is written.
    package enum Kind: Hashable, Sendable {
        case varint
        case bool
        case fixed32
        case fixed64
        case string
        case bytes
        case sagaID
        /// The numbers that have a name.
        case enumeration([Int32])
        /// Full name of the message.
        case message(String)
    }

    /// One field of a message.
    package struct Field: Hashable, Sendable {
        package var number: UInt32
        package var name: String
        package var kind: Kind
        package var isRepeated: Bool
        /// Which oneof of its message it belongs to, if any; only equality means something.
        package var oneof: UInt32?
    }

    /// Fields by message, in the order of their numbers; keys are full names.
    package var messages: [String: [Field]] = [:]

    /// Everything that is compiled in.
    package static let current: WireSchema = {
        var schema = WireSchema()
        for type in allCMessages { schema.messages[type.protoName] = fields(of: type.descriptor) }
        return schema
    }()

    private static func fields(of descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> [Field] {
        UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields)).indices.map {
            let field = descriptor.pointee.fields + $0
            let isMember = field.pointee.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
            return Field(
                number: field.pointee.id, name: String(cString: field.pointee.name), kind: kind(of: field),
                isRepeated: field.pointee.label == PROTOBUF_C_LABEL_REPEATED,
                oneof: isMember ? field.pointee.quantifier_offset : nil)
        }
    }

    private static func kind(of field: UnsafePointer<ProtobufCFieldDescriptor>) -> Kind {
        switch field.pointee.type {
        case PROTOBUF_C_TYPE_BOOL: return .bool
        case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: return .fixed32
        case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: return .fixed64
        case PROTOBUF_C_TYPE_STRING: return .string
        case PROTOBUF_C_TYPE_BYTES: return MessageGuard.isSagaID(field) ? .sagaID : .bytes
        case PROTOBUF_C_TYPE_ENUM:
            let descriptor = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
            let values = UnsafeBufferPointer(
                start: descriptor.pointee.values, count: Int(descriptor.pointee.n_values))
            return .enumeration(values.map(\.value))
        case PROTOBUF_C_TYPE_MESSAGE:
            let descriptor = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
            return .message(String(cString: descriptor.pointee.name))
        default: return .varint
        }
    }
}
