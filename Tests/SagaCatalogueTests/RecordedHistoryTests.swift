import Foundation
import Logging
import SagaCatalogue
import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Histories that releases have recorded, one file for each scenario of the catalogue, against today's code: for ever.
///
/// A release adds a folder of its own, and changes none of the others:
/// `mkdir Tests/Fixtures/histories/X.Y.Z && swift run sim --catalogue --record Tests/Fixtures/histories/X.Y.Z`.
@Suite(.timeLimit(.minutes(2))) struct RecordedHistoryTests {
    struct File: CustomTestStringConvertible, Sendable {
        var release: String
        var path: String
        var testDescription: String { "\(release) \(URL(fileURLWithPath: path).lastPathComponent)" }
    }

    static let files: [File] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/histories")
        let manager = FileManager.default
        let releases = ((try? manager.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
        return releases.flatMap { release -> [File] in
            let path = folder.appendingPathComponent(release).path
            return ((try? manager.contentsOfDirectory(atPath: path)) ?? []).sorted().filter { $0.hasSuffix(".history") }
                .map { File(release: release, path: "\(path)/\($0)") }
        }
    }()

    @Test func everyReleaseHasItsHistories() throws {
        let releases = Dictionary(grouping: Self.files, by: \.release)
        #expect(releases.keys.contains("0.1.0"))
        for (release, files) in releases { #expect(files.count >= 30, "\(release) has only \(files.count)") }
        // Every event type that 0.1.0 could record is there in the form in which it did.
        var types: Set<EventType> = []
        for file in releases["0.1.0"] ?? [] {
            for event in try RecordedHistories.read(file.path).flatMap(\.self) { types.insert(event.eventType) }
        }
        let missing = EventType.allCases.filter { !types.contains($0) }
        #expect(missing == [.commandIssued, .commandCompleted, .commandFailed], "\(missing.map(\.name))")
    }

    @Test(arguments: files) func itIsReadAndFolded(_ file: File) throws {
        for events in try RecordedHistories.read(file.path) {
            let first = try #require(events.first)
            var state = ExecutionState(sagaID: first.sagaID)
            for event in events {
                // What today's code writes of it, it reads as the same.
                let again = try PackedEvents.decode(
                    PackedEvents.encode([event]), sagaID: event.sagaID, firstEventID: event.eventID)
                #expect(again == [event])
                try state.apply(event)
            }
            #expect(state.nextEventID == EventID(events.count))
            let snapshot = try Snapshot.encode(state, at: state.lastTimestamp)
            #expect(try Snapshot.decode(snapshot) == state)
        }
    }

    @Test(arguments: files) func todaysCodeAsksForWhatWasRecorded(_ file: File) throws {
        let types = Set(Catalogue.workflows.types.map(\.name))
        for events in try RecordedHistories.read(file.path) {
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes,
                types.contains(started.workflowType)
            else { continue }
            // As a whole, and as it stood after each of its events.
            for length in 1...events.count {
                let verdict = try #require(
                    WorkflowReplayer.replay(Array(events.prefix(length)), Catalogue.workflows))
                #expect(verdict.fits, "\(length) events: \(verdict.text)")
            }
        }
    }

    /// An engine over the stored runs: none is refused, declared ones are replayed by their definitions, open ones go on.
    @Test(arguments: files) func todaysEngineTakesThemOver(_ file: File) async throws {
        let store = MemoryEventStore()
        var importer = try await HistoryImporter(into: store)
        let histories = try RecordedHistories.read(file.path)
        for events in histories { try await importer.add(.events(events)) }
        try await importer.end()
        #expect(importer.report.runs == histories.count)
        var logger = Logger(label: "recorded")
        logger.logLevel = .critical
        let engine = try await SagaEngine(
            store: store, workflows: Catalogue.workflows, activities: Catalogue.activities, logger: logger)
        for row in try await engine.list() {
            let handle = engine.handle(Unknown.self, id: row.workflowID, sagaID: row.sagaID)
            let description = try await handle.describe()
            #expect(description.status == row.status)
            #expect(description.block == nil)
            guard case .workflowExecutionStarted(let started)? = try await handle.history().first?.attributes,
                started.workflowType == "declared"
            else { continue }
            // Answered by the definition, run over the whole history.
            let state = try await handle.query("state", as: [String: Ignored].self)
            #expect(!state.isEmpty)
        }
        await engine.shutDown()
    }
}

private struct Unknown: DurableWorkflow {
    static let typeID = "unknown"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
}

/// Any value.
private struct Ignored: Codable, Sendable {
    init(from decoder: any Decoder) throws {}
    func encode(to encoder: any Encoder) throws {}
}
