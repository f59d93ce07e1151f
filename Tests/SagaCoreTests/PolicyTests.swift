import SagaCore
import Testing

@Suite struct RetryPolicyTests {
    @Test func intervalsDoubleUpToTheLimit() {
        let policy = RetryPolicy(jitter: 0)
        let seconds = (1...8).map { policy.interval(after: $0, random: 0.5) / 1_000_000 }
        #expect(seconds == [1, 2, 4, 8, 16, 32, 60, 60])
        #expect(RetryPolicy.undo.interval(after: 1, random: 1) == 2_000_000)
        #expect(RetryPolicy.undo.interval(after: 2, random: 1) == 4_000_000)
        let slow = RetryPolicy(backoffCoefficient: 1.5, maximumIntervalMicros: .max, jitter: 0)
        #expect(slow.interval(after: 3, random: 0) == 2_250_000)
        let constant = RetryPolicy(backoffCoefficient: 1, jitter: 0)
        #expect(constant.interval(after: 1_000, random: 0) == 1_000_000)
        #expect(RetryPolicy(backoffCoefficient: 0.1, jitter: 0).interval(after: 9, random: 0) == 1_000_000)
    }

    @Test func jitterShortensByItsShareAtMost() {
        let policy = RetryPolicy(jitter: 0.25)
        #expect(policy.interval(after: 1, random: 0) == 1_000_000)
        #expect(policy.interval(after: 1, random: 1) == 750_000)
        #expect(policy.interval(after: 1, random: 0.5) == 875_000)
        // Draws and shares out of range count as the nearest in range.
        #expect(policy.interval(after: 1, random: 7) == 750_000)
        #expect(policy.interval(after: 1, random: -7) == 1_000_000)
        #expect(RetryPolicy(jitter: 9).interval(after: 1, random: 1) == 0)
        #expect(RetryPolicy(jitter: -9).interval(after: 1, random: 1) == 1_000_000)
    }

    /// Policies come from users: none may trap, loop for long or give a negative time.
    @Test(.timeLimit(.minutes(1)))
    func oddPoliciesGiveSaneTimes() {
        let doubles: [Double] = [
            0, -1, 1, 1.000_000_1, 2, 1e300, .infinity, -.infinity, .nan, .greatestFiniteMagnitude,
        ]
        let micros: [Int64] = [0, 1, -1, 1_000_000, .max, .min]
        for coefficient in doubles {
            for initial in micros {
                for maximum in micros {
                    for jitter in doubles {
                        let policy = RetryPolicy(
                            maximumAttempts: 0, initialIntervalMicros: initial, backoffCoefficient: coefficient,
                            maximumIntervalMicros: maximum, jitter: jitter)
                        for attempt: UInt32 in [0, 1, 2, 50, 4_000_000_000, .max] {
                            let interval = policy.interval(after: attempt, random: jitter)
                            #expect(interval >= 0)
                            #expect(interval <= max(0, maximum))
                        }
                    }
                }
            }
        }
        let creeping = RetryPolicy(backoffCoefficient: 1.000_000_1, jitter: 0)
        #expect(creeping.interval(after: 4_000_000_000, random: 0) == 60_000_000)
    }

    @Test func retriesEndWithTheAttemptsAndTheKind() {
        let policy = RetryPolicy(maximumAttempts: 3, nonRetryableKinds: [.timeout])
        let transient = SagaError(kind: .activityExecution, message: "")
        #expect(policy.allowsRetry(after: 1, error: transient))
        #expect(policy.allowsRetry(after: 2, error: transient))
        #expect(!policy.allowsRetry(after: 3, error: transient))
        #expect(!policy.allowsRetry(after: 1, error: SagaError(kind: .timeout, message: "")))
        #expect(!policy.allowsRetry(after: 1, error: SagaError(kind: .validation, message: "")))
        #expect(!policy.allowsRetry(after: 1, error: SagaError(kind: .domain, message: "")))
        let stubborn = SagaError(kind: .activityExecution, message: "", isNonRetryable: true)
        #expect(!policy.allowsRetry(after: 1, error: stubborn))
        #expect(RetryPolicy(maximumAttempts: 0).allowsRetry(after: .max, error: transient))
        #expect(!RetryPolicy.never.allowsRetry(after: 1, error: transient))
    }
}

