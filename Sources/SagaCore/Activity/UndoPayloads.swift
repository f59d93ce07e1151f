/// What an undo is given, as payloads: the `Input` of an undo whose step's values are not JSON, or of one that serves many steps.
public struct UndoPayloads: Codable, Sendable {
    /// What the step was given.
    public var input: Payload
    /// What the step returned; nil if it never reported.
    public var output: Payload?
    /// What the step prepared for its undo, or an operator's edited input.
    public var data: Payload?
    /// What is known about the step's effect.
    public var outcome: StepOutcome
    /// The step's own idempotency key.
    public var idempotencyKey: String

    public init(input: Payload, output: Payload?, data: Payload?, outcome: StepOutcome, idempotencyKey: String) {
        self.input = input
        self.output = output
        self.data = data
        self.outcome = outcome
        self.idempotencyKey = idempotencyKey
    }

    /// Of a task, with payloads as the converter's codec gives them.
    init(_ task: ActivityTask, _ converter: any PayloadConverter) throws {
        guard let undo = task.undo else {
            throw SagaError(kind: .codec, message: "\(task.activityType) is an undo, and was called as a step")
        }
        func plain(_ payload: Payload) throws -> Payload { try converter.decode(Payload.self, from: payload) }
        self.init(
            input: try plain(task.input), output: try undo.output.map { try plain($0) },
            data: try undo.data.map { try plain($0) }, outcome: undo.outcome, idempotencyKey: undo.stepKey)
    }
}

/// Thrown by an activity: what went wrong, and that it had no effect, so the step need not be undone.
///
/// Around a `CancellationError` it says that the attempt stopped, as it was asked to, before anything had happened.
public struct NoEffect: Error {
    /// What went wrong.
    public var cause: any Error

    public init(_ cause: any Error) { self.cause = cause }
}
