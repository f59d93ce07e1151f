internal import SagaCore

/// Slots for workflow tasks, of workers that have said how many they take at a time.
extension TaskDispatcher {
    /// Runs that wait: for a slot of the worker that holds their code, or of any that serves their queue.
    struct CodeLane: Hashable {
        var holder: WorkerID?
        var namespace: String
        var queue: String
    }

    /// Runs in the order in which they came.
    struct SlotQueue {
        private var sagaIDs: [SagaID] = []
        private var head = 0

        var count: Int { sagaIDs.count - head }

        mutating func append(_ sagaID: SagaID) { sagaIDs.append(sagaID) }

        mutating func popFirst() -> SagaID? {
            guard head < sagaIDs.count else { return nil }
            defer {
                head += 1
                if head > 64, head * 2 > sagaIDs.count {
                    sagaIDs.removeFirst(head)
                    head = 0
                }
            }
            return sagaIDs[head]
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
        codeSlotFreed(id, worker.namespace, queue)
    }

    mutating func addCodeSlots(_ id: WorkerID, _ queue: String, _ add: Int32) {
        guard let worker = workers[id], let slots = worker.codeSlots[queue] else { return }
        update(id) { $0.codeSlots[queue] = min(65_536, slots.addingReportingOverflow(add).partialValue) }
        codeSlotFreed(id, worker.namespace, queue)
    }

    mutating func codeSlotFreed(_ id: WorkerID, _ namespace: String, _ queue: String) {
        codeSlotsFreed.append((id, CodeLane(holder: nil, namespace: namespace, queue: queue)))
    }

    mutating func awaitCodeSlot(_ sagaID: SagaID, _ lane: CodeLane) {
        codeWaiting[lane, default: SlotQueue()].append(sagaID)
    }

    /// How many runs wait there.
    func waitingForCode(_ lane: CodeLane) -> Int { codeWaiting[lane]?.count ?? 0 }

    mutating func nextWaiting(_ lane: CodeLane) -> SagaID? {
        guard let sagaID = codeWaiting[lane]?.popFirst() else { return nil }
        if codeWaiting[lane]?.count == 0 { codeWaiting[lane] = nil }
        return sagaID
    }

    /// How many runs wait for a slot, and whether any waits for one of this worker.
    var runsAwaitingCodeSlot: Int { codeWaiting.values.reduce(0) { $0 + $1.count } }

    func awaitsCodeSlot(of holder: WorkerID) -> Bool { codeWaiting.keys.contains { $0.holder == holder } }

    /// Takes the runs that wait for a worker which is gone.
    mutating func takeWaiting(for holder: WorkerID) -> [SagaID] {
        if codeWaiting.isEmpty { return [] }
        var sagaIDs: [SagaID] = []
        for lane in codeWaiting.keys.filter({ $0.holder == holder }).sorted(by: { $0.queue < $1.queue }) {
            while let sagaID = nextWaiting(lane) { sagaIDs.append(sagaID) }
        }
        return sagaIDs
    }

    /// Where slots have become free since this was last asked.
    mutating func takeFreedCodeSlots() -> [(worker: WorkerID, lane: CodeLane)] {
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
            execution.sagaID,
            TaskDispatcher.CodeLane(
                holder: holder, namespace: execution.state.namespace, queue: execution.state.taskQueue))
    }

    /// Gives free slots to runs that wait for one: those first whose code the worker holds.
    func useFreedCodeSlots() {
        while case let freed = dispatcher.takeFreedCodeSlots(), !freed.isEmpty {
            for (worker, lane) in freed {
                wake(TaskDispatcher.CodeLane(holder: worker, namespace: lane.namespace, queue: lane.queue), worker)
                wake(lane, worker)
            }
        }
    }

    private func wake(_ lane: TaskDispatcher.CodeLane, _ worker: WorkerID) {
        // Each that waits now is asked once at most: one that another worker must serve goes to the end.
        var looks = dispatcher.waitingForCode(lane)
        while looks > 0, dispatcher.workers[worker]?.hasCodeSlot(of: lane.queue) == true,
            let sagaID = dispatcher.nextWaiting(lane)
        {
            looks -= 1
            guard let execution = executions[sagaID], execution.isWaitingForWorker else { continue }
            execution.isWaitingForWorker = false
            activate(execution)
        }
    }
}
