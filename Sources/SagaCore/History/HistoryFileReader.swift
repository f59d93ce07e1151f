internal import SagaCodec

/// Reads histories piece by piece, in either form: give it the file's bytes as they come, then ``end()``.
public struct HistoryFileReader: Sendable {
    private var buffer: [UInt8] = []
    /// What of the buffer is used up, and how many bytes of the file stood before it.
    private var position = 0
    private var consumed = 0
    private var lineNumber = 0
    private var format: HistoryFile.Format?
    private var chain = HistoryFile.Chain()
    private var events: UInt64 = 0
    private var isOver = false
    private var last: (sagaID: SagaID, next: EventID)?
    private var seen: Set<SagaID> = []
    /// The present JSON run of events, which lines come one by one for.
    private var gathered: [HistoryEvent] = []

    public init() {}

    /// Takes some bytes of the file.
    /// - Returns: What they complete, in order.
    /// - Throws: ``HistoryFileError`` at the first thing that is not as it was written. The reader is of no use after that.
    public mutating func read(_ bytes: some Collection<UInt8>) throws(HistoryFileError) -> [HistoryFile.Item] {
        buffer.append(contentsOf: bytes)
        var items: [HistoryFile.Item] = []
        while try step(&items) {}
        if position > 1 << 16 {
            consumed += position
            buffer.removeFirst(position)
            position = 0
        }
        guard buffer.count - position <= HistoryFile.maximumRecordBytes else {
            throw problem("a record is longer than \(HistoryFile.maximumRecordBytes) bytes")
        }
        return items
    }

    /// The file has no more bytes.
    /// - Throws: ``HistoryFileError`` if more were to come.
    public mutating func end() throws(HistoryFileError) {
        guard format != nil else { throw HistoryFileError("this is no history file: it is empty or too short") }
        guard isOver, position == buffer.count else { throw problem("the file is cut off") }
    }

    private func problem(_ what: String) -> HistoryFileError {
        if format == .json { return HistoryFileError("line \(lineNumber + 1): \(what)") }
        return HistoryFileError("at byte \(consumed + position): \(what)")
    }

    /// - Returns: Whether there may be more to do.
    private mutating func step(_ items: inout [HistoryFile.Item]) throws(HistoryFileError) -> Bool {
        if isOver {
            guard position == buffer.count else { throw problem("something follows the end") }
            return false
        }
        switch format {
        case nil: return try recognize()
        case .binary?: return try record(&items)
        case .json?: return try line(&items)
        }
    }

    private mutating func recognize() throws(HistoryFileError) -> Bool {
        if buffer.first == UInt8(ascii: "{") {
            format = .json
            return true
        }
        let head = HistoryFile.magic.count + 1
        guard buffer.count >= head else {
            guard HistoryFile.magic.starts(with: buffer.prefix(HistoryFile.magic.count)) else {
                throw HistoryFileError("this is no history file")
            }
            return false
        }
        guard buffer.starts(with: HistoryFile.magic) else { throw HistoryFileError("this is no history file") }
        guard buffer[head - 1] == HistoryFile.version else {
            throw HistoryFileError("a program with another form wrote it (version \(buffer[head - 1]))")
        }
        format = .binary
        position = head
        return true
    }

    // MARK: Binary

    private mutating func record(_ items: inout [HistoryFile.Item]) throws(HistoryFileError) -> Bool {
        let left = buffer.count - position
        guard left >= 5 else { return false }
        let length = Int(word(at: position + 1))
        guard length <= HistoryFile.maximumRecordBytes else { throw problem("a record claims \(length) bytes") }
        guard left >= length + 9 else { return false }
        let record = Array(buffer[position..<position + 5 + length])
        guard record.checksum == word(at: position + 5 + length) else { throw problem("the checksum is wrong") }
        let body = Array(record.dropFirst(5))
        switch record[0] {
        case HistoryFile.Kind.events:
            chain.add(record.checksum)
            try accept(try unpack(body), &items)
        case HistoryFile.Kind.lateEffect:
            chain.add(record.checksum)
            items.append(.lateEffect(try lateEffect(body)))
        case HistoryFile.Kind.end:
            guard body.count == 12 else { throw problem("the end is of another length") }
            let count = (0..<8).reduce(UInt64(0)) { $0 | UInt64(body[$1]) << UInt64(8 * $1) }
            let sum = (0..<4).reduce(UInt32(0)) { $0 | UInt32(body[8 + $1]) << UInt32(8 * $1) }
            try finish(count, sum)
        default: throw problem("there is no record of kind \(record[0])")
        }
        position += length + 9
        return true
    }

