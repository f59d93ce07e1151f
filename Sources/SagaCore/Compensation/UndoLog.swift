public import SagaCodec

/// What must be undone if the saga ends badly, owned by the engine (semantics, section 4).
///
/// Entries stand in the order of the events that closed their steps, which is the order of undoing, reversed. What is asked
/// at every undo costs the same however long the log is.
public struct UndoLog: Sendable {
    private var table = UndoTable()
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

    // MARK: Entries

    /// Every entry that was not dropped, oldest first. Made anew at each call: entries that came from stored rows stand packed until they
    /// are asked for.
    public var entries: [UndoEntry] { table.heads.indices.map { table[$0] } }

    /// How many entries there are.
    public var count: Int { table.heads.count }

    /// The steps that the entries undo, oldest first.
    package var stepEventIDs: [EventID] { table.heads.map(\.stepEventID) }

    /// The youngest entries, oldest first.
    package func last(_ count: Int) -> [UndoEntry] { table.heads.indices.suffix(count).map { table[$0] } }

    /// The entries of these steps, oldest first.
    package func entries(of steps: Set<EventID>) -> [UndoEntry] {
        table.heads.indices.filter { steps.contains(table.heads[$0].stepEventID) }.map { table[$0] }
    }

    /// The youngest entry that is wanted, by its step and status.
    package func last(where isWanted: (EventID, UndoEntry.Status) -> Bool) -> UndoEntry? {
        table.heads.lastIndex { isWanted($0.stepEventID, $0.status) }.map { table[$0] }
    }

    /// The oldest entry that is wanted, by its step, of those whose undo has begun at least once.
    package func firstBegun(where isWanted: (EventID) -> Bool) -> UndoEntry? {
        table.heads.firstIndex { $0.firstAttempt != 0 && isWanted($0.stepEventID) }.map { table[$0] }
    }

    /// Entries that are not settled and wanted, by their steps, oldest first.
    /// - Parameter limit: Most to return.
    package func open(limit: Int = .max, where isWanted: (EventID) -> Bool = { _ in true }) -> [UndoEntry] {
        var wanted: [UndoEntry] = []
        for (position, head) in table.heads[..<openEnd].enumerated() where wanted.count < limit {
            if !head.status.isSettled, isWanted(head.stepEventID) { wanted.append(table[position]) }
        }
        return wanted
    }

    /// Whether an entry that is not settled is wanted, by its step.
    package func hasOpen(where isWanted: (EventID) -> Bool) -> Bool {
        table.heads[..<openEnd].contains { !$0.status.isSettled && isWanted($0.stepEventID) }
    }

    /// Undos that run or wait for their next attempt, oldest first.
    package var begun: [UndoEntry] {
        table.heads[..<openEnd].indices.filter { table.heads[$0].status.isInFlight }.map { table[$0] }
    }

    /// Whether none of those that are not settled has begun.
    package var onlyStands: Bool {
        table.heads[..<openEnd].allSatisfy { $0.status == .open || $0.status.isSettled }
    }

    // MARK: Asked while unwinding

    /// What may be undone next in a scope: the youngest entry that is not settled, and those that may be undone together
    /// with it because they are of the same group and nothing older stands between. Undos run one by one: while one of
    /// another group is in flight, nothing new begins.
    public func next(in scope: UInt32) -> [UndoEntry] {
        if planted(.undoFirstInFirstOut) { return Array(open.filter { contains(scope, $0.scope) }.prefix(1)) }
        var together: [UndoEntry] = []
        let oldest = scopes[scope]?.openedAt ?? 0
        for position in table.heads[..<openEnd].indices.reversed() {
            let head = table.heads[position]
            // Steps of a scope close after it was opened.
            if head.closingEventID < oldest { break }
            guard !head.status.isSettled, contains(scope, head.scope) else { continue }
            if let first = together.first {
                guard first.group != 0, head.group == first.group else { break }
            }
            together.append(table[position])
            if head.group == 0 { break }
        }
        return together
    }

    /// The youngest undo that a late report put back and that is not in flight.
    public var nextReopened: UndoEntry? {
        var youngest: Int?
        for eventID in reopened {
            guard let position = position(of: eventID), table.heads[position].status == .open else { continue }
            youngest = max(youngest ?? position, position)
        }
        return youngest.map { table[$0] }
    }

    /// Whether undos that a late report put back are still to be settled.
    public var hasReopened: Bool {
        reopened.contains { eventID in position(of: eventID).map { !table.heads[$0].status.isSettled } ?? false }
    }

