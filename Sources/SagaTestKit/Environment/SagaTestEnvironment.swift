public import SagaCore
internal import SagaEngine

/// An engine for a test: the real one, in memory, on a virtual clock, with fakes for the activities (docs/testing.md).
///
/// ```swift
/// let environment = SagaTestEnvironment(PlaceOrder.self)
/// environment.fake(ReserveStock.self) { _ in "R-1" }
/// environment.fake(TakePayment.self, always: .fails(PaymentError.declined("no")))
/// let run = try await environment.start(PlaceOrder.self, order)
/// let failure = try await run.failure()
/// #expect(failure.compensation.state == .complete)
/// #expect(environment.calls.map(\.name) == ["stock.reserve", "order.pay", "undo stock.reserve"])
/// ```
///
/// Time passes only while a call waits for something that needs it, so a saga that sleeps for a month takes no longer than
/// another one. Everything happens one after the other, on the caller's own thread, and the same test goes the same way each
/// time. Unless it is told otherwise, the code is made anew of its history for each of its steps, which shows code that does
/// not do the same twice.
public final class SagaTestEnvironment {
    /// Most virtual time that a call waits for. Default 10 years.
    public var patience: Duration = .seconds(10 * 365 * 86_400)
    /// Every attempt so far, in order.
    public private(set) var calls: [RecordedCall] = []
    /// What was answered to reports that came when the step's undo had begun, or its saga was over, by the step's names.
    public private(set) var lateEffects: [String] = []

    let converter: any PayloadConverter
    let engine: VirtualEngine
    private(set) var workflows: WorkflowRegistry
    private var desk = FakeDesk()
    private var isStarted = false
    private var open: [CallID: Call] = [:]
    private var answers: [CallID: Result<CallReply, CallFailure>] = [:]
    private var nextCall: CallID = 1
    private var nextRequest = 0
    /// Attempts that will report later, by the time.
    private var delayed: Set<TaskReference> = []
    private var names: [TaskReference: String] = [:]

    /// An engine that serves these workflows.
    /// - Parameters:
    ///   - workflows: The code under test, and that of the children that it starts.
    ///   - config: How the engine runs.
    ///   - seed: Of ids, and of the jitter of retries.
    ///   - replaysEveryTask: Whether the code is made anew for each of its steps. Off, it is kept live, as in production.
    ///   - converter: How values become payloads. Default JSON.
    public init(
        _ workflows: any DurableWorkflow.Type..., config: SagaEngineConfig = .init(), seed: UInt64 = 1,
        replaysEveryTask: Bool = true, converter: any PayloadConverter = .json
    ) {
        self.converter = converter
        var registry = WorkflowRegistry()
        for workflow in workflows { registry.register(workflow, converter: converter) }
        self.workflows = registry
        engine = VirtualEngine(
            VirtualEngine.Settings(
                config: ShardConfig(config), seed: seed, identity: "test", replaysEveryTask: replaysEveryTask,
                converter: converter), workflows: registry)
        engine.host = self
        engine.serve(activities: [], workflows: registry.types)
    }

    // MARK: Activities

    /// Puts a closure in the place of an activity. The undo of a step that can be undone succeeds, unless something is said of
    /// it.
    /// - Parameters:
    ///   - activity: Which one.
    ///   - attempts: What the first attempts of each step do; the others run the closure.
    ///   - delay: Virtual time that an attempt takes, unless it says its own.
    ///   - body: What it does and returns.
    public func fake<A: Activity>(
        _ activity: A.Type, attempts: [FakeAttempt] = [], delay: Duration = .zero,
        _ body: @escaping (A.Input) async throws -> A.Output
    ) {
        fake(activity, attempts: attempts, delay: delay) { (input: A.Input, _: ActivityContext) in
            try await body(input)
        }
    }

    /// The same, for a closure that looks at the attempt: its key, its number, its heartbeat.
    public func fake<A: Activity>(
        _ activity: A.Type, attempts: [FakeAttempt] = [], delay: Duration = .zero,
        _ body: @escaping (A.Input, ActivityContext) async throws -> A.Output
    ) {
        let converter = converter
        fake(A.typeID, attempts, delay) { [unowned self] task, reporter in
            let context = ActivityContext(task: task, reporter: reporter)
            let output = try await body(try input(of: task, as: A.Input.self), context)
            return (try converter.encode(output), nil)
        }
        fakeUndo(of: activity)
    }

