internal import SagaCore
internal import SagaEngine

/// The world outside: what activities really did, by idempotency key. No part of the engine sees it.
struct Ledger {
    struct Effect {
        /// How often an activity came with the key.
        var executions = 0
        /// Whether the effect stands: it happened, and no undo has taken it back.
        var isAlive = false
        /// An undo came: later effects under the key are refused, as documents ask of undos.
        var isMarked = false
        /// A probe found nothing, and closed the door.
        var isClosedByProbe = false
    }

    /// Keys in the order in which they first came up.
    private(set) var keys: [String] = []
    private var effects: [String: Effect] = [:]
    /// How often an undo came with its own key.
    private var undoExecutions: [String: Int] = [:]
    private(set) var lateEffects = 0
    private(set) var repeatedEffects = 0

    /// Attempts of which the server has had a sign of life.
    var signs: Set<TaskReference> = []
    /// Whether the code that closed a run to go on as a new one wanted its undos to go along.
    var carryWanted: [SagaID: Bool] = [:]
    /// What is to become of later steps, by the request of the reset.
    var resetModes: [String: ResetCall.Undo] = [:]
    /// Runs whose code was given to a bad release.
    var badCode: Set<SagaID> = []
    /// The last event that code had seen when it wanted to close its run.
    private var seenAtEnd: [SagaID: EventID] = [:]

    func hasSeen(_ eventID: EventID, atEndOf sagaID: SagaID) -> Bool {
        seenAtEnd[sagaID].map { $0 >= eventID } ?? false
    }

    mutating func closedHavingSeen(_ eventID: EventID, _ sagaID: SagaID) {
        seenAtEnd[sagaID] = max(seenAtEnd[sagaID] ?? 0, eventID)
    }

    /// How often code has asked for a local activity.
    private var localAttempts: [String: Int] = [:]

    /// Counts one more attempt of a local activity.
    mutating func attempts(_ key: String) -> Int {
        localAttempts[key, default: 0] += 1
        return localAttempts[key] ?? 1
    }

    func effect(_ key: String) -> Effect { effects[key] ?? Effect() }

    func undoCount(_ undoKey: String) -> Int { undoExecutions[undoKey] ?? 0 }

    mutating func perform(_ key: String) {
        var effect = effects[key] ?? Effect()
        if effects[key] == nil { keys.append(key) }
        effect.executions += 1
        if effect.isMarked || effect.isClosedByProbe {
            lateEffects += 1
        } else {
            if effect.isAlive { repeatedEffects += 1 }
            effect.isAlive = true
        }
        effects[key] = effect
    }

    /// Whether the effect stands; if not, no later one is let in.
    mutating func probe(_ stepKey: String) -> Bool {
        if effects[stepKey] == nil { keys.append(stepKey) }
        var effect = effects[stepKey] ?? Effect()
        if effect.isAlive { return true }
        effect.isClosedByProbe = true
        effects[stepKey] = effect
        return false
    }

    mutating func undo(_ stepKey: String, undoKey: String) {
        undoExecutions[undoKey, default: 0] += 1
        var effect = effects[stepKey] ?? Effect()
        if effects[stepKey] == nil { keys.append(stepKey) }
        effect.isAlive = false
        effect.isMarked = true
        effects[stepKey] = effect
    }
}
