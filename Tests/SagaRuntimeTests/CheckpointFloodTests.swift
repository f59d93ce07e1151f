import SagaCore
import Testing

private struct Held: Codable {
    var round = 0
    var seen: [String] = []
}

private struct Plan: Codable {
    /// Whether handlers wait for a timer.
    var waits = false
    /// Signals of the second pass.
    var others = 0

    var json: Payload { .json("{\"waits\":\(waits),\"others\":\(others)}") }
}

/// Has handlers for `news` and `add`, and takes `other` in its second pass only.
private struct Handled: DurableWorkflow {
    static let typeID = "handled"

    func run(_ context: WorkflowContext, _ input: Plan) async throws -> [String] {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        func take(_ text: String) async throws {
            // A checkpoint that is taken back gives the step outputs back, too.
            let what = String(text.prefix(1)) + (try context.stepOutput("kept", as: String.self) ?? "lost")
            held.seen.append(what)
            guard input.waits else { return }
            try await context.createTimer(what, .seconds(1))
            held.seen.append("\(what)!")
        }
        try context.setSignalHandler("news") { (text: String) in try await take(text) }
        try context.setUpdateHandler("add") { (text: String) in
            try await take(text)
            return held.seen.count
        }
        held.round += 1
        if held.round == 1 {
            try context.setStepOutput("kept", "k")
            _ = try await context.waitForSignal("go", as: Int.self)
            try await context.checkpoint(held, keeping: [])
        }
        // Handlers of what was handed on have run by then.
        try await context.withoutCancellation { _ = try await context.waitForSignal("end", as: Int.self) }
        for _ in 0..<input.others {
            held.seen.append(String(try await context.waitForSignal("other", as: String.self).prefix(1)))
        }
        return held.seen + (context.isCancelRequested ? ["canceled"] : [])
    }
}

/// Has no handler; takes what it is told to, three in each pass but the last.
private struct Told: DurableWorkflow {
    static let typeID = "told"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        held.round += 1
        if held.round == 4 { return held.seen }
        _ = try await context.waitForSignal("go", as: Int.self)
        do {
            try await context.checkpoint(held)
        } catch let error as SagaError {
            held.seen.append(error.message.contains("3 signals (news)") ? "told" : error.message)
            for _ in 0..<3 {
                held.seen.append(String(try await context.waitForSignal("news", as: String.self).prefix(1)))
            }
            try await context.checkpoint(held)
        }
    }
}

/// Sets its handler of updates in its second pass only when it is told that they are too much.
private struct Late: DurableWorkflow {
    static let typeID = "late"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        held.round += 1
        func setHandler() throws {
            try context.setUpdateHandler("add") { (text: String) in
                held.seen.append(String(text.prefix(1)))
                return 1
            }
        }
        if held.round == 1 { try setHandler() }
        if held.round == 3 { return held.seen }
        _ = try await context.waitForSignal("go", as: Int.self)
        do {
            try await context.checkpoint(held)
        } catch let error as SagaError {
            held.seen.append(error.message)
            try setHandler()
            try await context.checkpoint(held)
        }
    }
}

/// Makes one checkpoint with a value of so many letters.
private struct Exact: DurableWorkflow {
    static let typeID = "exact"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        if try context.lastCheckpoint(as: String.self) != nil { return ["made"] }
        try context.setUpdateHandler("add") { (text: String) in text.utf8.count }
        try context.setStepOutput("k", "1")
        _ = try await context.waitForSignal("go", as: Int.self)
        do {
            try await context.checkpoint(String(repeating: "x", count: input))
        } catch let error as SagaError { return [error.message] }
    }
}

/// A run whose answers the test records or, as the engine does with a checkpoint that has not seen all, does not.
private struct Flood {
    let run: TestRun
    private var seen: EventID = 0
    private var count = 0

    init<W: DurableWorkflow>(_ type: W.Type, _ input: Payload) throws {
        run = try #require(TestRun(type, input: input))
        record(try activate())
    }

    /// What the code asks for when it has seen all.
    mutating func activate() throws -> [NumberedCommand] {
        let answer = run.instance.activate(run.history.task(from: seen))
        seen = EventID(run.history.events.count)
        return try #require(answer?.commands, "\(answer?.error?.message ?? "no answer")")
    }

    func record(_ commands: [NumberedCommand]) {
        for numbered in commands {
            if case .completeUpdate(let accepted, let output) = numbered.command {
                run.history.add(
                    .workflowUpdateCompleted(
                        WorkflowUpdateCompleted(
                            acceptedEventID: accepted, output: output, commandNumber: numbered.number)))
            } else {
                run.history.record([numbered])
            }
        }
    }

