import Examples
import Foundation
import SagaCore
import SagaDefinitionFile
import SagaEngine
import SagaMemory
import Testing

/// The travel booking as 25 lines of YAML, with the activities of the example, through the real engine.
@Suite(.timeLimit(.minutes(1))) struct TravelTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/examples/travel.yaml")

    private func run(_ trip: TripRequest) async throws -> (Result<Trip, any Error>, history: [EventType]) {
        let books = FileManager.default.temporaryDirectory.appending(path: "travel-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: books, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: books) }
        var activities = ActivityRegistry()
        TravelSagaModule.register(&activities, directory: books.path)
        let engine = try await SagaEngine(
            store: MemoryEventStore(), workflows: WorkflowRegistry(), activities: activities)
        try await engine.register(try DefinitionFile.read(try String(contentsOf: Self.file, encoding: .utf8)))
        let handle = try await engine.startDefinition("travel.declared", id: "trip", input: trip, as: Trip.self)
        let result: Result<Trip, any Error>
        do { result = .success(try await handle.result()) } catch { result = .failure(error) }
        let history = try await handle.history().map(\.eventType)
        await engine.shutDown()
        return (result, history)
    }

    @Test func itHasAtMost25Lines() throws {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 26)
    }

    @Test func aTripIsBooked() async throws {
        let (result, _) = try await run(
            TripRequest(traveller: "Ada", destination: "Lisbon", departure: "2027-03-01", nights: 3, price: 780))
        let trip = try result.get()
        #expect([trip.flight, trip.hotel, trip.car, trip.payment].map { $0.prefix(2) } == ["F-", "H-", "C-", "P-"])
    }

    @Test func aRefusedPaymentUndoesEverything() async throws {
        let (result, history) = try await run(
            TripRequest(
                traveller: "Ada", destination: "Lisbon", departure: "2027-03-01", nights: 3, price: 780,
                rehearsal: Rehearsal(refusePayment: true)))
        #expect(throws: SagaFailure.self) { try result.get() }
        #expect(history.count { $0 == .compensationStepCompleted } == 3)
    }
}