    /// A step that prepares the input of its undo itself: that is done by the instance, the rest by the closure.
    public func fake<A: CompensatableActivity>(
        _ activity: A, attempts: [FakeAttempt] = [], delay: Duration = .zero,
        _ body: @escaping (A.Input) async throws -> A.Output
    ) {
        let converter = converter
        desk.prepare(activity, converter)
        fake(A.typeID, attempts, delay) { [unowned self] task, _ in
            let input = try input(of: task, as: A.Input.self)
            let output = try await body(input)
            let data = try activity.prepareCompensationData(input, output).map { try converter.encode($0) }
            return (try converter.encode(output), data)
        }
        fakeUndo(of: A.self)
    }

    /// An activity of which every attempt does the same.
    public func fake<A: Activity>(_ activity: A.Type, always attempt: FakeAttempt) {
        serve(A.typeID, Fake(rest: attempt))
        fakeUndo(of: activity)
    }

    /// An activity that the code calls by name.
    public func fake<Input: Decodable, Output: Encodable>(
        named activityType: String, attempts: [FakeAttempt] = [], delay: Duration = .zero,
        _ body: @escaping (Input) async throws -> Output
    ) {
        let converter = converter
        fake(activityType, attempts, delay) { [unowned self] task, _ in
            (try converter.encode(try await body(try input(of: task, as: Input.self))), nil)
        }
    }

    /// An activity that the code calls by name, and of which every attempt does the same.
    public func fake(named activityType: String, always attempt: FakeAttempt) {
        serve(activityType, Fake(rest: attempt))
    }

    /// An undo that is named in the code: it succeeds.
    public func fakeUndo(named activityType: String, attempts: [FakeAttempt] = []) {
        serve(activityType, Fake(attempts: attempts, body: { _, _ in (.empty, nil) }))
    }

    /// Serves a real activity.
    public func register<A: Activity>(_ activity: A) {
        if desk.set(activity, converter) { serve([A.typeID]) }
    }

    /// Serves a real activity that can be undone; register its undo, too.
    public func register<A: CompensatableActivity>(_ activity: A) {
        if desk.set(activity, converter) { serve([A.typeID]) }
    }

    /// Serves real activities. Those that were registered one by one before are forgotten; fakes stay.
    public func register(_ activities: ActivityRegistry) {
        let new = desk.set(activities)
        if !new.isEmpty { serve(new) }
    }

    /// Serves the workflows, and the activities that are known by now, on a further queue.
    public func serve(queue: String) {
        engine.serve(queue: queue, activities: desk.types, workflows: workflows.types)
    }

    private func fake(_ type: String, _ attempts: [FakeAttempt], _ delay: Duration, _ body: @escaping Fake.Body) {
        serve(type, Fake(attempts: attempts, delay: delay, body: body))
    }

    private func fakeUndo(of activity: any Activity.Type) {
        guard let step = activity as? any CompensatableActivity.Type else { return }
        serve(step.undoSpec.activityType, Fake(body: { _, _ in (.empty, nil) }, isDefault: true))
    }

    private func serve(_ type: String, _ fake: Fake) { if desk.set(type, fake) { serve([type]) } }

    private func serve(_ types: [String]) { engine.serve(activities: types, workflows: []) }

    /// What an attempt is given, as a value.
    private func input<Input: Decodable>(of task: ActivityTask, as type: Input.Type) throws -> Input {
        do {
            if let undo = task.undo, type == UndoPayloads.self,
                let input = UndoPayloads(
                    input: task.input, output: undo.output, data: undo.data, outcome: undo.outcome,
                    idempotencyKey: undo.stepKey) as? Input
            {
                return input
            }
            return try converter.decode(type, from: try desk.real.input(for: task))
        } catch {
            throw SagaTestError(
                "the fake of \(task.activityType) takes \(type), which is not what it is given: \(error)."
                    + " If its step has prepareCompensationData, give fake(_:) an instance of that step, not its type")
        }
    }

