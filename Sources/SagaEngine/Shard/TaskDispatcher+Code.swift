internal import SagaCore

/// Slots for workflow tasks, of workers that have said how many they take at a time.
extension TaskDispatcher {
    /// Code that runs wait with for a slot. Those that a worker cannot run must not stand in the way of those that it can.
    struct CodeLane: Hashable {
        var namespace: String
        var queue: String
        var type: String
        var version: UInt32
    }

    /// The worker that holds the code of runs, of one queue.
    struct CodeHolder: Hashable {
        var worker: WorkerID
        var queue: String
    }

    /// Runs in the order in which they came, each with its place in the order of all.
    struct SlotQueue {
        private var entries: [(sagaID: SagaID, place: UInt64)] = []
        private var head = 0

        var count: Int { entries.count - head }
        /// The place of the first.
        var place: UInt64? { head < entries.count ? entries[head].place : nil }

        mutating func append(_ sagaID: SagaID, _ place: UInt64) { entries.append((sagaID, place)) }

        mutating func popFirst() -> SagaID? {
            guard head < entries.count else { return nil }
            defer {
                head += 1
                if head > 64, head * 2 > entries.count {
                    entries.removeFirst(head)
                    head = 0
                }
            }
            return entries[head].sagaID
        }
    }

    /// A workflow task goes to a worker. Of one that takes any number nothing is kept.
    mutating func takeCodeSlot(_ id: WorkerID, _ generation: UInt64, queue: String) {
        guard let worker = workers[id], !worker.codeSlots.isEmpty, worker.codeSlots[queue] != nil else { return }
        update(id) { $0.codeTasks[generation] = queue }
    }

    /// A workflow task was answered, or is the worker's no more.
    mutating func giveBackCodeSlot(_ id: WorkerID, _ generation: UInt64) {
        guard let worker = workers[id], !worker.codeSlots.isEmpty, let queue = worker.codeTasks[generation] else {
            return
        }
        update(id) { $0.codeTasks[generation] = nil }
        if !planted(.codeSlotWakesNobody) { codeSlotFreed(id, worker.namespace, queue) }
    }

    mutating func addCodeSlots(_ id: WorkerID, _ queue: String, _ add: Int32) {
        guard let worker = workers[id], let slots = worker.codeSlots[queue] else { return }
        update(id) { $0.codeSlots[queue] = min(65_536, slots.addingReportingOverflow(add).partialValue) }
        codeSlotFreed(id, worker.namespace, queue)
    }

    mutating func codeSlotFreed(_ id: WorkerID, _ namespace: String, _ queue: String) {
        codeSlotsFreed.append((id, namespace, queue))
    }

    var isCodeWaiting: Bool { !codeWaiting.isEmpty || !codeHeld.isEmpty }

    /// The run's code waits for a slot of the worker that holds it, or of any that serves it.
    mutating func awaitCodeSlot(_ sagaID: SagaID, _ holder: WorkerID?, _ lane: CodeLane) {
        if let holder {
            codeHeld[CodeHolder(worker: holder, queue: lane.queue), default: SlotQueue()].append(sagaID, nextCodePlace)
        } else {
            codeWaiting[lane, default: SlotQueue()].append(sagaID, nextCodePlace)
        }
        nextCodePlace &+= 1
    }

    /// How many runs wait that a worker could run.
    func waitingForCode(of id: WorkerID, queue: String) -> Int {
        guard isCodeWaiting else { return 0 }
        let held = codeHeld[CodeHolder(worker: id, queue: queue)]?.count ?? 0
        return lanes(of: id, queue: queue).reduce(held) { $0 + (codeWaiting[$1]?.count ?? 0) }
    }

    /// The next run that a worker can run: first those whose code it holds, then the one that came first.
    mutating func nextWaiting(for id: WorkerID, queue: String) -> SagaID? {
        let holder = CodeHolder(worker: id, queue: queue)
        if let sagaID = codeHeld[holder]?.popFirst() {
            if codeHeld[holder]?.count == 0 { codeHeld[holder] = nil }
            return sagaID
        }
        let first = lanes(of: id, queue: queue).min {
            codeWaiting[$0]?.place ?? .max < codeWaiting[$1]?.place ?? .max
        }
        guard let lane = first, let sagaID = codeWaiting[lane]?.popFirst() else { return nil }
        if codeWaiting[lane]?.count == 0 { codeWaiting[lane] = nil }
        return sagaID
    }

