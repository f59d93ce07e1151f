internal import SagaCodec
internal import SagaCore

/// The open runs of a shard. Most of them wait, for days perhaps: of those only a small record is kept, the state in its
/// stored form, and the run is made of it again when something comes (docs/performance.md, "Parked sagas").
///
/// A run is parked only by `park`, which the shard calls between two inputs, so nobody has it in hand then. A parked run has
/// nothing out: no task, no answer of its code, nothing that is not durable. Runs that go by a virtual clock are never parked: such
/// namespaces are for tests, and their clock must see who is busy.
struct RunTable {
    private enum Slot {
        case live(Execution)
        case parked([UInt8])
    }

    private var slots: [SagaID: Slot] = [:]
    /// Live runs in the order in which they became so; some have gone since.
    private var queue: [SagaID] = []
    /// Where it begins.
    private var head = 0
    private(set) var liveCount = 0
    private var becameLiveSincePark = 0
    /// A record could not be read, so a run is missing: the shard must read its state anew.
    private(set) var isDamaged = false

    /// How many runs there are.
    var count: Int { slots.count }

    /// The ids of all runs, in no order.
    var keys: Dictionary<SagaID, some Any>.Keys { slots.keys }

    /// The ids of live runs, in order.
    var liveIDs: [SagaID] {
        slots.compactMap { sagaID, slot in
            if case .live = slot { sagaID } else { nil }
        }.sorted()
    }

    /// Whether the run is here, live or parked.
    func has(_ sagaID: SagaID) -> Bool { slots[sagaID] != nil }

    /// The run if it is live: for what cannot concern a parked one.
    func live(_ sagaID: SagaID) -> Execution? {
        if case .live(let execution)? = slots[sagaID] { execution } else { nil }
    }

    /// The run; a parked one is live from then on.
    subscript(_ sagaID: SagaID) -> Execution? {
        mutating get {
            switch slots[sagaID] {
            case .live(let execution)?: return execution
            case .parked(let record)?: return wake(sagaID, record)
            case nil: return nil
            }
        }
        set {
            if case .live? = slots[sagaID] { liveCount -= 1 }
            guard let newValue else {
                slots[sagaID] = nil
                return
            }
            slots[sagaID] = .live(newValue)
            becameLive(sagaID)
        }
    }

    private mutating func wake(_ sagaID: SagaID, _ record: [UInt8]) -> Execution? {
        guard let execution = Execution(parked: record) else {
            slots[sagaID] = nil
            isDamaged = true
            return nil
        }
        slots[sagaID] = .live(execution)
        becameLive(sagaID)
        return execution
    }

    private mutating func becameLive(_ sagaID: SagaID) {
        liveCount += 1
        becameLiveSincePark += 1
        // Short runs are gone before their turn comes.
        if queue.count - head > 2 * liveCount + 1_024 {
            queue = queue[head...].filter { live($0) != nil }
            head = 0
        }
        queue.append(sagaID)
    }

    mutating func removeAll() { self = RunTable() }

    /// Parks runs that wait, those that are live the longest first, while more than so many are live.
    mutating func park(beyond limit: Int) {
        defer { becameLiveSincePark = 0 }
        guard liveCount > limit else { return }
        // A few looks for each run that became live: runs that are at work are looked at again later, however many there are.
        var looks = min(queue.count - head, 2 * becameLiveSincePark + 64)
        while liveCount > limit, looks > 0, head < queue.count {
            looks -= 1
            let sagaID = queue[head]
            head += 1
            guard case .live(let execution)? = slots[sagaID] else { continue }
            if let record = execution.parked {
                slots[sagaID] = .parked(record)
                liveCount -= 1
            } else {
                queue.append(sagaID)
            }
        }
        if head > 1_024, head * 2 > queue.count {
            queue.removeFirst(head)
            head = 0
        }
    }
}

