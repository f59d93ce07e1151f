internal import SagaCore

/// What stands for an activity.
struct Fake {
    typealias Body = (ActivityTask, any HeartbeatReporter) async throws -> (output: Payload, undoData: Payload?)

    /// What the first attempts do.
    var attempts: [FakeAttempt] = []
    /// What the others do.
    var rest = FakeAttempt.runs
    var delay = Duration.zero
    var body: Body?
    /// Made up for an undo that nobody spoke of.
    var isDefault = false

    /// What an attempt does; a probe, which has number 0, does what its closure says.
    func attempt(_ number: UInt32) -> FakeAttempt {
        guard number > 0 else { return rest }
        let index = Int(clamping: number - 1)
        return index < attempts.count ? attempts[index] : rest
    }
}

/// What is known of the activities of a test.
struct FakeDesk {
    private(set) var fakes: [String: Fake] = [:]
    /// Real activities, and what prepares inputs of undos.
    private(set) var real = ActivityRegistry()
    private(set) var types: [String] = []

    /// Puts a fake in the place of whatever was there.
    /// - Returns: Whether the type is new.
    mutating func set(_ type: String, _ fake: Fake) -> Bool {
        if fake.isDefault, types.contains(type) { return false }
        fakes[type] = fake
        return add(type)
    }

    /// Puts a real activity in the place of whatever was there.
    mutating func set<A: Activity>(_ activity: A, _ converter: any PayloadConverter) -> Bool {
        fakes[A.typeID] = nil
        real.register(activity, converter: converter)
        return add(A.typeID)
    }

    mutating func set<A: CompensatableActivity>(_ activity: A, _ converter: any PayloadConverter) -> Bool {
        fakes[A.typeID] = nil
        real.register(activity, converter: converter)
        return add(A.typeID)
    }

    mutating func set(_ registry: ActivityRegistry) -> [String] {
        real = registry
        for type in registry.types { fakes[type] = nil }
        return registry.types.filter { add($0) }
    }

    /// Keeps how an activity prepares the input of its undo, without its code.
    mutating func prepare<A: CompensatableActivity>(_ activity: A, _ converter: any PayloadConverter) {
        real.register(activity, converter: converter)
    }

    private mutating func add(_ type: String) -> Bool {
        guard !types.contains(type) else { return false }
        types.append(type)
        return true
    }
}
