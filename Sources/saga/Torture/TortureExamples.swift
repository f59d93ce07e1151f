internal import Examples
internal import Glibc
internal import SagaCore
internal import SagaTestKit

/// The examples as subjects of `saga torture`.
enum TortureExamples {
    static let names = ["travel", "payment"]

    /// Gives the subjects for as long as the body runs; what they leave on disk goes with them.
    static func withSubjects<Result>(_ body: ([TortureSubject]) async -> Result) async throws -> Result {
        let temporary = Terminal.environment("TMPDIR") ?? "/tmp"
        var template = Array("\(temporary)/saga-torture-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(.failed, "cannot make a folder in \(temporary): \(String(cString: strerror(errno)))")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { TravelBooks.remove(folder) }
        return await body([try travel(folder), try payment()])
    }

    private static func travel(_ folder: String) throws -> TortureSubject {
        let trip = TripRequest(
            traveller: "Ada", destination: "Lisbon", departure: "2026-05-01", nights: 3, price: 99)
        return try TortureSubject(TravelBookingWorkflow.self, input: trip, name: "travel") {
            // Empty books, in the same folder each time.
            TravelBooks.remove(folder)
            mkdir(folder, 0o700)
            var activities = ActivityRegistry()
            TravelSagaModule.register(&activities, directory: folder)
            return TortureWorld(activities: activities) { try TravelBooks.standing(in: folder) }
        }
    }

    private static func payment() throws -> TortureSubject {
        let input = PaymentInput(
            orderID: "order_123", customerID: "customer_456", amount: 99, currency: "USD",
            paymentToken: "tok_visa_4242")
        return try TortureSubject(PaymentWorkflow.self, input: input, name: "payment") {
            let ledger = PaymentLedger()
            var activities = ActivityRegistry()
            PaymentSagaModule.register(&activities, ledger: ledger)
            return TortureWorld(activities: activities) { await ledger.standing }
        }
    }
}
