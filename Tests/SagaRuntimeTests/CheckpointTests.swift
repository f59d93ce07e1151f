import SagaCore
import Testing

private struct Held: Codable {
    var round = 0
    var seen: [String] = []
}

/// A round is a step, a number of chance, a word; then a checkpoint. All that a context knows is used.
private struct Rounds: DurableWorkflow {
    static let typeID = "rounds"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        held.round += 1
        let isNew = try context.patched("change")
        held.seen.append("\(context.randomNumber() % 1_000)\(isNew ? "n" : "o")")
        let word = try await context.waitForSignal("word", as: String.self)
        try context.setStepOutput("word-\(held.round)", word)
        held.seen.append(try context.stepOutput("word-1", as: String.self) ?? "lost")
        held.seen.append(word)
        if held.round < 3 { try await context.checkpoint(held) }
        return held.seen
    }
}

/// The same without checkpoints.
private struct Plain: DurableWorkflow {
    static let typeID = "rounds"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var held = Held()
        for round in 1...3 {
            let isNew = try context.patched("change")
            held.seen.append("\(context.randomNumber() % 1_000)\(isNew ? "n" : "o")")
            let word = try await context.waitForSignal("word", as: String.self)
            try context.setStepOutput("word-\(round)", word)
            held.seen.append(try context.stepOutput("word-1", as: String.self) ?? "lost")
            held.seen.append(word)
        }
        return held.seen
    }
}

/// Why a checkpoint was refused.
private func refusal(_ body: () async throws -> Void) async throws -> String {
    do { try await body() } catch let error as SagaError { return error.message }
    return "not refused"
}

/// Asks for a checkpoint where none can be made.
private struct Misplaced: DurableWorkflow {
    static let typeID = "misplaced"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        switch input {
        case "step":
            async let timer: Void = context.createTimer("t", .seconds(9))
            let why = try await refusal { try await context.checkpoint(1) }
            if why.isEmpty { try await timer }
            return why
        case "wait":
            async let word = context.waitForSignal("word", as: String.self)
            let why = try await refusal { try await context.checkpoint(1) }
            return why.isEmpty ? try await word : why
        case "scope":
            return try await context.saga { try await refusal { try await context.checkpoint(1) } }
        default:
            return try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask { try await refusal { try await context.checkpoint(1) } }
                return try await group.next() ?? ""
            }
        }
    }
}

/// Keeps an output a round, and hands on all, some, or too much.
private struct Outputs: DurableWorkflow {
    static let typeID = "outputs"

    func run(_ context: WorkflowContext, _ input: String) async throws -> [String] {
        let round = try context.lastCheckpoint(as: Int.self) ?? 0
        try context.setStepOutput("round-\(round)", "\(round)")
        try context.setStepOutput("sum", "\((0...round).reduce(0, +))")
        if round < 4 {
            switch input {
            case "all": try await context.checkpoint(round + 1)
            case "some": try await context.checkpoint(round + 1, keeping: ["sum", "nothing"])
            default:
                try context.setStepOutput("large", String(repeating: "x", count: 1_100_000))
                let why = try await refusal { try await context.checkpoint(round + 1) }
                guard why.contains("keeping") else { return [why] }
                // The code goes on, and makes another that is allowed.
                try await context.checkpoint(round + 1, keeping: [])
            }
        }
        var seen: [String] = []
        for key in ["round-0", "round-3", "sum", "large"] {
            seen.append(try context.stepOutput(key, as: String.self) ?? "-")
        }
        return seen
    }
}

/// Gives up a timer, lets a handler run, takes updates: none of that keeps it from its checkpoint.
private struct Busy: DurableWorkflow {
    static let typeID = "busy"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        try context.setSignalHandler("note") { (note: String) in
            held.seen.append(note)
            try await context.createTimer("handler", .seconds(1))
            held.seen.append("\(note)!")
        }
        try context.setUpdateHandler("add") { (word: String) in
            held.seen.append(word)
            return word
        }
        held.round += 1
        if held.round == 1 {
            _ = try await context.waitForSignal("word", as: String.self, within: .seconds(5))
            try await context.checkpoint(held)
        }
        try await context.withoutCancellation {
            try await context.waitUntil { held.seen.contains("two") && held.seen.contains("three") }
        }
        return held.seen + [context.isCancelRequested ? "canceled" : "not canceled"]
    }
}

