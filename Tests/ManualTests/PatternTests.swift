import Examples
import SagaCodec
import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// Section 9: compensation. Section 10: errors. Section 11: configuration. Section 12: patterns.
@Suite(.timeLimit(.minutes(1))) struct PatternTests {
    @Test func stepsOfSection92AreTrackedByHand() async throws {
        let environment = SagaTestEnvironment(TrackedWorkflow.self)
        environment.register(RefundTracked())
        environment.fakeUndo(named: "inventory.release")
        let run = try await environment.start(TrackedWorkflow.self, 100)
        _ = try await run.failure()
        #expect(environment.calls.map(\.name) == ["undo payment", "undo reserve-inventory"])
        // Section 9.3: the undo has the transaction.
        let given = try environment.calls[0].input(as: UndoInput<[String: Int], TrackedPayment>.self)
        #expect(given.output?.transactionID == "txn_abc123")
        #expect(given.input == ["amount": 100])
        let last = try await run.history().compactMap { event -> String? in
            guard case .compensationStepCompleted(let step) = event.attributes else { return nil }
            return try JSONPayloadConverter().decode(String?.self, from: step.output)
        }.first
        #expect(last == "refunded 100 of txn_abc123")
    }

    @Test func anUndoOfSection94IsRetriedAndThenNeedsAPerson() async throws {
        let environment = SagaTestEnvironment(OrderProcessingWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: OrderServices())
        environment.register(activities)
        environment.fakeUndo(named: ReleaseInventoryActivity.typeID, attempts: Array(repeating: .fails(), count: 3))
        var order = SagaPatternTests.order
        order.address = ""
        let run = try await environment.start(OrderProcessingWorkflow.self, order)
        try await environment.advance(by: .seconds(3_600))
        #expect(try await run.describe().block?.cause == .undoFailed)
        let tries = environment.calls.filter { $0.activityType == ReleaseInventoryActivity.typeID }.map(\.at)
        #expect(tries.count == Int(undoPolicy.maximumAttempts))
        // Two seconds, then four.
        #expect(tries[1] - tries[0] >= .seconds(2) && tries[1] - tries[0] < .milliseconds(2_100))
        #expect(tries[2] - tries[1] >= .seconds(4) && tries[2] - tries[1] < .milliseconds(4_100))
        #expect(undoPolicy == .undo)
        try await run.operate(.retry)
        #expect(try await run.failure().compensation.state == .complete)
    }

    @Test func theCodeOfSection94CompensatesByItself() async throws {
        let services = OrderServices()
        let environment = SagaTestEnvironment(ManualCompensationWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: services)
        environment.register(activities)
        var options = StartOptions()
        options.autoCompensate = false
        let output = try await environment.run(ManualCompensationWorkflow.self, "order_1", options: options)
        #expect(output.hasPrefix("given back: "))
        #expect(await services.standing.isEmpty)
    }

    // MARK: Section 10

    @Test func errorsOfSection101HaveTheirKinds() {
        #expect(ErrorKind.allCases.count >= 17)
        for name in [
            "EventStore", "Codec", "WorkflowExecution", "StepExecution", "ActivityExecution", "Timeout", "Concurrency",
            "Compensation",
        ] {
            #expect(ErrorKind.allCases.contains { $0.name == name }, "\(name)")
        }
    }

    @Test func strategiesOfSection102() {
        #expect(ErrorKind.timeout.category.isRetryable)
        #expect(ErrorKind.concurrency.category.isRetryable)
        #expect(ErrorKind.eventStore.category == .infrastructure)
        #expect(ErrorKind.eventStore.category.isRetryable)
        #expect(ErrorKind.compensation.category.parksTheRun)
        #expect(!ErrorKind.domain.category.isRetryable)
    }

    @Test func theContextualErrorOfSection103() async throws {
        let error = SagaError(kind: .activityExecution, message: "Activity failed")
            .with("saga_id", "abc-123").with("activity_type", "ProcessPayment").with("attempt", "3")
        #expect(error.context.map(\.key) == ["saga_id", "activity_type", "attempt"])
        let environment = SagaTestEnvironment(RetryWorkflow.self)
        environment.fake(UnreliableActivity.self, always: .fails(error))
        // It reaches the caller as it was thrown.
        let failure = try await environment.start(RetryWorkflow.self, "x").failure()
        #expect(failure.error?.context == error.context)
        #expect(failure.error?.message == "Activity failed")
    }

    @Test(arguments: [(ErrorKind.timeout, 3, "again"), (.domain, 1, "undone")])
    func theRecoveryOfSection104(_ kind: ErrorKind, _ attempts: Int, _ what: String) async throws {
        let environment = SagaTestEnvironment(OrderProcessingWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: OrderServices())
        environment.register(activities)
        environment.fake(ScheduleShippingActivity.self, always: .fails(SagaError(kind: kind, message: what)))
        let run = try await environment.start(OrderProcessingWorkflow.self, SagaPatternTests.order)
        #expect(try await run.failure().compensation.state == .complete)
        #expect(environment.calls.count { $0.name == "shipping.schedule" } == attempts)
        #expect(try await run.undone().last == "order.create")
    }

    // MARK: Section 11

    @Test func theConfigurationOfSection111() {
        let config = SagaEngineConfig()
        #expect(config.maxEventsBeforeSnapshot == 100)
        #expect(config.defaultActivityTimeout == .seconds(300))
        #expect(config.workflowTaskQueue == "default")
        #expect(config.maxActivityRetries == 3)
        #expect(config.retryBackoffInitial == .seconds(1))
        #expect(config.retryBackoffMax == .seconds(60))
    }

    @Test func theCodecsOfSection113() throws {
        let input = OrderItem(productID: "A", quantity: 2)
        #expect(try JSONCoding.decode(OrderItem.self, from: try JSONCoding.encode(input)) == input)
        let postcard = try PostcardCoding.encode(input)
        let bincode = try BincodeCoding.encode(input, .fixed)
        #expect(postcard.count < (try JSONCoding.encode(input)).count)
        #expect(postcard.count <= bincode.count)
        #expect(try PostcardCoding.decode(OrderItem.self, from: postcard) == input)
        #expect(try BincodeCoding.decode(OrderItem.self, from: bincode, .fixed) == input)
    }

    // MARK: Section 12

    @Test func theParallelActivitiesOfSection121() async throws {
        let environment = SagaTestEnvironment(ParallelWorkflow.self)
        environment.fake(ActivityA.self, delay: .seconds(60)) { $0 + 1 }
        environment.fake(ActivityB.self, delay: .seconds(60)) { $0 * 2 }
        environment.register(ActivityC())
        #expect(try await environment.run(ParallelWorkflow.self, 3) == 10)
        #expect(environment.elapsed < .seconds(61))
    }

    @Test func theRetriesOfSection122() async throws {
        func environment() -> SagaTestEnvironment {
            let environment = SagaTestEnvironment(RetryWorkflow.self, RetryCycleWorkflow.self)
            environment.fake(UnreliableActivity.self, attempts: [.fails(), .fails()]) { $0 }
            return environment
        }
        let policy = environment()
        #expect(try await policy.run(RetryWorkflow.self, "x") == "x")
        #expect(policy.elapsed >= .seconds(3) && policy.elapsed < .seconds(4))

        let cycle = environment()
        var calls = 0
        cycle.fake(UnreliableActivity.self) { (input: String) in
            calls += 1
            if calls < 3 { throw SagaError(kind: .activityExecution, message: "not yet") }
            return input
        }
        #expect(try await cycle.run(RetryCycleWorkflow.self, "x") == "x")
        #expect(cycle.elapsed >= .seconds(3) && cycle.elapsed < .seconds(4))
        cycle.fake(UnreliableActivity.self, always: .fails())
        #expect(try await cycle.start(RetryCycleWorkflow.self, "x").failure().error?.kind == .activityExecution)
    }

    @Test func theWaitingOfSection123() async throws {
        let environment = SagaTestEnvironment(ApprovalWorkflow.self, ShortApprovalWorkflow.self)
        let run = try await environment.start(ApprovalWorkflow.self, "order_123")
        environment.after(.seconds(23 * 3_600)) { try await run.signal("approval_received", "Ada") }
        #expect(try await run.result() == "approved by Ada")
        let late = try await environment.start(ApprovalWorkflow.self, "order_124")
        #expect(try await late.failure().error?.kind == .domain)
        #expect(environment.elapsed >= .seconds(47 * 3_600))
        let short = try await environment.start(ShortApprovalWorkflow.self, "order_125")
        try await short.signal("approval_received", "Bo")
        #expect(try await short.result() == "approved by Bo")
    }
}
