/// The commands of one run's code: numbered as issued, compared with the recorded ones, and found again by the events that
/// record them (semantics, section 6).
struct CommandLedger {
    /// What kind of thing a command began.
    enum Kind {
        case activity
        case timer
        case externalSignal
        case child
        case local
        case other

        var name: String {
            switch self {
            case .activity: "step"
            case .timer: "timer"
            case .externalSignal: "signal to another saga"
            case .child: "child"
            case .local: "local activity"
            case .other: "command"
            }
        }
    }

    private struct Open: Hashable, Sendable {
        var number: CommandNumber
        var kind: Kind
    }

    private struct Issued {
        var command: WorkflowCommand
        var site: CallSite?
    }

    private var nextNumber: CommandNumber
    /// Issued, and no event has recorded them yet. In order of their numbers.
    private var unmatched: [(number: CommandNumber, issued: Issued)] = []
    /// The commands behind open `…Scheduled` and `…Created` events. Code waits for few things at once, so a sorted array beats
    /// a dictionary.
    private var openEvents = EventTable<Open>()
    private var openCompensations: [(scope: UInt32, number: CommandNumber)] = []
    /// Open things whose end the code does not want to hear of any more. Their events close them.
    private var givenUp: Set<CommandNumber> = []
    /// The command that ended the code, once the start of its unwinding has recorded it: the closing event names it again.
    private var ended: CommandNumber?

    /// - Parameter next: The number of the first command: not 0 behind a checkpoint.
    init(next: CommandNumber = 0) { nextNumber = next }

    mutating func issue(_ command: WorkflowCommand, site: CallSite?) -> CommandNumber {
        let number = nextNumber
        nextNumber += 1
        unmatched.append((number, Issued(command: command, site: site)))
        switch command {
        case .compensate(let scope): openCompensations.append((scope, number))
        case .requestCancelActivity(let open), .requestCancelChild(let open), .cancelTimer(let open):
            givenUp.insert(open)
        default: break
        }
        return number
    }

    /// The code does not ask for its last command any more, which no event has recorded; false if it is not the last.
    mutating func takeBack(_ number: CommandNumber) -> Bool {
        guard unmatched.last?.number == number, number &+ 1 == nextNumber else { return false }
        unmatched.removeLast()
        nextNumber = number
        return true
    }

    /// The code asks for a step that an event has recorded already, as that command.
    mutating func takeRecordedStep() -> CommandNumber {
        defer { nextNumber += 1 }
        return nextNumber
    }

    /// A recorded step is open.
    mutating func begin(step number: CommandNumber, by eventID: EventID) {
        openEvents[eventID] = Open(number: number, kind: .activity)
    }

    /// The number that the next command gets.
    var next: CommandNumber { nextNumber }

    /// The command that an open event records.
    func command(of eventID: EventID) -> CommandNumber? { openEvents[eventID]?.number }

    /// What a command began that has not ended. Asked when something is abandoned, which is seldom.
    func kind(of number: CommandNumber) -> Kind {
        if let waiting = unmatched.first(where: { $0.number == number }) { return waiting.issued.command.begins }
        for eventID in openEvents.eventIDs {
            if let open = openEvents[eventID], open.number == number { return open.kind }
        }
        return .other
    }

    /// The command for the one step that the code has asked for and no event has recorded; nil if it has asked for anything else.
    var soleStep: CommandNumber? {
        guard unmatched.count == 1, case .scheduleActivity = unmatched[0].issued.command else { return nil }
        return unmatched[0].number
    }

    /// Takes that command for recorded, and for ended.
    mutating func endSoleStep() { unmatched.removeLast() }

    func unrecorded() -> [NumberedCommand] {
        // What comes after a local activity that still runs leaves with its outcome: commands keep their order.
        unmatched.prefix { !$0.issued.command.runsLocally }
            .map { NumberedCommand(number: $0.number, command: $0.issued.command) }
    }

    /// Whether no event has recorded the command yet.
    func isUnrecorded(_ number: CommandNumber) -> Bool { unmatched.contains { $0.number == number } }

    /// A local activity has ended.
    mutating func endLocal(_ number: CommandNumber, _ end: LocalActivityEnd) {
        guard let index = unmatched.firstIndex(where: { $0.number == number }),
            case .recordLocalActivity(var record) = unmatched[index].issued.command, record.end == .running
        else { return }
        record.end = end
        unmatched[index].issued.command = .recordLocalActivity(record)
    }

