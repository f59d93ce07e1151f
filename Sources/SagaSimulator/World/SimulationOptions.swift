internal import SagaCore

/// Everything that a seed decides about one simulation, so that it can be printed, changed and shrunk.
package struct SimulationOptions: Hashable, Sendable {
    /// Where all chance comes from.
    package var seed: UInt64
    /// How many sagas are started.
    package var runs: Int
    /// Which of them, as bits by index: the shrinker leaves some out without changing the others.
    package var runMask: UInt64 = .max
    package var workers = 2
    /// Each fault, in cases of a million occasions; 0 switches it off.
    package var faults = Faults()
    /// The last moment of faults, in simulated microseconds.
    package var faultsUntil: Int64 = 60_000_000
    /// Crash at this effect boundary, counted from 1, and at no other by chance; 0 for none.
    package var crashAt: Int = 0
    /// Crash there, too: counted from the first one.
    package var crashAgainAfter: Int = 0
    /// What the shard may take at once; small numbers make the rare paths common.
    package var maxBatchRuns = 256
    package var maxBatchesInFlight = 1
    package var minRunsBeside = 1
    package var historyPageEvents = 1_000
    package var maxUndurableEvents = 65_536
    /// Runs that a server keeps as a whole; others that wait are parked.
    package var maxLiveRuns = 8_192
    /// Runs whose code a server gives to workers at a time after a start.
    package var maxRevivals = 256
    package var activationHoldMicros: Int64 = 5_000
    /// What the workers' queue may be given: tasks at the same time, and in a second; 0 is no limit.
    package var queueConcurrency = 0
    package var queueRate = 0
    /// Workflow tasks that a worker takes at a time; 0 is any number.
    package var codeSlots = 0
    /// Events between two snapshots of a run; 0 for none.
    package var snapshotEvents: UInt64 = 7
    /// Whether time in the sagas' namespace is virtual.
    package var isVirtual = false
    /// Whether there are sagas with children, updates and the like, and people who pause, reset and delete sagas.
    package var isComposed = false
    /// Whether each run that waits is parked at each step, and compared with what comes back. Slow; false unless somebody asks.
    package var provesParking = false

    /// How often each fault happens.
    package struct Faults: Hashable, Sendable {
        package var crash = 0
        package var maxCrashes = 0
        package var lostAcknowledgement = 0
        package var storeUnavailable = 0
        package var readFailure = 0
        package var slowStore = 0
        package var workerDeath = 0
        package var workerPause = 0
        package var streamCut = 0
        package var duplicateReport = 0
        package var clientCut = 0
        package var clockJump = 0
        package var slowCode = 0
        package var codeEviction = 0
        package var rivalServer = 0
        package var workerDrain = 0
        package var badCode = 0
        package var lostSnapshot = 0
        package var damagedSnapshot = 0

        package init() {}

        /// The faults by name, for printing, switching off and shrinking.
        package static let all: [(name: String, field: any WritableKeyPath<Faults, Int> & Sendable)] = [
            ("crash", \.crash), ("lost-acknowledgement", \.lostAcknowledgement),
            ("store-unavailable", \.storeUnavailable), ("read-failure", \.readFailure), ("slow-store", \.slowStore),
            ("worker-death", \.workerDeath), ("worker-pause", \.workerPause), ("stream-cut", \.streamCut),
            ("duplicate-report", \.duplicateReport), ("client-cut", \.clientCut), ("clock-jump", \.clockJump),
            ("slow-code", \.slowCode), ("code-eviction", \.codeEviction),
            ("rival-server", \.rivalServer), ("worker-drain", \.workerDrain), ("bad-code", \.badCode),
            ("lost-snapshot", \.lostSnapshot), ("damaged-snapshot", \.damagedSnapshot),
        ]
    }

    /// A quiet world: no fault at all.
    package init(quiet seed: UInt64, runs: Int = 1) {
        self.seed = seed
        self.runs = runs
    }

    /// The world of a seed. Each fault is absent in half of all seeds, else its rate is drawn log-uniformly, so that rare
    /// and frequent faults meet in all mixtures.
    /// - Parameter runs: How many sagas it has; nil = drawn. In a small world each fault meets few sagas, so that what it does
    ///   shows by itself; in a large one they meet each other.
    /// - Parameter composed: See ``isComposed``; nothing else of the world depends on it but limited queues.
    package init(seed: UInt64, runs: Int? = nil, composed: Bool = false) {
        self.seed = seed
        isComposed = composed
        var size = chances(seed, 0x800)
        self.runs = runs ?? size.pick(2...8)
        var random = chances(seed, 1)
        workers = random.pick(1...3)
        let rates: [Int] = [
            30_000, 200_000, 200_000, 100_000, 200_000, 30_000, 20_000, 20_000, 200_000, 50_000, 400_000, 20_000,
            200_000, 20_000, 50_000, 20_000,
        ]
        for (fault, limit) in zip(Faults.all.prefix(rates.count), rates) where random.happens(500_000) {
            faults[keyPath: fault.field] = random.logUniform(limit)
        }
        faults.maxCrashes = random.pick(1...8)
        faultsUntil = random.draw(2_000_000...40_000_000)
        if random.happens(250_000) { maxBatchRuns = random.pick(1...3) }
        if random.happens(300_000) { historyPageEvents = random.pick(1...6) }
        if random.happens(100_000) { maxUndurableEvents = random.pick(1...30) }
        if random.happens(200_000) { activationHoldMicros = 0 }
        // Last, so that the worlds of seeds stay as they were.
        snapshotEvents = random.happens(100_000) ? 0 : UInt64(random.pick(1...24))
        if random.happens(500_000) { faults.lostSnapshot = random.logUniform(300_000) }
        if random.happens(500_000) { faults.damagedSnapshot = random.logUniform(600_000) }
        maxBatchesInFlight = random.pick(1...3)
        minRunsBeside = random.pick(1...2)
        if random.happens(600_000) { maxLiveRuns = random.pick(0...3) }
        if random.happens(500_000) { maxRevivals = random.pick(1...3) }
        isVirtual = random.happens(120_000)
        var slots = chances(seed, 0x802)
        if slots.happens(150_000) { codeSlots = slots.pick(1...2) }
        guard composed else { return }
        var limits = chances(seed, 0x801)
        if limits.happens(80_000) { queueConcurrency = limits.pick(1...4) }
        if limits.happens(60_000) { queueRate = limits.pick(20...200) }
    }
}