    /// An undo that a late report put back, and that waits for a person.
    public var blockedReopened: UndoEntry? {
        reopened.compactMap { position(of: $0) }.last { table.heads[$0].status == .blocked }.map { table[$0] }
    }

    /// Whether an undo may begin beside those in flight: only if all of them are of its own group.
    public func mayBegin(_ entry: UndoEntry) -> Bool {
        inFlight.allSatisfy { eventID in
            eventID == entry.stepEventID
                || (entry.group != 0 && position(of: eventID).map { table.heads[$0].group } == entry.group)
        }
    }

    /// The entry of a step.
    public func entry(_ stepEventID: EventID) -> UndoEntry? { position(of: stepEventID).map { table[$0] } }

    private func position(of stepEventID: EventID) -> Int? {
        if let positions { return positions[stepEventID] }
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if table.heads[middle].stepEventID < stepEventID { low = middle + 1 } else { high = middle }
        }
        return low < count && table.heads[low].stepEventID == stepEventID ? low : nil
    }

    /// Whether any entry is not settled.
    public var hasOpen: Bool { openEnd > 0 }

    /// Entries that are not settled, oldest first.
    public var open: [UndoEntry] { open() }

    /// Whether an unwinding that has begun concerns a step: it was scheduled in that scope before. Its undo is owed then,
    /// also if the unwinding is over when its effect becomes certain.
    public func isOwed(_ entry: UndoEntry) -> Bool {
        isOwed(bornAt: min(entry.stepEventID, entry.closingEventID), in: entry.scope)
    }

    private func isOwed(bornAt born: EventID, in scope: UInt32) -> Bool {
        var scope = scope
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
        summary(of: table.heads.filter { contains(scope, $0.scope) && $0.status != .dormant }, isGivenUp)
    }

    /// What became of the undos that began.
    package func summaryOfBegun(isGivenUp: Bool) -> CompensationSummary {
        // One that a late report put back has begun, too, and may stand.
        summary(
            of: table.heads.filter { $0.firstAttempt != 0 || ($0.status != .open && $0.status != .dormant) }, isGivenUp)
    }

    private func summary(of own: [UndoTable.Head], _ isGivenUp: Bool) -> CompensationSummary {
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

    mutating func append(_ entry: consuming UndoEntry) {
        willAppend(entry.stepEventID)
        table.append(entry)
        didAppend()
    }

    /// Adds the entry of a step that has completed, as its two events have it.
    mutating func append(_ parts: borrowing UndoParts) {
        willAppend(parts.stepEventID)
        table.append(parts)
        didAppend()
    }

    private mutating func willAppend(_ stepEventID: EventID) {
        if positions == nil, let last = table.heads.last, last.stepEventID >= stepEventID {
            var all: [EventID: Int] = [:]
            for (position, head) in table.heads.enumerated() { all[head.stepEventID] = position }
            positions = all
        }
        let position = count
        positions?[stepEventID] = position
    }

    private mutating func didAppend() {
        if let last = table.heads.last, !last.status.isSettled { openEnd = count }
    }

    /// Drops what was closed before a pivot. Undos that already began stay, and those that are owed.
    mutating func commit() {
        let kept = table.heads.indices.filter { position in
            let head = table.heads[position]
            return (head.status != .open && head.status != .dormant)
                || isOwed(bornAt: min(head.stepEventID, head.closingEventID), in: head.scope)
        }
        guard kept.count != count else { return }
        let before = table
        table = UndoTable()
        positions = nil
        openEnd = 0
        for position in kept { append(before[position]) }
    }

    /// Changes the entry of a step; false if there is none.
    mutating func update(_ stepEventID: EventID, _ change: (inout UndoEntry) -> Void) -> Bool {
        guard let position = position(of: stepEventID) else { return false }
        let before = table.heads[position].status
        table.update(position, change)
        let after = table.heads[position].status
        if before.isInFlight != after.isInFlight {
            if after.isInFlight { inFlight.append(stepEventID) } else { inFlight.removeAll { $0 == stepEventID } }
        }
        if !after.isSettled {
            openEnd = max(openEnd, position + 1)
        } else {
            // One that failed may be blocked in a moment, and then still waits for a person.
            if after != .failed { reopened.removeAll { $0 == stepEventID } }
            while openEnd > 0, table.heads[openEnd - 1].status.isSettled { openEnd -= 1 }
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
        table.encode(into: &writer)
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
        left.table == right.table && left.reopened == right.reopened && left.scopes == right.scopes
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
