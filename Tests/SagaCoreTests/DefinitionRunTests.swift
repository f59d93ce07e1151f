import SagaCodec
import SagaCore
import Testing

/// The state machine behind a declared run, moved by hand: events in, commands out.
@Suite struct DefinitionRunTests {
    /// A run and its history, as the engine would make it.
    private struct World {
        var run: DefinitionRun
        var next: EventID = 0
        let sagaID = SagaID(high: 1, low: 1)

        init(_ definition: SagaDefinition, input: String) throws {
            run = DefinitionRun(try SagaProgram(definition), workflowID: "w")
            give(
                .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "n", workflowID: "w", workflowType: "t", workflowVersion: 1,
                        taskQueue: EngineQueue.name, input: .json(input), executionTimeoutMicros: 0,
                        cancelGraceMicros: 0)))
        }

        @discardableResult
        mutating func give(_ attributes: EventAttributes) -> EventID {
            let id = next
            next += 1
            let mismatch = run.take(
                HistoryEvent(
                    eventID: id, sagaID: sagaID, timestamp: Timestamp(microseconds: Int64(id)), attributes: attributes))
            #expect(mismatch == nil)
            return id
        }

        /// Records what the run wants; gives the events of its steps and timers.
        mutating func record() -> [(event: EventID, id: String, input: String)] {
            var recorded: [(event: EventID, id: String, input: String)] = []
            for command in run.commands {
                switch command.command {
                case .scheduleActivity(let step):
                    let event = give(
                        .activityTaskScheduled(
                            ActivityTaskScheduled(
                                commandNumber: command.number, stepID: step.stepID, activityType: step.activityType,
                                taskQueue: step.taskQueue, input: step.input, retry: step.retry,
                                timeouts: step.timeouts, undo: step.undo, idempotencyKey: "k", priority: 0,
                                pivot: false, scope: 0, undoGroup: 0)))
                    recorded.append((event, step.stepID, String(decoding: step.input.data, as: UTF8.self)))
                case .startTimer(let timerID, _, _):
                    let event = give(
                        .timerCreated(
                            TimerCreated(
                                commandNumber: command.number, timerID: timerID, dueAt: Timestamp(microseconds: 0),
                                callback: nil)))
                    recorded.append((event, timerID, ""))
                default: break
                }
            }
            return recorded
        }

        mutating func complete(_ event: EventID, _ output: String) {
            give(
                .activityTaskCompleted(
                    ActivityTaskCompleted(scheduledEventID: event, attempt: 1, output: .json(output), undoData: nil)))
        }

        var ending: WorkflowCommand? { run.commands.last { $0.command.isClosing }?.command }
    }

    private func activity(_ id: String, _ input: String? = nil, _ conditions: [StepCondition] = []) -> StepDefinition {
        StepDefinition(
            id: id, conditions: conditions,
            kind: .activity(ActivityStep(activityType: "do", input: input.map { .template($0) })))
    }

    @Test(arguments: [
        // Template, input of the saga, output of step a, what step b gets.
        (#"{"x":"${input.x}"}"#, #"{"x":[1,2]}"#, "1", #"{"x":[1,2]}"#),
        (#"{"x":"${input.x} or ${steps.a.output}"}"#, #"{"x":"one"}"#, "1", #"{"x":"one or 1"}"#),
        (#"["${steps.a.output.list[1].name}"]"#, "{}", #"{"list":[0,{"name":"n"}]}"#, #"["n"]"#),
        (
            #"["${input.none ?? 7}","${input.none ?? some text}","${input.none ?? \"a b\"}"]"#, "{}", "1",
            #"[7,"some text","a b"]"#
        ),
        (#"["${input.x}"]"#, #"{"x": 123456789012345678901234567890.10 }"#, "1", "[123456789012345678901234567890.10]"),
        (#"["$${input.x}","$5"]"#, "{}", "1", #"["${input.x}","$5"]"#),
        (#"["text: ${input.x}"]"#, #"{"x":{"q":"a\"b"}}"#, "1", #"["text: {\"q\":\"a\\\"b\"}"]"#),
        (#"["${input.x}"]"#, #"{"x":"${steps.a.output}"}"#, "1", #"["${steps.a.output}"]"#),
        (#"["${input.x}"]"#, #"{"x":null}"#, "1", "[null]"),
        (#"["${input.x ?? 0}"]"#, #"{"x":null}"#, "1", "[0]"),
        (
            #"["${input.empty}","${input.deep}"]"#, #"{"empty":{ },"deep":{"a":[ 1 , {} ] } }"#, "1",
            #"[{ },{"a":[ 1 , {} ] }]"#
        ),
    ]) func templatesAreFilledIn(_ template: String, _ input: String, _ output: String, _ expected: String) throws {
        var world = try World(
            SagaDefinition(name: "t", steps: [activity("a"), activity("b", template)]), input: input)
        let first = world.record()
        #expect(first.map(\.id) == ["a"])
        #expect(first.map(\.input) == [input])
        world.complete(first[0].event, output)
        let second = world.record()
        #expect(second.map(\.input) == [expected])
        if let text = second.first?.input { _ = try JSONCoding.parse(Array(text.utf8)) }
    }

    @Test func aMissingValueFailsTheSaga() throws {
        var world = try World(
            SagaDefinition(name: "t", steps: [activity("a"), activity("b", #"["${input.gone.deeper}"]"#)]), input: "{}")
        world.complete(world.record()[0].event, "1")
        guard case .fail(let error)? = world.ending else { return #expect(Bool(false), "it goes on") }
        #expect(error.kind == .validation)
        #expect(error.message.contains("step b") && error.message.contains("input.gone.deeper"))
    }

    @Test func dataThatIsNotJSONIsPassedWholeOnly() throws {
        var world = try World(
            SagaDefinition(
                name: "t",
                steps: [
                    activity("a"),
                    StepDefinition(
                        id: "b", kind: .activity(ActivityStep(activityType: "do", input: .outputOfStep("a")))),
                    activity("c", #"["${steps.a.output.x}"]"#),
                ]), input: "{}")
        let bytes = Payload(encoding: "protobuf", data: [1, 2, 3])
        world.give(
            .activityTaskCompleted(
                ActivityTaskCompleted(
                    scheduledEventID: world.record()[0].event, attempt: 1, output: bytes, undoData: nil)))
        guard case .scheduleActivity(let step)? = world.run.commands.last?.command else {
            return #expect(Bool(false), "no step b")
        }
        #expect(step.input == bytes)
        world.complete(world.record()[0].event, "1")
        guard case .fail(let error)? = world.ending else { return #expect(Bool(false), "it goes on") }
        #expect(error.message.contains("protobuf"))
    }

    @Test(arguments: [
        ("input.n", StepCondition.Comparison.greater, "3", true), ("input.n", .greater, "4", false),
        ("input.n", .greaterOrEqual, "4", true), ("input.n", .less, "4.5", true), ("input.n", .lessOrEqual, "3", false),
        ("input.n", .equal, "4.0", true), ("input.n", .equal, #""4""#, false), ("input.s", .equal, #""b""#, true),
        ("input.s", .less, #""c""#, true), ("input.s", .less, "5", false), ("input.gone", .exists, "", false),
        ("input.nothing", .exists, "", false), ("input.n", .exists, "", true), ("input.gone", .equal, "null", true),
        ("input.gone", .notEqual, "1", true), ("input.gone", .less, "1", false), ("input.t", .equal, "true", true),
        ("input.gone", .lessOrEqual, "null", false),
    ]) func conditionsHold(_ path: String, _ comparison: StepCondition.Comparison, _ value: String, _ holds: Bool)
        throws
    {
        let condition = StepCondition(path: path, comparison, value: value)
        var world = try World(
            SagaDefinition(name: "t", steps: [activity("a", nil, [condition]), activity("b")]),
            input: #"{"n":4,"s":"b","nothing":null,"t":true}"#)
        #expect(world.record().map(\.id) == [holds ? "a" : "b"])
    }

    @Test func aGroupRunsTogetherAndTheNextStepWaitsForAll() throws {
        let steps = ["a", "b", "c"].map { id in
            StepDefinition(id: id, group: id == "c" ? "" : "g", kind: .activity(ActivityStep(activityType: "do")))
        }
        var world = try World(SagaDefinition(name: "t", steps: steps), input: "{}")
        let together = world.record()
        #expect(together.map(\.id) == ["a", "b"])
        world.complete(together[1].event, "2")
        #expect(world.run.commands.isEmpty)
        world.complete(together[0].event, "1")
        world.complete(world.record()[0].event, "3")
        #expect(world.ending == .complete(.json(#"{"a":1,"b":2,"c":3}"#)))
    }

    @Test func aSignalThatCameBeforeIsTakenAndALateDeadlineIsNot() throws {
        let wait = StepDefinition(id: "w", kind: .signal(SignalStep(name: "go", timeoutMicros: 5)))
        var world = try World(SagaDefinition(name: "t", steps: [activity("a"), wait, activity("b")]), input: "{}")
        let signal = EventAttributes.signalReceived(
            SignalReceived(name: "go", payload: .json("9"), signalID: "", requestID: "", identity: "", codeGone: false))
        // Two: one is taken, one stays.
        world.give(signal)
        world.give(signal)
        world.complete(world.record()[0].event, "1")
        #expect(world.record().map(\.id) == ["b"])
        #expect(world.run.unconsumedSignals == 1)

        var other = try World(SagaDefinition(name: "t", steps: [wait, activity("b")]), input: "{}")
        let timer = other.record()[0]
        #expect(timer.id == "w deadline")
        #expect(other.run.awaitedSignals == ["go"])
        other.give(signal)
        guard case .cancelTimer(0)? = other.run.commands.first?.command else {
            return #expect(Bool(false), "the deadline stands")
        }
        // It fires before the cancel is recorded: too late to count.
        other.give(.timerFired(TimerFired(createdEventID: timer.event)))
        #expect(other.ending == nil)
    }

    @Test func aDeadlineThatPassesFailsTheSaga() throws {
        let wait = StepDefinition(id: "w", kind: .signal(SignalStep(name: "go", timeoutMicros: 5)))
        var world = try World(SagaDefinition(name: "t", steps: [wait]), input: "{}")
        world.give(.timerFired(TimerFired(createdEventID: world.record()[0].event)))
        guard case .fail(let error)? = world.ending else { return #expect(Bool(false), "it goes on") }
        #expect(error.kind == .timeout)
    }

    @Test func whereItStandsIsAValueThatCanBeStored() throws {
        let steps = ["a", "b"].map { activity($0, #"["${input.x}"]"#) }
        var world = try World(SagaDefinition(name: "t", steps: steps), input: #"{"x":1}"#)
        let first = world.record()[0].event
        let bytes = Postcard.encode(world.run.state)
        let stored = try Postcard.decodeStrict(DefinitionRunState.self, from: bytes)
        #expect(stored == world.run.state)
        var resumed = world
        resumed.run = try #require(DefinitionRun(world.run.program, resuming: stored))
        for index in 0..<2 {
            let event = index == 0 ? first : world.record()[0].event
            if index == 1 { _ = resumed.record() }
            world.complete(event, "\(index)")
            resumed.complete(event, "\(index)")
        }
        #expect(world.ending == .complete(.json(#"{"a":0,"b":1}"#)))
        #expect(resumed.ending == world.ending)
        for count in 0..<bytes.count {
            #expect(throws: CodecError.self) {
                try Postcard.decodeStrict(DefinitionRunState.self, from: Array(bytes.prefix(count)))
            }
        }
    }

    @Test func aHistoryOfAnotherDefinitionIsNoticed() throws {
        let run = DefinitionRun(
            try SagaProgram(SagaDefinition(name: "t", steps: [activity("a")])), workflowID: "w")
        var other = try World(SagaDefinition(name: "t", steps: [activity("z")]), input: "{}")
        guard case .scheduleActivity(let step)? = other.run.commands.first?.command else { return }
        _ = other.record()
        let replayed = run
        let started = WorkflowExecutionStarted(
            namespace: "n", workflowID: "w", workflowType: "t", workflowVersion: 1, taskQueue: EngineQueue.name,
            input: .json("{}"), executionTimeoutMicros: 0, cancelGraceMicros: 0)
        let id = SagaID(high: 1, low: 1)
        let time = Timestamp(microseconds: 0)
        #expect(
            replayed.take(
                HistoryEvent(eventID: 0, sagaID: id, timestamp: time, attributes: .workflowExecutionStarted(started)))
                == nil)
        let scheduled = ActivityTaskScheduled(
            commandNumber: 0, stepID: step.stepID, activityType: step.activityType, taskQueue: "q", input: .empty,
            retry: step.retry, timeouts: step.timeouts, undo: nil, idempotencyKey: "k", priority: 0, pivot: false,
            scope: 0, undoGroup: 0)
        let mismatch = replayed.take(
            HistoryEvent(eventID: 1, sagaID: id, timestamp: time, attributes: .activityTaskScheduled(scheduled)))
        #expect(mismatch?.code == "SE0100")
    }
}