    private func word(at place: Int) -> UInt32 {
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(buffer[place + $1]) << UInt32(8 * $1) }
    }

    private func unpack(_ body: [UInt8]) throws(HistoryFileError) -> [HistoryEvent] {
        guard body.count > 24, let sagaID = SagaID(bytes: body[..<16]) else { throw problem("a record is too short") }
        let first = (0..<8).reduce(UInt64(0)) { $0 | UInt64(body[16 + $1]) << UInt64(8 * $1) }
        do throws(CodecError) {
            let packed = try LZ4Frame.decompress(Array(body[24...]))
            return try PackedEvents.decode(packed, sagaID: sagaID, firstEventID: first)
        } catch {
            throw problem("event \(first) of \(sagaID) does not decode: \(error)")
        }
    }

    private func lateEffect(_ bytes: [UInt8]) throws(HistoryFileError) -> LateEffect {
        do throws(CodecError) { return try Postcard.decodeStrict(LateEffect.self, from: bytes) } catch {
            throw problem("a late effect does not decode: \(error)")
        }
    }

    // MARK: JSON

    private mutating func line(_ items: inout [HistoryFile.Item]) throws(HistoryFileError) -> Bool {
        guard let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            // What is gathered goes out with the bytes that came.
            flush(&items)
            return false
        }
        let text = Array(buffer[position..<end])
        let value: JSONValue
        do throws(CodecError) { value = try JSONCoding.parse(text) } catch { throw problem("it is no JSON: \(error)") }
        if value["end"] == true {
            guard let count = value["events"]?.integerValue, let sum = value["checksum"]?.integerValue,
                count >= 0, let checksum = UInt32(exactly: sum)
            else { throw problem("the end has no checksum") }
            flush(&items)
            try finish(UInt64(count), checksum)
        } else {
            chain.add(text.checksum)
            try read(value, &items)
        }
        position = end + 1
        lineNumber += 1
        return true
    }

    private mutating func read(_ value: JSONValue, _ items: inout [HistoryFile.Item]) throws(HistoryFileError) {
        if lineNumber == 0 {
            guard value["saga_history"]?.integerValue == Int64(HistoryFile.version) else {
                throw problem("this is no history file, or a program with another form wrote it")
            }
            return
        }
        guard let packed = value["packed"]?.stringValue.flatMap(Base64.decode) else {
            throw problem("it has no packed event")
        }
        if value["late_effect_of"] != nil {
            flush(&items)
            return items.append(.lateEffect(try lateEffect(packed)))
        }
        guard let sagaID = value["saga_id"]?.stringValue.flatMap({ SagaID($0) }),
            let eventID = value["event_id"]?.integerValue, eventID >= 0
        else { throw problem("it has no saga_id or no event_id") }
        do throws(CodecError) {
            let events = try PackedEvents.decode(packed, sagaID: sagaID, firstEventID: EventID(eventID))
            guard events.count == 1 else { throw CodecError(.limitExceeded, at: 0) }
            if gathered.count >= HistoryFile.maximumEvents || gathered.last.map({ $0.sagaID != sagaID }) ?? false {
                flush(&items)
            }
            gathered += events
        } catch {
            throw problem("event \(eventID) does not decode: \(error)")
        }
        try check(gathered.suffix(1))
    }

    private mutating func flush(_ items: inout [HistoryFile.Item]) {
        guard !gathered.isEmpty else { return }
        items.append(.events(gathered))
        gathered = []
    }

    // MARK: Both

    private mutating func accept(_ list: [HistoryEvent], _ items: inout [HistoryFile.Item]) throws(HistoryFileError) {
        guard !list.isEmpty else { throw problem("a record has no events") }
        try check(list[...])
        items.append(.events(list))
    }

    private mutating func check(_ list: ArraySlice<HistoryEvent>) throws(HistoryFileError) {
        guard let first = list.first else { return }
        let expected = last?.sagaID == first.sagaID ? last?.next ?? 0 : 0
        if expected == 0, !seen.insert(first.sagaID).inserted {
            throw problem("run \(first.sagaID) is there twice")
        }
        guard first.eventID == expected else {
            throw problem("event \(first.eventID) of run \(first.sagaID) stands where \(expected) is due")
        }
        events += UInt64(list.count)
        last = (first.sagaID, first.eventID + EventID(list.count))
    }

    private mutating func finish(_ count: UInt64, _ sum: UInt32) throws(HistoryFileError) {
        guard count == events, sum == chain.value else { throw problem("the checksum of the file is wrong") }
        isOver = true
    }
}