    // MARK: Time

    /// The virtual time.
    public var now: Timestamp { engine.time.wall }

    /// How much of it has passed since the beginning.
    public var elapsed: Duration { .microseconds(engine.now) }

    /// Lets time pass, and everything happen that is due until then.
    public func advance(by duration: Duration) async throws {
        try await begin()
        let (limit, overflow) = engine.now.addingReportingOverflow(max(0, duration.wholeMicroseconds))
        repeat { try await engine.settle() } while try await engine.skip(to: overflow ? .max : limit)
        engine.tick()
        try await engine.settle()
    }

    /// Has something done at a time from now, such as a signal that comes while the test waits for the result.
    public func after(_ delay: Duration, _ action: @escaping () async throws -> Void) {
        engine.schedule(after: delay.wholeMicroseconds, action)
    }

    /// The process of engine and workers is killed, and started again later. What was not durable is gone, and so are the
    /// attempts that ran; those that took effect did so. Whoever waited for an answer asks again.
    public func crash(downFor duration: Duration = .seconds(1)) async throws {
        try await begin()
        delayed = []
        try await engine.crash(downFor: duration.wholeMicroseconds)
        try await engine.settle()
    }

    // MARK: Calls

    /// Begins, the first time.
    func begin() async throws {
        guard !isStarted else { return }
        isStarted = true
        try await engine.recover()
        try await engine.settle()
    }

    /// Asks the engine something and waits for the answer; time passes if it must.
    func call(_ call: Call, waitingFor what: @autoclosure () -> String) async throws -> CallReply {
        try await begin()
        let id = nextCall
        nextCall += 1
        open[id] = call
        engine.post(id, call)
        let (limit, overflow) = engine.now.addingReportingOverflow(max(0, patience.wholeMicroseconds))
        var steps = 0
        while true {
            if let answer = answers.removeValue(forKey: id) {
                open[id] = nil
                return try answer.get()
            }
            steps += 1
            if steps > 10_000_000 { throw SagaTestError("\(what()) does not come to an end: it goes round and round") }
            if try await engine.step() { continue }
            guard try await engine.skip(to: overflow ? .max : limit) else {
                open[id] = nil
                throw SagaTestError("\(what()) does not end: \(reason(call))")
            }
        }
    }

    private func reason(_ call: Call) -> String {
        guard case .result(let target) = call else { return "nothing is due any more" }
        if let sagaID = target.sagaID, let block = engine.shard.state(of: sagaID)?.block {
            return "it is blocked: \(block.message)"
        }
        return engine.waiting(target)
    }

    /// A name for a request, so that repeating it after a crash does nothing twice.
    func request() -> String {
        nextRequest += 1
        return "test-\(nextRequest)"
    }
}

extension SagaTestEnvironment: VirtualHost {
    func boundary() async throws -> Bool { false }

    func run(_ task: ActivityTask) async throws {
        note(task)
        guard let fake = desk.fakes[task.activityType] else {
            let report = await ActivityCall.run(task, desk.real)
            for details in report.heartbeats { engine.heartbeat(task.reference, details) }
            return engine.report(task.reference, report.result)
        }
        let attempt = fake.attempt(task.reference.attempt)
        let delay = attempt.delay ?? fake.delay
        guard delay > .zero else { return try await end(task, fake, attempt) }
        delayed.insert(task.reference)
        engine.schedule(after: delay.wholeMicroseconds, diesWithProcess: true) {
            guard self.delayed.remove(task.reference) != nil else { return }
            try await self.end(task, fake, attempt)
        }
    }

    private func end(_ task: ActivityTask, _ fake: Fake, _ attempt: FakeAttempt) async throws {
        guard let report = try await perform(task, fake, attempt) else { return }
        for details in report.heartbeats { engine.heartbeat(task.reference, details) }
        engine.report(task.reference, report.result)
    }

