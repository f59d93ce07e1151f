internal import SagaCodec

/// Makes the state of a run of its stored rows, and decodes only what the state keeps: recovery, describe, time travel.
///
/// A step or timer that was begun and ended in what is folded leaves nothing behind, so at first only its place in the bytes is
/// noted; it is decoded if it is still open at the end, or if its end is to be undone one day. Of most other events a number or two
/// are read. Everything that is not of a well-known, simple kind takes the ordinary road: decoded in full and applied.
///
/// What is passed over was vouched for by the checksum of its row; its structure is read only as far as it is needed. The state
/// is the one that ``ExecutionState/apply(_:)`` makes of the decoded events, and so is the error if they do not fit.
public struct HistoryFold: Sendable {
    /// A step or timer that was begun in what is being folded.
    private struct Opened {
        enum Kind {
            case step
            case timer
            case ended
        }

        var eventID: EventID
        var timestamp: Int64
        var attributes: FrameRange
        var startedAttempt: UInt32 = 0
        var kind: Kind
    }

    /// How far a row has been read.
    private struct Place {
        var eventID: EventID
        let end: EventID
        /// What the times of the row count from.
        let base: Int64
    }

    /// What is done with an event of a type.
    private enum Kind: UInt8 {
        /// It is decoded in full and applied.
        case ordinary
        case stepScheduled
        case stepStarted
        case stepCompleted
        case stepEnded
        case timerCreated
        case timerFired
        case signal
        case marker
        /// A note of a snapshot that was kept.
        case snapshot
        /// Nothing of it is kept but the number of its command, which is its first field.
        case numbered
        /// Nothing of it is kept.
        case nothing
    }

    /// How a type is written today, and what is done with it.
    private struct Form {
        var version: UInt32
        var kind: Kind
    }

    /// The last event of the newest snapshot that the events speak of, over all that this fold has been given since it was
    /// made or this was set to nil.
    public var recordedSnapshot: EventID?

    private let catalog: EventCatalog
    /// By the code of the type.
    private let forms: [Form]
    private var opened: [Opened] = []
    /// By event id, from the first one that is folded: the place in `opened`, counted from 1; 0 for other events.
    private var slots: [UInt32] = []
    private var firstSlot: EventID = 0
    private var known = KnownPolicies()

    /// With the forms that this program reads: ``EventCatalog/current``.
    public init() {
        catalog = .current
        forms = Self.currentForms
    }

    /// - Parameter catalog: The forms that may be read; older ones are brought up to today's.
    public init(catalog: EventCatalog) {
        self.catalog = catalog
        forms = Self.forms(of: catalog)
    }

    private static let currentForms = forms(of: .current)

    private static func forms(of catalog: EventCatalog) -> [Form] {
        (0..<256 as Range<UInt16>).map { code in
            guard let type = EventType(rawValue: code) else { return Form(version: 0, kind: .ordinary) }
            return Form(version: catalog.version(of: type), kind: kind(of: type))
        }
    }

    private static func kind(of type: EventType) -> Kind {
        switch type {
        case .activityTaskScheduled: .stepScheduled
        case .activityTaskStarted: .stepStarted
        case .activityTaskCompleted: .stepCompleted
        case .activityTaskFailed, .activityTaskTimedOut, .activityTaskCanceled: .stepEnded
        case .timerCreated: .timerCreated
        case .timerFired: .timerFired
        case .signalReceived: .signal
        case .markerRecorded: .marker
        case .versionMarkerRecorded, .sideEffectRecorded: .numbered
        case .snapshotCreated: .snapshot
        case .commandIssued, .commandCompleted, .commandFailed, .domainEvent: .nothing
        default: .ordinary
        }
    }

