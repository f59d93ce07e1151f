import SagaCore
import SagaRuntime
import Synchronization
import Testing

/// Keeps what the host says, and hands it to whoever waits.
private final class Results: WorkerSink {
    enum Item: Sendable {
        case workflow(WorkflowTaskIdentity, WorkflowTaskAnswer)
        case activity(TaskReference, ActivityResult)
        case advanced(TaskReference, ActivityResult, StepAdvance)
        case heartbeat(TaskReference, Payload?)
    }

    private let stream: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private let kept = Mutex<[Item]>([])
    let flushes = Mutex(0)

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func workflowTask(_ task: WorkflowTaskIdentity, _ answer: WorkflowTaskAnswer) { put(.workflow(task, answer)) }
    func flush() { flushes.withLock { $0 += 1 } }
    func activity(_ task: TaskReference, _ result: ActivityResult) { put(.activity(task, result)) }
    func activity(_ task: TaskReference, _ result: ActivityResult, advance: StepAdvance) {
        put(.advanced(task, result, advance))
    }
    func heartbeat(_ task: TaskReference, _ details: Payload?) { put(.heartbeat(task, details)) }

    private func put(_ item: Item) {
        kept.withLock { $0.append(item) }
        continuation.yield(item)
    }

    func next() async throws -> Item {
        var iterator = stream.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    func answer() async throws -> WorkflowTaskAnswer {
        while true { if case .workflow(_, let answer) = try await next() { return answer } }
    }

    func result() async throws -> ActivityResult {
        while true { if case .activity(_, let result) = try await next() { return result } }
    }

    var all: [Item] { kept.withLock { $0 } }

    var heartbeats: [Payload?] {
        all.compactMap { if case .heartbeat(_, let details) = $0 { .some(details) } else { nil } }
    }
}

/// Something that one side of a test waits for.
private final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func open() { continuation.yield() }

    func pass() async {
        var iterator = stream.makeAsyncIterator()
        await iterator.next()
    }
}

private struct Waits: DurableWorkflow {
    static let typeID = "waits"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        input + (try await context.waitForSignal("add", as: Int.self))
    }
}

private struct Spins: DurableWorkflow {
    static let typeID = "spins"
    static let isReported = Atomic(false)
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        while !Self.isReported.load(ordering: .relaxed) {}
        return input
    }
}

private struct OneStep: DurableWorkflow {
    static let typeID = "one-step"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.executeActivity(named: "scripted", input, as: Int.self)
    }
}

/// Keeps its thread until it is let go.
private struct Holds: DurableWorkflow {
    static let typeID = "holds"
    static let hasBegun = Gate()
    static let isReleased = Atomic(false)
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        Self.hasBegun.open()
        while !Self.isReleased.load(ordering: .relaxed) {}
        return input
    }
}

private struct Declined: ClassifiedError {
    var sagaErrorKind: ErrorKind { .domain }
}

private struct Broken: Error {}

/// An activity that does what the test says.
private struct Scripted: Activity {
    static let typeID = "scripted"
    var body: @Sendable (Int, ActivityContext) async throws -> Int
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { try await body(input, context) }
}

private func host(
    _ limits: WorkerLimits = WorkerLimits(),
    _ body: @escaping @Sendable (Int, ActivityContext) async throws -> Int = { input, _ in input },
    notice: @escaping @Sendable (WorkerNotice) -> Void = { _ in }
) -> (WorkerHost, Results) {
    var workflows = WorkflowRegistry()
    workflows.register(Waits.self)
    workflows.register(Spins.self)
    var activities = ActivityRegistry()
    activities.register(Scripted(body: body))
    let results = Results()
    let host = WorkerHost(
        workflows: workflows, activities: activities, identity: "test", limits: limits, notice: notice)
    host.attach(results)
    return (host, results)
}

private func task(
    _ eventID: EventID = 1, of sagaID: SagaID = SagaID(high: 1, low: 2), type: String = "scripted", input: String = "5",
    heartbeatMicros: Int64 = 0
) -> ActivityTask {
    ActivityTask(
        reference: TaskReference(sagaID: sagaID, eventID: eventID, attempt: 1, isUndo: false), namespace: "test",
        workflowID: "w", workflowType: "waits", stepID: "s", activityType: type, taskQueue: "default",
        input: .json(input), idempotencyKey: "k", timeouts: ActivityTimeouts(heartbeatMicros: heartbeatMicros))
}

@Suite struct WorkflowHostingTests {
    @Test func runsStayLiveBetweenTasks() async throws {
        let (host, results) = host()
        var history = TestHistory("waits", input: .json("40"))
        host.accept(history.task())
        #expect(try await results.answer().commands == [])
        history.signal("add", .json("2"))
        host.accept(history.task(from: 1, generation: 2))
        #expect(try await results.answer().commands?.map(\.command) == [.complete(.json("42"))])
        host.shutDown()
    }

