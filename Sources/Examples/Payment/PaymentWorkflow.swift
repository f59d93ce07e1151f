public import SagaCore

/// The tutorial's workflow: one step, with its undo (manual, section 7.4).
public struct PaymentWorkflow: DurableWorkflow {
    public static let typeID = "payment.processing"
    public static let version: UInt32 = 1

    public init() {}

    public func run(_ context: WorkflowContext, _ input: PaymentInput) async throws -> PaymentOutput {
        // The context records what was asked for and what came back, repeats what failed, and waits over restarts.
        try await context.executeActivity(ProcessPaymentActivity(), input)
    }
}
