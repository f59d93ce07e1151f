/// What workflow code waits for.
enum WaitTarget: Hashable {
    /// What ends the command.
    case command(CommandNumber)
    /// The next signal of that name.
    case signal(String)
    /// The start of the child of that command.
    case childStart(CommandNumber)
    /// Something that the code's own handlers bring about.
    case condition(UInt64)
}

/// How a wait ends.
enum Resolution {
    case payload(Payload)
    indirect case failure(SagaError)
    case cancelled(reason: String)
    case evicted
    /// Swift cancelled the task that waited: another branch of a task group was faster, or failed.
    case lostRace

    /// The value, or the failure thrown.
    func payload() throws -> Payload {
        switch self {
        case .payload(let payload): return payload
        case .failure(let error): throw error
        case .cancelled(let reason): throw WorkflowCancelled(reason: reason)
        case .evicted: throw Evicted()
        case .lostRace: throw CancellationError()
        }
    }
}

/// Suspended code.
struct Waiter {
    /// Which wait it is, in the order in which they began.
    var ticket: UInt64
    var target: WaitTarget
    var isCancellable: Bool
    /// Nil for code that looks for its result in the events at hand and was not suspended.
    var continuation: UnsafeContinuation<Resolution, Never>?
}

/// Suspended code in the order in which it began to wait. An array, because the order decides what runs first on a cancel,
/// and a saga waits for few things at once.
struct WaiterList {
    private var waiters: [Waiter] = []
    private var tickets: UInt64 = 0

    mutating func nextTicket() -> UInt64 {
        tickets += 1
        return tickets
    }

    var isEmpty: Bool { waiters.isEmpty }

    mutating func add(_ waiter: Waiter) { waiters.append(waiter) }

    mutating func removeFirst(where matches: (Waiter) -> Bool) -> Waiter? {
        guard let index = waiters.firstIndex(where: matches) else { return nil }
        return waiters.remove(at: index)
    }

    mutating func removeAll(where matches: (Waiter) -> Bool) -> [Waiter] {
        let removed = waiters.filter(matches)
        waiters.removeAll(where: matches)
        return removed
    }

    mutating func removeAll() -> [Waiter] {
        defer { waiters = [] }
        return waiters
    }
}

/// Where in a run's structure the code is: task-local, so that `async let` and task groups inherit it.
enum WorkflowScope {
    @TaskLocal static var number: UInt32 = 0
    /// The group whose undos may run together; 0 is none.
    @TaskLocal static var undoGroup: UInt32 = 0
    @TaskLocal static var isShielded = false
}

/// Where in the user's source a command was issued.
struct CallSite {
    var file: StaticString
    var line: UInt

    init(_ file: StaticString, _ line: UInt) {
        self.file = file
        self.line = line
    }
}

/// A small, fast, well-mixed generator (Steele, Lea, Flood 2014); the same seed gives the same numbers for ever.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    /// A generator with this seed goes on from here.
    private(set) var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
