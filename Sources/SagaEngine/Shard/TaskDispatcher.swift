internal import SagaCore

/// Who serves what, and which tasks wait for a worker.
struct TaskDispatcher {
    /// Tasks of one type on one queue of one namespace.
    struct Lane: Hashable {
        var namespace: String
        var queue: String
        var type: String
    }

    struct Entry {
        var reference: TaskReference
        var priority: Int32
        /// In the order in which they came.
        var sequence: UInt64

        func goesBefore(_ other: Entry) -> Bool {
            priority == other.priority ? sequence < other.sequence : priority > other.priority
        }
    }

    private(set) var workers: [WorkerID: Worker] = [:]
    /// Workers in the order they came: the order of asking must not depend on a hash.
    private var order: [WorkerID] = []
    private var rotation = 0
    private var waiting: [Lane: LaneQueue] = [:]
    private var nextSequence: UInt64 = 0
    /// Runs whose code waits for a slot of any worker that serves it, and for one of the worker that holds it.
    var codeWaiting: [CodeLane: SlotQueue] = [:]
    var codeHeld: [CodeHolder: SlotQueue] = [:]
    var nextCodePlace: UInt64 = 0
    /// Where a slot for a workflow task has become free, since this was last looked at.
    var codeSlotsFreed: [(worker: WorkerID, namespace: String, queue: String)] = []

    mutating func open(_ id: WorkerID, _ offer: WorkerOffer) {
        workers[id] = Worker(offer)
        order.append(id)
        if isCodeWaiting { for queue in offer.queues { codeSlotFreed(id, offer.namespace, queue.name) } }
    }

    mutating func close(_ id: WorkerID) -> Worker? {
        order.removeAll { $0 == id }
        codeSlotsFreed.removeAll { $0.worker == id }
        return workers.removeValue(forKey: id)
    }

    /// Mutating for the sake of its caller, which would have to copy the dispatcher otherwise.
    mutating func update(_ id: WorkerID, _ change: (Worker) -> Void) {
        if let worker = workers[id] { change(worker) }
    }

    /// Forgets the waiting tasks, not the workers.
    mutating func forgetWaiting() {
        waiting = [:]
        codeWaiting = [:]
        codeHeld = [:]
        codeSlotsFreed = []
        for id in order { update(id) { $0.codeTasks = [:] } }
    }

    mutating func enqueue(_ reference: TaskReference, in lane: Lane, priority: Int32) {
        waiting[lane, default: LaneQueue()].append(
            Entry(reference: reference, priority: priority, sequence: nextSequence))
        nextSequence &+= 1
    }

    /// Whether a task waits for a worker.
    var isAnythingWaiting: Bool { !waiting.isEmpty }

    /// A worker with a free slot for a task that has just come, while no other waits: it need not go into its lane to be taken out
    /// at once.
    mutating func workerIfNothingWaits(_ lane: Lane) -> WorkerID? { waiting.isEmpty ? workerForActivity(lane) : nil }

    /// Takes the next task of a lane for a worker with a free slot; nil if there is no task or no such worker.
    mutating func match(_ lane: Lane) -> (TaskReference, WorkerID)? {
        guard var queue = waiting[lane], !queue.isEmpty, let worker = workerForActivity(lane) else { return nil }
        guard let entry = queue.popFirst() else { return nil }
        waiting[lane] = queue.isEmpty ? nil : queue
        return (entry.reference, worker)
    }

    /// Which of several lanes is next: the one with the task of the highest priority, of those the one that came first. Nil if
    /// nothing waits in them.
    func next(of lanes: [Lane]) -> Int? {
        var best: (place: Int, entry: Entry)?
        for place in lanes.indices {
            guard let entry = waiting[lanes[place]]?.first else { continue }
            if let best, !entry.goesBefore(best.entry) { continue }
            best = (place, entry)
        }
        return best?.place
    }

    /// Lanes with waiting tasks that a worker serves, in the order of its offer.
    func lanes(of id: WorkerID) -> [Lane] {
        guard let worker = workers[id] else { return [] }
        var lanes: [Lane] = []
        for queue in worker.queues {
            for type in worker.activityTypes {
                let lane = Lane(namespace: worker.namespace, queue: queue.name, type: type)
                if waiting[lane] != nil { lanes.append(lane) }
            }
        }
        return lanes
    }

