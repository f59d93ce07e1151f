import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// Errors of steps and undos, and what nobody knows (docs/lra.md, "Errors" and "What nobody knows").
@Suite(.timeLimit(.minutes(1))) struct OutcomeTests {
    private let refusal = SagaError(kind: .domain, message: "full")

    @Test func aRefusalUndoesWhatWasDone() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .fails(refusal))
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        #expect(try await run.failure().error?.kind == .domain)
        // Asked once, and not undone: it has said that nothing happened.
        #expect(environment.log == ["h", "f", "undo h"])
    }

    @Test func anErrorThatStaysUndoesWhatWasDone() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .fails())
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        #expect(try await run.failure().error?.kind == .activityExecution)
        // Three attempts; nobody knows whether one of them had an effect.
        #expect(environment.log == ["h", "f", "f", "f", "undo f", "undo h"])
    }

    @Test func aKindNamedFinalIsNotTriedAgain() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .fails())
        var leg = Leg.step("f", "flight")
        leg.isFinalIfTransient = true
        _ = try await environment.tour([.step("h"), leg]).failure()
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func anErrorThatSaysFinalIsNotTriedAgain() async throws {
        let environment = tours()
        let final = SagaError(kind: .activityExecution, message: "moved for good", isNonRetryable: true)
        environment.fake(named: "flight", always: .fails(final))
        _ = try await environment.tour([.step("h"), .step("f", "flight")]).failure()
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func anErrorThatTheCodeHandlesUndoesNothing() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .fails(refusal))
        var leg = Leg.step("f", "flight")
        leg.isOptional = true
        let run = try await environment.tour([.step("h"), leg])
        #expect(try await run.result() == ["h", "no f: Domain"])
        #expect(environment.log == ["h", "f"])
    }

    // MARK: Undos

    @Test func anUndoThatThrowsIsTriedAgain() async throws {
        let environment = tours()
        environment.fakeUndo(named: "hotel.undo", attempts: [.fails(), .fails()])
        let run = try await environment.tour([.step("h")], end: "badly")
        #expect(try await run.failure().compensation.state == .complete)
        #expect(environment.log == ["h", "undo h", "undo h", "undo h"])
        #expect(Set(environment.calls.dropFirst().map(\.idempotencyKey)).count == 1)
    }

    @Test func anUndoThatFailsForGoodWaitsForAPerson() async throws {
        let environment = tours()
        environment.fakeUndo(named: "flight.undo", attempts: Array(repeating: .fails(), count: 3))
        let run = try await environment.tour([.step("h"), .step("f", "flight")], end: "badly")
        try await environment.advance(by: .seconds(3_600))
        #expect(try await run.describe().block?.cause == .undoFailed)
        // What was done before it waits, too.
        #expect(!environment.log.contains("undo h"))
        try await run.operate(.giveUp)
        let failure = try await run.failure()
        #expect(failure.compensation.state == .givenUp)
        #expect(failure.compensation.openEntries.count == 2)
    }

    @Test func aBlockedUndoIsKeptUntilSomebodyDecides() async throws {
        let environment = tours()
        environment.fakeUndo(named: "flight.undo", attempts: Array(repeating: .fails(), count: 3))
        let run = try await environment.tour([.step("h"), .step("f", "flight")], end: "badly")
        try await environment.advance(by: .seconds(86_400 * 30))
        try await environment.crash()
        #expect(try await run.describe().status == .blocked)
        try await run.operate(.resolve, reason: "done by hand")
        #expect(try await run.failure().compensation.state == .complete)
        #expect(environment.log.last == "undo h")
    }

    @Test func anUndoThatTakesItsTimeIsWaitedFor() async throws {
        let environment = tours()
        environment.fakeUndo(named: "flight.undo", attempts: [.runs.after(.seconds(200))])
        let run = try await environment.tour([.step("h"), .step("f", "flight")], end: "badly")
        _ = try await run.failure()
        let undos = environment.calls.filter(\.isUndo)
        #expect(undos.map(\.name) == ["undo f", "undo h"])
        #expect(undos[1].at - undos[0].at >= .seconds(200))
    }

    @Test func anUndoThatFindsNothingIsDone() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .timesOut)
        var outcomes: [StepOutcome] = []
        environment.fake(named: "flight.undo") { (step: UndoInput<String, String>) in
            outcomes.append(step.outcome)
            return "there was nothing"
        }
        let run = try await environment.tour([.step("f", "flight")])
        #expect(try await run.failure().compensation.state == .complete)
        #expect(outcomes == [.unknown])
    }

    @Test func anUndoThatFindsNothingOnItsSecondTryIsDone() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .timesOut)
        environment.fakeUndo(named: "flight.undo", attempts: [.failsAfterEffect()])
        let run = try await environment.tour([.step("f", "flight")])
        #expect(try await run.failure().compensation.state == .complete)
        #expect(environment.log == ["f", "f", "f", "undo f", "undo f"])
    }

    @Test func anUndoOfUnknownOutcomeIsRunAgainWithTheSameKey() async throws {
        let environment = tours()
        environment.fakeUndo(named: "hotel.undo", attempts: [.timesOutAfterEffect])
        let run = try await environment.tour([.step("h")], end: "badly")
        #expect(try await run.failure().compensation.state == .complete)
        let undos = environment.calls.filter(\.isUndo)
        #expect(undos.count == 2)
        #expect(Set(undos.map(\.idempotencyKey)) == [environment.calls[0].idempotencyKey + "/undo"])
    }

    // MARK: Steps

    @Test func aStepOfUnknownOutcomeIsRunAgainWithTheSameKey() async throws {
        let environment = tours()
        environment.fake(named: "flight", attempts: [.timesOutAfterEffect]) { (name: String) in name }
        #expect(try await environment.tour([.step("f", "flight")]).result() == ["f"])
        #expect(environment.log == ["f", "f"])
        #expect(Set(environment.calls.map(\.idempotencyKey)).count == 1)
    }

    @Test func aReportAboutAClosedStepChangesNothing() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("h")], end: "go")
        let before = try await run.history().count
        try await environment.complete("h", returning: "again")
        #expect(try await run.history().count == before)
        try await run.signal("go", "on")
        #expect(try await run.result() == ["h", "on"])
        #expect(environment.lateEffects.isEmpty)
    }

    @Test(arguments: ["happened", "did_not_happen"])
    func aProbeSettlesWhatIsUnknown(_ answer: String) async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .timesOut)
        environment.fake(named: "flight.probe") { (_: UndoInput<String, String>) in answer }
        var leg = Leg.step("f", "flight")
        leg.probe = "flight.probe"
        _ = try await environment.tour([leg]).failure()
        let undos = environment.calls.filter { $0.activityType == "flight.undo" }
        #expect(environment.calls.count { $0.activityType == "flight.probe" } == 1)
        #expect(undos.count == (answer == "happened" ? 1 : 0))
    }
}