    /// - Returns: What is reported; nil if nothing is.
    private func perform(_ task: ActivityTask, _ fake: Fake, _ attempt: FakeAttempt) async throws -> ActivityCall
        .Report?
    {
        switch attempt.kind {
        case .runs: return try await effect(task, fake)
        case .fails(let error): return ActivityCall.Report(result: ActivityCall.result(of: error, task))
        case .failsAfterEffect(let error):
            _ = try await effect(task, fake)
            return ActivityCall.Report(result: ActivityCall.result(of: error, task))
        case .timesOut: return nil
        case .timesOutAfterEffect:
            _ = try await effect(task, fake)
            return nil
        case .completesLater: return ActivityCall.Report(result: .completesLater)
        }
    }

    /// The fake's own doing; what the test itself has got wrong ends the test, not the step.
    private func effect(_ task: ActivityTask, _ fake: Fake) async throws -> ActivityCall.Report {
        guard let body = fake.body else {
            return ActivityCall.Report(result: .completed(output: .empty, undoData: nil))
        }
        var mistake: SagaTestError?
        let report = await ActivityCall.run(task) { reporter in
            do {
                return try await body(task, reporter)
            } catch let error as SagaTestError {
                mistake = error
                throw error
            }
        }
        if let mistake { throw mistake }
        return report
    }

    func runLocally(_ work: LocalActivityWork, of task: WorkflowTask) async throws -> LocalActivityEnd {
        try await ActivityCall.runLocally(work, of: task) { activity in
            self.note(activity)
            guard let fake = self.desk.fakes[work.activityType] else {
                return await ActivityCall.run(activity, self.desk.real).result
            }
            return try await self.perform(activity, fake, fake.attempt(activity.reference.attempt))?.result
        }
    }

    private func note(_ task: ActivityTask) {
        names[task.reference] = (task.reference.isUndo ? "undo " : "") + task.stepID
        calls.append(
            RecordedCall(
                activityType: task.activityType, stepID: task.stepID, attempt: task.reference.attempt,
                isUndo: task.reference.isUndo, workflowID: task.workflowID, idempotencyKey: task.idempotencyKey,
                input: (try? desk.real.input(for: task)) ?? task.input, at: elapsed,
                heartbeatDetails: task.heartbeatDetails, reference: task.reference, converter: converter))
    }

    func stop(_ reference: TaskReference) {
        guard delayed.remove(reference) != nil else { return }
        engine.report(reference, .canceled(outcome: .noEffect, details: nil))
    }

    func acknowledged(_ reference: TaskReference, _ verdict: ReportVerdict) {
        if verdict == .lateEffect { lateEffects.append(names[reference] ?? "") }
    }

    func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        guard open[call] != nil else { return }
        answers[call] = result
    }

    func recovered() {
        for (id, call) in open.sorted(by: { $0.key < $1.key }) where answers[id] == nil { engine.post(id, call) }
    }
}

extension SagaTestEnvironment {
    // MARK: Attempts that go on elsewhere

    /// The last attempt of a step.
    private func last(_ step: String) throws -> TaskReference {
        guard let call = calls.last(where: { $0.name == step }) else {
            throw SagaTestError("there was no attempt of step \(step); there were \(calls.map(\.name))")
        }
        return call.reference
    }

    /// Reports that the last attempt of a step succeeded: one that completes later, or one of which nothing was heard.
    public func complete<Output: Encodable>(_ step: String, returning output: Output) async throws {
        try await report(step, .completed(output: try converter.encode(output), undoData: nil))
    }

    /// Reports that the last attempt of a step failed.
    public func fail(_ step: String, _ error: any Error) async throws {
        let described = SagaError(describing: error, kind: .activityExecution)
        try await report(step, .failed(described, outcome: error is NoEffect ? .noEffect : described.impliedOutcome))
    }

    private func report(_ step: String, _ result: ActivityResult) async throws {
        let reference = try last(step)
        let report = ActivityReportCall(namespace: VirtualEngine.namespace, reference: reference, result: result)
        let reply = try await call(.reportActivity(report), waitingFor: "the report of step \(step)")
        if case .reported(.lateEffect) = reply { lateEffects.append(step) }
        try await engine.settle()
    }
}
