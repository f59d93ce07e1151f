import SagaCore
import SagaWire
import Testing

@Suite struct TaskMappingTests {
    private let run = SagaID(high: 1, low: 2)

    @Test func everyCommandCrossesWithoutLoss() throws {
        let undo = UndoSpec(
            activityType: "refund", taskQueue: "q2", undoFailedStep: .always, retry: .never,
            timeouts: ActivityTimeouts(startToCloseMicros: 5), probeActivityType: "probe")
        let step = ScheduleActivity(
            stepID: "pay", activityType: "charge", taskQueue: "q", input: .json("{}"),
            retry: RetryPolicy(maximumAttempts: 0, nonRetryableKinds: [.domain, .unknown]),
            timeouts: ActivityTimeouts(scheduleToStartMicros: 1, heartbeatMicros: 2), undo: undo, priority: -3,
            pivot: true, scope: 4, undoGroup: 5)
        let commands: [WorkflowCommand] = [
            .scheduleActivity(step), .requestCancelActivity(3),
            .startTimer(timerID: "t", durationMicros: 7, callback: nil),
            .startTimer(timerID: "t", durationMicros: 0, callback: ""),
            .cancelTimer(9),
            .recordMarker(MarkerCommand(kind: .note, name: "n", details: .json("1"))),
            .recordMarker(
                MarkerCommand(
                    kind: .undoTracked, name: "n", details: .empty, output: .empty, undo: undo, scope: 3)),
            .recordSideEffect(.json("2")), .recordVersion(changeID: "c", version: 2),
            .upsertSearchAttributes([NamedPayload(name: "a", payload: .json("3"))]), .compensate(scope: 1),
            .complete(.empty),
            .complete(Payload(encoding: "b", data: [0, 1], metadata: [MetadataEntry(key: "k", value: "v")])),
            .fail(SagaError(kind: .domain, message: "no", code: "X", details: .json("4"))), .cancel(reason: "r"),
            .continueAsNew(input: .json("5"), carryUndo: true), .continueAsNew(input: .json("5"), carryUndo: false),
            .continueAsNew(
                input: .empty, carryUndo: true,
                signals: [CarriedSignal(name: "s", payload: .json("6"), signalID: "id")]),
            .signalExternal(
                SignalExternalCommand(
                    namespace: "n", workflowID: "w", sagaID: SagaID(high: 3, low: 4), name: "s", payload: .json("7"))),
            .signalExternal(SignalExternalCommand(workflowID: "w", name: "s", payload: .empty)),
            .startChild(
                StartChildCommand(
                    workflowID: "w", workflowType: "t", taskQueue: "q", input: .json("9"),
                    parentClosePolicy: .terminate, scope: 2)),
            .requestCancelChild(4),
            .scheduleLocalActivity(
                LocalActivityCommand(stepID: "s", activityType: "a", input: .json("1"), undo: undo, scope: 3)),
            .recordLocalActivity(LocalActivityRecord(activityType: "a", end: .completed(.json("2")))),
            .recordLocalActivity(
                LocalActivityRecord(
                    activityType: "a", scheduledEventID: 0,
                    end: .failed(SagaError(kind: .domain, message: "no"), .noEffect))),
            .recordLocalActivity(LocalActivityRecord(activityType: "a", end: .timedOut(.unknown))),
            .recordLocalActivity(LocalActivityRecord(activityType: "a", end: .canceled(.unknown))),
            .completeUpdate(acceptedEventID: 7, output: .json("8")),
            .rollBackUpdate(acceptedEventID: 8, error: SagaError(kind: .domain, message: "no")),
        ]
        let numbered = commands.enumerated().map { NumberedCommand(number: UInt32($0.offset), command: $0.element) }
        let answer = WorkflowTaskAnswer.completed(
            seenEventID: 12, commands: numbered, unconsumedSignals: 3,
            verdicts: [
                UpdateVerdict(updateID: "a"),
                UpdateVerdict(updateID: "b", error: SagaError(kind: .validation, message: "no")),
            ])
        let item = Wire.WorkerItem(item: Wire.WorkerItem.Item(answer, token: [1, 2]))
        guard case .workflowTaskCompleted(let wire) = try Wire.WorkerItem(decoding: item.serialized()).item else {
            Issue.record("another item")
            return
        }
        #expect(wire.taskToken == [1, 2])
        guard case .completed(let seen, let back, let signals, let verdicts) = try WorkflowTaskAnswer(wire) else {
            Issue.record("another answer")
            return
        }
        #expect(seen == 12 && signals == 3)
        #expect(back == numbered)
        #expect(verdicts.map(\.updateID) == ["a", "b"] && verdicts.map { $0.error?.message } == [nil, "no"])
    }

