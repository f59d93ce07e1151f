internal import SagaCodec

/// A condition on a search attribute of a run: a text, a number or a boolean in JSON.
public struct AttributeCondition: Hashable, Sendable {
    /// How the attribute is compared with the value.
    public enum Comparison: UInt8, Hashable, Sendable, CaseIterable {
        case equal
        /// Or the run has no such attribute.
        case notEqual
        case less
        case lessOrEqual
        case greater
        case greaterOrEqual
        /// A text that begins with the value.
        case prefix
    }

    /// What is compared.
    public enum Value: Hashable, Sendable {
        case text(String)
        case number(Double)
        case boolean(Bool)

        /// The value of a payload; nil if it is none of the three.
        public init?(_ payload: Payload) {
            guard payload.encoding == "json", payload.data.count <= 1_024,
                let value = try? JSONCoding.parse(payload.data)
            else { return nil }
            switch value {
            case .string(let text): self = .text(text)
            case .bool(let truth): self = .boolean(truth)
            case .integer(let number): self = .number(Double(number))
            case .unsigned(let number): self = .number(Double(number))
            case .number(let number): self = .number(number)
            case .null, .array, .object: return nil
            }
        }

        /// The value as a payload.
        public var payload: Payload {
            let value: JSONValue =
                switch self {
                case .text(let text): .string(text)
                case .number(let number): .number(number)
                case .boolean(let truth): .bool(truth)
                }
            return Payload(encoding: "json", data: (try? JSONCoding.serialize(value)) ?? [])
        }
    }

    /// Name of the attribute.
    public var name: String
    /// How it is compared.
    public var comparison: Comparison
    /// With what.
    public var value: Value

    public init(_ name: String, _ comparison: Comparison, _ value: Value) {
        self.name = name
        self.comparison = comparison
        self.value = value
    }

    /// Whether the condition holds of these attributes. Values of different kinds are not equal, and neither is the less.
    public func holds(_ attributes: [NamedPayload]) -> Bool {
        let found = attributes.first { $0.name == name }.flatMap { Value($0.payload) }
        guard let found else { return comparison == .notEqual }
        switch comparison {
        case .equal: return found == value
        case .notEqual: return found != value
        case .prefix:
            guard case (.text(let text), .text(let start)) = (found, value) else { return false }
            return text.utf8.starts(with: start.utf8)
        case .less: return found.isLess(than: value)
        case .lessOrEqual: return found == value || found.isLess(than: value)
        case .greater: return value.isLess(than: found)
        case .greaterOrEqual: return found == value || value.isLess(than: found)
        }
    }
}

extension AttributeCondition.Value {
    fileprivate func isLess(than other: Self) -> Bool {
        switch (self, other) {
        // As bytes, so that no locale has a say.
        case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.number(let left), .number(let right)): left < right
        default: false
        }
    }
}
