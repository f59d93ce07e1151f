import SagaCore
import SagaEngine
import SagaSchedules
import Testing

/// What a schedule remembers, and how a run is started once.
@Suite struct ScheduleStateTests {
    private let minute: Int64 = 60_000_000
    private func clock(_ cron: String = "* * * * *") throws -> ScheduleClock {
        ScheduleClock(try CronExpression(cron), .utc)
    }
    private func time(_ minutes: Double) -> Timestamp { Timestamp(microseconds: Int64(minutes * 60_000_000)) }

    @Test func missedTimesWithinTheWindowAreMadeUpFor() throws {
        var state = ScheduleState(now: time(10))
        // The server was away for 10 minutes; the window is 3.5.
        let next = state.next(try clock(), catchupMicros: minute * 7 / 2, now: time(20))
        #expect(next.dueMicros == 17 * minute && next.missed == 6)
        state.passOver(next)
        #expect(state.skipped == 6)
        let isBegun = state.begin(dueMicros: 17 * minute, overlap: .skip)
        #expect(isBegun)
        let after = state.next(try clock(), catchupMicros: minute * 7 / 2, now: time(20))
        #expect(after.dueMicros == 18 * minute && after.missed == 0)
    }

    @Test func aVeryLongOutageCostsLittle() throws {
        let state = ScheduleState(now: time(0))
        let next = state.next(try clock("@every 1ms"), catchupMicros: 0, now: Timestamp(microseconds: .max / 4))
        #expect(next.missed >= 1_000 && next.missed <= 1_002)
        #expect((next.dueMicros ?? 0) >= .max / 4)
    }

    @Test func onlyOneWaits() throws {
        var state = ScheduleState(now: time(0))
        let isFirstBegun = state.begin(dueMicros: minute, overlap: .bufferOne)
        #expect(isFirstBegun)
        state.ended(FiringResult(.busy), workflowID: "a", dueMicros: minute, overlap: .bufferOne, now: time(1))
        #expect(state.buffered?.workflowID == "a" && state.skipped == 0)
        let isSecondBegun = state.begin(dueMicros: 2 * minute, overlap: .bufferOne)
        #expect(!isSecondBegun)
        #expect(state.skipped == 1 && state.cursorMicros == 2 * minute)
        // Still busy: looked at ever more rarely.
        let first = state.buffered?.pauseMicros ?? 0
        state.ended(FiringResult(.busy), workflowID: "a", dueMicros: minute, overlap: .bufferOne, now: time(2))
        #expect(state.buffered?.pauseMicros == 2 * first)
        state.ended(
            FiringResult(.started, sagaID: "x"), workflowID: "a", dueMicros: minute, overlap: .bufferOne, now: time(3))
        #expect(state.buffered == nil && state.started == 1 && state.lastSagaID == "x")
    }

    @Test func skippedAndRefusedAreCounted() {
        var state = ScheduleState(now: time(0))
        state.ended(FiringResult(.busy), workflowID: "a", dueMicros: minute, overlap: .skip, now: time(1))
        #expect(state.skipped == 1 && state.buffered == nil)
        state.ended(
            FiringResult(.refused, message: "no"), workflowID: "b", dueMicros: minute, overlap: .skip, now: time(1))
        #expect(state.lastError == "no" && state.started == 0)
    }

    private func firing(_ overlap: ScheduleOverlap, last: String = "w-1") -> Firing {
        Firing(
            namespace: "default", start: ScheduledStart(workflowID: "w", workflowType: "t"), workflowID: "w-2",
            overlap: overlap, lastWorkflowID: last, scheduleID: "s")
    }

    private func description(_ status: ExecutionStatus) -> Result<CallReply, CallFailure> {
        var description = ExecutionDescription(ExecutionState(sagaID: SagaID(high: 1, low: 2)))
        description.status = status
        return .success(.description(description))
    }

    @Test func theRunBeforeIsLookedAt() throws {
        for (overlap, status, isBusy) in [
            (ScheduleOverlap.skip, ExecutionStatus.running, true), (.skip, .completed, false),
            (.bufferOne, .running, true), (.bufferOne, .failed, false), (.cancelOther, .compensating, true),
        ] {
            var machine = FiringMachine(firing(overlap))
            guard case .call(.describe(let target)) = machine.next(nil) else { throw Unexpected() }
            #expect(target.workflowID == "w-1")
            switch machine.next(description(status)) {
            case .done(let result): #expect(isBusy && result.outcome == .busy)
            case .call(.start(let start)):
                #expect(!isBusy && start.workflowID == "w-2" && start.requestID == "schedule/w-2")
                #expect(start.reusePolicy == .reject)
            default: throw Unexpected()
            }
        }
    }

    @Test func theOtherIsAskedToEnd() throws {
        var machine = FiringMachine(firing(.cancelOther))
        _ = machine.next(nil)
        guard case .call(.cancel(let control)) = machine.next(description(.running)) else { throw Unexpected() }
        #expect(control.target.workflowID == "w-1" && !control.requestID.isEmpty)
        guard case .done(let result) = machine.next(.success(.done(SagaID(high: 1, low: 2)))) else {
            throw Unexpected()
        }
        #expect(result.outcome == .busy)
    }

    @Test func aStartIsRepeatedUntilItIsKnown() throws {
        var machine = FiringMachine(firing(.allow))
        guard case .call(.start) = machine.next(nil) else { throw Unexpected() }
        guard case .again = machine.next(.failure(CallFailure(.unavailable, "down"))) else { throw Unexpected() }
        machine = FiringMachine(firing(.skip, last: ""))
        guard case .call(.start) = machine.next(nil) else { throw Unexpected() }
        let sagaID = SagaID(high: 3, low: 4)
        guard case .done(let result) = machine.next(.success(.started(sagaID, alreadyStarted: false))) else {
            throw Unexpected()
        }
        #expect(result == FiringResult(.started, sagaID: sagaID.description))
        machine = FiringMachine(firing(.allow))
        _ = machine.next(nil)
        guard case .done(let refused) = machine.next(.failure(CallFailure(.alreadyExists, "used"))) else {
            throw Unexpected()
        }
        #expect(refused.outcome == .refused && refused.message == "used")
    }

    private struct Unexpected: Error {}
}
