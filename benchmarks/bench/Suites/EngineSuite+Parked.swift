import CBenchHooks
import Foundation
import SagaCore
import SagaEngine
import Synchronization

/// Sagas that wait, and timers: what a million of them cost.
extension EngineSuite {
    func measureParked(_ context: BenchContext) async throws {
        let counts = context.quick ? [3_000, 30_000] : [10_000, 100_000, 1_000_000]
        for store in EngineStore.allCases where context.wants("\(store.rawValue) parked sagas") {
            var base: BenchResult?
            for count in counts { try await parked(context, store, count, &base) }
        }
    }

    /// A saga that is parked may cost so many bytes of memory.
    private static let aim = 1_024.0

    private func parked(
        _ context: BenchContext, _ kind: EngineStore, _ count: Int, _ base: inout BenchResult?
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-engine-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try kind.open(folder)
        BenchParked.arrived.withLock { $0 = 0 }
        // As many are kept whole of a million; with fewer sagas they would be most of it.
        let live = min(8_192, count / 100)
        let name = "\(kind.rawValue) parked sagas: \(count)"

        let start = Date()
        var world: EngineWorld? = try await EngineWorld(
            store, BenchParked.workflows, BenchTrip.activities, maxLiveRuns: live)
        try await world?.start(BenchParked.typeID, 0..<count) { $0 }
        try await world?.wait("\(count) sagas are not parked") { $0.runs == count && $0.liveRuns <= live }
        let begun = Date().timeIntervalSince(start)
        let whole = bench_live_bytes()
        try await check(world, count)
        await world?.stop()
        world = nil
        // What the store itself holds stays.
        let bytes = Double(whole) - Double(try await settledBytes())

        let restart = Date()
        let next = try await EngineWorld(store, BenchParked.workflows, BenchTrip.activities, maxLiveRuns: live)
        let ready = Date().timeIntervalSince(restart)
        try await next.wait("\(count) sagas are not parked again") { status in
            status.runsToRevive == 0 && status.liveRuns <= live
        }
        let revived = Date().timeIntervalSince(restart)
        try await check(next, count)
        await next.stop()
        await store.close()

        var size = context.result(name, unit: "B/saga", value: bytes / Double(count), better: .lower)
        size.reference = "aim"
        size.referenceKind = "claim"
        size.ratio = size.value / Self.aim
        size.samples = count
        size.operationsPerSecond = Double(count) / begun
        context.record(size)
        for (what, seconds) in [("start again", ready), ("start again, code given to a worker", revived)] {
            var result = context.result("\(name), \(what)", unit: "s", value: seconds, better: .lower)
            result.samples = count
            result.operationsPerSecond = Double(count) / seconds
            if let base, what == "start again" {
                // The curve: seconds a saga against those of the smallest number.
                result.reference = "\(base.samples ?? 0) sagas, each"
                result.referenceKind = "measured"
                result.ratio = seconds / Double(count) / (base.value / Double(base.samples ?? 1))
            }
            context.record(result)
            if base == nil, what == "start again" { base = result }
        }
    }

    /// Bytes in use once what was stopped has been freed, which its queues do in their own time.
    private func settledBytes() async throws -> UInt64 {
        var bytes = bench_live_bytes()
        var since = Date()
        while Date().timeIntervalSince(since) < 1 {
            try await Task.sleep(for: .milliseconds(20))
            let now = bench_live_bytes()
            if now < bytes - min(bytes, 65_536) { since = Date() }
            bytes = min(bytes, now)
        }
        return bytes
    }

