internal import Examples
internal import SagaCore
internal import SagaEngine
internal import SagaSQLite

/// The tutorial's last step (manual, section 7.6): the payment saga in one process, without a server.
///
/// `swift run embedded-payment [FILE]`; run it again with the same file, and it finds the saga done.
@main
enum EmbeddedPayment {
    static func main() async throws {
        // 1. Configure.
        let config = SagaEngineConfig()
        // 2. The store.
        let path = CommandLine.arguments.dropFirst().first ?? "payments.db"
        let store = try SQLiteEventStore(path: path)
        // 3. What runs here.
        var activities = ActivityRegistry()
        PaymentSagaModule.register(&activities)
        var workflows = WorkflowRegistry()
        PaymentSagaModule.register(&workflows)
        // 4. The engine; open sagas of an earlier run go on at once.
        let engine = try await SagaEngine(config: config, store: store, workflows: workflows, activities: activities)
        // 5. Start the workflow.
        let input = PaymentInput(
            orderID: "order_123", customerID: "customer_456", amount: 99, currency: "USD",
            paymentToken: "tok_visa_4242")
        do {
            let handle = try await engine.startWorkflow(PaymentWorkflow.self, id: input.orderID, input: input)
            let output = try await handle.result()
            print(
                "payment \(output.status.rawValue): \(output.transactionID), \(output.approvedAmount) \(input.currency)"
            )
        } catch let failure as CallFailure where failure.code == .alreadyExists {
            print("\(input.orderID) was paid in an earlier run: \(failure.message)")
        }
        await engine.shutDown()
    }
}