    @Test func brokenCommandsAreNamed() {
        func thrown(_ kind: Wire.Command.Kind?) -> WireError? {
            do throws(WireError) {
                _ = try NumberedCommand.list([Wire.Command(kind: kind)], "commands")
                return nil
            } catch {
                return error
            }
        }
        #expect(thrown(nil) == WireError(field: "commands[0].kind", reason: .missing))
        #expect(
            thrown(.startTimer(Wire.StartTimerCommand(durationMicros: -1)))?.field
                == "commands[0].start_timer.duration_us")
        #expect(thrown(.failWorkflow(Wire.FailWorkflowCommand()))?.field == "commands[0].fail_workflow.error")
        #expect(thrown(.recordMarker(Wire.RecordMarkerCommand()))?.field == "commands[0].record_marker.kind")
        #expect(
            thrown(.scheduleLocalActivity(Wire.ScheduleLocalActivityCommand()))?.field
                == "commands[0].schedule_local_activity.undo")
    }

    @Test func workflowTasksCross() throws {
        let event = HistoryEvent(
            eventID: 4, sagaID: run, timestamp: Timestamp(microseconds: 5),
            attributes: .timerFired(TimerFired(createdEventID: 3)))
        var task = WorkflowTask(
            sagaID: run, generation: 8, namespace: "n", workflowID: "w", workflowType: "t", workflowVersion: 2,
            taskQueue: "q", firstEventID: 4, events: [event], more: true)
        task.firstRun = SagaID(high: 7, low: 8)
        let wire = try Wire.WorkflowTask(decoding: Wire.WorkflowTask(task, token: [9], isSticky: true).serialized())
        #expect(wire.taskToken == [9] && wire.sticky)
        let back = try WorkflowTask(wire)
        #expect(back.generation == 0)
        #expect(back.events == [event] && back.firstEventID == 4 && back.more && back.sagaID == run)
        #expect(back.namespace == "n" && back.workflowID == "w" && back.workflowType == "t")
        #expect(back.workflowVersion == 2 && back.taskQueue == "q" && back.firstRun == task.firstRun)
    }

    @Test func otherAnswersCross() throws {
        guard case .needHistory(let need) = Wire.WorkerItem.Item(.needHistory(from: 7), token: [1]),
            case .needHistory(let from) = WorkflowTaskAnswer(need)
        else {
            Issue.record("another item")
            return
        }
        #expect(from == 7)
        let failure = WorkflowTaskAnswer.failed(.nondeterminism, SagaError(kind: .replay, message: "m"))
        guard case .workflowTaskFailed(let failed) = Wire.WorkerItem.Item(failure, token: [1]),
            case .failed(let cause, let error) = try WorkflowTaskAnswer(failed)
        else {
            Issue.record("another item")
            return
        }
        #expect(cause == .nondeterminism && error.message == "m")
    }

    @Test func activityTasksCross() throws {
        func task(isUndo: Bool, attempt: UInt32 = 2, token: [UInt8]? = nil) -> ActivityTask {
            ActivityTask(
                reference: TaskReference(sagaID: run, eventID: 5, attempt: attempt, isUndo: isUndo), namespace: "n",
                workflowID: "w", workflowType: "t", stepID: "s", activityType: "a", taskQueue: "q", input: .json("1"),
                idempotencyKey: "k/undo", timeouts: ActivityTimeouts(heartbeatMicros: 3),
                undo: isUndo
                    ? UndoTaskInput(output: nil, data: .json("2"), outcome: .unknown, stepKey: "k") : nil,
                heartbeatDetails: .json("3"), taskToken: token, scheduledAt: Timestamp(microseconds: 4),
                traceID: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        }
        for isUndo in [true, false] {
            let sent = Wire.ActivityTask(
                task(isUndo: isUndo), token: [7], deadline: Timestamp(microseconds: 9))
            let wire = try Wire.ActivityTask(decoding: sent.serialized())
            #expect(wire.scheduledMicros == 4 && wire.deadlineMicros == 9 && wire.taskToken == [7] && !wire.isProbe)
            #expect(difference(try ActivityTask(wire), task(isUndo: isUndo, token: [7])) == nil)
        }
        #expect(Wire.ActivityTask(task(isUndo: true, attempt: 0), token: [7]).isProbe)
        #expect(throws: WireError(field: "undo", reason: .missing)) {
            _ = try ActivityTask(Wire.ActivityTask(sagaID: run, isUndo: true))
        }
    }

    @Test func reportsCross() throws {
        let results: [ActivityResult] = [
            .completed(output: .json("1"), undoData: nil), .completed(output: .empty, undoData: .json("2")),
            .failed(SagaError(kind: .unknown, message: "m"), outcome: .noEffect),
            .failed(SagaError(kind: .validation, message: "m"), outcome: .unknown),
            .canceled(outcome: .noEffect, details: .json("3")), .canceled(outcome: .unknown, details: nil),
        ]
        for result in results {
            let item = Wire.WorkerItem(item: Wire.WorkerItem.Item(result, token: [1]))
            let back: ActivityResult
            switch try Wire.WorkerItem(decoding: item.serialized()).item {
            case .activityCompleted(let wire): back = ActivityResult(wire)
            case .activityFailed(let wire): back = try ActivityResult(wire)
            case .activityCanceled(let wire): back = ActivityResult(wire)
            default:
                Issue.record("another item")
                return
            }
            #expect(difference(back, result) == nil)
        }
    }

    @Test func theErrorSaysTheOutcomeWhereTheWorkerDoesNot() throws {
        for (kind, expected) in [
            (ErrorKind.validation, StepOutcome.noEffect), (.domain, .noEffect), (.timeout, .unknown),
            (.unknown, .unknown),
        ] {
            let wire = Wire.ActivityFailed(error: Wire.SagaError(SagaError(kind: kind, message: "m")))
            guard case .failed(_, let outcome) = try ActivityResult(wire) else {
                Issue.record("another result")
                return
            }
            #expect(outcome == expected)
        }
        #expect(throws: WireError(field: "error", reason: .missing)) { _ = try ActivityResult(Wire.ActivityFailed()) }
    }

    /// The frame layer writes three messages by hand; they are these.
    @Test func theSessionsOwnMessagesAreThoseOfTheIDL() throws {
        let status = try Wire.Status(decoding: WireStatus(.resourceExhausted, "full", retryAfterMS: 9).encoded())
        #expect(status == Wire.Status(code: .resourceExhausted, message: "full", retryAfterMillis: 9))
        let goAway = WireGoAway(lastStream: 3, reason: "drain", drainMS: 4, retryAfterMS: 5, code: .unavailable)
        #expect(
            try Wire.GoAway(decoding: goAway.encoded())
                == Wire.GoAway(
                    lastStreamID: 3, reason: "drain", drainMillis: 4, retryAfterMillis: 5, code: .unavailable))
        #expect(
            try Wire.StreamCancel(decoding: WireCancel(reason: "why").encoded()) == Wire.StreamCancel(reason: "why"))
    }
}
