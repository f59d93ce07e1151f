import SagaCatalogue
import SagaCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct CatalogueTests {
    /// Events whose feature is not built yet. What is built takes its events out of here, and the test fails if one that was
    /// emitted no longer is.
    private static let notBuilt: [EventType] = [
        .commandIssued, .commandCompleted, .commandFailed,
    ]

    @Test func everyEventIsEmittedByAScenario() async throws {
        let catalogue = try await Catalogue()
        #expect(catalogue.missing == Self.notBuilt)
        #expect(
            catalogue.report.hasSuffix(
                "catalogue: \(EventType.allCases.count - Self.notBuilt.count) of \(EventType.allCases.count) event types emitted"
            ))
    }
}