extension Execution {
    /// Whether only its state need be kept.
    private var mayBeParked: Bool {
        // First what is true of most that are at work: they are asked again and again.
        !isDirty && !isInFlight && activation == nil && tasks.isEmpty && undoTasks.isEmpty && !isDefinition
            && clock == nil && !state.isClosed && closing == nil && !hasUndurableEvents
            && batchedNext == state.nextEventID && held.isEmpty && heldInFlight.isEmpty
            && successor == nil && predecessor == nil && historyLoad == nil && holdUntil == nil
            && (!needsActivation || !state.codeMayAct || isWaitingForWorker || awaitsRevival) && !isEndHeld
            && !isAdvancing && codeFailures == 0
            && historyFailures == 0 && !isCodeRetryArmed && probed.isEmpty
            && reset == nil && resetWaiters.isEmpty && !isLoadingForReset && pendingUpdates.isEmpty
            && updateWaiters.isEmpty && eventWaiters.isEmpty && callsAfterClose.isEmpty && reportsAfterClose.isEmpty
            && lateEffects.isEmpty && snapshotInFlight == nil && unrecordedStarts.isEmpty
    }

    private static let mostParkedEvents = 16

    /// What is kept of a run that waits; nil if it has something out.
    var parked: [UInt8]? {
        guard mayBeParked else { return nil }
        // What its code has not been given: a worker that still has it will want that, and nothing else. What others need
        // is read again.
        let keepsRecent = codeHolder != nil && recent.count <= Self.mostParkedEvents
        let events = keepsRecent && !recent.isEmpty ? PackedEvents.encode(recent) : []
        return Postcard.encode(
            ParkedRun(
                state: state, recentBase: recentBase, recent: events, codeHolder: codeHolder, codeNext: codeNext,
                doubtedLocalSteps: doubtedLocalSteps.sorted(), needsActivation: needsActivation,
                awaitsRevival: awaitsRevival,
                waitsForWorkerSince: isWaitingForWorker ? waitsForWorkerSince ?? state.lastTimestamp : nil,
                resultWaiters: resultWaiters, snapshotAt: snapshotAt, snapshotTime: snapshotTime,
                bytesSinceSnapshot: Int64(bytesSinceSnapshot), unrecordedSnapshot: unrecordedSnapshot))
    }

    /// The run that was parked; nil if that is no record of one.
    convenience init?(parked record: [UInt8]) {
        guard let run = try? Postcard.decode(ParkedRun.self, from: record) else { return nil }
        self.init(sagaID: run.state.sagaID)
        state = run.state
        recentBase = state.nextEventID
        if !run.recent.isEmpty {
            guard let events = try? PackedEvents.decode(run.recent, sagaID: sagaID, firstEventID: run.recentBase),
                run.recentBase.addingReportingOverflow(EventID(events.count)) == (state.nextEventID, false)
            else { return nil }
            recent = events
            recentBase = run.recentBase
        }
        durableNext = state.nextEventID
        batchedNext = state.nextEventID
        codeHolder = run.codeHolder
        codeNext = run.codeNext
        doubtedLocalSteps = Set(run.doubtedLocalSteps)
        needsActivation = run.needsActivation && !planted(.parkedRunForgetsItsCode)
        awaitsRevival = run.awaitsRevival
        isWaitingForWorker = run.waitsForWorkerSince != nil
        waitsForWorkerSince = run.waitsForWorkerSince
        resultWaiters = run.resultWaiters
        snapshotAt = run.snapshotAt
        snapshotTime = run.snapshotTime
        bytesSinceSnapshot = Int(clamping: run.bytesSinceSnapshot)
        unrecordedSnapshot = run.unrecordedSnapshot
    }
}

/// A run that waits. The program of a declarative one is not kept: it is made of the history when it is needed.
private struct ParkedRun: PostcardCodable {
    var state: ExecutionState
    var recentBase: EventID
    var recent: [UInt8]
    var codeHolder: WorkerID?
    var codeNext: EventID
    var doubtedLocalSteps: [EventID]
    var needsActivation: Bool
    var awaitsRevival: Bool
    var waitsForWorkerSince: Timestamp?
    var resultWaiters: [CallID]
    var snapshotAt: EventID
    var snapshotTime: Int64?
    var bytesSinceSnapshot: Int64
    var unrecordedSnapshot: SnapshotCreated?

