internal import SagaCore

/// Something that is due at a time. It is checked against the run when it comes up, so nothing is ever removed early.
struct Deadline {
    enum Kind {
        // On the wall clock: they survive a restart.
        case timer
        case stepRetry
        case undoRetry
        case executionTimeout
        case cancelGrace
        case scheduleToStart
        case scheduleToClose
        // On the monotonic clock: they concern live workers.
        case startToClose
        case heartbeat
        case undoStartToClose
        case workflowTask
        case codeRetry
        case reclaim
        case undoReclaim
        case storeRetry
        case lateReport
        case redeliver
        case watch
        case query
        case queueLimit
        case orphan

        /// Whether it may be about a parked run, or about none at all. What is about tasks, and about code that is out, is not.
        var concernsParked: Bool {
            switch self {
            case .timer, .executionTimeout, .cancelGrace, .redeliver, .watch, .storeRetry, .lateReport, .query,
                .queueLimit, .orphan:
                true
            case .stepRetry, .undoRetry, .scheduleToStart, .scheduleToClose, .startToClose, .heartbeat,
                .undoStartToClose, .workflowTask, .codeRetry, .reclaim, .undoReclaim:
                false
            }
        }
    }

    /// Microseconds on its clock.
    var at: Int64
    var kind: Kind
    var sagaID: SagaID
    /// The step or timer, if it is about one.
    var eventID: EventID = 0
    /// The attempt or generation it was armed for.
    var generation: UInt64 = 0
    /// Order of arming, so that equal times come up in a fixed order.
    var sequence: UInt64 = 0

    fileprivate func isBefore(_ other: Deadline) -> Bool {
        at == other.at ? sequence < other.sequence : at < other.at
    }
}

/// A binary heap of deadlines, the earliest first.
struct DeadlineHeap {
    private var heap: [Deadline] = []
    private var nextSequence: UInt64 = 0

    var earliest: Int64? { heap.first?.at }
    var first: Deadline? { heap.first }
    var count: Int { heap.count }

    mutating func removeAll() { heap.removeAll() }

    mutating func push(_ deadline: Deadline) {
        var deadline = deadline
        deadline.sequence = nextSequence
        nextSequence += 1
        heap.append(deadline)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out what is of no concern any more; the order of the others stays as it was.
    mutating func removeAll(where isStale: (Deadline) -> Bool) {
        heap.removeAll(where: isStale)
        // A sorted array is a heap.
        heap.sort { $0.isBefore($1) }
    }

    /// Takes the earliest if it is due.
    @discardableResult
    mutating func popDue(_ now: Int64) -> Deadline? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].isBefore(heap[smallest]) { smallest = child }
            }
            guard smallest != parent else { break }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
        return first
    }
}
