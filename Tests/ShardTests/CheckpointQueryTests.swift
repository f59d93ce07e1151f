import SagaCore
import SagaEngine
import Testing

/// A question to code that makes checkpoints is asked from the last one that is durable, and never runs all passes again.
@Suite struct CheckpointQueryTests {
    private static let checkpoint = WorkflowCommand.recordMarker(
        MarkerCommand(
            kind: .checkpoint, name: "", details: .empty, output: Payload(encoding: "test", data: [])))

    private func query(_ world: ShardWorld) -> Call {
        .query(QueryCall(target: world.target, name: "q", payload: .empty))
    }

    /// Code that makes so many checkpoints and then ends or waits.
    private func start(_ world: ShardWorld, checkpoints: Int, ends: Bool = false) {
        world.start { events in
            let made = events.count(where: \.isCheckpoint)
            let wanted = Array(repeating: Self.checkpoint, count: min(checkpoints, made + 1))
            return wanted + (made == checkpoints && ends ? [.complete(.empty)] : [])
        }
    }

    @Test(arguments: 1...4) func theNewestIsNotDurableYet(_ newest: Int) throws {
        let world = ShardWorld()
        var asked = false
        world.onAppend = { batch, isApplied in
            let markers = batch.transactions.flatMap(\.entries).flatMap(\.events).filter(\.isCheckpoint)
            guard let marker = markers.last, !isApplied, !asked else { return false }
            let before = world.history.filter(\.isCheckpoint)
            guard before.count == newest - 1 else { return false }
            asked = true
            #expect(marker.eventID > before.last?.eventID ?? 0)
            world.call(self.query(world))
            return false
        }
        start(world, checkpoints: newest)
        #expect(asked)
        let made = world.history.filter(\.isCheckpoint).map(\.eventID)
        #expect(made.count == newest)
        let first = try #require(world.queries.first)
        // The first event, and those from the checkpoint on that was durable when the question came.
        if newest == 1 {
            #expect(first.prefix(2) == [0, 1])
        } else {
            #expect(first.prefix(2) == [0, made[newest - 2]])
        }
    }

    @Test func aClosedRunIsAskedFromItsLastCheckpointOn() throws {
        let world = ShardWorld()
        start(world, checkpoints: 3, ends: true)
        #expect(world.status == .completed)
        world.call(query(world))
        world.settle()
        let last = try #require(world.history.last(where: \.isCheckpoint)?.eventID)
        #expect(world.queries.first == [0] + Array(last..<EventID(world.history.count)))
    }

    @Test func codeWithoutCheckpointsIsAskedFromTheBeginning() throws {
        let world = ShardWorld()
        start(world, checkpoints: 0, ends: true)
        world.call(query(world))
        world.settle()
        #expect(world.queries.first == Array(0..<EventID(world.history.count)))
    }
}
