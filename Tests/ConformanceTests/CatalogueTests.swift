import SagaCatalogue
import SagaCore
import Testing

/// Every scenario of the catalogue, over every kind of store: what is emitted does not depend on where it is kept.
@Suite(.timeLimit(.minutes(5))) struct CatalogueOverStoresTests {
    private static let kinds = StoreUnderTest.all.filter { ["memory", "SQLite", "PostgreSQL"].contains($0.name) }

    @Test(arguments: kinds) func everyEventIsEmittedOverEveryStore(_ kind: StoreUnderTest) async throws {
        // Each scenario has a store of its own, because all of them use the same ids.
        var directories: [String] = []
        defer { for directory in directories { TemporaryDirectory.remove(directory) } }
        let catalogue = try await Catalogue {
            let directory = try TemporaryDirectory.make()
            directories.append(directory)
            return try await kind.open(directory)
        }
        // Steps that the server itself executes come later.
        #expect(catalogue.missing == [.commandIssued, .commandCompleted, .commandFailed])
    }
}