    @Test func anEvictedRunAsksForItsHistory() async throws {
        let (host, results) = host()
        var history = TestHistory("waits", input: .json("1"))
        for drop in [{ host.evict(history.sagaID) }, { host.evictAll() }] {
            history = TestHistory("waits", input: .json("1"))
            host.accept(history.task())
            #expect(try await results.answer().commands == [])
            drop()
            history.signal("add", .json("2"))
            host.accept(history.task(from: 1, generation: 2))
            guard case .needHistory(from: 0) = try await results.answer() else {
                Issue.record("no wish for the history")
                return
            }
            host.accept(history.task(generation: 3))
            #expect(try await results.answer().commands?.map(\.command) == [.complete(.json("3"))])
        }
        host.shutDown()
    }

    /// Live code was to go on with the end of a step, and the host is shut down before it came to that: the end is reported all the
    /// same, or the step would be done once more.
    @Test func anEndThatCodeHasTakenOverIsReportedAtTheEnd() async throws {
        var workflows = WorkflowRegistry()
        workflows.register(OneStep.self)
        workflows.register(Holds.self)
        var activities = ActivityRegistry()
        let mayEnd = Gate()
        activities.register(
            Scripted { input, _ in
                await mayEnd.pass()
                return input
            })
        let results = Results()
        let host = WorkerHost(
            workflows: workflows, activities: activities, identity: "test",
            limits: WorkerLimits(workflowThreads: 1, slowCodeAfter: .milliseconds(10)))
        host.attach(results)
        let history = TestHistory("one-step", input: .json("5"))
        host.accept(history.task())
        #expect(try await results.answer().commands?.count == 1)
        let step = task(of: history.sagaID)
        host.accept(step)
        host.accept(TestHistory("holds", input: .json("1"), seed: 2).task())
        await Holds.hasBegun.pass()
        mayEnd.open()
        await host.activitiesFinished()
        #expect(results.all.count == 1, "the step's end waits for the thread of the code")
        host.shutDown()
        let reported = results.all.compactMap { item -> TaskReference? in
            if case .activity(let reference, .completed) = item { reference } else { nil }
        }
        #expect(reported == [step.reference])
        Holds.isReleased.store(true, ordering: .relaxed)
        await host.codePaused()
        #expect(results.all.count { if case .activity = $0 { true } else { false } } == 1)
    }

    @Test func theLeastRecentlyUsedRunGoesFirst() async throws {
        let (host, results) = host(WorkerLimits(maxCachedRuns: 2, workflowThreads: 1))
        var runs = (1...3).map { TestHistory("waits", input: .json("1"), seed: $0) }
        for index in [0, 1] {
            host.accept(runs[index].task())
            _ = try await results.answer()
        }
        runs[0].signal("other", .json("1"))
        host.accept(runs[0].task(from: 1))
        _ = try await results.answer()
        host.accept(runs[2].task())
        _ = try await results.answer()
        for (index, isCached) in [(0, true), (1, false), (2, true)] {
            let first = EventID(runs[index].events.count)
            runs[index].signal("add", .json("1"))
            host.accept(runs[index].task(from: first))
            #expect((try await results.answer().commands != nil) == isCached, "run \(index)")
        }
        host.shutDown()
    }

    @Test func manyTasksLeaveTogether() async throws {
        let (host, results) = host(WorkerLimits(workflowThreads: 1))
        for seed in 0..<1_000 as Range<UInt64> {
            host.accept(TestHistory("waits", input: .json("1"), seed: seed).task())
        }
        for _ in 0..<1_000 { #expect(try await results.answer().commands == []) }
        #expect(results.flushes.withLock { $0 } < 1_000)
        host.shutDown()
    }

    @Test func unknownCodeNamesWhatIsServed() async throws {
        let (host, results) = host()
        host.accept(TestHistory("nothing").task())
        guard case .failed(.codeFailure, let error) = try await results.answer() else {
            Issue.record("no failure")
            return
        }
        #expect(error.message == "this worker does not serve workflow type nothing; it serves waits 1, spins 1")
        var task = TestHistory("waits").task()
        task.workflowVersion = 7
        host.accept(task)
        #expect(
            try await results.answer().error?.message
                == "this worker does not serve version 7 of workflow type waits; it serves versions 1")
        host.shutDown()
    }

