internal import SagaCodec

/// The values that references of one run lead to. Each payload is parsed once at most, when somebody looks into it.
struct ValueSource {
    /// What the run was started with.
    var input: Payload
    /// What steps have returned; nil = nothing (left out, or not yet).
    var outputs: (String) -> Payload?
    /// For an undo: what is known of its own step.
    var own: OwnStep?
    private var documents: [ValueReference.Root: JSONDocument] = [:]

    struct OwnStep {
        var output: Payload?
        var outcome: StepOutcome
        var key: String
    }

    init(input: Payload, own: OwnStep? = nil, outputs: @escaping (String) -> Payload?) {
        self.input = input
        self.own = own
        self.outputs = outputs
    }

    /// A value as JSON text.
    struct Found {
        var bytes: [UInt8]
        var extent: Range<Int>
        var isText: Bool

        init(_ bytes: [UInt8], _ extent: Range<Int>, isText: Bool) {
            self.bytes = bytes
            self.extent = extent
            self.isText = isText
        }

        init(json bytes: [UInt8]) {
            self.init(bytes, bytes.indices, isText: bytes.first == UInt8(ascii: "\"") && bytes.count > 1)
        }

        func append(to result: inout [UInt8]) { result += bytes[extent] }

        /// As a part of a text: texts without their quotes, everything else as it is written.
        func appendInside(to result: inout [UInt8]) {
            if isText {
                result += bytes[extent.lowerBound + 1..<extent.upperBound - 1]
            } else {
                result += JSONText.inside(bytes[extent])
            }
        }
    }

    static func problem(_ message: String) -> SagaError {
        SagaError(kind: .validation, message: message, isNonRetryable: true)
    }

    /// What a reference leads to.
    /// - Throws: If there is no such value and no default.
    mutating func value(_ reference: ValueReference) throws(SagaError) -> Found {
        if let found = try find(reference) { return found }
        if let fallback = reference.fallback { return Found(json: fallback) }
        throw Self.problem(
            "${\(reference.text)} leads to no value; give it a default: ${\(reference.text) ?? null}")
    }

    /// What a reference leads to, if anything.
    mutating func find(_ reference: ValueReference) throws(SagaError) -> Found? {
        switch reference.root {
        case .ownOutcome: return own.map { Found(json: JSONText.string($0.outcome.name)) }
        case .ownKey: return own.map { Found(json: JSONText.string($0.key)) }
        case .input, .step, .ownOutput: break
        }
        guard let document = try document(of: reference), let token = Self.token(reference.path, document) else {
            return nil
        }
        let kind = document.kind(of: token)
        if kind == .null, reference.fallback != nil { return nil }
        return Found(document.bytes, document.extent(of: token), isText: kind == .text || kind == .escapedText)
    }

    /// A scalar for a comparison; nil = there is none, or it is null.
    mutating func scalar(_ reference: ValueReference) throws(SagaError) -> JSONValue? {
        guard let document = try document(of: reference), let token = Self.token(reference.path, document) else {
            return nil
        }
        let value = document.value(at: token)
        return value == .null ? nil : value
    }

    private static func token(_ path: [ValueReference.Segment], _ document: JSONDocument) -> Int? {
        var token = JSONDocument.root
        for segment in path {
            let next =
                switch segment {
                case .member(let name): document.member(name, of: token)
                case .element(let index): document.element(index, of: token)
                }
            guard let next else { return nil }
            token = next
        }
        return token
    }

    private mutating func document(of reference: ValueReference) throws(SagaError) -> JSONDocument? {
        if let known = documents[reference.root] { return known }
        let payload: Payload? =
            switch reference.root {
            case .input: input
            case .step(let id): outputs(id)
            case .ownOutput: own?.output
            case .ownOutcome, .ownKey: nil
            }
        guard let payload, !payload.isEmpty else { return nil }
        guard payload.encoding == "json" else {
            throw Self.problem(
                "${\(reference.text)} looks into data of encoding \(payload.encoding); only json has parts: pass it whole"
            )
        }
        do throws(CodecError) {
            let document = try JSONDocument(payload.data)
            documents[reference.root] = document
            return document
        } catch {
            throw Self.problem("${\(reference.text)} looks into data that is not JSON: \(error.reason)")
        }
    }
}

/// A condition, ready to be judged.
struct ReadyCondition: Hashable, Sendable {
    var reference: ValueReference
    var comparison: StepCondition.Comparison
    var value: JSONValue

    /// Reads a condition.
    /// - Throws: What is wrong with it.
    init(_ condition: StepCondition) throws(ValueReference.Malformed) {
        do {
            reference = try ValueReference(condition.path)
        } catch {
            throw .init("\(condition.path): \(error.message)")
        }
        comparison = condition.comparison
        guard comparison != .exists else {
            value = .null
            return
        }
        let bytes = Array(condition.value.utf8)
        guard bytes.count <= 1_024 else { throw .init("a value of \(bytes.count) bytes; 1024 are allowed") }
        do throws(CodecError) {
            value = try JSONCoding.parse(bytes)
        } catch {
            throw .init("the value is not JSON: \(condition.value); put a text into quotes")
        }
        switch value {
        case .array, .object: throw .init("the value must be a number, a text, true, false or null")
        default: break
        }
    }

    /// Whether it holds.
    func holds(_ values: inout ValueSource) throws(SagaError) -> Bool {
        let found = try values.scalar(reference) ?? .null
        switch comparison {
        case .exists: return found != .null
        case .equal: return Self.order(found, value) == 0
        case .notEqual: return Self.order(found, value) != 0
        case .less: return Self.order(found, value).map { $0 < 0 } ?? false
        case .lessOrEqual: return Self.isOrdered(found) && (Self.order(found, value).map { $0 <= 0 } ?? false)
        case .greater: return Self.order(found, value).map { $0 > 0 } ?? false
        case .greaterOrEqual: return Self.isOrdered(found) && (Self.order(found, value).map { $0 >= 0 } ?? false)
        }
    }

    private static func isOrdered(_ value: JSONValue) -> Bool {
        value.doubleValue != nil || value.stringValue != nil
    }

    /// -1, 0 or 1 for values that can be compared, 0 for equal ones of other kinds; else nil.
    private static func order(_ left: JSONValue, _ right: JSONValue) -> Int? {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            if left.utf8.elementsEqual(right.utf8) { return 0 }
            return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        case (.integer(let left), .integer(let right)): return left == right ? 0 : (left < right ? -1 : 1)
        case (.unsigned(let left), .unsigned(let right)): return left == right ? 0 : (left < right ? -1 : 1)
        default:
            if let left = left.doubleValue, let right = right.doubleValue {
                return left == right ? 0 : (left < right ? -1 : 1)
            }
            return left == right ? 0 : nil
        }
    }
}