    /// Compares a recorded command with the one issued under its number.
    mutating func match(_ number: CommandNumber, with event: UnsafePointer<HistoryEvent>) -> SagaError? {
        guard let index = unmatched.firstIndex(where: { $0.number == number }) else {
            // The engine ended by itself what the code had begun.
            if case .localActivityCanceled = event.pointee.attributes, number < nextNumber { return nil }
            if number == ended, event.pointee.attributes.closesAfterUnwinding { return nil }
            let asked = nextNumber == 0 ? "nothing yet" : "only \(nextNumber) commands"
            return mismatch(event.pointee, number, asked: asked, site: nil)
        }
        // Taken out, not copied.
        let (_, issued) = unmatched.count == 1 ? unmatched.removeLast() : unmatched.remove(at: index)
        guard event.pointee.attributes.isRecord(of: issued.command) else {
            unmatched.insert((number, issued), at: index)
            return mismatch(event.pointee, number, asked: issued.command.summary, site: issued.site)
        }
        if case .compensationStarted = event.pointee.attributes, issued.command.isClosing { ended = number }
        let kind = issued.command.begins
        if kind != .other { openEvents[event.pointee.eventID] = Open(number: number, kind: kind) }
        return nil
    }

    /// The command that an open event records; it is open no longer.
    mutating func close(_ eventID: EventID) -> CommandNumber? {
        let number = openEvents.remove(eventID)?.number
        if let number, !givenUp.isEmpty { givenUp.remove(number) }
        return number
    }

    // MARK: For checkpoints

    /// Whether something is open that will end by itself, and soon: steps and children that the code has given up, local
    /// activities, signals on their way to other sagas. A timer that was given up ends with the command that says so.
    var hasEnding: Bool { open.contains { endsByItself($0.number, $0.kind) } }

    /// What the code would have to wait for, in words; nil if nothing is open.
    var firstOpen: String? {
        if let open = open.first(where: { $0.kind != .timer || !givenUp.contains($0.number) }) {
            return "\(open.what) (command \(open.number))"
        }
        return openCompensations.first.map { "the unwinding of command \($0.number)" }
    }

    private func endsByItself(_ number: CommandNumber, _ kind: Kind) -> Bool {
        switch kind {
        case .activity, .child: givenUp.contains(number)
        case .local, .externalSignal: true
        case .timer, .other: false
        }
    }

    private var open: [(number: CommandNumber, kind: Kind, what: String)] {
        openEvents.eventIDs.compactMap { openEvents[$0] }.map { ($0.number, $0.kind, "the \($0.kind.name)") }
            + unmatched.filter { $0.issued.command.begins != .other }.map {
                ($0.number, $0.issued.command.begins, "the \($0.issued.command.summary)")
            }
    }

    mutating func takeCompensation(scope: UInt32) -> CommandNumber? {
        guard let index = openCompensations.firstIndex(where: { $0.scope == scope }) else { return nil }
        return openCompensations.remove(at: index).number
    }

    private func mismatch(_ event: HistoryEvent, _ number: CommandNumber, asked: String, site: CallSite?) -> SagaError {
        var error = SagaError(
            kind: .replay,
            message: "the code does not fit its history: event \(event.eventID) recorded \(event.eventType.name) as"
                + " command \(number), the code asked for \(asked). Run the version that wrote the history, guard the"
                + " change with a patch, or reset to an event before it",
            code: "SE0100", isNonRetryable: true
        )
        .with("event_id", String(event.eventID))
        .with("recorded", event.eventType.name)
        .with("asked", asked)
        if let site { error = error.with("call_site", "\(site.file):\(site.line)") }
        return error
    }
}

extension EventAttributes {
    /// Whether it closes a run whose code has ended badly.
    fileprivate var closesAfterUnwinding: Bool {
        switch self {
        case .workflowExecutionFailed, .workflowExecutionCanceled: true
        default: false
        }
    }
}

extension WorkflowCommand {
    /// What kind of thing it begins that an event will end.
    fileprivate var begins: CommandLedger.Kind {
        switch self {
        case .scheduleActivity: .activity
        case .startTimer: .timer
        case .scheduleLocalActivity: .local
        case .startChild: .child
        case .signalExternal: .externalSignal
        default: .other
        }
    }

    fileprivate var runsLocally: Bool {
        if case .recordLocalActivity(let record) = self { record.end == .running } else { false }
    }
}
