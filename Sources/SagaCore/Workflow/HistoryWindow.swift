/// Pages of events that wait for those after them, so that the code can be told what it recorded next.
///
/// Events stay in the pages in which they came: what goes on to the code is a part of a page, and nothing is copied.
struct HistoryWindow {
    /// Commands that must be known beyond an event before the code is given it, unless its history ends before. What the code
    /// does at one event stands somewhere behind it, perhaps pages later; an activation that issues more than so many
    /// commands is not expected to ask for a patch or a value at its end.
    static let foreseenCommands = 1_000
    /// Events that are held back for that at most, so that the memory stays flat however long the history is.
    static let foreseenEvents = 16_384

    /// A part of a page that the code may be given.
    struct Part {
        var page: [HistoryEvent]
        var range: Range<Int>
    }

    /// Those before `head` have gone to the code, and are empty.
    private var pages: [[HistoryEvent]] = []
    private var head = 0
    /// The first event of the first page that waits.
    private var next = 0
    /// How many events wait.
    private(set) var count = 0
    /// How many of them are records of commands.
    private var commands = 0

    /// - Parameter commands: how many of the events are records of commands.
    mutating func add(_ page: [HistoryEvent], commands: Int) {
        guard !page.isEmpty else { return }
        pages.append(page)
        count += page.count
        self.commands += commands
    }

    /// The next events that the code may be given, because enough is known of what it did after them; nil if there are none.
    /// - Parameter isWhole: Whether the history ends with what is here.
    mutating func takePart(isWhole: Bool) -> Part? {
        guard head < pages.count else { return nil }
        let page = pages[head]
        var end = next
        if isWhole {
            end = page.count
            // What is left of the count is of no use any more: with the last page all are given.
            count -= end - next
            if count == 0 { commands = 0 }
        } else {
            while end < page.count {
                let left = commands - (page[end].attributes.commandNumber == nil ? 0 : 1)
                guard left >= Self.foreseenCommands || count > Self.foreseenEvents else { break }
                commands = left
                count -= 1
                end += 1
            }
        }
        guard end > next else { return nil }
        let part = Part(page: page, range: next..<end)
        next = end
        if end == page.count { dropPage() }
        return part
    }

    private mutating func dropPage() {
        pages[head] = []
        head += 1
        next = 0
        if head == pages.count {
            pages.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 {
            pages.removeFirst(head)
            head = 0
        }
    }
}

/// The events that the code is being given, where they lie. Valid only while they are given.
struct ComingEvents {
    /// Id of the event that the code has not been given yet.
    private(set) var nextEventID: EventID = 0
    /// Whether an event with another id stands where that one should be.
    private(set) var hasGap = false
    private var next: UnsafePointer<HistoryEvent>?
    private var end: UnsafePointer<HistoryEvent>?

    mutating func begin(_ events: UnsafeBufferPointer<HistoryEvent>, in range: Range<Int>) {
        let base = events.baseAddress
        next = base.map { $0 + range.lowerBound }
        end = base.map { $0 + range.upperBound }
    }

    mutating func stop() {
        next = nil
        end = nil
    }

    /// The code is not given any of the events before that one: it needs none of them, or has been told what they say.
    mutating func skip(to eventID: EventID) { nextEventID = eventID }

    /// The event that comes next; nil if there is none at hand.
    var first: UnsafePointer<HistoryEvent>? { next == end ? nil : next }

    /// Takes it. In its place, because an event is large to copy.
    mutating func take() -> UnsafePointer<HistoryEvent>? {
        guard let event = first else { return nil }
        guard event.pointee.eventID == nextEventID else {
            hasGap = true
            return nil
        }
        nextEventID += 1
        next = event + 1
        return event
    }
}

extension EventAttributes {
    /// Whether it lets at most one piece of waiting code go on, and no handler before it: code that waits for it may be given it
    /// where it stands.
    var resumesOneAtMost: Bool {
        switch self {
        case .activityTaskScheduled, .activityTaskStarted, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .activityTaskRetryScheduled, .timerCreated, .timerFired,
            .timerCanceled, .versionMarkerRecorded, .sideEffectRecorded, .snapshotCreated, .upsertSearchAttributes:
            true
        // A checkpoint ends the code that waits.
        case .markerRecorded: !isCheckpoint
        default: false
        }
    }
}