    /// Each letter is something that comes: `n`ews and `u`pdates of 300 KB, `o`thers of 100 KB, a request to `c`ancel, `g`o, `e`nd.
    mutating func come(_ letters: String) {
        for letter in letters {
            switch letter {
            case "n": run.history.signal("news", text(300_000))
            case "o": run.history.signal("other", text(100_000))
            case "u": accept(text(300_000))
            case "c":
                run.history.add(.workflowExecutionCancelRequested(WorkflowExecutionCancelRequested(reason: "enough")))
            case "e": run.history.signal("end", .json("1"))
            default: run.history.signal("go", .json("1"))
            }
        }
    }

    func accept(_ input: Payload) {
        run.history.add(
            .workflowUpdateAccepted(
                WorkflowUpdateAccepted(updateID: "u\(run.history.events.count)", name: "add", input: input)))
    }

    /// Begins with its number, as do the words that the code keeps.
    private mutating func text(_ bytes: Int) -> Payload {
        defer { count += 1 }
        return .json("\"\(count)\(String(repeating: "x", count: bytes))\"")
    }

    func fireTimers() {
        for event in run.history.events where event.eventType == .timerCreated {
            run.history.add(.timerFired(TimerFired(createdEventID: event.eventID)))
        }
    }

    func output(_ commands: [NumberedCommand]) throws -> [String] {
        guard case .complete(let output)? = commands.last?.command else { return [] }
        let converter: any PayloadConverter = .json
        return try converter.decode([String].self, from: output)
    }

    /// Whatever part of the history code is given, from its beginning or from any of its checkpoints, it asks for the same, whether all comes
    /// at once or event by event.
    func expectTheSameOnReplay() throws {
        let events = run.history.events
        let definition = try #require(run.registry.definition(run.history.workflowType, version: 0))
        func new() -> WorkflowInstance {
            WorkflowInstance(task: run.history.task(), definition: definition, converter: .json)
        }
        let live = new()
        for end in 1...events.count {
            var task = run.history.task(from: EventID(end - 1))
            task.events = [events[end - 1]]
            let single = live.activate(task)
            #expect(single?.error == nil, "event \(end - 1)")
            let commands = try #require(single?.commands)
            let checkpoints = events.indices.filter { $0 < end && events[$0].isCheckpoint }
            for first in [1] + checkpoints {
                var task = run.history.task()
                task.events = [events[0]] + (first < end ? events[first..<end] : [])
                let answer = new().activate(task)
                #expect(answer?.error == nil, "events \(first)..<\(end)")
                // Compared here: a failed expectation would print megabytes.
                let isSame = answer?.commands == commands
                #expect(isSame, "events \(first)..<\(end)")
            }
        }
    }
}

