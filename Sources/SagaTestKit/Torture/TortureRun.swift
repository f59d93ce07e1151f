internal import SagaCore
internal import SagaEngine

/// One saga in one scenario, in a virtual engine with the user's activities, and a clock that jumps to whatever is due next.
final class TortureRun {
    let subject: TortureSubject
    let scenario: TortureScenario
    let world: TortureWorld
    private let engine: VirtualEngine
    private var sagaID: SagaID?
    private var mustUnwind = false
    private var isHelped = false
    private var replies: [CallID: Result<CallReply, CallFailure>] = [:]

    var names = StepNames()
    var facts = FactLog()
    private(set) var boundaries = 0
    private(set) var crashes = 0
    var executions = 0
    var findings: [TortureFinding] = []
    private(set) var closed: ClosedRun?
    /// Attempts that will take effect when nobody waits for them any more.
    var lateTasks: [String: ActivityTask] = [:]

    private enum Calls {
        static let start: CallID = 1
        static let result: CallID = 2
        static let terminate: CallID = 3
        static let operate: CallID = 4
        static let firstSignal: CallID = 100
    }

    init(_ subject: TortureSubject, _ scenario: TortureScenario) async throws {
        self.subject = subject
        self.scenario = scenario
        world = try await subject.makeWorld()
        engine = VirtualEngine(VirtualEngine.Settings(identity: "torture"), workflows: subject.workflows)
        facts.begin(with: try await world.observe())
        engine.host = self
        engine.serve(activities: world.activities.types, workflows: subject.workflows.types)
    }

    private var target: RunTarget {
        RunTarget(namespace: VirtualEngine.namespace, workflowID: "torture", sagaID: sagaID)
    }

    func report(_ kind: TortureFinding.Kind, _ step: String, _ detail: String) {
        findings.append(
            TortureFinding(kind: kind, step: step, scenario: scenario.title, detail: names.readable(detail)))
    }

    /// Runs the saga to its end.
    func run() async throws {
        try await engine.recover()
        var rounds = 0
        while closed == nil {
            rounds += 1
            guard rounds < 1_000_000, engine.now < 400 * 86_400_000_000 else { return report(.stuck, "", waiting()) }
            if try await engine.step() || help() { continue }
            guard engine.nextDue != nil else { return report(.stuck, "", waiting()) }
            _ = try await engine.skip(to: .max)
        }
    }

    // MARK: Callers

    /// The saga is stopped once the step that the scenario names is completed; in the same commit.
    private func stop(after task: ActivityTask, _ results: [ActivityResult]) {
        guard !scenario.unwindAfter.isEmpty, !mustUnwind, !task.reference.isUndo,
            names.name(of: task) == scenario.unwindAfter, case .completed? = results.last
        else { return }
        mustUnwind = true
        unwind()
    }

    private func unwind() {
        engine.post(
            Calls.terminate,
            .terminate(ControlCall(target: target, reason: "torture", requestID: "terminate"), compensate: true))
    }

    /// The person for whom a blocked saga waits.
    /// - Returns: Whether there was something to do.
    private func help() -> Bool {
        guard let sagaID, let block = engine.shard.state(of: sagaID)?.block else { return false }
        switch block.cause {
        case .undoFailed:
            // Once the undo is no longer meddled with, it must work; if it does not, that was reported when it failed.
            let verb: OperatorVerb = isHelped ? .giveUp : .retry
            isHelped = true
            engine.post(
                Calls.operate,
                .operate(OperatorCall(target: target, verb: verb, reason: "torture", requestID: "help-\(verb)")))
        case .nondeterminism, .codeFailure:
            report(.notDeterministic, "", block.message)
            let control = ControlCall(target: target, reason: "torture", requestID: "stop")
            engine.post(Calls.terminate, .terminate(control, compensate: false))
        }
        return true
    }

    private func waiting() -> String {
        guard sagaID != nil else { return "it cannot be started: \(replies[Calls.start].map { "\($0)" } ?? "")" }
        return engine.waiting(target)
    }

    /// The durable history of the saga.
    func history() async throws -> [HistoryEvent] {
        guard let sagaID else { return [] }
        return try await engine.history(of: sagaID)
    }
}

extension TortureRun: VirtualHost {
    func boundary() async throws -> Bool {
        boundaries += 1
        guard boundaries == scenario.crashAt else { return false }
        crashes += 1
        try await engine.crash(downFor: 1_000_000)
        return true
    }

    func run(_ task: ActivityTask) async throws {
        if try await boundary() { return }
        let results = try await perform(task, isHelped: isHelped)
        if try await boundary() { return }
        for result in results { engine.report(task.reference, result) }
        stop(after: task, results)
    }

    func runLocally(_ work: LocalActivityWork, of task: WorkflowTask) async throws -> LocalActivityEnd {
        try await ActivityCall.runLocally(work, of: task) { activity in
            try await self.perform(activity, isHelped: self.isHelped).last
        }
    }

    func stop(_ reference: TaskReference) {}

    func acknowledged(_ reference: TaskReference, _ verdict: ReportVerdict) {}

    /// Clients ask again for what they have no answer to.
    func recovered() {
        engine.post(
            Calls.start,
            .start(
                StartCall(
                    namespace: VirtualEngine.namespace, workflowID: "torture", workflowType: subject.workflowType,
                    input: subject.input, requestID: "torture")))
    }

    func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        replies[call] = result
        switch (call, result) {
        case (Calls.start, .success(.started(let sagaID, _))):
            self.sagaID = sagaID
            engine.post(Calls.result, .result(target))
            for (index, signal) in world.signals.enumerated() {
                engine.post(
                    Calls.firstSignal + CallID(index),
                    .signal(
                        SignalCall(
                            target: target, name: signal.name, payload: signal.payload, requestID: "signal-\(index)")))
            }
            if mustUnwind { unwind() }
        case (Calls.result, .success(.closed(let closed))): self.closed = closed
        default: break
        }
    }
}