    /// Applies what a store has of a run to its state. Events that the state has seen already are passed over.
    /// - Throws: `SagaError` of kind codec if a row does not decode, of kind replay if an event does not fit; the state must
    ///   not be used further then.
    public mutating func apply(_ history: PackedHistory, to state: inout ExecutionState) throws(SagaError) {
        guard history.sagaID == state.sagaID else {
            throw SagaError(
                kind: .replay, message: "events of run \(history.sagaID) were given to run \(state.sagaID)",
                isNonRetryable: true)
        }
        opened.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
        firstSlot = state.nextEventID
        // A raw buffer's closure takes no typed error.
        let failure = history.bytes.withUnsafeBytes { bytes -> SagaError? in
            do throws(SagaError) {
                for row in history.rows { try apply(row, bytes, to: &state) }
                for index in opened.indices { try settle(index, bytes, in: &state) }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private mutating func apply(
        _ row: PackedHistory.Row, _ bytes: UnsafeRawBufferPointer, to state: inout ExecutionState
    ) throws(SagaError) {
        let end = Int(row.blob.offset) + Int(row.blob.count)
        guard end <= bytes.count else { throw state.undecodable(CodecError(.unexpectedEnd, at: bytes.count)) }
        // Its offsets are those of the page, its end is that of the row.
        var reader = PostcardReader(UnsafeRawBufferPointer(rebasing: bytes[..<end]), strict: true)
        var place: Place
        do throws(CodecError) {
            try reader.skipRaw(Int(row.blob.offset))
            place = try begin(row, &reader, after: state)
        } catch {
            throw state.undecodable(error)
        }
        reserveSlots(for: place, state)
        while true {
            if place.eventID == state.nextEventID, !state.isClosed {
                do throws(CodecError) { try skim(&reader, &place, into: &state) } catch {
                    throw state.undecodable(error)
                }
            }
            guard place.eventID < place.end else { break }
            try applyInFull(&reader, place, bytes, to: &state)
            place.eventID &+= 1
        }
        if !reader.isAtEnd { throw state.undecodable(reader.failure(.trailingBytes)) }
    }

    /// The first event of a row that the state has not seen.
    private func begin(
        _ row: PackedHistory.Row, _ reader: inout PostcardReader, after state: borrowing ExecutionState
    ) throws(CodecError) -> Place {
        let start = reader.offset
        let (count, base) = try PackedEvents.readPreamble(&reader)
        // Each event takes five bytes at least, so the count asks for no more memory than the bytes do.
        guard count == UInt64(row.count), count <= UInt64(row.blob.count) / 5 else {
            throw CodecError(.limitExceeded, at: start)
        }
        var place = Place(eventID: row.firstEventID, end: row.firstEventID &+ count, base: base)
        while place.eventID < place.end, place.eventID < state.nextEventID {
            _ = try PackedEvents.readHeader(&reader, eventID: place.eventID, base: base)
            try reader.skipBytes()
            place.eventID &+= 1
        }
        return place
    }

    /// Room for the events of a row from `place` on.
    private mutating func reserveSlots(for place: Place, _ state: borrowing ExecutionState) {
        // After a gap nothing is noted: the next event is refused.
        guard place.eventID == state.nextEventID, place.end > place.eventID else { return }
        let needed = Int(place.end &- firstSlot)
        if needed > slots.count { slots.append(contentsOf: repeatElement(0, count: needed - slots.count)) }
    }

    // MARK: The ordinary road

    private mutating func applyInFull(
        _ reader: inout PostcardReader, _ place: Place, _ bytes: UnsafeRawBufferPointer, to state: inout ExecutionState
    ) throws(SagaError) {
        let event: HistoryEvent
        do throws(CodecError) {
            event = try PackedEvents.decodeOne(
                &reader, sagaID: state.sagaID, eventID: place.eventID, base: place.base, catalog,
                changed: catalog.changed)
        } catch {
            throw state.undecodable(error)
        }
        if let number = event.attributes.commandNumber, number < state.nextCommandNumber {
            // The number of an earlier command: whose event is known by it depends on their order.
            for index in opened.indices { try settle(index, bytes, in: &state) }
        }
        try settle(before: event.attributes, bytes, in: &state)
        try state.apply(event)
        if case .snapshotCreated(let created) = event.attributes { recordedSnapshot = created.uptoEventID }
    }

    /// Puts into the state what an event is about to look for there.
    private mutating func settle(
        before attributes: EventAttributes, _ bytes: UnsafeRawBufferPointer, in state: inout ExecutionState
    ) throws(SagaError) {
        let wanted: EventID
        switch attributes {
        case .activityTaskStarted(let value): wanted = value.scheduledEventID
        case .activityTaskCompleted(let value): wanted = value.scheduledEventID
        case .activityTaskFailed(let value): wanted = value.scheduledEventID
        case .activityTaskTimedOut(let value): wanted = value.scheduledEventID
        case .activityTaskCanceled(let value): wanted = value.scheduledEventID
        case .activityTaskCancelRequested(let value): wanted = value.scheduledEventID
        case .activityTaskRetryScheduled(let value): wanted = value.scheduledEventID
        case .timerFired(let value): wanted = value.createdEventID
        case .timerCanceled(let value): wanted = value.createdEventID
        case .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionTimedOut,
            .workflowExecutionCanceled, .workflowExecutionContinuedAsNew, .workflowExecutionTerminated:
            // Of a closed run nothing stays open.
            for index in opened.indices { opened[index].kind = .ended }
            return
        default: return
        }
        if let index = find(wanted) { try settle(index, bytes, in: &state) }
    }

    /// Decodes what was begun and puts it into the state.
    private mutating func settle(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, in state: inout ExecutionState
    ) throws(SagaError) {
        let begun = opened[index]
        opened[index].kind = .ended
        let start = Int(begun.attributes.offset)
        let end = start + Int(begun.attributes.count)
        guard begun.kind != .ended, end <= bytes.count else { return }
        var reader = PostcardReader(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), strict: true)
        do throws(CodecError) {
            switch begun.kind {
            case .step:
                let scheduled = try ActivityTaskScheduled(from: &reader)
                state.begin(
                    step: begun.eventID, scheduled, at: Timestamp(microseconds: begun.timestamp),
                    startedAttempt: begun.startedAttempt)
            case .timer: state.begin(timer: begun.eventID, try TimerCreated(from: &reader))
            case .ended: break
            }
            try reader.requireEnd()
        } catch {
            throw state.undecodable(CodecError(error.reason, at: start + error.offset))
        }
    }

    /// What is open by the event that began it.
    @inline(__always)
    private func find(_ eventID: EventID) -> Int? {
        let slot = eventID &- firstSlot
        guard slot < UInt64(truncatingIfNeeded: slots.count) else { return nil }
        let place = Int(slots[Int(slot)])
        guard place > 0, opened[place - 1].kind != .ended else { return nil }
        return place - 1
    }

    // MARK: The short road

    /// Applies events for as long as they are of the simple kinds. Stops at the end of the row, or in front of an event that
    /// must be decoded in full.
    private mutating func skim(
        _ reader: inout PostcardReader, _ place: inout Place, into state: inout ExecutionState
    ) throws(CodecError) {
        // In registers until it is over.
        var events = reader
        var eventID = place.eventID
        var last = state.lastTimestamp.microseconds
        var nextNumber = state.nextCommandNumber
        defer {
            reader = events
            place.eventID = eventID
            state.nextEventID = eventID
            state.lastTimestamp = Timestamp(microseconds: last)
            state.nextCommandNumber = nextNumber
        }
        while eventID < place.end {
            let start = events.cursor
            let code = Int(try events.readVarint16())
            let version = try events.readVarint32()
            let flags = try events.readByte()
            let time = place.base &+ (try events.readZigzag())
            guard code < forms.count, version == forms[code].version, flags < PackedEvents.Flag.ignorable, time >= last
            else {
                events.cursor = start
                return
            }
            if flags & PackedEvents.Flag.parent != 0 { try events.skipVarint() }
            if flags & PackedEvents.Flag.queue != 0 { try events.skipBytes() }
            // Half of the events have one: no branch depends on it.
            try events.skipBytes(ifThere: flags & PackedEvents.Flag.trace != 0)
            let attributes = try events.readBytesRange()
            let end = events.cursor
            events.cursor = end - Int(attributes.count)
            // The number of its command and one more; 0 for none.
            var following: UInt64 = 0
            // False for an event that must be decoded in full.
            var isDone = true
            switch forms[code].kind {
            case .ordinary: isDone = false
            case .stepScheduled:
                following = UInt64(try events.readVarint32()) &+ 1
                isDone = following > nextNumber
                if isDone { open(Opened(eventID: eventID, timestamp: time, attributes: attributes, kind: .step)) }
            case .stepStarted:
                isDone = false
                if let index = find(try events.readVarint64(), .step) {
                    let attempt = try events.readVarint32()
                    // The identity and the time.
                    try events.skipBytes()
                    try events.skipVarint()
                    // An attempt that completes later is more than a number.
                    isDone = try !events.readBool()
                    if isDone { opened[index].startedAttempt = max(opened[index].startedAttempt, attempt) }
                }
            case .stepCompleted:
                isDone = false
                if let index = find(try events.readVarint64(), .step) {
                    isDone = try complete(index, &events, end, closedBy: eventID, in: &state)
                    if isDone { opened[index].kind = .ended }
                }
            case .stepEnded:
                isDone = false
                if let index = find(try events.readVarint64(), .step) {
                    isDone = try Self.leavesNothing(events, opened[index].attributes)
                    if isDone { opened[index].kind = .ended }
                }
            case .timerCreated:
                following = UInt64(try events.readVarint32()) &+ 1
                isDone = following > nextNumber
                if isDone { open(Opened(eventID: eventID, timestamp: time, attributes: attributes, kind: .timer)) }
            case .timerFired:
                if let index = find(try events.readVarint64(), .timer) {
                    opened[index].kind = .ended
                } else {
                    isDone = false
                }
            case .signal: try Self.signal(&events, eventID, into: &state)
            case .marker:
                following = UInt64(try events.readVarint32()) &+ 1
                switch MarkerKind(rawValue: try events.readByte()) {
                case .checkpoint: state.checkpoint = eventID
                case .note, .stepOutput: break
                default: isDone = false
                }
            case .snapshot: recordedSnapshot = try events.readVarint64()
            case .numbered: following = UInt64(try events.readVarint32()) &+ 1
            case .nothing: break
            }
            guard isDone else {
                events.cursor = start
                return
            }
            if events.cursor > end { throw CodecError(.limitExceeded, at: Int(attributes.offset)) }
            events.cursor = end
            // As `ExecutionState` has it, without a branch: the last of all numbers is not followed by one.
            let next = CommandNumber(truncatingIfNeeded: following)
            nextNumber = next > nextNumber ? next : nextNumber
            last = time
            eventID &+= 1
        }
    }

    private mutating func open(_ begun: Opened) {
        opened.append(begun)
        slots[Int(begun.eventID &- firstSlot)] = UInt32(truncatingIfNeeded: opened.count)
    }

    /// What is open by the event that began it.
    @inline(__always)
    private func find(_ eventID: EventID, _ kind: Opened.Kind) -> Int? {
        guard let index = find(eventID), opened[index].kind == kind else { return nil }
        return index
    }

    private static func signal(
        _ events: inout PostcardReader, _ eventID: EventID, into state: inout ExecutionState
    ) throws(CodecError) {
        // The name and the payload.
        try events.skipBytes()
        try skipPayload(&events)
        let signalID = try events.readString()
        let requestID = try events.readString()
        // The identity.
        try events.skipBytes()
        let codeGone = try events.readBool()
        state.remember(requestID, eventID)
        state.signalReceived(signalID, codeGone: codeGone, eventID)
    }

    /// Ends a step that has completed. Its undo, if it has one, goes into the state packed: parts of its two events, copied as they are.
    /// `events` stands behind the id of the step.
    /// - Returns: False for what must be decoded in full: a pivot, or bytes that are not what they should be.
    private mutating func complete(
        _ index: Int, _ events: inout PostcardReader, _ end: UnsafeRawPointer, closedBy eventID: EventID,
        in state: inout ExecutionState
    ) throws(CodecError) -> Bool {
        let begun = opened[index]
        var reader = events
        reader.cursor = events.base + Int(begun.attributes.offset)
        reader.end = reader.cursor + Int(begun.attributes.count)
        // The number of the command.
        try reader.skipVarint()
        let stepID = reader.cursor
        try reader.skipBytes()
        let activity = reader.cursor
        try reader.skipBytes()
        let taskQueue = reader.cursor
        try reader.skipBytes()
        let input = reader.cursor
        try Self.skipPayload(&reader)
        let policies = reader.cursor
        let found = try known.skip(&reader, activity: activity)
        guard let undo = found.undo else {
            // The idempotency key and the priority.
            try reader.skipBytes()
            try reader.skipVarint()
            return try !reader.readBool()
        }
        let key = reader.cursor
        let keyText = try reader.readBorrowedUTF8()
        let priority = reader.cursor
        try reader.skipVarint()
        guard try !reader.readBool() else { return false }
        let scope = try reader.readVarint32()
        let group = try reader.readVarint32()
        guard reader.cursor == reader.end else { return false }
        // What is kept must be readable whenever it is asked for.
        try Self.checkText(reader, at: stepID)
        try Self.checkText(reader, at: taskQueue)
        reader.cursor = input
        try Self.checkPayload(&reader)
        // The attempt.
        try events.skipVarint()
        let output = events.cursor
        try Self.checkPayload(&events)
        if try events.readOptionTag() { try Self.checkPayload(&events) }
        guard events.cursor == end else { return false }
        func part(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: start, count: end - start)
        }
        let hasOwnQueue = found.queue.count > 1
        state.undoLog.append(
            UndoParts(
                stepEventID: begun.eventID, closingEventID: eventID, stepID: part(stepID, activity),
                undo: undo, input: part(hasOwnQueue ? input : taskQueue, policies),
                taskQueue: hasOwnQueue ? found.queue : part(input, input), output: part(output, end),
                stepKey: part(key, priority), keyText: keyText, scope: scope, group: group,
                isDormant: state.movesWithReset(begun.eventID), hasMargin: events.end - end >= UndoParts.margin))
        return true
    }
}