/// Sets its handler in the second pass only after it has waited; with input 1 it ends without one.
private struct Late: DurableWorkflow {
    static let typeID = "late"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var seen: [String] = []
        let isSecond = try context.lastCheckpoint(as: Int.self) != nil
        if isSecond, input == 1 { return ["ended"] }
        if isSecond { _ = try await context.waitForSignal("go", as: Int.self) }
        try context.setUpdateHandler("add") { (word: String) in
            seen.append(word)
            return word
        }
        if !isSecond {
            _ = try await context.waitForSignal("word", as: String.self)
            try await context.checkpoint(1)
        }
        try await context.waitUntil { !seen.isEmpty }
        return seen
    }
}

/// Does not take its news before it is told to.
private struct Flooded: DurableWorkflow {
    static let typeID = "flooded"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        if let held = try context.lastCheckpoint(as: [String].self) { return held }
        try context.setStepOutput("kept", "yes")
        _ = try await context.waitForSignal("go", as: Int.self)
        let why = try await refusal { try await context.checkpoint(["not refused"], keeping: []) }
        var seen = [why, try context.stepOutput("kept", as: String.self) ?? "lost"]
        for _ in 0..<input { seen.append(String(try await context.waitForSignal("news", as: String.self).prefix(3))) }
        try await context.checkpoint(seen)
    }
}

@Suite struct CheckpointTests {
    /// What new code makes of the first event and of those from the last checkpoint on.
    private func bounded(_ run: TestRun) throws -> WorkflowTaskAnswer? {
        let events = run.history.events
        let checkpoint = try #require(events.lastIndex { $0.isCheckpoint })
        var task = run.history.task()
        task.events = [events[0]] + events[checkpoint...]
        let definition = try #require(run.registry.definition(run.history.workflowType, version: 0))
        return WorkflowInstance(task: task, definition: definition, converter: .json).activate(task)
    }

    private func output(_ answer: WorkflowTaskAnswer?) throws -> [String] {
        guard case .complete(let output)? = answer?.commands?.last?.command else { return [] }
        return try PayloadConverterJSON.strings(output)
    }

    private func end<W: DurableWorkflow>(_ type: W.Type, _ early: Int) throws -> (TestRun, [String]) {
        let run = try #require(TestRun(W.self, input: .json("0")))
        run.advance()
        // Words that come before they are asked for go over the checkpoint.
        for word in ["a", "b", "c"].prefix(early) { run.history.signal("word", .json("\"\(word)\"")) }
        var answer = run.advance()
        for word in ["a", "b", "c"].dropFirst(early) {
            answer = run.advance()
            run.history.signal("word", .json("\"\(word)\""))
            answer = run.advance()
        }
        for _ in 0..<4 {
            if try !output(answer).isEmpty { break }
            answer = run.advance()
        }
        return (run, try output(answer))
    }

    @Test(arguments: 0...3) func theCodeSeesWhatItWouldHaveSeenWithout(_ early: Int) throws {
        let (run, seen) = try end(Rounds.self, early)
        let (_, plain) = try end(Plain.self, early)
        #expect(seen == plain)
        #expect(seen.count == 9)
        #expect(run.history.events.count(where: \.isCheckpoint) == 2)
        // Again from the beginning, and from the last checkpoint: the same, and nothing more is asked for.
        run.history.dropLast()
        #expect(try output(run.replay()) == seen)
        #expect(try output(bounded(run)) == seen)
    }

