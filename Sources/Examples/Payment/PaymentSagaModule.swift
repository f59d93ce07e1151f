public import SagaCore

/// Everything a worker or an embedded engine needs to run the payment saga (manual, section 7.5).
public enum PaymentSagaModule {
    /// Registers the activities.
    /// - Parameter ledger: The provider's books, if somebody wants to look at them.
    public static func register(_ registry: inout ActivityRegistry, ledger: PaymentLedger = PaymentLedger()) {
        registry.register(ProcessPaymentActivity(ledger: ledger))
        registry.register(RefundPaymentActivity(ledger: ledger))
    }

    /// Registers the workflow.
    public static func register(_ registry: inout WorkflowRegistry) {
        registry.register(PaymentWorkflow.self)
    }
}