/// Work that goes on elsewhere, and processes that die (docs/lra.md, "Later" and "Recovery").
@Suite(.timeLimit(.minutes(1))) struct LaterTests {
    @Test func aStepInProgressIsShown() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .completesLater)
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        let description = try await run.describe()
        #expect(description.status == .running)
        #expect(description.steps.map(\.step.scheduled.stepID) == ["f"])
        #expect(description.waitingFor.contains { $0.kind == .activity })
        try await environment.complete("f", returning: "f")
        #expect(try await run.describe().steps.isEmpty)
        #expect(try await run.result() == ["h", "f"])
    }

    @Test func aStepThatCompletesLaterCounts() async throws {
        let environment = tours()
        environment.fake(named: "hotel", always: .completesLater)
        let run = try await environment.tour([.step("h")])
        environment.after(.seconds(60)) { try await environment.complete("h", returning: "later") }
        #expect(try await run.result() == ["later"])
    }

    @Test func parallelStepsAllCount() async throws {
        let environment = tours()
        environment.fake(named: "hotel", delay: .seconds(30)) { (name: String) in name }
        environment.fake(named: "flight", delay: .seconds(20)) { (name: String) in name }
        #expect(try await environment.run(Twins.self, false) == ["h", "f"])
        #expect(environment.elapsed < .seconds(31))
        // Undone in the order of their ends, last first.
        let bad = try await environment.start(Twins.self, true)
        _ = try await bad.failure()
        #expect(try await bad.undone() == ["h", "f"])
    }

    @Test func aStepThatFailsLaterUndoesTheOthers() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .completesLater)
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        try await environment.fail("f", SagaError(kind: .domain, message: "no seat"))
        #expect(try await run.failure().error?.message == "no seat")
        #expect(environment.log == ["h", "f", "undo h"])
    }

    @Test func aStepThatWasAcceptedIsWaitedFor() async throws {
        let environment = tours()
        environment.fake(named: "hotel", attempts: [.completesLater]) { (name: String) in name }
        let run = try await environment.tour([.step("h")])
        try await environment.advance(by: .seconds(250))
        #expect(try await run.describe().status == .running)
        try await environment.complete("h", returning: "h")
        #expect(try await run.result() == ["h"])
        #expect(environment.log == ["h"])
    }

    @Test func anAcceptedStepThatIsCancelledIsUndone() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .completesLater)
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        try await run.cancel()
        try await environment.advance(by: .seconds(10))
        // It may still come to something, so nothing is undone yet.
        #expect(environment.log == ["h", "f"])
        try await environment.complete("f", returning: "f")
        #expect(try await run.failure().status == .canceled)
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func aCancelWhileAStepRunsWaitsForItsEnd() async throws {
        let environment = tours()
        environment.fake(named: "flight", always: .timesOutAfterEffect)
        let run = try await environment.tour([.step("h"), .step("f", "flight")])
        environment.after(.seconds(5)) { try await run.cancel() }
        #expect(try await run.failure().status == .canceled)
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
        #expect(environment.elapsed >= .seconds(300))
    }

    @Test func undosRunAfterARestart() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("h"), .step("f", "flight")], end: "go")
        try await environment.crash()
        try await run.cancel()
        _ = try await run.failure()
        #expect(environment.log == ["h", "f", "undo f", "undo h"])
    }

    @Test func undosWaitForAWorkerThatIsAway() async throws {
        let environment = tours()
        environment.fake(named: "away") { (name: String) in name }
        let run = try await environment.tour([.step("h"), .step("a", "away")], end: "go")
        try await run.cancel()
        try await environment.advance(by: .seconds(86_400))
        let description = try await run.describe()
        #expect(description.status == .compensating)
        #expect(description.waitingFor.contains { $0.kind == .noWorker }, "\(description.waitingFor)")
        #expect(!environment.log.contains("undo h"))
        environment.fakeUndo(named: "away.undo")
        #expect(try await run.failure().compensation.state == .complete)
        #expect(environment.log == ["h", "a", "undo a", "undo h"])
    }
}
