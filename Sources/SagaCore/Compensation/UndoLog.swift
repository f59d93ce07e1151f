public import SagaCodec

/// What must be undone if the saga ends badly, owned by the engine (semantics, section 4).
///
/// Entries stand in the order of the events that closed their steps, which is the order of undoing, reversed. What is asked
/// at every undo costs the same however long the log is.
public struct UndoLog: Sendable {
    /// Every entry that was not dropped, oldest first.
    public private(set) var entries: [UndoEntry] = []
    /// Undos that a late report put back although the unwinding that they belong to had passed them: they run in any case,
    /// now, and the run does not end before them. In the order in which they came back.
    public private(set) var reopened: [EventID] = []
    /// Where the entry of a step stands, by the step's event. Nil while entries stand in the order of those events, as they do until
    /// steps overlap: then they are searched. Looked up, never iterated.
    private var positions: [EventID: Int]?
    /// Undos that run or wait for their next attempt.
    private var inFlight: [EventID] = []
    /// Everything from this position on is settled.
    private var openEnd = 0
    /// The scopes that were opened: the one around each, and the event that opened it.
    private var scopes: [UInt32: Scope] = [:]
    /// The start of the last unwinding of each scope that was unwound.
    private var unwoundAt: [UInt32: EventID] = [:]

    fileprivate struct Scope: Hashable {
        var parent: UInt32
        var openedAt: EventID
    }

    public init() {}

    // MARK: Asked while unwinding

    /// What may be undone next in a scope: the youngest entry that is not settled, and those that may be undone together
    /// with it because they are of the same group and nothing older stands between. Undos run one by one: while one of
    /// another group is in flight, nothing new begins.
    public func next(in scope: UInt32) -> [UndoEntry] {
        if planted(.undoFirstInFirstOut) { return Array(open.filter { contains(scope, $0.scope) }.prefix(1)) }
        var together: [UndoEntry] = []
        let oldest = scopes[scope]?.openedAt ?? 0
        for entry in entries[..<openEnd].reversed() {
            // Steps of a scope close after it was opened.
            if entry.closingEventID < oldest { break }
            guard !entry.status.isSettled, contains(scope, entry.scope) else { continue }
            if let first = together.first {
                guard first.group != 0, entry.group == first.group else { break }
            }
            together.append(entry)
            if entry.group == 0 { break }
        }
        return together
    }

    /// The youngest undo that a late report put back and that is not in flight.
    public var nextReopened: UndoEntry? {
        var youngest: Int?
        for eventID in reopened {
            guard let position = position(of: eventID), entries[position].status == .open else { continue }
            youngest = max(youngest ?? position, position)
        }
        return youngest.map { entries[$0] }
    }

    /// Whether undos that a late report put back are still to be settled.
    public var hasReopened: Bool {
        reopened.contains { eventID in position(of: eventID).map { !entries[$0].status.isSettled } ?? false }
    }

    /// An undo that a late report put back, and that waits for a person.
    public var blockedReopened: UndoEntry? {
        reopened.compactMap { eventID in position(of: eventID).map { entries[$0] } }.last { $0.status == .blocked }
    }

    /// Whether an undo may begin beside those in flight: only if all of them are of its own group.
    public func mayBegin(_ entry: UndoEntry) -> Bool {
        inFlight.allSatisfy { eventID in
            eventID == entry.stepEventID
                || (entry.group != 0 && position(of: eventID).map { entries[$0].group } == entry.group)
        }
    }

    /// The entry of a step.
    public func entry(_ stepEventID: EventID) -> UndoEntry? { position(of: stepEventID).map { entries[$0] } }