@Suite struct CheckpointFloodTests {
    /// What has a handler never stands in a checkpoint's way, however much it is: the handlers run, the checkpoint waits for them, and its
    /// value has what they did.
    @Test(arguments: ["nnn", "uuu", "nun", "unn", "nnon", "nnnnu", "nnnnnnn"], [false, true])
    func whatHasAHandlerGoesToIt(_ letters: String, _ waits: Bool) throws {
        let others = letters.count { $0 == "o" }
        var flood = try Flood(Handled.self, Plan(waits: waits, others: others).json)
        flood.come("g")
        // Asked for, and not recorded: the answer is refused, because meanwhile all of that has come.
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come(letters)
        var commands = try flood.activate()
        if waits {
            #expect(!commands.contains { $0.isCheckpoint })
            flood.record(commands)
            flood.fireTimers()
            commands = try flood.activate()
        }
        #expect(commands.count { $0.isCheckpoint } == 1 && commands.last?.isCheckpoint == true)
        flood.record(commands)
        flood.come("e")
        let output = try flood.output(flood.activate())
        // Those that were handed on have been taken by the next pass, which has no such step output.
        let kept = output.filter { $0.hasSuffix("k") }.count
        let names = letters.enumerated().filter { $1 != "o" }.enumerated().map {
            "\($1.offset)\($0 < kept ? "k" : "lost")"
        }
        #expect(kept >= 3 && output.filter { $0.count > 1 && !$0.hasSuffix("!") } == names, "\(output)")
        #expect(output.filter { $0.hasSuffix("!") } == (waits ? names.map { "\($0)!" } : []), "\(output)")
        #expect(output.count == names.count * (waits ? 2 : 1) + others)
        if others == 1 { #expect(output.last == "2") }
        try flood.expectTheSameOnReplay()
    }

    @Test func aRefusalBetweenTwoCheckpointsIsRepeated() throws {
        var flood = try Flood(Told.self, .json("0"))
        var output: [String] = []
        for letters in ["", "nnn", ""] {
            flood.come("g")
            var commands = try flood.activate()
            #expect(commands.last?.isCheckpoint == true)
            flood.come(letters)
            if !letters.isEmpty { commands = try flood.activate() }
            #expect(commands.count == 1 && commands.last?.isCheckpoint == true)
            flood.record(commands)
            output = try flood.output(flood.activate())
        }
        #expect(output == ["told", "0", "1", "2"])
        #expect(flood.run.history.events.count(where: \.isCheckpoint) == 3)
        try flood.expectTheSameOnReplay()
    }

    /// Updates that an earlier pass has handed on count, too, and go to the handler that the code sets for them.
    @Test func updatesWithoutAHandlerAreNamed() throws {
        var flood = try Flood(Late.self, .json("0"))
        flood.come("g")
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come("uu")
        flood.record(try flood.activate())
        _ = try flood.activate()
        flood.come("go")
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come("o")
        let commands = try flood.activate()
        #expect(commands.count { if case .completeUpdate = $0.command { true } else { false } } == 2)
        #expect(commands.last?.isCheckpoint == true)
        flood.record(commands)
        let output = try flood.output(flood.activate())
        #expect(output.first?.contains("2 signals (other) and 2 updates (add)") == true, "\(output)")
        #expect(output.dropFirst() == ["0", "1"])
        try flood.expectTheSameOnReplay()
    }

    /// A request to end the run is heard when the checkpoint is taken back, as at any call of it; before that the next pass would be told.
    @Test(arguments: ["nncn", "uucu", "nucn", "cnnn"], [false, true])
    func aTakenBackCheckpointHearsThatTheRunIsCanceled(_ letters: String, _ hasHandlers: Bool) throws {
        if !hasHandlers, letters.contains("u") { return }
        var flood = try hasHandlers ? Flood(Handled.self, Plan().json) : Flood(Told.self, .json("0"))
        flood.come("g")
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come(String(letters.dropLast()))
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come(String(letters.suffix(1)))
        let commands = try flood.activate()
        guard case .cancel("enough")? = commands.last?.command else {
            Issue.record("not canceled")
            return
        }
        // The handlers had what came.
        let updates = commands.count { if case .completeUpdate = $0.command { true } else { false } }
        #expect(updates == letters.count { $0 == "u" })
        try flood.expectTheSameOnReplay()
    }

    /// Handlers that a taken back checkpoint waits for are canceled; then it is made, and the next pass knows.
    @Test func aCancelRequestEndsTheHandlersThatATakenBackCheckpointWaitsFor() throws {
        var flood = try Flood(Handled.self, Plan(waits: true).json)
        flood.come("g")
        #expect(try flood.activate().last?.isCheckpoint == true)
        flood.come("nnn")
        flood.record(try flood.activate())
        flood.come("c")
        let commands = try flood.activate()
        #expect(commands.count == 4 && commands.last?.isCheckpoint == true)
        flood.record(commands)
        flood.come("e")
        #expect(try flood.output(flood.activate()) == ["0k", "1k", "2k", "canceled"])
        try flood.expectTheSameOnReplay()
    }

    /// The limits and how bytes are counted: on replay of any history the same must be refused, so no change may make this test fail.
    @Test(arguments: [0, 1]) func theLimitsAreTheSameForEver(_ beyond: Int) throws {
        func text(_ bytes: Int) -> Payload { .json("\"\(String(repeating: "x", count: bytes - 2))\"") }
        func signal(_ bytes: Int) -> EventAttributes {
            var payload = text(bytes)
            payload.metadata = [MetadataEntry(key: "k", value: "vv")]
            return .signalReceived(SignalReceived(name: "news", payload: payload, signalID: "id"))
        }
        // Data, encoding, 16, metadata, name, id.
        let signalBytes = 4 + 16 + (1 + 2) + 4 + 2
        let updateBytes = 4 + 16 + 3

        var called = try Flood(Exact.self, .json("1"))
        called.run.history.add(signal(786_432 - signalBytes + beyond))
        called.come("g")
        #expect(try called.output(called.activate()).isEmpty == (beyond == 0))
        try called.expectTheSameOnReplay()

        var late = try Flood(Exact.self, .json("1"))
        late.come("g")
        #expect(try late.activate().last?.isCheckpoint == true)
        late.run.history.add(signal(400_000))
        late.accept(text(386_432 - signalBytes - updateBytes + beyond))
        let commands = try late.activate()
        // Taken back, or not: with its handler the update has gone.
        #expect(commands.contains { if case .completeUpdate = $0.command { true } else { false } } == (beyond == 1))
        #expect(commands.last?.isCheckpoint == true)
        try late.expectTheSameOnReplay()

        // A value in quotation marks, and the output "1" of the key k.
        var value = try Flood(Exact.self, .json("\(1_048_576 - 2 - 3 - 1 + beyond)"))
        value.come("g")
        #expect(try value.output(value.activate()).isEmpty == (beyond == 0))
        try value.expectTheSameOnReplay()
    }
}

extension NumberedCommand {
    fileprivate var isCheckpoint: Bool {
        if case .recordMarker(let marker) = command { marker.kind == .checkpoint } else { false }
    }
}
