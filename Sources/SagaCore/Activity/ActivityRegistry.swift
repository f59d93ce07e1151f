/// The activities that a worker serves (manual, section 7.5).
public struct ActivityRegistry: Sendable {
    private var definitions: [String: ActivityDefinition] = [:]
    /// For an undo activity that does not take `UndoInput`: how its input is made from the step's payloads.
    private var preparers: [String: @Sendable (Payload, Payload?) throws -> Payload?] = [:]

    public init() {}

    /// The names of the activities, sorted.
    public var types: [String] { definitions.keys.sorted() }

    /// Adds an activity. The same name twice keeps the later one.
    public mutating func register<A: Activity>(_ activity: A, converter: any PayloadConverter = .json) {
        definitions[A.typeID] = ActivityDefinition(type: A.typeID) { payload, context in
            let input = try ActivityInputError.wrapping { try converter.decode(A.Input.self, from: payload) }
            return (try converter.encode(try await activity.execute(input, context)), nil)
        }
    }

    /// Adds an activity that can be undone; register its undo, too, unless another worker serves it.
    public mutating func register<A: CompensatableActivity>(_ activity: A, converter: any PayloadConverter = .json) {
        definitions[A.typeID] = ActivityDefinition(type: A.typeID) { payload, context in
            let input = try ActivityInputError.wrapping { try converter.decode(A.Input.self, from: payload) }
            let output = try await activity.execute(input, context)
            let undoData = try activity.prepareCompensationData(input, output).map { try converter.encode($0) }
            return (try converter.encode(output), undoData)
        }
        preparers[A.Compensation.typeID] = { input, output in
            let stepInput = try converter.decode(A.Input.self, from: input)
            let stepOutput = try output.map { try converter.decode(A.Output.self, from: $0) }
            return try activity.prepareCompensationData(stepInput, stepOutput).map { try converter.encode($0) }
        }
    }

    /// Adds an undo that reads what it needs itself, whatever the encodings of its step are.
    public mutating func register<A: Activity>(
        _ activity: A, converter: any PayloadConverter = .json
    ) where A.Input == UndoPayloads {
        definitions[A.typeID] = ActivityDefinition(type: A.typeID, takesTask: true) { payload, context in
            let input = try ActivityInputError.wrapping { try UndoPayloads(context.task, converter) }
            return (try converter.encode(try await activity.execute(input, context)), nil)
        }
    }

    /// The code of an activity.
    package func definition(_ type: String) -> ActivityDefinition? { definitions[type] }

    /// What an activity is given: the input of a step, or for an undo what its step prepared, or all that is known.
    package func input(for task: ActivityTask) throws -> Payload {
        guard let undo = task.undo, definitions[task.activityType]?.takesTask != true else { return task.input }
        if let data = undo.data { return data }
        if let prepared = try preparers[task.activityType]?(task.input, undo.output) { return prepared }
        return try UndoEnvelope.payload(input: task.input, undo: undo)
    }
}

/// An activity without its types.
package struct ActivityDefinition: Sendable {
    package var type: String
    /// Whether it reads the task itself, so that no input is made for it.
    package var takesTask = false
    package var execute: @Sendable (Payload, ActivityContext) async throws -> (output: Payload, undoData: Payload?)
}

/// The input of an activity does not decode: its code never ran, so nothing can have happened.
package struct ActivityInputError: Error {
    /// Why.
    package var reason: any Error

    static func wrapping<Value>(_ decode: () throws -> Value) throws(ActivityInputError) -> Value {
        do { return try decode() } catch { throw ActivityInputError(reason: error) }
    }
}

/// The JSON object `{"input", "output", "outcome", "idempotency_key"}` that an undo receives.
enum UndoEnvelope {
    static func payload(input: Payload, undo: UndoTaskInput) throws -> Payload {
        let output = undo.output ?? .empty
        guard isJSON(input), isJSON(output) else {
            throw SagaError(
                kind: .codec,
                message: "the undo of a step with payloads of encoding \(input.encoding) needs prepareCompensationData:"
                    + " only JSON payloads can be put into one undo input")
        }
        // Put together as text: the parts are JSON already, and decoding them here would cost for nothing.
        var data = Array(#"{"input":"#.utf8) + text(input)
        data += Array(#","output":"#.utf8) + text(output)
        data += Array(#","outcome":""#.utf8) + Array(undo.outcome.name.utf8)
        data += Array(#"","idempotency_key":""#.utf8) + Array(escaped(undo.stepKey).utf8) + Array(#""}"#.utf8)
        return Payload(encoding: "json", data: data)
    }

    private static func isJSON(_ payload: Payload) -> Bool { payload.isEmpty || payload.encoding == "json" }

    private static func text(_ payload: Payload) -> [UInt8] {
        payload.data.isEmpty ? Array("null".utf8) : payload.data
    }

    private static func escaped(_ key: String) -> String {
        var result = ""
        for scalar in key.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1F}":
                let code = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