    private func position(of stepEventID: EventID) -> Int? {
        if let positions { return positions[stepEventID] }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].stepEventID < stepEventID { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].stepEventID == stepEventID ? low : nil
    }

    /// Whether any entry is not settled.
    public var hasOpen: Bool { openEnd > 0 }

    /// Entries that are not settled, oldest first.
    public var open: [UndoEntry] { entries[..<openEnd].filter { !$0.status.isSettled } }

    /// Whether an unwinding that has begun concerns a step: it was scheduled in that scope before. Its undo is owed then,
    /// also if the unwinding is over when its effect becomes certain.
    public func isOwed(_ entry: UndoEntry) -> Bool {
        let born = min(entry.stepEventID, entry.closingEventID)
        var scope = entry.scope
        while true {
            if let start = unwoundAt[scope], born < start { return true }
            // A scope's parent has a smaller number, so this ends.
            guard let parent = scopes[scope]?.parent, parent < scope else { break }
            scope = parent
        }
        return unwoundAt[0].map { born < $0 } ?? false
    }

    // MARK: Summaries

    /// Whether any undo of the scope ever ran or was decided upon.
    func summary(of scope: UInt32, isGivenUp: Bool) -> CompensationSummary {
        summary(of: entries.filter { contains(scope, $0.scope) && $0.status != .dormant }, isGivenUp)
    }

    /// What became of the undos that began.
    func summaryOfBegun(isGivenUp: Bool) -> CompensationSummary {
        // One that a late report put back has begun, too, and may stand.
        summary(
            of: entries.filter { $0.firstAttempt != 0 || ($0.status != .open && $0.status != .dormant) }, isGivenUp)
    }

    private func summary(of own: [UndoEntry], _ isGivenUp: Bool) -> CompensationSummary {
        guard !own.isEmpty else { return .none }
        let left = own.filter { !$0.status.isUndone }.map(\.stepEventID)
        if left.isEmpty { return CompensationSummary(.complete) }
        return CompensationSummary(isGivenUp ? .givenUp : .partial, openEntries: left)
    }

    /// Whether a step's scope is the other one or lies inside it; the run itself, 0, contains all.
    public func contains(_ outer: UInt32, _ inner: UInt32) -> Bool {
        if planted(.nestedScopeSkipped) { return outer == 0 || inner == outer }
        var scope = inner
        while scope > outer, let parent = scopes[scope]?.parent, parent < scope { scope = parent }
        return outer == 0 || scope == outer
    }

    // MARK: Changes

    mutating func openScope(_ scope: UInt32, in parent: UInt32, at eventID: EventID) {
        scopes[scope] = Scope(parent: parent, openedAt: eventID)
    }

    /// An unwinding of the scope begins.
    mutating func beginUnwinding(_ scope: UInt32, at eventID: EventID) { unwoundAt[scope] = eventID }

    mutating func append(_ entry: UndoEntry) {
        if positions == nil, let last = entries.last, last.stepEventID >= entry.stepEventID {
            var all: [EventID: Int] = [:]
            for (position, entry) in entries.enumerated() { all[entry.stepEventID] = position }
            positions = all
        }
        positions?[entry.stepEventID] = entries.count
        entries.append(entry)
        if !entry.status.isSettled { openEnd = entries.count }
    }

    /// Drops what was closed before a pivot. Undos that already began stay, and those that are owed.
    mutating func commit() {
        let kept = entries.filter { ($0.status != .open && $0.status != .dormant) || isOwed($0) }
        guard kept.count != entries.count else { return }
        entries = []
        positions = nil
        openEnd = 0
        for entry in kept { append(entry) }
    }

    /// Changes the entry of a step; false if there is none.
    mutating func update(_ stepEventID: EventID, _ change: (inout UndoEntry) -> Void) -> Bool {
        guard let position = position(of: stepEventID) else { return false }
        let before = entries[position].status
        change(&entries[position])
        let after = entries[position].status
        if before.isInFlight != after.isInFlight {
            if after.isInFlight { inFlight.append(stepEventID) } else { inFlight.removeAll { $0 == stepEventID } }
        }
        if !after.isSettled {
            openEnd = max(openEnd, position + 1)
        } else {
            // One that failed may be blocked in a moment, and then still waits for a person.
            if after != .failed { reopened.removeAll { $0 == stepEventID } }
            while openEnd > 0, entries[openEnd - 1].status.isSettled { openEnd -= 1 }
        }
        return true
    }

    /// A report made certain that the step happened: its undo is due, once more if it had begun.
    mutating func happened(_ stepEventID: EventID) {
        guard let entry = entry(stepEventID), entry.status != .blocked else { return }
        // One that stands open has its turn still to come.
        guard entry.status != .open else { return }
        if isOwed(entry), !reopened.contains(stepEventID) { reopened.append(stepEventID) }
        // An undo that began a moment ago may have found nothing.
        _ = update(stepEventID) { $0.status = .open }
    }
}

extension UndoLog: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(entries)
        writer.write(reopened)
        writer.write(scopes)
        writer.write(unwoundAt)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init()
        for entry in try reader.read([UndoEntry].self) {
            append(entry)
            if entry.status.isInFlight { inFlight.append(entry.stepEventID) }
        }
        reopened = try reader.read()
        scopes = try reader.read()
        unwoundAt = try reader.read()
    }
}

extension UndoLog.Scope: PostcardCodable {
    func encode(into writer: inout PostcardWriter) {
        writer.write(parent)
        writer.write(openedAt)
    }

    init(from reader: inout PostcardReader) throws(CodecError) {
        parent = try reader.read()
        openedAt = try reader.read()
    }
}

extension UndoLog: Equatable {
    /// By what the events said; the rest follows from it.
    public static func == (left: UndoLog, right: UndoLog) -> Bool {
        left.entries == right.entries && left.reopened == right.reopened && left.scopes == right.scopes
            && left.unwoundAt == right.unwoundAt
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

        /// Whether an attempt may be with a worker, or follows by itself.
        public var isInFlight: Bool {
            switch self {
            case .running, .waiting: true
            default: false
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
    /// The child whose own undo log stands behind the entry; nil for a step.
    public var child: ChildUndo?
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