    /// Some of the sagas are woken, and end as they should.
    private func check(_ world: EngineWorld?, _ count: Int) async throws {
        guard let world else { return }
        let number = BenchParked.arrived.withLock { value in
            defer { value += 1 }
            return value
        }
        // Each time others: the first ones are long parked, the last perhaps not.
        for saga in [number, count / 2 + number, count - 1 - number] {
            let target = RunTarget(namespace: EngineWorld.namespace, workflowID: "\(BenchParked.typeID)-\(saga)")
            let payload = try JSONPayloadConverter().encode(1)
            _ = try await world.driver.call(.signal(SignalCall(target: target, name: "go", payload: payload))).get()
            guard case .closed(let closed) = try await world.driver.call(.result(target)).get(),
                case .workflowExecutionCompleted(let event) = closed.closing,
                try JSONPayloadConverter().decode(Int.self, from: event.output) == saga + 1
            else { throw BenchFailure("engine: parked saga \(saga) did not go on") }
        }
    }

    // MARK: Timers

    func measureTimers(_ context: BenchContext) async throws {
        let counts = context.quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000]
        for store in EngineStore.allCases where context.wants("\(store.rawValue) timers") {
            var base: Double?
            for count in counts {
                let cost = try await timers(store, count)
                var result = context.result(
                    "\(store.rawValue) timers: \(count)", unit: "us/timer", value: cost.wall * 1e6, better: .lower)
                result.samples = count
                result.operationsPerSecond = 1 / cost.wall
                if let base {
                    result.reference = "\(counts[0]) timers"
                    result.referenceKind = "measured"
                    result.ratio = cost.processor / base
                }
                base = base ?? cost.processor
                context.record(result)
            }
        }
    }

    /// Sagas that all sleep until the same moment: what it takes to wake them and see them end.
    /// - Returns: Seconds for each.
    private func timers(_ kind: EngineStore, _ count: Int) async throws -> BenchTime {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-engine-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try kind.open(folder)
        let world = try await EngineWorld(store, BenchParked.workflows, BenchTrip.activities)
        // How long it takes to set them tells when they may be due.
        let trial = min(count, 2_000)
        var start = Date()
        try await world.start(BenchSleeper.typeID, count..<count + trial) { _ in 0 }
        try await world.wait("the trial is not over") { $0.runs == 0 }
        let lead = Date().timeIntervalSince(start) / Double(trial) * Double(count) * 1.5 + 1
        let due = EngineClock.wall().adding(microseconds: Int64(lead * 1e6))
        start = Date()
        try await world.start(BenchSleeper.typeID, 0..<count) { _ in due.microseconds }
        try await world.wait("the timers are not set") { $0.runs == count && $0.undurableEvents == 0 }
        guard EngineClock.wall() < due else { throw BenchFailure("engine: the timers were set too late") }
        while EngineClock.wall() < due { try await Task.sleep(for: .milliseconds(1)) }
        let fired = BenchTime.now()
        try await world.wait("the sagas do not end") { $0.runs == 0 }
        let time = BenchTime.now() - fired
        await world.stop()
        let query = ExecutionQuery(namespace: EngineWorld.namespace, statuses: [.completed])
        let completed = try await store.count(query)
        await store.close()
        guard completed == count + trial else {
            throw BenchFailure("engine: \(completed) of \(count + trial) sleepers completed")
        }
        return time / Double(count)
    }
}

/// One step with an undo, then it waits for a signal.
struct BenchParked: DurableWorkflow {
    static let typeID = "bench.parked"
    static let arrived = Mutex(0)

    func run(_ context: WorkflowContext, _ number: Int) async throws -> Int {
        let one = try await context.executeActivity(BenchStep.self, 1)
        let two: Int = try await context.waitForSignal("go")
        return number + one * two
    }

    static var workflows: WorkflowRegistry {
        var workflows = WorkflowRegistry()
        workflows.register(BenchParked.self)
        workflows.register(BenchSleeper.self)
        return workflows
    }
}

/// Sleeps until a time, in microseconds since 1970.
struct BenchSleeper: DurableWorkflow {
    static let typeID = "bench.sleeper"

    func run(_ context: WorkflowContext, _ due: Int64) async throws -> Int {
        try await context.sleep(.microseconds(due - context.now.microseconds))
        return 1
    }
}
