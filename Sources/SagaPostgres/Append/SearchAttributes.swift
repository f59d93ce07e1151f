import SagaCodec
import SagaCore

/// Search attributes as the table `visibility` holds them: all of them as bytes, and those that lists filter by as JSON.
enum SearchAttributes {
    static func add(_ attributes: [NamedPayload], to searches: PgArray, _ stored: PgArray) {
        guard !attributes.isEmpty else {
            searches.addNull()
            stored.addNull()
            return
        }
        if let text = json(attributes) { searches.add(text) } else { searches.addNull() }
        stored.add(bytes: Postcard.encode(attributes))
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(CodecError) -> [NamedPayload] {
        var reader = PostcardReader(bytes)
        return try reader.read()
    }

    /// Texts, numbers and booleans by their names; nil if there are none. The first of a name counts, as in
    /// `AttributeCondition.holds`.
    private static func json(_ attributes: [NamedPayload]) -> String? {
        var object: [String: JSONValue] = [:]
        for attribute in attributes where object[attribute.name] == nil {
            guard isStorable(attribute.name),
                let value = AttributeCondition.Value(attribute.payload).flatMap({ json($0) })
            else { continue }
            object[attribute.name] = value
        }
        return object.isEmpty ? nil : text(.object(object))
    }

    /// The object that contains one attribute, for `@>`; nil if no stored object can contain it.
    static func json(_ name: String, _ value: AttributeCondition.Value) -> String? {
        guard isStorable(name), let value = json(value) else { return nil }
        return text(.object([name: value]))
    }

    private static func json(_ value: AttributeCondition.Value) -> JSONValue? {
        switch value {
        case .text(let text): isStorable(text) ? .string(text) : nil
        case .number(let number): number.isFinite ? .number(number) : nil
        case .boolean(let truth): .bool(truth)
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        (try? JSONCoding.serialize(value)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// PostgreSQL's texts have no NUL.
    static func isStorable(_ text: String) -> Bool { !text.utf8.contains(0) }
}
