internal import SagaCore
internal import SagaEngine

/// One simulated world: the real shard, the real workflow runtime, and around them a store, workers, clients and clocks
/// that a seed drives. One thread, no waiting, no clock of the machine: the same seed goes the same way for ever.
///
/// What every event touches goes without the check for overlapping accesses, for speed: values all, changed in place by
/// methods that know nothing of the world.
package final class Simulation {
    let options: SimulationOptions
    let store: any SimulationStore
    let isStoreOurs: Bool
    let plans: [RunPlan]
    let planOfID: [String: Int]

    @exclusivity(unchecked) var queue = EventQueue<SimulationEvent>()
    /// Simulated microseconds since the beginning; the monotonic clock of everybody.
    @exclusivity(unchecked) var now: Int64 = 0
    /// What the wall clock shows beyond that.
    var wallOffset: Int64 = 1_760_000_000_000_000
    @exclusivity(unchecked) var isFaulty = true

    // Chances, one generator for each purpose, so that shrinking one does not change the others.
    @exclusivity(unchecked) var network: SplitMix64
    @exclusivity(unchecked) var storeChance: SplitMix64
    @exclusivity(unchecked) var workerChance: SplitMix64
    var clientChance: SplitMix64
    @exclusivity(unchecked) var faultChance: SplitMix64
    var snapshotChance: SplitMix64

    // The servers.
    /// The living processes, the newest last: one mostly, none or two at times.
    @exclusivity(unchecked) var servers: [ServerProcess] = []
    var nextIncarnation: UInt32 = 0
    /// The process that took the store over last: only its appends may happen.
    var epochOwner: UInt32 = .max
    @exclusivity(unchecked) var appends: [Int: PendingAppend] = [:]
    /// Snapshots on their way to the store, by the process that took them; and those that are there, the newest last.
    var pendingSnapshots: [Int: (incarnation: UInt32, stored: StoredSnapshot)] = [:]
    var nextSnapshot = 0
    var snapshots: [SagaID: [StoredSnapshot]] = [:]
    var nextAppend = 0
    /// Effect boundaries passed so far: where a crash may happen.
    @exclusivity(unchecked) package internal(set) var boundaries = 0
    /// Deaths of the server's process.
    package internal(set) var crashes = 0
    /// Deaths of any process.
    package internal(set) var deaths = 0

    @exclusivity(unchecked) var workers: [SimulatedWorker] = []
    @exclusivity(unchecked) var streams: [WorkerID: WorkerStream] = [:]
    var nextStream: WorkerID = 1
    var nextActivity: UInt64 = 1
    /// Tasks handed out so far, to see which are handed out again.
    @exclusivity(unchecked) var handedOut: Set<TaskReference> = []

    /// When attempts were handed out, those that were reported of, and what their signs of life said.
    var handedOutAt: [TaskReference: Int64] = [:]
    var reportedAttempts: Set<TaskReference> = []
    var heardDetails: [TaskReference: (details: Int, server: UInt32, recoveries: Int)] = [:]
    /// When each server handed tasks out.
    var handOuts: [UInt32: [Int64]] = [:]

    var operations: [ClientOperation] = []
    @exclusivity(unchecked) var calls: [CallID: PendingCall] = [:]
    /// The server that the client of each run is connected to.
    var clientHomes: [UInt32]
    var nextCall: CallID = 1
    @exclusivity(unchecked) var openOperations = 0
    /// When the last message of a run's client arrives: messages of one connection keep their order.
    @exclusivity(unchecked) var clientClocks: [Int64]
    /// What goes on outside of the workers, by the order in which it began.
    var outside: [OutsideWork] = []
    /// What code asks of the world where the answer is kept.
    let outsideOfCode = Outside()
    /// Starts of scheduled runs, and the calls that they wait for.
    var firings: [SimulatedFiring] = []
    var firingCalls: [CallID: (index: Int, incarnation: UInt32)] = [:]
    var operatorActions: [SagaID: Int] = [:]
    var operatorBusy: Set<SagaID> = []

    @exclusivity(unchecked) var checker = Checker()
    @exclusivity(unchecked) package internal(set) var coverage = Coverage()
    /// How many runs were parked and compared with what came back.
    package internal(set) var parkingsProved = 0
    @exclusivity(unchecked) var hash = TraceHash()
    let isTracing: Bool
    package private(set) var trace: [String] = []
    @exclusivity(unchecked) private var steps = 0

    /// A world that has not begun.
    /// - Parameters:
    ///   - options: What the seed says.
    ///   - ending: For the fixed saga of the exhaustive loop; nil for the seed's own sagas.
    ///   - isDeclared: Whether that saga is a definition, not code.
    ///   - store: The store; nil for the simulated one.
    ///   - isTracing: Whether to keep lines for people.
    package init(
        _ options: SimulationOptions, ending: ExhaustiveEnding? = nil, isDeclared: Bool = false,
        store: (any SimulationStore)? = nil,
        isTracing: Bool = false
    ) {
        self.options = options
        self.store = store ?? SimulatedStore()
        isStoreOurs = store == nil
        self.isTracing = isTracing
        if let ending {
            plans = [.sixSteps(ending, isDeclared: isDeclared)]
        } else {
            plans = (0..<options.runs).filter { options.runMask >> UInt64($0 & 63) & 1 == 1 }
                .map { RunPlan(seed: options.seed, index: $0, composed: options.isComposed) }
        }
        var index: [String: Int] = [:]
        for (position, plan) in plans.enumerated() { index[plan.workflowID] = position }
        planOfID = index
        for plan in plans where !plan.declared.isEmpty { checker.declaredPlans[plan.workflowType] = plan.declared }
        clientClocks = [Int64](repeating: 0, count: plans.count)
        clientHomes = [UInt32](repeating: .max, count: plans.count)
        network = chances(options.seed, 2)
        storeChance = chances(options.seed, 3)
        workerChance = chances(options.seed, 4)
        clientChance = chances(options.seed, 5)
        faultChance = chances(options.seed, 6)
        snapshotChance = chances(options.seed, 7)
    }

    /// The trace hash so far: the same for the same seed, in any process.
    package var traceHash: UInt64 { hash.value }

    /// Promises broken so far.
    package var violations: [Violation] { checker.violations }

    /// Events made durable so far.
    package var eventCount: Int { checker.eventCount }

    var wall: Timestamp { Timestamp(microseconds: now + wallOffset) }
    var time: ShardTime { ShardTime(wall: wall, monotonic: now) }

    /// Runs the world until everything that was asked for is done, or a promise is broken.
    package func run() {
        for index in 0..<options.workers { workers.append(SimulatedWorker(index: index)) }
        put(.serverStart, after: 0)
        for worker in workers { put(.workerConnect(worker.index, life: 0), after: 1_000) }
        for (index, plan) in plans.enumerated() { put(.clientStart(index), at: 10_000 + plan.startAt) }
        put(.faultsEnd, at: options.faultsUntil)
        put(.compare, at: 50_000)
        planClockJumps()
        planRivals()
        put(.release, at: options.faultsUntil / 8)
        let deadline = options.faultsUntil + 5 * 3_600_000_000
        while let (time, event) = queue.pop() {
            now = max(now, time)
            steps += 1
            hash.add(now)
            hash.add(event.code)
            handle(event)
            if !violations.isEmpty { return }
            if isDone { break }
            if now > deadline || steps > 400_000 { break }
        }
        finish()
    }

    private func planClockJumps() {
        guard options.faults.clockJump > 0 else { return }
        for _ in 0..<faultChance.pick(1...4) { put(.clockJump, at: faultChance.draw(0...options.faultsUntil)) }
    }

    private func planRivals() {
        guard options.faults.rivalServer > 0 else { return }
        for _ in 0..<faultChance.pick(1...3) { put(.rivalStarts, at: faultChance.draw(0...options.faultsUntil / 2)) }
    }

    func put(_ event: SimulationEvent, at time: Int64) { queue.push(event, at: max(now, time)) }

    func put(_ event: SimulationEvent, after delay: Int64) { queue.push(event, at: now + max(0, delay)) }

    private func handle(_ event: SimulationEvent) {
        switch event {
        case .serverStart: startServer()
        case .rivalStarts: startRival()
        case .zombieEnds(let incarnation): if let server = server(incarnation) { end(server) }
        case .toServer(let incarnation, let input):
            if let server = server(incarnation) {
                heardFromOutside(input)
                give(input, to: server)
            }
        case .flush(let incarnation): if let server = server(incarnation) { flush(server) }
        case .wake(let incarnation):
            // One that was to wake earlier has been woken, and has said since when it wants to be.
            guard let server = server(incarnation), server.wakeAt <= now else { return }
            server.wakeAt = .max
            give(.tick, to: server)
        case .takeOver(let incarnation): if let server = server(incarnation) { takeOver(server) }
        case .readOpenRuns(let incarnation, let epoch):
            if let server = server(incarnation) { readOpenRuns(epoch, server) }
        case .applyAppend(let id): applyAppend(id)
        case .keepSnapshot(let number): keepSnapshot(number)
        case .load(let incarnation, let effect): if let server = server(incarnation) { load(effect, server) }
        case .fromWorker(let stream, let input): fromWorker(stream, input)
        case .workerConnect, .toWorker, .streamLost, .performEffect, .activityEnds, .workerSends, .heartbeat:
            handleWorker(event)
        case .workerResumes(let index): workerResumes(index)
        case .workerDies(let index): killWorker(index)
        case .outsideEnds(let index): outsideEnds(index)
        case .outsideSign(let index): outsideSign(index)
        case .clientStart(let index): start(plans[index], index)
        case .sendOperation(let index): send(index)
        case .toClient(let call, let result): answered(call, result)
        case .operate(let sagaID): operate(sagaID)
        case .clockJump: jump()
        case .faultsEnd: endFaults()
        case .compare: compareMemory()
        case .release: outsideOfCode.isPatched = true
        }
    }

    // MARK: Time

    private func jump() {
        let distance =
            faultChance.happens(500_000) ? faultChance.draw(1...2_000_000) : faultChance.draw(1...3_600_000_000)
        let isForward = faultChance.happens(500_000)
        coverage.hit(isForward ? .clockJumpForward : .clockJumpBack)
        wallOffset += isForward ? distance : -distance
        note("clock jumps by \(isForward ? distance : -distance) us")
        for server in servers {
            server.wakeAt = now
            put(.wake(server.incarnation), after: 0)
        }
    }

    private func endFaults() {
        isFaulty = false
        note("faults end")
        for index in workers.indices where workers[index].isPaused { put(.workerResumes(index), after: 0) }
        for server in servers where server.isZombie { put(.zombieEnds(server.incarnation), after: 1_000_000) }
    }

    // MARK: Judging

    private func compareMemory() {
        for server in servers { compareMemory(of: server) }
        // Ever more rarely: most happens early, and a set-back clock makes a world last for hours.
        if !isDone { put(.compare, after: max(600_000, now / 3)) }
    }

    /// What the owner has in memory is what is durable; a zombie's memory may differ, as long as nothing comes of it.
    func compareMemory(of server: ServerProcess) {
        guard server.incarnation == epochOwner, !server.isRecovering else { return }
        for sagaID in checker.order {
            guard let run = checker.run(sagaID), !run.isClosed, server.compared[sagaID] != run.eventCount,
                let state = server.shard.state(of: sagaID)
            else { continue }
            coverage.hit(.memoryCompared)
            checker.compare(state)
            // It changes by events only, so what has none since needs no second look.
            if state.nextEventID == run.eventCount { server.compared[sagaID] = run.eventCount }
        }
    }

    /// Whether nothing is left to do: all answers given, all runs closed, all reports acknowledged.
    var isDone: Bool {
        guard openOperations == 0, servers.count == 1, let shard = home?.shard else { return false }
        guard shard.openRunCount == 0, shard.isIdle, shard.isReady else { return false }
        return operations.count >= plans.count && outside.allSatisfy(\.isOver)
            && workers.allSatisfy { $0.running.isEmpty && $0.reports.isEmpty }
    }

    private func finish() {
        if !isDone {
            for line in unfinished() { checker.report(Violation("liveness", line)) }
        }
        checker.judgeEffects()
        checker.judgeExternals()
        // It costs more than the whole world: each sixteenth seed.
        if options.seed % 16 == 0 { checker.judgeSnapshots() }
        judgeOrder()
        if checker.ledger.lateEffects > 0 { coverage.hit(.lateEffectRefused) }
        if checker.ledger.repeatedEffects > 0 { coverage.hit(.effectRepeated) }
        for sagaID in checker.order { countEnd(checker.run(sagaID)) }
    }

    private func unfinished() -> [String] {
        var lines: [String] = []
        for operation in operations where !operation.isAnswered {
            lines.append("\(operation.kind) \(operation.requestID) of \(plans[operation.run].workflowID) has no answer")
        }
        for sagaID in checker.order {
            guard let run = checker.run(sagaID), !run.isClosed else { continue }
            let workflowType = run.started?.workflowType ?? ""
            lines.append("run \(sagaID) (\(workflowType)) is open after \(run.eventCount) events")
        }
        for worker in workers {
            for running in worker.running {
                lines.append("worker \(worker.index) still runs \(running.task.reference)")
            }
            for report in worker.reports { lines.append("worker \(worker.index) has no answer to \(report.reference)") }
        }
        for holder in home?.shard.holders(ofClock: Self.namespace) ?? [] {
            lines.append("the clock waits for \(holder)")
        }
        if lines.isEmpty {
            let shard = home?.shard
            lines.append("the shard has \(shard?.openRunCount ?? -1) runs left, idle: \(shard?.isIdle ?? false)")
        }
        return lines
    }

    func note(_ line: @autoclosure () -> String) {
        guard isTracing else { return }
        trace.append("\(Double(now) / 1_000) ms  \(line())")
    }
}