    /// What is not kept is not in the marker either, so that it does not grow; more than is allowed is told to the code.
    @Test(arguments: [
        ("all", ["0", "3", "10", "-"]), ("some", ["-", "-", "10", "-"]), ("large", ["-", "-", "10", "-"]),
    ]) func theCodeSaysWhichOutputsAreKept(_ input: String, _ expected: [String]) throws {
        let run = try #require(TestRun(Outputs.self, input: .json("\"\(input)\"")))
        var answer = run.advance()
        for _ in 0..<8 {
            if try !output(answer).isEmpty { break }
            answer = run.advance()
        }
        #expect(try output(answer) == expected)
        let sizes = run.history.events.filter(\.isCheckpoint).compactMap { event -> Int? in
            guard case .markerRecorded(let marker) = event.attributes else { return nil }
            return marker.output?.data.count
        }
        #expect(sizes.count == 4)
        if input != "all" { #expect(Set(sizes).count == 1 && sizes[0] < 200) }
        run.history.dropLast()
        #expect(try output(run.replay()) == expected)
        #expect(try output(bounded(run)) == expected)
    }

    @Test(arguments: [
        ("step", "timer"), ("wait", "other code"), ("scope", "only run itself"), ("group", "only run itself"),
    ])
    func itIsRefusedWhereItWouldLoseSomething(_ place: String, _ why: String) throws {
        let run = try #require(TestRun(Misplaced.self, input: .json("\"\(place)\"")))
        let answer = run.advance()
        guard case .complete(let output)? = answer?.commands?.last?.command else {
            Issue.record("\(place): \(String(describing: answer))")
            return
        }
        #expect(String(decoding: output.data, as: UTF8.self).contains(why), "\(output)")
        #expect(!run.issued.contains { $0.isCheckpoint })
    }

    @Test func handlersEndFirstAndWhatComesMeanwhileIsForTheNextPass() throws {
        let run = try #require(TestRun(Busy.self, input: .json("0")))
        run.advance()
        run.history.signal("note", .json("\"one\""))
        run.advance()
        run.history.signal("word", .json("\"go\""))
        // The timer of its deadline is given up; the handler still waits for its own.
        run.advance()
        #expect(!run.issued.contains { $0.isCheckpoint })
        let timers = run.history.events.filter { $0.eventType == .timerCreated }
        #expect(timers.count == 2)
        run.history.add(.timerFired(TimerFired(createdEventID: timers[1].eventID)))
        // An answer that is refused, because meanwhile a signal, an update and a cancel request have come.
        let early = run.instance.activate(run.history.task(from: run.seen))
        #expect(early?.commands?.last?.isCheckpoint == true)
        var seen = EventID(run.history.events.count)
        run.history.signal("note", .json("\"two\""))
        run.history.add(
            .workflowUpdateAccepted(WorkflowUpdateAccepted(updateID: "u", name: "add", input: .json("\"three\""))))
        run.history.add(.workflowExecutionCancelRequested(WorkflowExecutionCancelRequested(reason: "enough")))
        let answer = run.instance.activate(run.history.task(from: seen))
        #expect(answer?.commands?.count == 1)
        run.history.record(answer?.commands ?? [])
        seen += 3
        let last = run.instance.activate(run.history.task(from: seen))
        let wanted = ["\"one\"", "\"one!\"", "\"two\"", "\"three\"", "\"canceled\""]
        for answer in [last, try bounded(run), run.replay()] {
            let commands = answer?.commands ?? []
            let output =
                commands.compactMap { numbered -> String? in
                    if case .complete(let output) = numbered.command {
                        String(decoding: output.data, as: UTF8.self)
                    } else {
                        nil
                    }
                }.last ?? ""
            #expect(commands.contains { if case .completeUpdate = $0.command { true } else { false } })
            for word in wanted { #expect(output.contains(word), "\(word) in \(output)") }
        }
    }

    /// An update that comes at a checkpoint waits for its handler in the next pass, which may set it late, or never.
    @Test(arguments: [0, 1]) func anUpdateAtACheckpointWaitsForItsHandler(_ input: Int) throws {
        let run = try #require(TestRun(Late.self, input: .json("\(input)")))
        run.advance()
        run.history.signal("word", .json("\"go\""))
        let early = run.instance.activate(run.history.task(from: run.seen))
        #expect(early?.commands?.last?.isCheckpoint == true)
        var seen = EventID(run.history.events.count)
        run.history.add(
            .workflowUpdateAccepted(WorkflowUpdateAccepted(updateID: "u", name: "add", input: .json("\"three\""))))
        let answer = run.instance.activate(run.history.task(from: seen))
        run.history.record(answer?.commands ?? [])
        seen += 1
        if input == 0 { run.history.signal("go", .json("1")) }
        let last = run.instance.activate(run.history.task(from: seen))
        for answer in [last, try bounded(run), run.replay()] {
            let commands = answer?.commands ?? []
            #expect(commands.contains { if case .complete = $0.command { true } else { false } })
            #expect(commands.contains { if case .completeUpdate = $0.command { true } else { false } } == (input == 0))
        }
    }

    /// What nobody has taken stands in the marker, which has a bound: the code is told which it should take, at its call or when one comes
    /// before the marker is recorded. Nothing is lost, and replay does the same.
    @Test(arguments: [0, 1, 3]) func tooMuchThatNobodyHasTakenIsToldToTheCode(_ late: Int) throws {
        let run = try #require(TestRun(Flooded.self, input: .json("3")))
        run.advance()
        func news(_ numbers: Range<Int>) {
            for number in numbers {
                run.history.signal("news", .json("\"\(number)..\(String(repeating: "x", count: 300_000))\""))
            }
        }
        news(0..<3 - late)
        run.history.signal("go", .json("1"))
        var seen = run.seen
        func activate() -> WorkflowTaskAnswer? {
            defer { seen = EventID(run.history.events.count) }
            return run.instance.activate(run.history.task(from: seen))
        }
        var answer = activate()
        if late > 0 {
            // Asked for, and not recorded: the answer is refused, because meanwhile the others have come.
            #expect(answer?.commands?.last?.isCheckpoint == true)
            news(3 - late..<3)
            answer = activate()
        }
        let last = try #require(answer?.commands?.last)
        #expect(last.isCheckpoint)
        // Behind the step output, and none between.
        #expect(answer?.commands?.map(\.number) == [1])
        run.history.record(answer?.commands ?? [])
        let marker = run.history.events.compactMap { event -> MarkerRecorded? in
            if case .markerRecorded(let marker) = event.attributes, marker.kind == .checkpoint { marker } else { nil }
        }
        #expect(marker.count == 1 && (marker.first?.output?.data.count ?? .max) < 1_000)
        let output = try output(activate())
        #expect(output.first?.contains("3 signals (news) that nobody has taken") == true, "\(output)")
        #expect(output.first?.contains("waitForSignal") == true)
        #expect(output.dropFirst() == ["yes", "0..", "1..", "2.."])
        #expect(try self.output(run.replay()) == output)
        #expect(try self.output(bounded(run)) == output)
    }

    @Test func aDamagedCheckpointIsNamed() throws {
        let (run, _) = try end(Rounds.self, 0)
        var events = run.history.events
        let place = try #require(events.lastIndex { $0.isCheckpoint })
        guard case .markerRecorded(var marker) = events[place].attributes else { return }
        let outputs: [Payload?] = [
            nil, .json("1"), Payload(encoding: "saga/checkpoint", data: [9]),
            Payload(encoding: "saga/checkpoint", data: []),
        ]
        for output in outputs {
            marker.output = output
            events[place].attributes = .markerRecorded(marker)
            var task = run.history.task()
            task.events = [events[0]] + events[place...]
            let definition = try #require(run.registry.definition("rounds", version: 0))
            let answer = WorkflowInstance(task: task, definition: definition, converter: .json).activate(task)
            #expect(
                answer?.error?.message.contains("checkpoint of event \(place)") == true, "\(String(describing: answer))"
            )
        }
    }
}

extension NumberedCommand {
    fileprivate var isCheckpoint: Bool {
        if case .recordMarker(let marker) = command { marker.kind == .checkpoint } else { false }
    }
}

private enum PayloadConverterJSON {
    static func strings(_ payload: Payload) throws -> [String] {
        let converter: any PayloadConverter = .json
        return try converter.decode([String].self, from: payload)
    }
}
