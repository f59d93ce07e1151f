import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// Recorded histories with checkpoints: only the code behind the last one counts, because nothing before will be run again.
@Suite(.timeLimit(.minutes(1))) struct CheckpointReplayTests {
    private struct Held: Codable {
        var round: Int
        var seen: [String]
    }

    /// The code that wrote the histories: a flight, then a hotel a round.
    private struct Before: DurableWorkflow {
        static let typeID = "replay.rounds"

        func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
            var held = try context.lastCheckpoint(as: Held.self) ?? Held(round: 0, seen: [])
            if held.round == 0 { held.seen.append(try await context.executeActivity(Flight.self, "x")) }
            held.round += 1
            held.seen.append(try await context.executeActivity(Hotel.self, "\(held.round)"))
            if held.round < input { try await context.checkpoint(held) }
            return held.seen
        }
    }

    /// What only the first pass needed is gone.
    private struct After: DurableWorkflow {
        static let typeID = "replay.rounds"

        func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
            guard var held = try context.lastCheckpoint(as: Held.self) else { return [] }
            held.round += 1
            held.seen.append(try await context.executeActivity(Hotel.self, "\(held.round)"))
            if held.round < input { try await context.checkpoint(held) }
            return held.seen
        }
    }

    /// Does not fit what is behind a checkpoint.
    private struct Wrong: DurableWorkflow {
        static let typeID = "replay.rounds"

        func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
            guard try context.lastCheckpoint(as: Held.self) == nil else {
                try await context.sleep(.seconds(1))
                return []
            }
            return try await Before().run(context, input)
        }
    }

    private func record(_ rounds: Int) async throws -> [HistoryEvent] {
        let environment = SagaTestEnvironment(Before.self, replaysEveryTask: true)
        environment.fake(Flight.self) { "F-\($0)" }
        environment.fake(Hotel.self) { "H-\($0)" }
        let run = try await environment.start(Before.self, rounds)
        #expect(try await run.result() == ["F-x"] + (1...rounds).map { "H-\($0)" })
        #expect(environment.calls.count == rounds + 1)
        return try await run.history()
    }

    private func replay<W: DurableWorkflow>(
        _ events: [HistoryEvent], _ workflow: W.Type, pages: Int
    ) throws -> ReplayVerdict {
        var workflows = WorkflowRegistry()
        workflows.register(W.self)
        var replayer = WorkflowReplayer(workflows)
        var rest = events[...]
        while !rest.isEmpty {
            #expect(replayer.add(Array(rest.prefix(pages))).isEmpty)
            rest = rest.dropFirst(pages)
        }
        let verdict = replayer.finish()
        return try #require(verdict)
    }

    @Test func onlyTheCodeBehindTheLastOneCounts() async throws {
        let events = try await record(3)
        let hotels = events.filter { $0.eventType == .activityTaskScheduled }
        for size in 1...events.count {
            #expect(try replay(events, Before.self, pages: size).fits, "pages of \(size)")
            #expect(try replay(events, After.self, pages: size).fits, "pages of \(size)")
            let wrong = try replay(events, Wrong.self, pages: size)
            #expect(wrong.problem?.eventID == hotels.last?.eventID, "pages of \(size): \(wrong.text)")
            #expect(wrong.events == UInt64(events.count))
        }
    }

    /// As long as there is none, all counts.
    @Test func withoutOneAllOfItCounts() async throws {
        let events = try await record(1)
        #expect(try replay(events, Before.self, pages: 2).fits)
        #expect(try !replay(events, After.self, pages: 2).fits)
    }
}
