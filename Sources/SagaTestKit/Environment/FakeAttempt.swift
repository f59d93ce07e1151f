public import SagaCore

/// What one attempt of a fake activity does.
///
/// ```swift
/// environment.fake(TakePayment.self, attempts: [.fails(), .timesOut]) { order in "P-\(order.number)" }
/// ```
/// Here the first attempt fails, the second never reports, and the third does what the closure says.
public struct FakeAttempt: Sendable {
    enum Kind: Sendable {
        case runs
        case fails(any Error)
        case failsAfterEffect(any Error)
        case timesOut
        case timesOutAfterEffect
        case completesLater
    }

    var kind: Kind
    var delay: Duration?

    /// Takes effect and succeeds: what every attempt does that nothing is said of.
    public static let runs = FakeAttempt(kind: .runs)

    /// Fails before its effect. Whether the engine knows that is up to the error: one of kind `domain` or `validation` says that
    /// nothing happened, with any other the outcome is unknown.
    public static func fails(_ error: any Error = SagaError(kind: .activityExecution, message: "scripted failure"))
        -> FakeAttempt
    {
        FakeAttempt(kind: .fails(error))
    }

    /// Takes effect, and fails all the same.
    public static func failsAfterEffect(
        _ error: any Error = SagaError(kind: .activityExecution, message: "scripted failure")
    ) -> FakeAttempt {
        FakeAttempt(kind: .failsAfterEffect(error))
    }

    /// Fails and says that it had no effect, whatever the kind of the error is: the step need not be undone.
    public static func hasNoEffect(
        _ error: any Error = SagaError(kind: .activityExecution, message: "scripted failure")
    ) -> FakeAttempt {
        FakeAttempt(kind: .fails(NoEffect(error)))
    }

    /// Never reports, and has no effect; nobody knows that.
    public static let timesOut = FakeAttempt(kind: .timesOut)

    /// Takes effect, and never reports it.
    public static let timesOutAfterEffect = FakeAttempt(kind: .timesOutAfterEffect)

    /// Goes on elsewhere, until the test completes it: see ``SagaTestEnvironment/complete(_:returning:)``.
    public static let completesLater = FakeAttempt(kind: .completesLater)

    /// The same, so much later in virtual time. An attempt that is asked to stop before that stops, and says that it had no
    /// effect.
    public func after(_ delay: Duration) -> FakeAttempt {
        var attempt = self
        attempt.delay = delay
        return attempt
    }
}

/// An attempt of an activity that was made, in the order in which they were handed out.
public struct RecordedCall: Sendable {
    /// The activity.
    public var activityType: String
    /// The step's name.
    public var stepID: String
    /// The attempt, from 1; 0 for a probe.
    public var attempt: UInt32
    /// Whether it was the step's undo, or the probe for one.
    public var isUndo: Bool
    /// The saga that it was made for.
    public var workflowID: String
    /// The same over all attempts of the step, or of its undo.
    public var idempotencyKey: String
    /// What it was given: the input of a step; for an undo what its step prepared, or input, output and outcome of the step.
    public var input: Payload
    /// When, from the beginning of the test.
    public var at: Duration
    /// What `heartbeat` of an earlier attempt said last.
    public var heartbeatDetails: Payload?
    let reference: TaskReference
    let converter: any PayloadConverter

    /// The step's name; for its undo with `undo` before it.
    public var name: String { isUndo ? "undo \(stepID)" : stepID }

    /// What it was given, as a value.
    public func input<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try converter.decode(type, from: input)
    }
}

/// A saga, or a test, that does not get on.
public struct SagaTestError: Error, CustomStringConvertible {
    /// What is wrong, and what to do.
    public var description: String

    init(_ description: String) { self.description = description }
}
