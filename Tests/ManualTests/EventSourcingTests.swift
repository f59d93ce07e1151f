import Examples
import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Section 5: events, replay, snapshots.
@Suite(.timeLimit(.minutes(1))) struct EventSourcingTests {
    @Test func eventsHaveTheFieldsOfSection52() async throws {
        let environment = SagaTestEnvironment(ParallelWorkflow.self)
        environment.register(ActivityA())
        environment.register(ActivityB())
        environment.register(ActivityC())
        let run = try await environment.start(ParallelWorkflow.self, 3)
        _ = try await run.result()
        let events = try await run.history()
        #expect(events.map(\.eventID) == Array(0..<EventID(events.count)), "unique and monotonic from 0")
        #expect(events.allSatisfy { $0.sagaID == run.sagaID })
        #expect(events.first?.eventType == .workflowExecutionStarted)
        #expect(events.first?.category == .workflow)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.timestamp <= $1.timestamp })
        #expect(events.allSatisfy { $0.eventVersion >= 1 })
        #expect(events.allSatisfy { !$0.isResetPoint && $0.traceID == nil })
    }

    @Test func categoriesAreThoseOfSection53() {
        #expect(EventType.workflowExecutionStarted.category == .workflow)
        #expect(EventType.activityTaskScheduled.category == .activity)
        #expect(EventType.timerFired.category == .timer)
        #expect(EventType.signalReceived.category == .signal)
        #expect(EventType.markerRecorded.category == .marker)
        #expect(EventType.snapshotCreated.category == .snapshot)
        #expect(EventType.allCases.count >= 60)
    }

    @Test func anOrderIsWhatItsEventsMakeOfIt() async throws {
        let orders = AggregateRepository<OrderAggregate>(store: MemoryEventStore(), snapshotEvents: 2)
        _ = try await orders.update("order_123") { _ in
            [.orderCreated(OrderCreatedPayload(orderID: "order_123", totalAmount: 100))]
        }
        #expect(try await orders.load("order_123")?.state.status == .pending)
        _ = try await orders.update("order_123") { order in
            #expect(order.status == .pending)
            return [.orderConfirmed(Nothing())]
        }
        _ = try await orders.update("order_123") { _ in [.orderCompleted(Nothing())] }
        let loaded = try #require(try await orders.load("order_123"))
        #expect(loaded.state == OrderAggregate(id: "order_123", status: .completed, total: 100))
        #expect(OrderAggregate.replay(try await orders.events("order_123")) == loaded.state)
        // Any frame of the film (section 5.4).
        #expect(try await orders.load("order_123", version: 2)?.state.status == .confirmed)
    }

    @Test func aSnapshotAndTheRestAreTheWhole() throws {
        var history = try HistoryBuilder(RetryWorkflow.self, "x")
        for number in 0..<51 {
            let step = try history.schedule(UnreliableActivity.self, "\(number)")
            try history.complete(step, returning: "\(number)")
        }
        let sagaID = try #require(history.events.first?.sagaID)
        var whole = ExecutionState(sagaID: sagaID)
        for event in history.events { try whole.apply(event) }
        var early = ExecutionState(sagaID: sagaID)
        for event in history.events.prefix(101) { try early.apply(event) }
        // Event 100 is the snapshot; events 101 and 102 are replayed.
        var resumed = try Snapshot.decode(try Snapshot.encode(early, at: Timestamp(microseconds: 0)))
        for event in history.events.dropFirst(101) { try resumed.apply(event) }
        #expect(history.events.count == 103)
        #expect(resumed == whole)
    }
}

/// Section 6: the saga pattern.
@Suite(.timeLimit(.minutes(1))) struct SagaPatternTests {
    static let order = OrderProcessingInput(
        orderID: "order_123", items: [OrderItem(productID: "A", quantity: 2)], amount: 99,
        paymentToken: "tok_visa_4242", address: "1 Main Street")

    private func environment(_ services: OrderServices, _ ledger: PaymentLedger) -> SagaTestEnvironment {
        let environment = SagaTestEnvironment(OrderProcessingWorkflow.self)
        var activities = ActivityRegistry()
        OrderProcessingModule.register(&activities, services: services, ledger: ledger)
        environment.register(activities)
        return environment
    }

    @Test func theHappyPathOfSection62() async throws {
        let (services, ledger) = (OrderServices(), PaymentLedger())
        let environment = environment(services, ledger)
        let output = try await environment.run(OrderProcessingWorkflow.self, Self.order)
        #expect(output.reservationID == "res_order_123")
        #expect(output.tracking == "TRK456")
        #expect(
            await services.standing.values.sorted() == [
                "inventory 2 A", "order order_123", "shipping to 1 Main Street",
            ])
        #expect(await ledger.standing.count == 1)
    }

    @Test func theCompensationPathOfSection62() async throws {
        let (services, ledger) = (OrderServices(), PaymentLedger())
        let environment = environment(services, ledger)
        var order = Self.order
        order.address = ""
        let run = try await environment.start(OrderProcessingWorkflow.self, order)
        #expect(try await run.failure().error?.kind == .validation)
        #expect(try await run.undone() == ["payment.process", "inventory.reserve", "order.create"])
        try await run.requireUndone()
        #expect(await services.standing.isEmpty)
        #expect(await ledger.standing.isEmpty)
    }

    /// Section 6.3 undoes the step that failed, section 6.4 only steps that completed. What decides is what is known of it
    /// (docs/semantics.md): a refusal had no effect, a time-out may have had one.
    @Test func theFailedStepOfSection63IsUndoneIfItMayHaveHappened() async throws {
        let (services, ledger) = (OrderServices(), PaymentLedger())
        let refused = environment(services, ledger)
        var order = Self.order
        order.paymentToken = "tok_declined"
        let run = try await refused.start(OrderProcessingWorkflow.self, order)
        _ = try await run.failure()
        #expect(try await run.undone() == ["inventory.reserve", "order.create"])

        // Its ids are those of the first one, so it gets a world of its own.
        let unknown = environment(OrderServices(), ledger)
        unknown.fake(ProcessPaymentActivity(ledger: ledger), attempts: Array(repeating: .timesOut, count: 3)) { input in
            PaymentOutput(transactionID: "", status: .failed, approvedAmount: input.amount, processedAt: "")
        }
        let late = try await unknown.start(OrderProcessingWorkflow.self, Self.order)
        _ = try await late.failure()
        #expect(try await late.undone() == ["payment.process", "inventory.reserve", "order.create"])
    }

    @Test func theCompletedStepOfSection64IsInTheUndoLog() async throws {
        let environment = environment(OrderServices(), PaymentLedger())
        environment.fake(ScheduleShippingActivity.self, always: .completesLater)
        let run = try await environment.start(OrderProcessingWorkflow.self, Self.order)
        let step = try #require(try await run.describe().undoEntries.first { $0.stepID == "inventory.reserve" })
        #expect(step.undo.activityType == "inventory.release")
        #expect(String(decoding: step.input.data, as: UTF8.self).contains(#""product_id":"A""#))
        #expect(String(decoding: try #require(step.output).data, as: UTF8.self).contains("res_order_123"))
        #expect(step.outcome == .completed)
        let scheduled = try await run.history().first { $0.eventID == step.closingEventID }
        #expect(scheduled?.eventType == .activityTaskCompleted)
    }
}