    private func lanes(of id: WorkerID, queue: String) -> [CodeLane] {
        guard !codeWaiting.isEmpty, let worker = workers[id], !worker.isDraining else { return [] }
        return codeWaiting.keys.filter { lane in
            lane.queue == queue && lane.namespace == worker.namespace
                && worker.workflowTypes.contains { $0.name == lane.type && $0.runs(lane.version) }
        }
    }

    /// How many runs wait for a slot, and whether any waits for one of this worker.
    var runsAwaitingCodeSlot: Int { (codeWaiting.values.map(\.count) + codeHeld.values.map(\.count)).reduce(0, +) }

    func awaitsCodeSlot(of holder: WorkerID) -> Bool { codeHeld.keys.contains { $0.worker == holder } }

    /// Takes the runs that wait for a worker which is gone.
    mutating func takeWaiting(for worker: WorkerID) -> [SagaID] {
        if codeHeld.isEmpty || planted(.codeWaitersLeftWithWorker) { return [] }
        var sagaIDs: [SagaID] = []
        for holder in codeHeld.keys.filter({ $0.worker == worker }).sorted(by: { $0.queue < $1.queue }) {
            while let sagaID = codeHeld[holder]?.popFirst() { sagaIDs.append(sagaID) }
            codeHeld[holder] = nil
        }
        return sagaIDs
    }

    /// Where slots have become free since this was last asked.
    mutating func takeFreedCodeSlots() -> [(worker: WorkerID, namespace: String, queue: String)] {
        if codeSlotsFreed.isEmpty { return [] }
        defer { codeSlotsFreed = [] }
        return codeSlotsFreed
    }

    /// Whether any worker serves the code, with a free slot or without.
    func servesCode(namespace: String, queue: String, type: String, version: UInt32) -> Bool {
        workers.values.contains { worker in
            worker.namespace == namespace && !worker.isDraining && worker.serves(queue: queue)
                && worker.workflowTypes.contains { $0.name == type && $0.runs(version) }
        }
    }
}

extension Shard {
    /// How many runs wait for a slot, for the simulator.
    package var runsAwaitingCodeSlot: Int { dispatcher.runsAwaitingCodeSlot }

    /// Whether any waits for one of this worker, which holds its code; for the simulator.
    package func awaitsCodeSlot(of holder: WorkerID) -> Bool { dispatcher.awaitsCodeSlot(of: holder) }

    /// The run's code waits for a slot of its worker, or of any.
    func awaitCodeSlot(_ execution: Execution, holder: WorkerID?) {
        guard !execution.isWaitingForWorker else { return }
        execution.isWaitingForWorker = true
        execution.waitsForWorkerSince = now(execution)
        dispatcher.awaitCodeSlot(
            execution.sagaID, holder,
            TaskDispatcher.CodeLane(
                namespace: execution.state.namespace, queue: execution.state.taskQueue,
                type: execution.state.workflowType, version: execution.state.workflowVersion))
    }

    /// Gives free slots to runs that wait for one: those first whose code the worker holds, then in the order in which they came.
    func useFreedCodeSlots() {
        while case let freed = dispatcher.takeFreedCodeSlots(), !freed.isEmpty {
            for slot in freed { wake(slot.worker, slot.queue) }
        }
    }

    private func wake(_ worker: WorkerID, _ queue: String) {
        // Each that waits now is asked once at most: another worker may take it, or it may have to wait again.
        var looks = dispatcher.waitingForCode(of: worker, queue: queue)
        while looks > 0, dispatcher.workers[worker]?.hasCodeSlot(of: queue) == true,
            let sagaID = dispatcher.nextWaiting(for: worker, queue: queue)
        {
            looks -= 1
            guard let execution = executions[sagaID], execution.isWaitingForWorker else { continue }
            execution.isWaitingForWorker = false
            activate(execution)
        }
    }
}
