import Foundation
import SagaCore
import SagaEngine
import SagaTestKit
import Testing

struct Order: Codable, Sendable {
    var items: [String]
    var price: Int
    var card: String
}

struct ReserveStock: CompensatableActivity {
    typealias Compensation = ReleaseStock
    static let typeID = "stock.reserve"

    func execute(_ order: Order, _ context: ActivityContext) async throws -> String { "R-\(context.idempotencyKey)" }
}

struct ReleaseStock: Activity {
    static let typeID = "stock.release"

    func execute(_ step: UndoInput<Order, String>, _ context: ActivityContext) async throws -> Bool { true }
}

struct TakePayment: Activity {
    static let typeID = "order.pay"

    func execute(_ order: Order, _ context: ActivityContext) async throws -> String { "P-\(context.idempotencyKey)" }
}

enum PaymentError: ClassifiedError {
    case declined(String)

    var sagaErrorKind: ErrorKind { .domain }
}

/// The saga of the README.
struct PlaceOrder: DurableWorkflow {
    static let typeID = "order.place"

    func run(_ context: WorkflowContext, _ order: Order) async throws -> [String] {
        let reservation = try await context.executeActivity(ReserveStock.self, order)
        return [reservation, try await context.executeActivity(TakePayment.self, order)]
    }
}

// The example of docs/testing.md, word for word.
@Suite struct TenLineTests {
    // begin
    @Test func aRefusedPaymentReleasesTheStock() async throws {
        let environment = SagaTestEnvironment(PlaceOrder.self)
        environment.fake(ReserveStock.self) { _ in "R-1" }
        environment.fake(TakePayment.self, always: .fails(PaymentError.declined("no funds")))
        let run = try await environment.start(PlaceOrder.self, Order(items: ["tea"], price: 5, card: "4242"))
        let failure = try await run.failure()
        #expect(failure.error?.kind == .domain)
        #expect(environment.calls.map(\.name) == ["stock.reserve", "order.pay", "undo stock.reserve"])
        try await run.requireUndone()
    }
    // end
}

/// The example stands in the documentation as it is compiled here.
@Suite struct TestingPageTests {
    @Test func thePageShowsTheTestWordForWord() throws {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let lines = try String(contentsOf: here, encoding: .utf8).components(separatedBy: "\n")
        let begin = try #require(lines.firstIndex(of: "    // begin"))
        let end = try #require(lines.firstIndex(of: "    // end"))
        let example = lines[(begin + 1)..<end].map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : $0 }
        #expect(example.count == 10, "ten lines")
        let page = try String(contentsOf: root.appendingPathComponent("docs/testing.md"), encoding: .utf8)
        #expect(page.contains(example.joined(separator: "\n")))
    }
}
