import Examples
import Foundation
import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Section 7: the tutorial. Section 8: activities.
@Suite(.timeLimit(.minutes(1))) struct TutorialTests {
    private func input(_ token: String) -> PaymentInput {
        PaymentInput(
            orderID: "order_123", customerID: "customer_456", amount: 99, currency: "USD", paymentToken: token)
    }

    /// Sections 7.2 to 7.6: types, activity, workflow, module, and the engine that runs them; `Sources/embedded-payment` is the
    /// whole program.
    @Test func thePaymentOfSection76() async throws {
        var workflows = WorkflowRegistry()
        PaymentSagaModule.register(&workflows)
        var activities = ActivityRegistry()
        PaymentSagaModule.register(&activities)
        let engine = try await SagaEngine(store: MemoryEventStore(), workflows: workflows, activities: activities)
        let output = try await engine.executeWorkflow(
            PaymentWorkflow.self, id: "payment-1", input: input("tok_visa_4242"))
        #expect(output.status == .approved)
        #expect(output.approvedAmount == 99)
        #expect(output.transactionID.hasPrefix("txn_"))
        let events = try await engine.handle(PaymentWorkflow.self, id: "payment-1").history().map(\.eventType)
        // Section 7.7, but recorded before it is acknowledged.
        #expect(
            events == [
                .workflowExecutionStarted, .activityTaskScheduled, .activityTaskStarted, .activityTaskCompleted,
                .workflowExecutionCompleted,
            ])
        await engine.shutDown()
    }

    @Test(arguments: [
        ("", ErrorKind.validation, 1), ("tok_declined", .domain, 1), ("tok_no_funds", .domain, 1),
        ("tok_gateway_down", .activityExecution, 3),
    ])
    func theErrorsOfSection72(_ token: String, _ kind: ErrorKind, _ attempts: Int) async throws {
        let environment = SagaTestEnvironment(PaymentWorkflow.self)
        var activities = ActivityRegistry()
        PaymentSagaModule.register(&activities)
        environment.register(activities)
        let run = try await environment.start(PaymentWorkflow.self, input(token))
        #expect(try await run.failure().error?.kind == kind)
        #expect(environment.calls.count { $0.activityType == ProcessPaymentActivity.typeID } == attempts)
    }

    @Test func aGoodActivityBearsBeingRunTwice() async throws {
        let services = OrderServices()
        let order = SagaPatternTests.order
        let environment = SagaTestEnvironment(OrderProcessingWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: services)
        environment.register(activities)
        // The first attempt takes effect, and is not heard of (section 8.2).
        let real = ReserveInventoryActivity(services: services)
        environment.fake(ReserveInventoryActivity.self, attempts: [.timesOutAfterEffect]) {
            (input: ReserveInventoryInput, context: ActivityContext) in
            try await real.execute(input, context)
        }
        _ = try await environment.run(OrderProcessingWorkflow.self, order)
        #expect(await services.standing.values.count { $0.hasPrefix("inventory") } == 1)
    }

    @Test func aRefundGetsWhatItNeeds() async throws {
        let environment = SagaTestEnvironment(OrderProcessingWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: OrderServices())
        environment.register(activities)
        var order = SagaPatternTests.order
        order.address = ""
        _ = try await environment.start(OrderProcessingWorkflow.self, order).failure()
        let refund = try #require(environment.calls.first { $0.activityType == RefundPaymentActivity.typeID })
        // Section 8.3: what `prepareCompensationData` made of the step.
        let input = try refund.input(as: RefundInput.self)
        #expect(input.transactionID?.hasPrefix("txn_") == true)
        #expect(input.amount == 99)
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test func theCatalogOfSection84() async throws {
        let outbox = Outbox()
        let path = "/tmp/saga-manual-\(UInt64.random(in: 0 ... .max)).txt"
        func environment(_ answer: String?) -> SagaTestEnvironment {
            let environment = SagaTestEnvironment(ReportWorkflow.self)
            environment.register(CreateFile())
            environment.register(DeleteFile())
            environment.register(SendEmail(outbox: outbox))
            let send: @Sendable (String, String) async throws -> String = { request, _ in
                guard let answer else { throw SagaError(kind: .domain, message: "\(request) is refused") }
                return answer
            }
            environment.register(CallExternalAPI(send: send))
            environment.register(WithdrawExternalAPI(send: send))
            return environment
        }
        #expect(try await environment("200").run(ReportWorkflow.self, path) == "200")
        #expect(await outbox.messages == ["published: 200"])
        #expect(text(path) == "42")
        let run = try await environment(nil).start(ReportWorkflow.self, path)
        _ = try await run.failure()
        #expect(try await run.undone() == ["file.create"])
        #expect(text(path) == nil)
    }
}
