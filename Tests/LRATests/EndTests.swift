import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// How a saga ends, and what that does to its steps (docs/lra.md, "Ends").
@Suite(.timeLimit(.minutes(1))) struct EndTests {
    @Test func cancelUndoes() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a")], end: "go")
        try await run.cancel()
        #expect(try await run.failure().status == .canceled)
        #expect(environment.log == ["a", "undo a"])
    }

    @Test func aGoodEndUndoesNothing() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a")])
        #expect(try await run.result() == ["a"])
        #expect(environment.log == ["a"])
        let later = await #expect(throws: CallFailure.self) { try await run.cancel() }
        #expect(later?.code == .failedPrecondition)
        #expect(later?.status == .completed)
    }

    @Test func aSagaThatTakesTooLongIsUndone() async throws {
        let environment = tours()
        var options = StartOptions()
        options.executionTimeout = .seconds(60)
        let run = try await environment.tour([.step("a")], end: "go", options: options)
        #expect(try await run.failure().status == .timedOut)
        #expect(environment.log == ["a", "undo a"])
        #expect(environment.elapsed >= .seconds(60) && environment.elapsed < .seconds(61))
    }

    @Test func aMessageToASagaThatTimedOutIsRefused() async throws {
        let environment = tours()
        var options = StartOptions()
        options.executionTimeout = .seconds(60)
        let run = try await environment.tour([.step("a")], end: "go", options: options)
        try await environment.advance(by: .seconds(120))
        let refused = await #expect(throws: CallFailure.self) { try await run.signal("go", "late") }
        #expect(refused?.code == .failedPrecondition)
        #expect(refused?.status == .timedOut)
        #expect(environment.log == ["a", "undo a"])
    }

    @Test func theCallerHearsTheEnd() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a")], end: "go")
        environment.after(.seconds(10)) { try await run.signal("go", "on") }
        #expect(try await run.closing().status == .completed)
        #expect(try await run.closing().status == .completed)
    }

    @Test func othersHearTheEnd() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a")], end: "go")
        var heard: [ExecutionStatus] = []
        environment.after(.seconds(5)) {
            // Somebody who did not start it, and waits from here on.
            heard.append(try await environment.saga(Tour.self, id: "tour").closing().status)
        }
        environment.after(.seconds(10)) { try await run.terminate(compensate: true) }
        #expect(try await run.closing().status == .terminated)
        try await environment.advance(by: .seconds(1))
        #expect(heard == [.terminated])
    }

    @Test func whoAsksWhileItUnwindsHearsTheEnd() async throws {
        let environment = tours()
        environment.fakeUndo(named: "hotel.undo", attempts: [.fails(), .runs])
        let run = try await environment.tour([.step("a")], end: "badly")
        #expect(try await run.describe().status == .compensating)
        let late = environment.saga(Tour.self, id: "tour")
        #expect(try await late.closing().status == .failed)
        #expect(environment.log == ["a", "undo a", "undo a"])
    }

    @Test func aStartOfAnOpenIDJoinsTheRun() async throws {
        let environment = tours()
        let first = try await environment.tour([.step("a")], end: "go")
        let second = try await environment.tour([.step("a")], end: "go")
        #expect(first.sagaID == second.sagaID)
        #expect(environment.log == ["a"])
        try await second.signal("go", "on")
        #expect(try await first.result() == ["a", "on"])
    }
}

/// Steps of one saga (docs/lra.md, "Steps").
@Suite(.timeLimit(.minutes(1))) struct StepTests {
    @Test func eachStepKnowsItsSaga() async throws {
        let environment = tours()
        var seen: [String] = []
        environment.fake(Context.self) { (_: String, context: ActivityContext) in
            seen.append("\(context.workflowID) \(context.sagaID)")
            return context.idempotencyKey
        }
        let run = try await environment.tour([.step("a", Context.typeID), .step("b", Context.typeID)])
        let keys = try await run.result()
        let sagaID = try #require(run.sagaID)
        #expect(seen == ["tour \(sagaID)", "tour \(sagaID)"])
        #expect(Set(keys).count == 2)
        #expect(keys.allSatisfy { $0.hasPrefix("\(sagaID)/") })
    }

    @Test func aStepWithoutUndoIsLeftAlone() async throws {
        let environment = tours()
        var plain = Leg.step("plain", "flight")
        plain.hasUndo = false
        _ = try await environment.tour([.step("a"), plain], end: "badly").failure()
        #expect(environment.log == ["a", "plain", "undo a"])
    }

    @Test func theSameStepTwiceIsUndoneOnceEach() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a"), .step("a")], end: "badly")
        _ = try await run.failure()
        #expect(environment.log == ["a", "a", "undo a", "undo a"])
        #expect(Set(environment.calls.map(\.idempotencyKey)).count == 4)
        try await run.requireUndone()
    }

    @Test func twoActivitiesOfOneServiceAreUndoneOnceEach() async throws {
        let environment = tours()
        environment.fake(named: "hotel.breakfast") { (name: String) in name }
        environment.fakeUndo(named: "hotel.breakfast.undo")
        let run = try await environment.tour([.step("room"), .step("breakfast", "hotel.breakfast")], end: "badly")
        _ = try await run.failure()
        #expect(environment.log == ["room", "breakfast", "undo breakfast", "undo room"])
    }

    @Test func theSameStepTwiceEndsWell() async throws {
        let environment = tours()
        #expect(try await environment.tour([.step("a"), .step("a")]).result() == ["a", "a"])
        #expect(environment.log == ["a", "a"])
    }

    @Test func twoActivitiesOfOneServiceEndWell() async throws {
        let environment = tours()
        environment.fake(named: "hotel.breakfast") { (name: String) in name }
        environment.fakeUndo(named: "hotel.breakfast.undo")
        let run = try await environment.tour([.step("room"), .step("breakfast", "hotel.breakfast")])
        #expect(try await run.result() == ["room", "breakfast"])
        #expect(environment.log == ["room", "breakfast"])
    }

    @Test func twoServicesEndWell() async throws {
        let environment = tours()
        #expect(try await environment.tour([.step("h"), .step("f", "flight")]).result() == ["h", "f"])
        #expect(environment.log == ["h", "f"])
    }

    @Test func twoServicesAreBothUndone() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("h"), .step("f", "flight")], end: "go")
        try await run.cancel()
        _ = try await run.failure()
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func aStepServedElsewhereBelongsToTheSaga() async throws {
        let environment = tours()
        environment.serve(queue: "elsewhere")
        var elsewhere = Leg.step("f", "flight")
        elsewhere.queue = "elsewhere"
        _ = try await environment.tour([.step("h"), elsewhere], end: "badly").failure()
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func whatIsCommittedIsNotUndone() async throws {
        let environment = tours()
        let run = try await environment.start(Committed.self, 1)
        _ = try await run.failure()
        #expect(environment.log == ["first", "second", "undo second"])
    }

    @Test func stepsBeforeAPivotAreNotUndone() async throws {
        let environment = tours()
        var pivot = Leg.step("pivot")
        pivot.pivot = true
        _ = try await environment.tour([.step("a"), pivot, .step("b")], end: "badly").failure()
        #expect(!environment.log.contains("undo a"))
        #expect(environment.log.contains("undo b"))
    }
}

/// Stands for a service that looks at its attempt.
private struct Context: Activity {
    static let typeID = "context"
    func execute(_ input: String, _ context: ActivityContext) async throws -> String { input }
}