    /// A worker that can run workflow code of a type; the asking goes round.
    mutating func workerForCode(namespace: String, queue: String, type: String, version: UInt32) -> WorkerID? {
        next { worker in
            worker.namespace == namespace && worker.serves(queue: queue) && worker.hasCodeSlot(of: queue)
                && worker.workflowTypes.contains { $0.name == type && $0.runs(version) }
        }
    }

    /// Tasks of a queue that are with workers.
    func inFlight(namespace: String, queue: String) -> Int {
        workers.values.reduce(0) { sum, worker in
            worker.namespace == namespace ? sum + worker.inFlight.values.count { $0 == queue } : sum
        }
    }

    /// Lanes with waiting tasks, in a fixed order.
    var waitingLanes: [Lane] {
        waiting.keys.sorted { ($0.namespace, $0.queue, $0.type) < ($1.namespace, $1.queue, $1.type) }
    }

    /// Whether any worker serves the activity, free or not.
    func isServed(_ lane: Lane) -> Bool {
        order.contains { id in
            guard let worker = workers[id] else { return false }
            return worker.namespace == lane.namespace && !worker.isDraining && worker.serves(queue: lane.queue)
                && worker.activityTypes.contains(lane.type)
        }
    }

    private mutating func workerForActivity(_ lane: Lane) -> WorkerID? {
        next { worker in
            worker.namespace == lane.namespace && worker.freeSlots(of: lane.queue) > 0
                && worker.activityTypes.contains(lane.type)
        }
    }

    private mutating func next(_ matches: (Worker) -> Bool) -> WorkerID? {
        for step in 0..<order.count {
            let index = (rotation + step) % order.count
            let id = order[index]
            if let worker = workers[id], !worker.isDraining || planted(.drainIgnored), matches(worker) {
                rotation = (index + 1) % order.count
                return id
            }
        }
        return nil
    }
}

/// A worker's stream. An object, so that it is looked at without a copy of all that it has.
final class Worker {
    struct Queue {
        var name: String
        var free: Int32
    }

    var namespace: String
    var identity: String
    var queues: [Queue]
    var activityTypes: [String]
    var workflowTypes: [RegisteredType]
    var isDraining = false
    /// Slots for workflow tasks by queue; a queue that is not there has any number.
    var codeSlots: [String: Int32]
    /// Workflow tasks that take a slot until they are answered, by their generations.
    var codeTasks: [UInt64: String] = [:]
    /// Tasks that take a slot, until their report is acknowledged.
    var inFlight: [TaskReference: String] = [:]

    init(_ offer: WorkerOffer) {
        namespace = offer.namespace
        identity = offer.identity
        queues = offer.queues.map { Queue(name: $0.name, free: max(0, $0.slots)) }
        activityTypes = offer.activityTypes
        codeSlots = offer.codeSlots
        workflowTypes = offer.workflowTypes
    }

    func serves(queue: String) -> Bool { queues.contains { $0.name == queue } }

    /// Whether it takes another workflow task of the queue.
    func hasCodeSlot(of queue: String) -> Bool {
        guard !codeSlots.isEmpty, let slots = codeSlots[queue] else { return true }
        return codeTasks.values.count { $0 == queue } < slots
    }

    func freeSlots(of queue: String) -> Int32 { queues.first { $0.name == queue }?.free ?? 0 }

    func take(_ reference: TaskReference, from queue: String) {
        inFlight[reference] = queue
        addSlots(-1, to: queue)
    }

    /// Gives the task's slot back; false if it had none.
    func giveBack(_ reference: TaskReference) -> Bool {
        guard let queue = inFlight.removeValue(forKey: reference) else { return false }
        addSlots(1, to: queue)
        return true
    }

    func addSlots(_ count: Int32, to queue: String) {
        guard let index = queues.firstIndex(where: { $0.name == queue }) else { return }
        queues[index].free = queues[index].free.addingReportingOverflow(count).partialValue
    }
}

/// Tasks of one lane: by priority, and first in first out within one.
private struct LaneQueue {
    private var entries: [TaskDispatcher.Entry] = []
    private var head = 0

    var isEmpty: Bool { head >= entries.count }
    var first: TaskDispatcher.Entry? { head < entries.count ? entries[head] : nil }

    mutating func append(_ entry: TaskDispatcher.Entry) {
        var index = entries.count
        // Most tasks have the same priority, so this loop ends at once.
        while index > head && entries[index - 1].priority < entry.priority { index -= 1 }
        entries.insert(entry, at: index)
    }

    mutating func popFirst() -> TaskDispatcher.Entry? {
        guard head < entries.count else { return nil }
        defer {
            head += 1
            if head > 64 && head * 2 > entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head]
    }
}
