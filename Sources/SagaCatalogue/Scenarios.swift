internal import SagaCore
internal import SagaEngine

/// One way through the engine.
struct Scenario: Sendable {
    var name: String
    var run: @Sendable (SagaEngine) async throws -> Void

    static let all: [Scenario] = [
        Scenario(name: "a saga completes") { engine in
            _ = try await engine.executeWorkflow(Steps.self, id: "s", input: ["ok", "flaky", "well"])
        },
        Scenario(name: "a step is refused, and what was done is undone") { engine in
            try await engine.fails(Steps.self, ["ok", "refused", "well"])
        },
        Scenario(name: "a step times out") { engine in try await engine.fails(Steps.self, ["late", "well"]) },
        Scenario(name: "an undo is tried again") { engine in try await engine.fails(Steps.self, ["sticky", "badly"]) },
        Scenario(name: "a step of unknown outcome is probed") { engine in
            try await engine.fails(Steps.self, ["vague", "well"])
        },
        Scenario(name: "a blocked undo is retried and skipped") { engine in
            let handle = try await engine.blocked()
            try await handle.operate(.retry, reason: "once more")
            try await handle.isBlocked()
            try await handle.operate(.skip, reason: "never mind")
            _ = try await handle.closing()
        },
        Scenario(name: "a blocked undo is done by hand") { engine in
            let handle = try await engine.blocked()
            try await handle.operate(.resolve, reason: "by hand")
            _ = try await handle.closing()
        },
        Scenario(name: "a saga is cancelled") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "go")
            try await handle.cancel(reason: "no more")
            _ = try await handle.closing()
        },
        Scenario(name: "a saga times out") { engine in
            var options = StartOptions()
            options.executionTimeout = .milliseconds(10)
            _ = try await engine.startWorkflow(Waiting.self, id: "s", input: "go", options: options).closing()
        },
        Scenario(name: "a saga is terminated") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "go")
            try await handle.terminate(reason: "at once", compensate: false)
            _ = try await handle.closing()
        },
        Scenario(name: "a saga is paused") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "go")
            try await handle.pause()
            try await handle.signal("go", "on")
            try await handle.resume()
            _ = try await handle.result()
        },
        Scenario(name: "a saga is reset") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "go")
            let next = try await handle.reset(to: 0, reason: "again")
            try await next.signal("go", "on")
            _ = try await next.result()
        },
        Scenario(name: "timers fire and are dropped") { engine in
            _ = try await engine.executeWorkflow(Waiting.self, id: "s", input: "timer")
            let handle = try await engine.startWorkflow(Waiting.self, id: "r", input: "race")
            // It waits for the signal with a deadline by now.
            while try await handle.history().count(where: { $0.eventType == .timerCreated }) < 3 { await Task.yield() }
            try await handle.signal("go", "on")
            _ = try await handle.result()
        },
        Scenario(name: "a long saga is written down") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "go")
            // With the first append after the snapshot of the first hundred events is kept.
            repeat {
                try await handle.signal("more", "")
            } while try await !handle.history()
                .contains { $0.eventType == .snapshotCreated }
            try await handle.signal("go", "on")
            _ = try await handle.result()
        },
        Scenario(name: "an aggregate changes") { engine in
            _ = try await engine.aggregates(Note.self).update("n") { _ in [.written("x")] }
        },
        Scenario(name: "a saga signals another") { engine in
            let receiver = try await engine.startWorkflow(Waiting.self, id: "receiver", input: "go")
            _ = try await engine.executeWorkflow(Waiting.self, id: "s", input: "forward")
            _ = try await receiver.result()
        },
        Scenario(name: "updates are accepted, refused and rolled back") { engine in
            let handle = try await engine.startWorkflow(Waiting.self, id: "s", input: "update")
            let done = try await handle.update("do", "ok", as: String.self)
            guard done == "ok" else { throw ScenarioFailure(scenario: "update", reason: "returned \(done)") }
            for work in ["", "refused"] {
                do { _ = try await handle.update("do", work, as: String.self) } catch is UpdateFailure {}
            }
            try await handle.signal("go", "on")
            _ = try await handle.result()
        },
        Scenario(name: "code writes things down") { engine in
            _ = try await engine.executeWorkflow(Notes.self, id: "s", input: 1)
        },
        Scenario(name: "local activities complete") { engine in
            _ = try await engine.executeWorkflow(Local.self, id: "s", input: ["plain", "ok", "flaky"])
        },
        Scenario(name: "a local activity fails, and what was done is undone") { engine in
            try await engine.fails(Local.self, ["ok", "refused"])
        },
        Scenario(name: "a local activity takes too long") { engine in
            try await engine.fails(Local.self, ["ok", "late"])
        },
        Scenario(name: "a local activity runs when its saga times out") { engine in
            var options = StartOptions()
            options.executionTimeout = .milliseconds(100)
            _ = try await engine.startWorkflow(Local.self, id: "s", input: ["slow"], options: options).closing()
        },
        Scenario(name: "a definition is registered and runs") { engine in
            try await engine.register(declaredSteps)
            let handle = try await engine.startDefinition("declared", id: "s", input: "ok", as: [String].self)
            try await handle.signal("go", "on")
            _ = try await handle.result()
        },
        Scenario(name: "a saga continues as new") { engine in
            _ = try await engine.executeWorkflow(Again.self, id: "s", input: 2)
        },
        Scenario(name: "a child completes") { engine in
            _ = try await engine.executeWorkflow(Parent.self, id: "s", input: .init(child: "c", input: ["ok", "well"]))
        },
        Scenario(name: "a child fails") { engine in
            try await engine.fails(Parent.self, .init(child: "c", input: ["refused", "well"]))
        },
        Scenario(name: "a child times out") { engine in
            try await engine.fails(Parent.self, .init(child: "c", input: ["wait"], timeoutMicros: 10_000))
        },
        Scenario(name: "a child is terminated") { engine in
            let handle = try await engine.startWorkflow(Parent.self, id: "s", input: .init(child: "c", input: ["wait"]))
            let child = engine.handle(Waiting.self, id: "c")
            while (try? await child.terminate(reason: "from outside", compensate: false)) == nil { await Task.yield() }
            _ = try await handle.closing()
        },
        Scenario(name: "a child is cancelled with its parent") { engine in
            let handle = try await engine.startWorkflow(Parent.self, id: "s", input: .init(child: "c", input: ["wait"]))
            while (try? await engine.handle(Waiting.self, id: "c").describe()) == nil { await Task.yield() }
            try await handle.cancel()
            _ = try await handle.closing()
        },
        Scenario(name: "a child continues as new") { engine in
            _ = try await engine.executeWorkflow(Parent.self, id: "s", input: .init(child: "c", input: ["again"]))
        },
        Scenario(name: "a child's id is in use") { engine in
            let other = try await engine.startWorkflow(Waiting.self, id: "c", input: "go")
            try await engine.fails(Parent.self, .init(child: "c", input: ["ok", "well"]))
            try await other.terminate(reason: "done", compensate: false)
        },
    ]
}

extension SagaEngine {
    fileprivate func fails<W: DurableWorkflow>(_ workflow: W.Type, _ input: W.Input) async throws {
        do {
            _ = try await executeWorkflow(workflow, id: "s", input: input)
        } catch is SagaFailure {
            return
        }
        throw ScenarioFailure(scenario: W.typeID, reason: "it should have failed")
    }

    fileprivate func blocked() async throws -> SagaHandle<Steps> {
        let handle = try await startWorkflow(Steps.self, id: "s", input: ["stuck", "badly"])
        try await handle.isBlocked()
        return handle
    }
}

extension SagaHandle {
    fileprivate func isBlocked() async throws {
        while try await describe().block == nil { await Task.yield() }
    }
}
