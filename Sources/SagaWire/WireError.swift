/// Why bytes are not the message that they should be, or a message cannot be sent.
package struct WireError: Error, Hashable, Sendable {
    /// Path of the field, as in `events[3].taskQueue` but in the IDL's spelling: `events[3].task_queue`. Empty for the
    /// message as a whole. A path is as deep as the schema, so it is short.
    package var field: String
    /// What is wrong.
    package var reason: Reason

    package init(field: String, reason: Reason) {
        self.field = field
        self.reason = reason
    }

    /// What can be wrong with a message.
    package enum Reason: Hashable, Sendable {
        /// The bytes end within a field, or a length reaches beyond its parent.
        case truncated
        /// A varint is longer than ten bytes or larger than 64 bits.
        case varint
        /// Field number 0 or beyond 2^29 - 1.
        case fieldNumber
        /// The field came as another kind of value, or as a group.
        case wireType
        /// A singular field, or two members of a oneof, came twice.
        case repeated
        /// More fields in the message than the limit.
        case tooManyFields(limit: Int)
        /// More elements in one repeated field than the limit.
        case tooManyElements(limit: Int)
        /// More unknown fields than the limit.
        case tooManyUnknownFields(limit: Int)
        /// Not valid UTF-8.
        case utf8
        /// A NUL in a string.
        case nul
        /// A value of fixed length has another one.
        case length(expected: Int, found: Int)
        /// A number that this version has no name for.
        case unknownEnumValue(Int32)
        /// Larger than the limit, in bytes.
        case tooLarge(limit: Int)
        /// Unpacking would take more memory than the limit, in bytes.
        case memory(limit: Int)
        /// Nested deeper than any message of the schema.
        case depth
        /// The guard let it pass and protobuf-c did not.
        case malformed
        /// A field that the meaning needs is absent.
        case missing
        /// A value outside its range; the text says which would be right.
        case invalid(String)
    }
}

extension WireError: CustomStringConvertible {
    /// One line for people; the message of the INVALID_ARGUMENT that answers it.
    package var description: String {
        let text =
            switch reason {
            case .truncated: "ends too early, or its length reaches beyond the message around it"
            case .varint: "has a number longer than ten bytes"
            case .fieldNumber: "has a field number outside 1 to 536870911"
            case .wireType: "has a value of another kind than its field"
            case .repeated: "is set twice"
            case .tooManyFields(let limit): "has more than \(limit) fields"
            case .tooManyElements(let limit): "has more than \(limit) elements"
            case .tooManyUnknownFields(let limit): "has more than \(limit) unknown fields"
            case .utf8: "is not valid UTF-8"
            case .nul: "contains a NUL"
            case .length(let expected, let found): "has \(found) bytes instead of \(expected)"
            case .unknownEnumValue(let value): "has the unknown value \(value)"
            case .tooLarge(let limit): "is larger than \(limit) bytes"
            case .memory(let limit): "would take more than \(limit) bytes of memory"
            case .depth: "is nested too deeply"
            case .malformed: "is malformed"
            case .missing: "is missing"
            case .invalid(let what): what
            }
        return field.isEmpty ? "message \(text)" : "field \(field) \(text)"
    }
}

extension WireError {
    /// The error seen from a parent message: `name` comes in front of the path.
    func within(_ name: String, index: Int? = nil) -> WireError {
        var path = name
        if let index { path += "[\(index)]" }
        if !field.isEmpty { path += "." + field }
        return WireError(field: path, reason: reason)
    }
}
