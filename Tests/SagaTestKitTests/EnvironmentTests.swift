import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// The test environment: time, fakes, what they record, crashes.
@Suite(.timeLimit(.minutes(1))) struct EnvironmentTests {
    private func environment(replays: Bool = true) -> SagaTestEnvironment {
        let environment = SagaTestEnvironment(
            Trip.self, Patient.self, Family.self, Chatty.self, Quick.self, Chain.self, replaysEveryTask: replays)
        environment.fake(Flight.self) { "F-\($0)" }
        environment.fake(Hotel.self) { "H-\($0)" }
        return environment
    }

    @Test(arguments: [true, false]) func aMonthTakesNoTime(_ replays: Bool) async throws {
        let environment = environment(replays: replays)
        let run = try await environment.start(Patient.self, 30)
        #expect(environment.elapsed < .seconds(1))
        #expect(try await run.describe().timers.map(\.timerID) == ["sleep"])
        #expect(try await run.result() == "F-30")
        #expect(environment.elapsed >= .seconds(30 * 86_400))
        #expect(environment.elapsed < .seconds(30 * 86_400 + 1))
    }

    @Test func timeIsAdvancedByHand() async throws {
        let environment = environment()
        let run = try await environment.start(Patient.self, 2)
        try await environment.advance(by: .seconds(86_400))
        #expect(environment.calls.isEmpty)
        #expect(environment.elapsed == .seconds(86_400))
        try await environment.advance(by: .seconds(86_401))
        #expect(environment.calls.map(\.name) == ["test.flight"])
        #expect(try await run.result() == "F-2")
    }

    @Test func theFirstAttemptsFailAndTheNextSucceeds() async throws {
        let environment = environment()
        environment.fake(Hotel.self, attempts: [.fails(), .hasNoEffect(), .runs]) { "H-\($0)" }
        #expect(try await environment.run(Trip.self, "x") == ["F-x", "H-x"])
        let hotel = environment.calls.filter { $0.activityType == Hotel.typeID }
        #expect(hotel.map(\.attempt) == [1, 2, 3])
        #expect(Set(hotel.map(\.idempotencyKey)).count == 1)
        // Retries wait in virtual time: one second and two, less the jitter.
        #expect(try #require(hotel.last).at >= .milliseconds(2_700))
        #expect(try #require(hotel.first).input(as: String.self) == "x")
    }

    @Test func whatTimesOutIsUndone() async throws {
        let environment = environment()
        var effects: [String] = []
        environment.fake(Hotel.self, attempts: Array(repeating: .timesOutAfterEffect, count: 3)) {
            effects.append($0)
            return "H"
        }
        let run = try await environment.start(Trip.self, "x")
        let failure = try await run.failure()
        #expect(failure.error?.kind == .timeout)
        #expect(effects == ["x", "x", "x"])
        #expect(try await run.undone() == ["test.hotel", "test.flight"])
        try await run.requireUndone()
        // Each of the three attempts had its 300 seconds.
        #expect(environment.elapsed >= .seconds(900))
    }

    @Test func aStepWithoutEffectIsNotUndone() async throws {
        let environment = environment()
        environment.fake(Hotel.self, always: .hasNoEffect(SagaError(kind: .domain, message: "full")))
        let run = try await environment.start(Trip.self, "x")
        _ = try await run.failure()
        #expect(environment.calls.map(\.name) == ["test.flight", "test.hotel", "undo test.flight"])
        #expect(try await run.undoable() == ["test.flight"])
    }

    @Test func anUndoGetsWhatItsStepPrepared() async throws {
        let environment = environment()
        environment.fake(Flight(), attempts: []) { "F-\($0)" }
        environment.fake(Hotel.self, always: .fails(SagaError(kind: .domain, message: "full")))
        var given: [String] = []
        environment.fake(CancelFlight.self) { (input: String) in
            given.append(input)
            return true
        }
        _ = try await environment.start(Trip.self, "x").failure()
        #expect(given == ["cancel F-x"])
    }

    @Test func attemptsOverlapInVirtualTime() async throws {
        let environment = environment()
        environment.fake(Flight.self, delay: .seconds(60)) { "F-\($0)" }
        environment.fake(Hotel.self, delay: .seconds(90)) { "H-\($0)" }
        #expect(try await environment.run(Trip.self, "both") == ["F-both", "H-both"])
        #expect(environment.elapsed >= .seconds(90) && environment.elapsed < .seconds(91))
    }

    @Test func aCrashLosesOnlyWhatRan() async throws {
        let environment = environment()
        environment.fake(Hotel.self, delay: .seconds(60)) { "H-\($0)" }
        let run = try await environment.start(Trip.self, "x")
        environment.after(.seconds(30)) { try await environment.crash(downFor: .seconds(5)) }
        #expect(try await run.result() == ["F-x", "H-x"])
        let hotel = environment.calls.filter { $0.activityType == Hotel.typeID }
        #expect(hotel.count == 2)
        #expect(Set(hotel.map(\.idempotencyKey)).count == 1)
        #expect(environment.calls.count { $0.activityType == Flight.typeID } == 1)
    }

    @Test func messagesReachTheCode() async throws {
        let environment = environment()
        let run = try await environment.start(Chatty.self, 1)
        #expect(try await run.query("sum", as: Int.self) == 1)
        #expect(try await run.update("add", 4, as: Int.self) == 5)
        await #expect(throws: UpdateFailure.self) { try await run.update("add", -1, as: Int.self) }
        environment.after(.seconds(3_600)) { try await run.signal("go", 10) }
        #expect(try await run.result() == 15)
        #expect(environment.elapsed >= .seconds(3_600))
        #expect(try await run.query("sum", as: Int.self) == 5)
    }

    @Test func aSagaThatEndedBadlyStillAnswers() async throws {
        let environment = environment()
        let run = try await environment.start(Chatty.self, 1)
        try await run.signal("go", -1)
        #expect(try await run.failure().error?.kind == .domain)
        #expect(try await run.query("sum", as: Int.self) == 1)
    }

    @Test func childrenAndChainsAreSagasToo() async throws {
        let environment = environment()
        #expect(try await environment.run(Family.self, "x", id: "family") == ["F-x", "H-x"])
        #expect(try await environment.saga(Trip.self, id: "family/1").result() == ["F-x", "H-x"])
        #expect(try await environment.run(Chain.self, 3) == 0)
        #expect(try await environment.histories().count == 6)
    }

    @Test func localActivitiesAreFakedToo() async throws {
        let environment = environment()
        environment.fake(Flight.self, attempts: [.fails()]) { "F-\($0)" }
        #expect(try await environment.run(Quick.self, "x") == "F-x")
        #expect(environment.calls.map(\.attempt) == [1, 2])
    }

    @Test func cancelledStepsStop() async throws {
        let environment = environment()
        environment.fake(Hotel.self, delay: .seconds(60)) { "H-\($0)" }
        let run = try await environment.start(Trip.self, "x")
        try await run.cancel(reason: "no more")
        #expect(try await run.failure().status == .canceled)
        #expect(environment.elapsed < .seconds(60))
        #expect(try await run.undone() == ["test.flight"])
    }

    @Test func aBlockedSagaIsHelped() async throws {
        let environment = environment()
        environment.fakeUndo(named: CancelFlight.typeID, attempts: Array(repeating: .fails(), count: 3))
        environment.fake(Hotel.self, always: .fails(SagaError(kind: .domain, message: "full")))
        let run = try await environment.start(Trip.self, "x")
        let stuck = await #expect(throws: SagaTestError.self) { try await run.result() }
        #expect(stuck?.description.contains("blocked") == true)
        try await run.operate(.retry)
        #expect(try await run.failure().compensation.state == .complete)
    }

    @Test func whoWaitsForNothingIsTold() async throws {
        let environment = environment()
        let run = try await environment.start(Chatty.self, 1)
        let stuck = await #expect(throws: SagaTestError.self) { try await run.result() }
        #expect(stuck?.description.contains("signal") == true, "\(stuck?.description ?? "")")
    }

    @Test func aStepIsCompletedFromOutside() async throws {
        let environment = environment()
        environment.fake(Hotel.self, always: .completesLater)
        let run = try await environment.start(Trip.self, "x")
        try await environment.advance(by: .seconds(100))
        try await environment.complete("test.hotel", returning: "H-late")
        #expect(try await run.result() == ["F-x", "H-late"])
    }

    @Test func aLateEffectIsCounted() async throws {
        let environment = environment()
        environment.fake(Hotel.self, always: .timesOut)
        _ = try await environment.start(Trip.self, "x").failure()
        try await environment.complete("test.hotel", returning: "H")
        #expect(environment.lateEffects == ["test.hotel"])
    }

    @Test func declarativeSagasRunToo() async throws {
        let environment = environment()
        try await environment.register(
            SagaDefinition(
                name: "declared",
                steps: [
                    StepDefinition(
                        id: "flight",
                        kind: .activity(
                            ActivityStep(
                                activityType: Flight.typeID, input: .template(#""${input}""#),
                                undo: UndoSpec(activityType: CancelFlight.typeID)))),
                    StepDefinition(id: "night", kind: .timer(delayMicros: 86_400_000_000)),
                ], output: .template(#""${steps.flight.output}""#)))
        let run = try await environment.startDefinition("declared", "x", as: String.self)
        #expect(try await run.result() == "F-x")
        #expect(environment.elapsed >= .seconds(86_400))
    }
}

/// Code that does not do the same twice, and what is wrong with an undo order.
@Suite(.timeLimit(.minutes(1))) struct DeterminismTests {
    @Test func otherCommandsAreFoundAtOnce() async throws {
        let environment = SagaTestEnvironment(Fickle.self)
        environment.fake(Flight.self) { "F-\($0)" }
        Fickle.count.reset()
        let run = try await environment.start(Fickle.self, 3)
        let error = await #expect(throws: SagaTestError.self) { try await run.result() }
        #expect(error?.description.contains("does not fit its history") == true, "\(error?.description ?? "")")
    }

    @Test func theReplayOfAClosedSagaFindsThemToo() async throws {
        let environment = SagaTestEnvironment(Fickle.self, replaysEveryTask: false)
        environment.fake(Flight.self) { "F-\($0)" }
        Fickle.count.reset()
        let run = try await environment.start(Fickle.self, 3)
        await #expect(throws: Nondeterminism.self) { try await run.result() }
    }

    @Test func otherValuesAreFoundByASecondRun() async throws {
        Chancy.count.reset()
        func twice<W: DurableWorkflow>(_ workflow: W.Type) async throws where W.Input == Int {
            try await SagaTestEnvironment.requireSameTwice {
                let environment = SagaTestEnvironment(workflow)
                environment.fake(Flight.self) { "F-\($0)" }
                return environment
            } _: { environment in
                _ = try await environment.start(workflow, 3).closing()
            }
        }
        let error = await #expect(throws: Nondeterminism.self) { try await twice(Chancy.self) }
        #expect(error?.description.contains("event 1 ") == true, "\(error?.description ?? "")")
        try await twice(Patient.self)
    }

    @Test func aMissingUndoIsNamed() async throws {
        let environment = SagaTestEnvironment(Trip.self)
        environment.fake(Flight.self) { "F-\($0)" }
        environment.fake(Hotel.self) { "H-\($0)" }
        let run = try await environment.start(Trip.self, "x")
        _ = try await run.result()
        let error = await #expect(throws: SagaTestError.self) { try await run.requireUndone() }
        #expect(error?.description.contains("not undone: test.flight, test.hotel") == true)
    }

    @Test func aBuiltHistoryIsReplayed() throws {
        var history = try HistoryBuilder(Trip.self, "x")
        let flight = try history.schedule(Flight.self, "x")
        try history.complete(flight, returning: "F")
        let hotel = try history.schedule(Hotel.self, "x")
        try history.complete(hotel, returning: "H")
        try history.complete(returning: ["F", "H"])
        var workflows = WorkflowRegistry()
        workflows.register(Trip.self)
        #expect(WorkflowReplayer.replay(history.events, workflows)?.fits == true)
        #expect(throws: SagaError.self) { try history.signal("late", 1) }

        var other = try HistoryBuilder(Trip.self, "x")
        try other.timer("sleep", .seconds(1))
        #expect(WorkflowReplayer.replay(other.events, workflows)?.problem?.eventID == 1)
    }

    @Test func recordedHistoriesComeBack() async throws {
        let environment = SagaTestEnvironment(Patient.self)
        environment.fake(Flight.self) { "F-\($0)" }
        _ = try await environment.run(Patient.self, 1)
        let path = "/tmp/saga-test-kit-\(UInt64.random(in: 0 ... .max)).history"
        let histories = try await environment.histories()
        for format in HistoryFile.Format.allCases {
            try RecordedHistories.write(histories, to: path, as: format)
            #expect(try RecordedHistories.read(path) == histories)
        }
        #expect(throws: HistoryFileError.self) { try RecordedHistories.read("/nonexistent") }
    }
}