extension SimulationOptions {
    var queueLimit: TaskQueueLimit? {
        guard queueConcurrency > 0 || queueRate > 0 else { return nil }
        return TaskQueueLimit(maximumConcurrent: queueConcurrency, perSecond: Double(queueRate), burst: 5)
    }
}

extension SimulationOptions: CustomStringConvertible {
    package var description: String {
        var parts = ["seed \(seed)", "runs \(runs)", "workers \(workers)"]
        if runMask != .max {
            parts.append(
                "only runs \((0..<runs).filter { runMask >> UInt64($0) & 1 == 1 }.map(String.init).joined(separator: ","))"
            )
        }
        for fault in Faults.all where faults[keyPath: fault.field] > 0 {
            parts.append("\(fault.name) \(faults[keyPath: fault.field])")
        }
        if faults.crash > 0 { parts.append("at most \(faults.maxCrashes) crashes") }
        if crashAt > 0 { parts.append("crash at \(crashAt)") }
        if crashAgainAfter > 0 { parts.append("again after \(crashAgainAfter)") }
        if maxBatchRuns != 256 { parts.append("batch runs \(maxBatchRuns)") }
        if maxBatchesInFlight != 1 { parts.append("batches \(maxBatchesInFlight) beside \(minRunsBeside) runs") }
        if historyPageEvents != 1_000 { parts.append("history page \(historyPageEvents)") }
        if maxUndurableEvents != 65_536 { parts.append("undurable events \(maxUndurableEvents)") }
        if maxLiveRuns != 8_192 { parts.append("live runs \(maxLiveRuns)") }
        if maxRevivals != 256 { parts.append("revivals \(maxRevivals)") }
        if activationHoldMicros != 5_000 { parts.append("hold \(activationHoldMicros) us") }
        if codeSlots > 0 { parts.append("workflow tasks at a time \(codeSlots)") }
        if snapshotEvents != 7 { parts.append("snapshots every \(snapshotEvents) events") }
        if isVirtual { parts.append("virtual clock") }
        if isComposed { parts.append("composed") }
        if queueConcurrency > 0 { parts.append("queue takes \(queueConcurrency)") }
        if queueRate > 0 { parts.append("queue takes \(queueRate) a second") }
        parts.append("faults until \(faultsUntil) us")
        return parts.joined(separator: ", ")
    }
}
