import SagaCore
import Testing

/// The code before a change.
private struct Before: DurableWorkflow {
    static let typeID = "changing"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        _ = try await context.waitForSignal("a", as: Int.self)
        try context.recordMarker("old", 1)
        _ = try await context.waitForSignal("b", as: Int.self)
        return "old"
    }
}

/// And after it.
private struct After: DurableWorkflow {
    static let typeID = "changing"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        _ = try await context.waitForSignal("a", as: Int.self)
        let isNew = try context.patched("change")
        try context.recordMarker(isNew ? "new" : "old", 1)
        _ = try await context.waitForSignal("b", as: Int.self)
        return isNew ? "new" : "old"
    }
}

/// And when no run of old is left.
private struct Later: DurableWorkflow {
    static let typeID = "changing"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        _ = try await context.waitForSignal("a", as: Int.self)
        try context.deprecatePatch("change")
        try context.recordMarker("new", 1)
        _ = try await context.waitForSignal("b", as: Int.self)
        return "new"
    }
}

private struct Dice: DurableWorkflow {
    static let typeID = "dice"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [Int] {
        var values: [Int] = []
        for _ in 0..<3 {
            values.append(try context.sideEffect { Int.random(in: 0...1_000_000_000) })
            _ = try await context.waitForSignal("next", as: Int.self)
        }
        return values
    }
}

@Suite struct PatchTests {
    private func advance<W: DurableWorkflow>(_ type: W.Type) throws -> TestRun {
        let run = try #require(TestRun(W.self, input: .json("0")))
        run.advance()
        run.history.signal("a", .json("1"))
        run.advance()
        return run
    }

    /// The last command when `history` is given to other code, in one piece or in pages.
    private func replay<W: DurableWorkflow>(_ history: TestHistory, on type: W.Type, pages: Int = 1_000) throws
        -> WorkflowTaskAnswer?
    {
        var registry = WorkflowRegistry()
        registry.register(type)
        let definition = try #require(registry.definition(W.typeID, version: 0))
        let whole = history.task()
        let instance = WorkflowInstance(task: whole, definition: definition, converter: .json)
        var answer: WorkflowTaskAnswer?
        var first = 0
        while first < whole.events.count {
            let last = min(first + pages, whole.events.count)
            var page = whole
            page.firstEventID = EventID(first)
            page.events = Array(whole.events[first..<last])
            page.more = last < whole.events.count
            answer = instance.activate(page)
            first = last
        }
        return answer
    }

    @Test func anOldHistoryTakesTheOldSide() throws {
        var history = try advance(Before.self).history
        history.signal("b", .json("1"))
        let commands = try #require(try replay(history, on: After.self)?.commands)
        #expect(commands.map(\.command) == [.complete(.json("\"old\""))])
    }

    @Test(arguments: [1, 2, 1_000]) func aNewHistoryTakesTheNewSide(_ pages: Int) throws {
        let run = try advance(After.self)
        #expect(run.issued.map(\.command.summary) == ["patch change = 1", "marker note new"])
        var history = run.history
        history.signal("b", .json("1"))
        for answer in [
            try replay(history, on: After.self, pages: pages), try replay(history, on: Later.self, pages: pages),
        ] {
            #expect(answer?.commands?.map(\.command) == [.complete(.json("\"new\""))])
        }
    }

    @Test func aDeprecatedPatchLeavesNoMark() throws {
        let run = try advance(Later.self)
        #expect(run.issued.map(\.command.summary) == ["marker note new"])
    }

    @Test func codeThatNeverHadThePatchDoesNotFitItsHistory() throws {
        let history = try advance(After.self).history
        #expect(try replay(history, on: Before.self)?.error?.code == "SE0100")
    }

    @Test(arguments: [2, 3, 1_000]) func valuesComeFromTheHistory(_ pages: Int) throws {
        let run = try #require(TestRun(Dice.self, input: .json("0")))
        run.advance()
        for _ in 0..<3 {
            run.history.signal("next", .json("1"))
            run.advance()
        }
        var history = run.history
        // Without the closing event, so that the code says once more what it returns.
        let output = try #require(run.issued.last?.command)
        history.dropLast()
        #expect(try replay(history, on: Dice.self, pages: pages)?.commands?.map(\.command) == [output])
    }
}
