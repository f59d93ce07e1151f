import SagaCore
import Testing

@Suite struct VersionTests {
    /// A worker says which recorded versions its code can replay; it gets runs of those and no others.
    @Test func codeGoesToAWorkerThatCanReplayItsVersion() {
        let offers = [
            RegisteredType(name: "w", version: 3), RegisteredType(name: "w", version: 6, oldestVersion: 5),
            // Nonsense counts as nothing said.
            RegisteredType(name: "w", version: 8, oldestVersion: 9),
        ]
        #expect(
            (1...9).map { version in offers.firstIndex { $0.runs(version) } } == [nil, nil, 0, nil, 1, 1, nil, 2, nil])
        #expect(offers.allSatisfy { $0.runs(0) })
    }
}
