public import SagaCore

/// Everything a worker or an embedded engine needs to run the payment saga (manual, section 7.5).
public enum PaymentSagaModule {
    /// Registers the activities.
    public static func register(_ registry: inout ActivityRegistry) {
        registry.register(ProcessPaymentActivity())
        registry.register(RefundPaymentActivity())
    }

    /// Registers the workflow.
    public static func register(_ registry: inout WorkflowRegistry) {
        registry.register(PaymentWorkflow.self)
    }
}