    @Test func anInputThatDoesNotDecodeFailsTheRun() async throws {
        let (host, results) = host()
        host.accept(TestHistory("waits", input: .json(#""text""#)).task())
        guard case .fail(let error)? = try await results.answer().commands?.first?.command else {
            Issue.record("the run did not fail")
            return
        }
        #expect(error.kind == .codec)
        host.shutDown()
    }

    @Test(.timeLimit(.minutes(1))) func codeThatDoesNotYieldIsReported() async throws {
        let notices = Mutex<[String]>([])
        let (host, results) = host(
            WorkerLimits(slowCodeAfter: .milliseconds(20)),
            notice: { notice in
                notices.withLock { $0.append("\(notice)") }
                Spins.isReported.store(true, ordering: .relaxed)
            })
        host.accept(TestHistory("spins", input: .json("1")).task())
        _ = try await results.answer()
        let text = notices.withLock { $0 }
        #expect(text.count == 1)
        #expect(text.first?.contains("type spins has not yielded") == true)
        host.shutDown()
    }
}

@Suite struct ActivityHostingTests {
    @Test func resultsAndErrorsAreClassified() async throws {
        let (host, results) = host { input, _ in
            switch input {
            case 1: throw Declined()
            case 2: throw Broken()
            case 3: throw SagaError(kind: .validation, message: "bad")
            default: return input * 2
            }
        }
        host.accept(task(input: "21"))
        guard case .completed(let output, nil) = try await results.result() else {
            Issue.record("not completed")
            return
        }
        #expect(output == .json("42"))
        let expected: [(String, ErrorKind, StepOutcome)] = [
            ("1", .domain, .noEffect), ("2", .activityExecution, .unknown), ("3", .validation, .noEffect),
            (#""text""#, .codec, .noEffect),
        ]
        for (input, kind, outcome) in expected {
            host.accept(task(input: input))
            guard case .failed(let error, let found) = try await results.result() else {
                Issue.record("\(input) did not fail")
                continue
            }
            #expect(error.kind == kind)
            #expect(found == outcome)
            #expect(error.timestamp.microseconds > 0 || kind == .validation)
        }
        host.accept(task(type: "nothing"))
        guard case .failed(let error, .noEffect) = try await results.result() else {
            Issue.record("an unknown activity did not fail")
            return
        }
        #expect(error.message == "this worker does not serve activity type nothing; it serves scripted")
        host.shutDown()
    }

    @Test(.timeLimit(.minutes(1))) func atMostSoManyRunAndTheRestWaits() async throws {
        let counts = Mutex((now: 0, most: 0))
        let (host, results) = host(WorkerLimits(maxConcurrentActivities: 3)) { input, _ in
            counts.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            for _ in 0..<20 { await Task.yield() }
            counts.withLock { $0.now -= 1 }
            return input
        }
        for eventID in 1...50 as ClosedRange<EventID> { host.accept(task(eventID)) }
        for _ in 1...50 { _ = try await results.result() }
        #expect(counts.withLock { $0.most } == 3)
        await host.activitiesFinished()
        #expect(host.activityCount == 0)
        host.shutDown()
    }

    @Test(.timeLimit(.minutes(1))) func cancelReachesRunningAndWaitingAttempts() async throws {
        let started = Gate()
        let (host, results) = host(WorkerLimits(maxConcurrentActivities: 1)) { input, context in
            started.open()
            try await Task.sleep(for: .seconds(3_600))
            return input
        }
        host.accept(task(1))
        await started.pass()
        host.accept(task(2))
        host.cancel(task(2).reference)
        guard case .canceled(.noEffect, nil) = try await results.result() else {
            Issue.record("an attempt that never began has an effect")
            return
        }
        host.cancel(task(1).reference)
        guard case .canceled(.unknown, nil) = try await results.result() else {
            Issue.record("the running attempt was not cancelled")
            return
        }
        host.shutDown()
    }

    @Test(.timeLimit(.minutes(1))) func heartbeatsAreThinnedAndTheLatestArrives() async throws {
        let (host, results) = host { _, context in
            for beat in 0..<1_000 { context.heartbeat(.json("\(beat)")) }
            throw Broken()
        }
        host.accept(task(heartbeatMicros: 60_000_000))
        _ = try await results.result()
        #expect(results.heartbeats == [.json("0"), .json("999")])
        host.shutDown()
    }

    @Test(.timeLimit(.minutes(1))) func aWaitingHeartbeatIsSentInTime() async throws {
        let proceed = Gate()
        let (host, results) = host { input, context in
            context.heartbeat(.json("1"))
            context.heartbeat(.json("2"))
            await proceed.pass()
            return input
        }
        host.accept(task(heartbeatMicros: 300_000))
        var details: [Payload?] = []
        while details.count < 2 {
            if case .heartbeat(_, let value) = try await results.next() { details.append(value) }
        }
        #expect(details == [.json("1"), .json("2")])
        proceed.open()
        _ = try await results.result()
        host.shutDown()
    }

    @Test func aTaskHandedOutTwiceRunsOnce() async throws {
        let runs = Atomic(0)
        let proceed = Gate()
        let (host, results) = host { input, _ in
            runs.add(1, ordering: .relaxed)
            await proceed.pass()
            return input
        }
        host.accept(task())
        host.accept(task())
        proceed.open()
        _ = try await results.result()
        await host.activitiesFinished()
        #expect(runs.load(ordering: .relaxed) == 1)
        host.shutDown()
    }
}