@Suite struct CatalogueTests {
    /// The codes of the design's catalogue (semantics, section 9), typed in again: they are disk and wire format.
    @Test func eventCodesAreThoseOfTheCatalogue() {
        var codes = Set(0...12).union(20...27).union(40...42).union(50...53).union(60...61).union([70])
        codes.formUnion(Set(80...82).union(90...99).union([110, 112, 113, 114, 115, 120]).union(131...134))
        codes.formUnion(Set([140]).union(150...160).union([200]))
        #expect(Set(EventType.allCases.map { Int($0.rawValue) }) == codes)
        #expect(Set(EventType.allCases.map(\.name)).count == codes.count)
        let names: [EventType: String] = [
            .workflowExecutionStarted: "WorkflowExecutionStarted", .activityTaskScheduled: "ActivityTaskScheduled",
            .timerFired: "TimerFired", .compensationStepStarted: "CompensationStepStarted", .domainEvent: "DomainEvent",
        ]
        for (type, name) in names { #expect(type.name == name) }
        #expect(EventType.workflowExecutionResumed.rawValue == 12)
        #expect(EventType.activityTaskRetryScheduled.rawValue == 27)
        #expect(EventType.compensationOperatorAction.rawValue == 160)
    }

    @Test func categoriesFollowTheCodes() {
        let expected: [(ClosedRange<UInt16>, EventCategory)] = [
            (0...19, .workflow), (20...39, .activity), (40...49, .timer), (50...59, .signal), (60...69, .marker),
            (70...79, .snapshot), (80...89, .command), (90...109, .childWorkflow), (110...119, .localActivity),
            (120...129, .sideEffect), (130...139, .update), (140...149, .searchAttribute), (150...199, .compensation),
            (200...255, .domain),
        ]
        for type in EventType.allCases {
            #expect(expected.first { $0.0.contains(type.rawValue) }?.1 == type.category, "\(type)")
        }
    }

    @Test func kindsOfErrorsHaveNamesAndCategories() {
        #expect(Set(ErrorKind.allCases.map(\.name)).count == ErrorKind.allCases.count)
        for kind in ErrorKind.allCases {
            #expect(kind.category.isRetryable == (kind.category == .infrastructure || kind.category == .transient))
            let error = SagaError(kind: kind, message: "m")
            #expect(error.isRetryable == kind.category.isRetryable)
            #expect(error.description.hasPrefix(kind.name))
        }
        #expect(StoreError(.unavailable, "").sagaError.isRetryable)
        #expect(!StoreError(.misconfigured, "").sagaError.isRetryable)
        #expect(!StoreError(.invalid, "").sagaError.isRetryable)
    }

    @Test func closedStatusesAreClosed() {
        let closed: Set<ExecutionStatus> = [.completed, .failed, .canceled, .timedOut, .terminated, .continuedAsNew]
        for status in ExecutionStatus.allCases { #expect(status.isClosed == closed.contains(status)) }
        #expect(Set(ExecutionStatus.allCases.map(\.name)).count == ExecutionStatus.allCases.count)
    }

    @Test func undoPolicyDecidesByOutcome() {
        let expected: [(UndoFailedStep, [StepOutcome])] = [
            (.never, [.completed]), (.ifUnknown, [.completed, .unknown]), (.always, [.completed, .noEffect, .unknown]),
        ]
        for (policy, undone) in expected {
            for outcome in StepOutcome.allCases { #expect(policy.undoes(outcome) == undone.contains(outcome)) }
        }
    }
}
