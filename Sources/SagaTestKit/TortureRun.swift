internal import SagaCore
internal import SagaEngine
internal import SagaMemory
internal import SagaRuntime

/// One saga in one scenario: the real shard, the real workflow runtime, a store in memory, the user's activities, and a
/// clock that jumps to whatever is due next. Everything happens one after the other, so the same scenario goes the same way.
final class TortureRun {
    let subject: TortureSubject
    let scenario: TortureScenario
    let world: TortureWorld
    private let store = MemoryEventStore(taskTokenKey: [UInt8](repeating: 0, count: 32), blobThreshold: .max)
    private(set) var shard: Shard
    private var incarnation: UInt64 = 0
    private var now: Int64 = 0
    private var inputs: [ShardInput] = []
    private var code: [WorkflowInstance] = []
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
        static let describe: CallID = 5
        static let firstSignal: CallID = 100
    }

    private static let worker: WorkerID = 1
    private static let namespace = "default"

    init(_ subject: TortureSubject, _ scenario: TortureScenario) async throws {
        self.subject = subject
        self.scenario = scenario
        world = try await subject.makeWorld()
        shard = Shard(config: ShardConfig(), seed: 1)
        facts.begin(with: try await world.observe())
    }

    private var time: ShardTime {
        // The first of January 2026, so that every run has the same ids.
        ShardTime(wall: Timestamp(microseconds: 1_767_225_600_000_000 + now), monotonic: now)
    }

    private var target: RunTarget {
        RunTarget(namespace: Self.namespace, workflowID: "torture", sagaID: sagaID)
    }

    func report(_ kind: TortureFinding.Kind, _ step: String, _ detail: String) {
        findings.append(
            TortureFinding(kind: kind, step: step, scenario: scenario.title, detail: names.readable(detail)))
    }

    /// Runs the saga to its end.
    func run() async throws {
        try await recover()
        var rounds = 0
        while closed == nil {
            rounds += 1
            guard rounds < 200_000, now < 400 * 86_400_000_000 else { return report(.stuck, "", waiting()) }
            let taken = inputs
            inputs = []
            for input in taken { shard.handle(input, now: time) }
            let effects = shard.flush(now: time)
            if try await perform(effects) { continue }
            if effects.isEmpty && inputs.isEmpty {
                if help() { continue }
                guard let wake = shard.nextWake else { return report(.stuck, "", waiting()) }
                now = max(now + 1, wake)
                shard.handle(.tick, now: time)
            }
        }
    }

    /// - Returns: Whether the process died.
    private func perform(_ effects: [ShardEffect]) async throws -> Bool {
        for effect in effects {
            switch effect {
            case .append(let id, let batch):
                if try await boundary() { return true }
                let result: Result<[AppendOutcome], StoreError>
                do throws(StoreError) {
                    result = .success(try await store.append(batch))
                } catch {
                    result = .failure(error)
                }
                if try await boundary() { return true }
                inputs.append(.appended(id, result))
            case .loadHistory(let load, let sagaID, let from, let limit):
                inputs.append(
                    .historyLoaded(load, .success(try await store.events(of: sagaID, from: from, limit: limit))))
            case .loadRun(let load, let target, let wanted):
                inputs.append(.runLoaded(load, .success(try await store.run(target, wanted))))
            case .reply(let call, let result): answered(call, result)
            case .worker(_, .workflowTask(let task)):
                if let answer = advance(task) {
                    inputs.append(
                        .workflowTaskAnswered(Self.worker, task.sagaID, generation: task.generation, answer))
                }
            case .worker(_, .activityTask(let task)):
                if try await boundary() { return true }
                let results = try await perform(task, isHelped: isHelped)
                if try await boundary() { return true }
                for result in results { inputs.append(.activityEnded(Self.worker, task.reference, result)) }
                stop(after: task, results)
            case .worker(_, .evict(let sagaID)): dropCode(of: sagaID)
            case .worker(_, .cancel), .worker(_, .acknowledge), .worker(_, .query), .log, .alert, .snapshot: break
            case .recover: try await recover()
            }
        }
        return false
    }

    // MARK: Crashes

    /// A point at which the process may die.
    private func boundary() async throws -> Bool {
        boundaries += 1
        guard boundaries == scenario.crashAt else { return false }
        crashes += 1
        inputs = []
        for instance in code { instance.evict() }
        code = []
        incarnation += 1
        now += 1_000_000
        shard = Shard(config: ShardConfig(), seed: 1 + incarnation)
        try await recover()
        return true
    }

    /// What a process does when it starts; its clients ask again for what they have no answer to.
    private func recover() async throws {
        let epoch = try await store.takeOver()
        var after: SagaID?
        while true {
            let rows = try await store.openExecutions(after: after, limit: 100)
            let replayer = HistoryReplayer(store: store)
            let page = try await replayer.recoveryPage(of: rows)
            for row in rows {
                guard let run = try await replayer.recover(row, in: page) else { continue }
                shard.handle(.recovered(run), now: time)
            }
            guard let last = rows.last else { break }
            after = last.sagaID
        }
        shard.handle(.recoveryFinished(epoch: epoch), now: time)
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: "torture", queues: [(name: "default", slots: 1_000)],
            activityTypes: world.activities.types, workflowTypes: subject.workflows.types)
        // After a crash this is the stream of a new process; without one the stream is still there.
        shard.handle(.workerClosed(Self.worker), now: time)
        shard.handle(.workerOpened(Self.worker, offer), now: time)
        inputs.append(
            .call(
                Calls.start,
                .start(
                    StartCall(
                        namespace: Self.namespace, workflowID: "torture", workflowType: subject.workflowType,
                        input: subject.input, requestID: "torture"))))
    }

    // MARK: Callers

    private func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        replies[call] = result
        switch (call, result) {
        case (Calls.start, .success(.started(let sagaID, _))):
            self.sagaID = sagaID
            inputs.append(.call(Calls.result, .result(target)))
            for (index, signal) in world.signals.enumerated() {
                inputs.append(
                    .call(
                        Calls.firstSignal + CallID(index),
                        .signal(
                            SignalCall(
                                target: target, name: signal.name, payload: signal.payload,
                                requestID: "signal-\(index)"))))
            }
            if mustUnwind { inputs.append(unwind()) }
        case (Calls.result, .success(.closed(let closed))): self.closed = closed
        default: break
        }
    }

    /// The saga is stopped once the step that the scenario names is completed; in the same commit.
    private func stop(after task: ActivityTask, _ results: [ActivityResult]) {
        guard !scenario.unwindAfter.isEmpty, !mustUnwind, !task.reference.isUndo,
            names.name(of: task) == scenario.unwindAfter, case .completed? = results.last
        else { return }
        mustUnwind = true
        inputs.append(unwind())
    }

    private func unwind() -> ShardInput {
        .call(
            Calls.terminate,
            .terminate(ControlCall(target: target, reason: "torture", requestID: "terminate"), compensate: true))
    }

    /// The person for whom a blocked saga waits.
    /// - Returns: Whether there was something to do.
    private func help() -> Bool {
        guard let sagaID, let block = shard.state(of: sagaID)?.block else { return false }
        let control = ControlCall(target: target, reason: "torture", requestID: "help-\(now)")
        switch block.cause {
        case .undoFailed:
            // Once the undo is no longer meddled with, it must work; if it does not, that was reported when it failed.
            let verb: OperatorVerb = isHelped ? .giveUp : .retry
            isHelped = true
            inputs.append(
                .call(
                    Calls.operate,
                    .operate(
                        OperatorCall(target: target, verb: verb, reason: "torture", requestID: control.requestID))))
        case .nondeterminism, .codeFailure:
            report(.notDeterministic, "", block.message)
            inputs.append(.call(Calls.terminate, .terminate(control, compensate: false)))
        }
        now += 1
        return true
    }

    private func waiting() -> String {
        guard sagaID != nil else { return "it cannot be started: \(replies[Calls.start].map { "\($0)" } ?? "")" }
        shard.handle(.call(Calls.describe, .describe(target)), now: time)
        for case .reply(Calls.describe, .success(.description(let description))) in shard.flush(now: time) {
            return "it waits for \(description.waitingFor.map(\.text).joined(separator: "; "))"
        }
        return "it waits, and nobody knows for what"
    }

    // MARK: Code

    private func advance(_ task: WorkflowTask) -> WorkflowTaskAnswer? {
        if task.firstEventID == 0 {
            dropCode(of: task.sagaID)
            guard let definition = subject.workflows.definition(task.workflowType, version: task.workflowVersion) else {
                let error = SagaError(kind: .configuration, message: "no workflow type \(task.workflowType)")
                return .failed(.codeFailure, error)
            }
            code.append(WorkflowInstance(task: task, definition: definition, converter: .json))
        }
        guard let instance = code.first(where: { $0.sagaID == task.sagaID }) else { return .needHistory(from: 0) }
        return instance.activate(task)
    }

    private func dropCode(of sagaID: SagaID) {
        for instance in code where instance.sagaID == sagaID { instance.evict() }
        code.removeAll { $0.sagaID == sagaID }
    }

    /// The durable history of the saga.
    func history() async throws -> [HistoryEvent] {
        guard let sagaID else { return [] }
        return try await store.allEvents(of: sagaID)
    }
}