    init(
        state: ExecutionState, recentBase: EventID, recent: [UInt8], codeHolder: WorkerID?, codeNext: EventID,
        doubtedLocalSteps: [EventID], needsActivation: Bool, awaitsRevival: Bool,
        waitsForWorkerSince: Timestamp?, resultWaiters: [CallID], snapshotAt: EventID, snapshotTime: Int64?,
        bytesSinceSnapshot: Int64, unrecordedSnapshot: SnapshotCreated?
    ) {
        self.state = state
        self.recentBase = recentBase
        self.recent = recent
        self.codeHolder = codeHolder
        self.codeNext = codeNext
        self.doubtedLocalSteps = doubtedLocalSteps
        self.needsActivation = needsActivation
        self.awaitsRevival = awaitsRevival
        self.waitsForWorkerSince = waitsForWorkerSince
        self.resultWaiters = resultWaiters
        self.snapshotAt = snapshotAt
        self.snapshotTime = snapshotTime
        self.bytesSinceSnapshot = bytesSinceSnapshot
        self.unrecordedSnapshot = unrecordedSnapshot
    }

    init(from reader: inout PostcardReader) throws(CodecError) {
        state = try reader.read()
        recentBase = try reader.read()
        recent = try reader.read()
        codeHolder = try reader.read()
        codeNext = try reader.read()
        doubtedLocalSteps = try reader.read()
        needsActivation = try reader.read()
        awaitsRevival = try reader.read()
        waitsForWorkerSince = try reader.read()
        resultWaiters = try reader.read()
        snapshotAt = try reader.read()
        snapshotTime = try reader.read()
        bytesSinceSnapshot = try reader.read()
        unrecordedSnapshot = try reader.read()
    }

    func encode(into writer: inout PostcardWriter) {
        writer.write(state)
        writer.write(recentBase)
        writer.write(recent)
        writer.write(codeHolder)
        writer.write(codeNext)
        writer.write(doubtedLocalSteps)
        writer.write(needsActivation)
        writer.write(awaitsRevival)
        writer.write(waitsForWorkerSince)
        writer.write(resultWaiters)
        writer.write(snapshotAt)
        writer.write(snapshotTime)
        writer.write(bytesSinceSnapshot)
        writer.write(unrecordedSnapshot)
    }
}

extension Shard {
    /// Parks runs that wait, beyond those that are kept whole; and forgets time-outs of workers that concern runs which are
    /// parked by now: there may be one or two for each, for minutes.
    func park() {
        executions.park(beyond: config.maxLiveRuns)
        guard monotonicDeadlines.count >= deadlinesToSweep else { return }
        monotonicDeadlines.removeAll { due in !due.kind.concernsParked && executions.live(due.sagaID) == nil }
        deadlinesToSweep = max(config.minDeadlinesToSweep, 2 * monotonicDeadlines.count)
    }

    /// Of a run that is being recovered and only waits: while no worker is here at all its code waits for one, and the run need
    /// not be made whole before one comes.
    func parkCode(_ execution: Execution) {
        guard dispatcher.workers.isEmpty, execution.needsActivation else { return }
        execution.awaitsRevival = false
        awaitWorker(execution)
    }

    /// After a recovery: all runs are to be seen to, but those whose code waits for the first worker.
    func reviveAll() {
        if dispatcher.workers.isEmpty, clocks.isEmpty {
            let waiting = Set(waitingForWorker)
            toRevive = executions.keys.filter { !waiting.contains($0) }.sorted()
        } else {
            waitingForWorker = []
            toRevive = executions.keys.sorted()
        }
        revivedUpTo = 0
        revive()
    }

    /// Gives the code of runs to workers again, a few at a time: after a start there may be more of them than fit into the memory,
    /// and each costs a read of its history.
    func revive() {
        guard isReady, revivedUpTo < toRevive.count else { return }
        reviving.removeAll { sagaID in
            executions.live(sagaID).map { $0.activation == nil && $0.historyLoad == nil } ?? true
        }
        while revivedUpTo < toRevive.count, reviving.count < config.maxRevivals {
            let sagaID = toRevive[revivedUpTo]
            revivedUpTo += 1
            guard let execution = executions[sagaID] else { continue }
            execution.isWaitingForWorker = false
            execution.awaitsRevival = false
            activate(execution)
            if execution.activation != nil || execution.historyLoad != nil { reviving.append(sagaID) }
            // Workers may have no slot for them: then all of them come by, and must not be whole at a time. Now and then, for a
            // look at what can be parked costs more than a run.
            if revivedUpTo % 256 == 0 { park() }
        }
        if revivedUpTo == toRevive.count {
            toRevive = []
            revivedUpTo = 0
            reviving = []
        }
    }
}
