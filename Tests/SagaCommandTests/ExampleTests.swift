import SagaCore
import SagaEngine
import SagaMemory
import Testing

@testable import Examples
@testable import saga

/// The examples that people copy: they run, and the README shows them as they are.
@Suite struct ExampleTests {
    private func engine(_ store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        var activities = ActivityRegistry()
        activities.register(ReserveStock())
        activities.register(ReleaseStock())
        activities.register(TakePayment())
        PaymentSagaModule.register(&activities)
        var workflows = WorkflowRegistry()
        workflows.register(PlaceOrder.self)
        PaymentSagaModule.register(&workflows)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    /// The keeper of the board dies after every save, before the next, and in it.
    @Test func theBoardCountsEachEventOnceHoweverOftenItsKeeperDies() async throws {
        let store = MemoryEventStore()
        let engine = try await engine(store)
        for number in 0..<6 {
            let order = Order(items: ["board-\(number)"], price: 20, card: number % 3 == 0 ? "declined" : "good")
            let handle = try await engine.startWorkflow(PlaceOrder.self, id: "board-\(number)", input: order)
            _ = try? await handle.result()
        }
        let disk = Disk()
        var deaths = 0
        while true {
            let keeper = BoardKeeper(store: store, load: { await disk.board }, save: { try await disk.save($0) })
            do {
                let board = try await keeper.catchUp()
                #expect(board.open.isEmpty && board.done == 4 && board.failed == 2 && board.undone == 2)
                break
            } catch is Disk.Died { deaths += 1 }
        }
        #expect(deaths >= 10)
        // It goes on where it was, with what came since.
        let more = try await engine.startWorkflow(
            PlaceOrder.self, id: "board-7", input: Order(items: ["board-7"], price: 1, card: "good"))
        _ = try await more.result()
        await disk.heal()
        let keeper = BoardKeeper(store: store, load: { await disk.board }, save: { try await disk.save($0) })
        #expect(try await keeper.catchUp().done == 5)
        await engine.shutDown()
    }

    @Test func theREADMEShowsTheExampleAsItIs() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let readme = try Files.readText("\(root)/README.md")
        let code = try Files.readText("\(root)/Sources/Examples/Order/PlaceOrder.swift")
        #expect(readme.contains("```swift\n\(code)```"))
    }

    @Test func anOrderReservesAndPays() async throws {
        let engine = try await engine()
        let order = Order(items: ["kept-lamp"], price: 20, card: "good")
        let receipt = try await engine.executeWorkflow(PlaceOrder.self, id: "order-1", input: order)
        #expect(receipt.reservation.hasPrefix("R-") && receipt.payment.hasPrefix("P-"))
        #expect(await Warehouse.shared.reserved.contains("kept-lamp"))
        await engine.shutDown()
    }

    @Test func aDeclinedCardReleasesTheStock() async throws {
        let engine = try await engine()
        let order = Order(items: ["lost-lamp"], price: 20, card: "declined")
        let handle = try await engine.startWorkflow(PlaceOrder.self, id: "order-2", input: order)
        let failure = try await #require(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure.error?.kind == .domain)
        #expect(failure.compensation.state == .complete)
        #expect(await !Warehouse.shared.reserved.contains("lost-lamp"))
        let timeline = Timeline(try await handle.history())
        #expect(timeline.undoCount.done == 1 && timeline.undoCount.started == 1)
        await engine.shutDown()
    }

    @Test func theTutorialsPaymentRuns() async throws {
        let engine = try await engine()
        var input = PaymentInput(
            orderID: "order_123", customerID: "customer_456", amount: 99, currency: "USD",
            paymentToken: "tok_visa_4242")
        let output = try await engine.executeWorkflow(PaymentWorkflow.self, id: "payment-1", input: input)
        #expect(output.status == .approved && output.approvedAmount == 99)
        for (token, kind) in [("tok_declined", ErrorKind.domain), ("", .validation)] {
            input.paymentToken = token
            let handle = try await engine.startWorkflow(PaymentWorkflow.self, id: "payment-\(kind)", input: input)
            let failure = try await #require(throws: SagaFailure.self) { try await handle.result() }
            #expect(failure.error?.kind == kind)
        }
        await engine.shutDown()
    }

    @Test(arguments: [("99", "99.00"), ("0.5", "0.50"), ("-1.05", "-1.05"), ("12345.67", "12345.67")])
    func amountsRead(text: String, written: String) {
        #expect(Amount(text)?.description == written)
    }

    @Test(arguments: ["", "-", ".", "1.", "1.234", "1,5", "1e3", "+1", "--1", "92233720368547758.08", "٣"])
    func whatIsNoAmountIsRefused(text: String) { #expect(Amount(text) == nil) }
}

/// Keeps a board; its program dies at two of three saves, once before and once after it was written.
private actor Disk {
    struct Died: Error {}
    private(set) var board: OrderBoard?
    private var saves = 0
    private var isHealed = false

    func heal() { isHealed = true }

    func save(_ board: OrderBoard) throws {
        saves += 1
        if !isHealed && saves % 3 == 1 { throw Died() }
        self.board = board
        if !isHealed && saves % 3 == 2 { throw Died() }
    }
}
