/// What must be undone if the saga ends badly, owned by the engine (semantics, section 4).
///
/// Entries stand in the order of the events that closed their steps, which is the order of undoing, reversed.
public struct UndoLog: Hashable, Sendable {
    /// Every entry that was not dropped, oldest first.
    public private(set) var entries: [UndoEntry] = []

    public init() {}

    /// The parent of each nested scope that was opened.
    private var scopeParents: [UInt32: UInt32] = [:]

    /// What is undone next: the youngest entry of the scope that is not settled, and those that may be undone together
    /// with it because they are of the same group and nothing older stands between.
    public func next(in scope: UInt32) -> [UndoEntry] {
        var together: [UndoEntry] = []
        for entry in entries.reversed() where contains(scope, entry.scope) && !entry.status.isSettled {
            if let first = together.first {
                guard first.group != 0, entry.group == first.group else { break }
            }
            together.append(entry)
        }
        return together
    }

    /// The entry of a step.
    public func entry(_ stepEventID: EventID) -> UndoEntry? {
        entries.last { $0.stepEventID == stepEventID }
    }

    /// Entries that are not settled, oldest first.
    public var open: [UndoEntry] { entries.filter { !$0.status.isSettled } }

    /// Whether any undo of the scope ever ran or was decided upon.
    func summary(of scope: UInt32, isGivenUp: Bool) -> CompensationSummary {
        let own = entries.filter { contains(scope, $0.scope) && $0.status != .dormant }
        guard !own.isEmpty else { return .none }
        let left = own.filter { !$0.status.isUndone }.map(\.stepEventID)
        if left.isEmpty { return CompensationSummary(.complete) }
        return CompensationSummary(isGivenUp ? .givenUp : .partial, openEntries: left)
    }

    /// What became of the undos that began.
    func summaryOfBegun(isGivenUp: Bool) -> CompensationSummary {
        // One that a late report put back has begun, too, and may stand.
        let begun = entries.filter { $0.firstAttempt != 0 || ($0.status != .open && $0.status != .dormant) }
        guard !begun.isEmpty else { return .none }
        let left = begun.filter { !$0.status.isUndone }.map(\.stepEventID)
        if left.isEmpty { return CompensationSummary(.complete) }
        return CompensationSummary(isGivenUp ? .givenUp : .partial, openEntries: left)
    }

    /// Whether a step's scope is the other one or lies inside it; the run itself, 0, contains all.
    public func contains(_ outer: UInt32, _ inner: UInt32) -> Bool {
        var scope = inner
        // A scope's parent has a smaller number, so this ends.
        while scope > outer, let parent = scopeParents[scope], parent < scope { scope = parent }
        return outer == 0 || scope == outer
    }

    mutating func openScope(_ scope: UInt32, in parent: UInt32) { scopeParents[scope] = parent }

    mutating func append(_ entry: UndoEntry) { entries.append(entry) }

    /// Drops what was closed before a pivot; undos that already began stay.
    mutating func commit() { entries.removeAll { $0.status == .open || $0.status == .dormant } }

    /// Changes the entry of a step; false if there is none.
    mutating func update(_ stepEventID: EventID, _ change: (inout UndoEntry) -> Void) -> Bool {
        guard let index = entries.lastIndex(where: { $0.stepEventID == stepEventID }) else { return false }
        change(&entries[index])
        return true
    }
}

/// One undo, from the closing of its step to its own end.
public struct UndoEntry: Hashable, Sendable {
    /// Where an undo stands. `open → running ⇄ waiting → undone | failed`; an operator may skip, resolve or retry.
    public enum Status: Hashable, Sendable {
        /// The step is closed; nothing is undone yet.
        case open
        /// The undo was started and may be with a worker.
        case running
        /// An attempt failed; the next follows at that time.
        case waiting(until: Timestamp)
        case undone
        /// Failed for good, and the unwinding went on without it.
        case failed
        /// Failed for good, and a person must decide.
        case blocked
        case skipped
        /// Done by hand.
        case resolved
        /// Its step may have happened, but is not undone unless that becomes certain.
        case dormant

        /// Whether the unwinding is through with it.
        public var isSettled: Bool {
            switch self {
            case .open, .running, .waiting, .blocked: false
            case .undone, .failed, .skipped, .resolved, .dormant: true
            }
        }

        /// Whether the step's effect is gone.
        public var isUndone: Bool { self == .undone || self == .resolved }
    }

    /// The event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The event that closed the step: the key of the order.
    public var closingEventID: EventID
    /// The step's name in the code.
    public var stepID: String
    /// How it is undone.
    public var undo: UndoSpec
    /// The queue of the undo.
    public var taskQueue: String
    /// What the step received.
    public var input: Payload
    /// What the step returned, if it completed.
    public var output: Payload?
    /// What the activity prepared for its undo, or an operator edited.
    public var data: Payload?
    /// What is known about the effect of the step.
    public var outcome: StepOutcome
    /// The step's own key.
    public var stepKey: String
    /// The undo's key.
    public var idempotencyKey: String
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32
    /// Steps of the same group (not 0) may be undone together.
    public var group: UInt32
    /// How far the undo has come.
    public var status: Status = .open
    /// The current or next attempt of the undo, from 1.
    public var attempt: UInt32 = 1
    /// The attempt that the present round began with: a person's retry and a late effect begin a new round, and what an
    /// attempt of an earlier round reports no longer counts. 0 before the first.
    public var firstAttempt: UInt32 = 0
    /// The error of the last failed attempt.
    public var lastError: SagaError?
}
