public import SagaCore

/// Makes values of the event model at random, from a seed: short and long texts, empty and full optionals, extreme
/// numbers.
public struct SampleMaker: Sendable {
    public var random: TestRandom

    public init(seed: UInt64) { random = TestRandom(seed: seed) }

    // MARK: Scalars

    public mutating func bool() -> Bool { Bool.random(using: &random) }

    public mutating func number() -> UInt32 {
        switch UInt8.random(in: 0..<4, using: &random) {
        case 0: 0
        case 1: .max
        default: UInt32.random(in: 0...300, using: &random)
        }
    }

    public mutating func eventID() -> EventID { UInt64(number()) }

    public mutating func micros() -> Int64 {
        switch UInt8.random(in: 0..<8, using: &random) {
        case 0: .min
        case 1: .max
        case 2: 0
        default: Int64.random(in: 1_700_000_000_000_000...1_800_000_000_000_000, using: &random)
        }
    }

    public mutating func time() -> Timestamp { Timestamp(microseconds: micros()) }

    public mutating func text() -> String {
        switch UInt8.random(in: 0..<8, using: &random) {
        case 0: ""
        case 1: "zürich-東京-🚆"
        case 2: String(repeating: "long ", count: 60)
        default: "text-\(UInt16.random(in: .min ... .max, using: &random))"
        }
    }

    public mutating func bytes() -> [UInt8] {
        let kind = random.next()
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: kind), count: kind % 16 == 0 ? 2_000 : Int(kind % 41))
        // Random where it matters: at both ends.
        for index in bytes.indices.prefix(8) { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
        if let last = bytes.indices.last { bytes[last] = UInt8(truncatingIfNeeded: random.next()) }
        return bytes
    }

    public mutating func sagaID() -> SagaID {
        SagaID(
            time: Timestamp(microseconds: Int64.random(in: 0...2_000_000_000_000_000, using: &random)),
            random: (random.next(), random.next()))
    }

    public mutating func pick<Value: CaseIterable>(_ type: Value.Type = Value.self) -> Value {
        let cases = Array(Value.allCases)
        return cases[Int.random(in: 0..<cases.count, using: &random)]
    }

    public mutating func maybe<Value>(_ make: (inout SampleMaker) -> Value) -> Value? { bool() ? make(&self) : nil }

    public mutating func list<Value>(_ make: (inout SampleMaker) -> Value) -> [Value] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in make(&self) }
    }

    // MARK: Values

    public mutating func metadata() -> MetadataEntry { MetadataEntry(key: text(), value: text()) }

    public mutating func payload() -> Payload {
        Payload(encoding: text(), data: bytes(), metadata: list { $0.metadata() })
    }

    public mutating func named() -> NamedPayload { NamedPayload(name: text(), payload: payload()) }

    public mutating func error() -> SagaError {
        SagaError(
            kind: pick(), message: text(), code: text(), context: list { $0.metadata() },
            causes: list { ErrorCause(kind: $0.pick(), message: $0.text()) }, timestamp: time(), isNonRetryable: bool(),
            details: maybe { $0.payload() })
    }

    public mutating func retry() -> RetryPolicy {
        RetryPolicy(
            maximumAttempts: number(), initialIntervalMicros: micros(),
            backoffCoefficient: Double.random(in: 0...10, using: &random), maximumIntervalMicros: micros(),
            jitter: Double.random(in: 0...1, using: &random), nonRetryableKinds: list { $0.pick() })
    }

    public mutating func timeouts() -> ActivityTimeouts {
        ActivityTimeouts(
            scheduleToStartMicros: micros(), startToCloseMicros: micros(), scheduleToCloseMicros: micros(),
            heartbeatMicros: micros())
    }

    public mutating func undo() -> UndoSpec {
        UndoSpec(
            activityType: text(), taskQueue: text(), undoFailedStep: pick(), retry: retry(), timeouts: timeouts(),
            probeActivityType: text())
    }

    public mutating func carried() -> CarriedUndo {
        CarriedUndo(
            sourceSagaID: sagaID(), sourceEventID: eventID(), stepID: text(), undo: undo(), input: payload(),
            output: maybe { $0.payload() }, outcome: pick(), idempotencyKey: text(), data: maybe { $0.payload() },
            undoGroup: number(), child: maybe { ChildUndo(workflowID: $0.text(), sagaID: $0.sagaID()) })
    }

    public mutating func carriedMessage() -> CarriedMessage {
        CarriedMessage(kind: pick(), id: text(), sagaID: sagaID())
    }

    public mutating func compensation() -> CompensationSummary {
        CompensationSummary(pick(), openEntries: list { $0.eventID() })
    }

    // MARK: Events

    /// An event of the given type.
    public mutating func event(_ type: EventType, id: EventID, of sagaID: SagaID) -> HistoryEvent {
        HistoryEvent(
            eventID: id, sagaID: sagaID, timestamp: time(), attributes: attributes(type),
            isResetPoint: bool(), isRetry: bool(), parentEventID: maybe { $0.eventID() },
            taskQueue: maybe { $0.text() }, traceID: maybe { $0.text() })
    }

    /// Consecutive events of random types.
    public mutating func events(_ count: Int, from first: EventID, of sagaID: SagaID) -> [HistoryEvent] {
        (0..<count).map { event(pick(), id: first + EventID($0), of: sagaID) }
    }
}
