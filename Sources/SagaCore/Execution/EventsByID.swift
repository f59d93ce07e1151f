public import SagaCodec

/// The events behind ids of signals and requests: each id once, for exactly-once.
///
/// A run remembers all of them for as long as it lives, and there may be a million, so they stand packed: an id that is a UUID in
/// its usual form, as most are, takes 16 bytes, and nothing is an object of its own. Ids are spread over parts, so that a change
/// of a copy (a snapshot holds one) copies a part and not all, and so that growing does not need everything twice.
///
/// Ids are compared byte by byte. Nothing depends on the order in which they stand, which differs from process to process.
@usableFromInline
package struct EventsByID: Sendable {
    /// How many ids there are.
    @usableFromInline package private(set) var count = 0
    /// One, or as many as `spread`.
    private var parts: [Part] = []

    /// Parts of a large table.
    private static let spread = 256
    /// Ids, and bytes of ids, up to which there is one part.
    private static let small = 1_024
    private static let smallBytes = 1 << 20

    @usableFromInline
    package init() {}

    /// The event of an id; nil if it is not there.
    @usableFromInline
    package subscript(_ id: String) -> EventID? {
        // Asked for at every message, and of most runs nothing is there.
        if count == 0 { return nil }
        return Self.withKey(id) { key in event(of: key) }
    }

    /// Adds an id that is not there yet; the first event of an id counts.
    /// - Returns: Whether it was not there.
    @discardableResult
    package mutating func add(_ id: String, _ eventID: EventID) -> Bool {
        Self.withKey(id) { key in add(key, eventID) }
    }

    private func event(of key: UnsafeRawBufferPointer) -> EventID? {
        guard !parts.isEmpty else { return nil }
        let hash = Self.hash(key)
        return parts[hash & (parts.count - 1)].event(of: key, hash)
    }

    private mutating func add(_ key: UnsafeRawBufferPointer, _ eventID: EventID) -> Bool {
        if parts.isEmpty { parts = [Part()] }
        if parts.count == 1, count >= Self.small || parts[0].byteCount >= Self.smallBytes { spreadOut() }
        let hash = Self.hash(key)
        guard parts[hash & (parts.count - 1)].add(key, eventID, hash) else { return false }
        count += 1
        return true
    }

    private mutating func spreadOut() {
        let all = parts[0]
        parts = Array(repeating: Part(), count: Self.spread)
        all.forEach { key, eventID in
            let hash = Self.hash(key)
            _ = parts[hash & (parts.count - 1)].add(key, eventID, hash)
        }
    }

    /// The ids of the youngest events, in no order.
    /// - Parameters:
    ///   - limit: About how many.
    ///   - eventID: Only events behind that one; nil for all.
    ///   - isWanted: Which of them count.
    package func newest(
        _ limit: Int, after eventID: EventID?, where isWanted: (String, EventID) -> Bool
    ) -> [(id: String, eventID: EventID)] {
        var events: [EventID] = []
        events.reserveCapacity(count)
        forEach { _, event in if eventID.map({ event > $0 }) ?? true { events.append(event) } }
        // Some that are not wanted may be among the youngest: then the next ones are looked at.
        events.sort(by: >)
        var wanted = limit
        while true {
            let oldest = wanted < events.count ? events[wanted] : events.last
            guard let oldest else { return [] }
            var found: [(id: String, eventID: EventID)] = []
            forEach { key, event in
                guard event >= oldest else { return }
                let id = String(decoding: Self.text(of: key), as: UTF8.self)
                if isWanted(id, event) { found.append((id, event)) }
            }
            if found.count >= limit || wanted >= events.count { return found }
            wanted *= 4
        }
    }

    private func forEach(_ body: (UnsafeRawBufferPointer, EventID) -> Void) {
        for part in parts { part.forEach(body) }
    }

    // MARK: Keys

    // A key is how many bytes its text has and one more (as a varint), and the text; or 0 and the 16 bytes of a UUID. No text has two.

    fileprivate static func hash(_ key: UnsafeRawBufferPointer) -> Int {
        // Seeded anew in each process: callers choose the ids, and must not be able to choose those that collide.
        var hasher = Hasher()
        hasher.combine(bytes: key)
        return hasher.finalize() & .max
    }

    private static func withKey<Result>(_ id: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var id = id
        return id.withUTF8 { text in
            // Ten bytes are the longest varint.
            withUnsafeTemporaryAllocation(byteCount: text.count + 10, alignment: 1) { room in
                if let count = packUUID(text, into: room) {
                    return body(UnsafeRawBufferPointer(rebasing: room[..<count]))
                }
                var end = 0
                writeVarint(UInt64(text.count) + 1) { byte in
                    room[end] = byte
                    end += 1
                }
                for byte in text {
                    room[end] = byte
                    end += 1
                }
                return body(UnsafeRawBufferPointer(rebasing: room[..<end]))
            }
        }
    }

    private static let hyphens: [Int] = [8, 13, 18, 23]

    /// A UUID in small letters as 17 bytes; nil if the text is none.
    private static func packUUID(_ text: UnsafeBufferPointer<UInt8>, into room: UnsafeMutableRawBufferPointer) -> Int? {
        guard text.count == 36 else { return nil }
        room[0] = 0
        var digits = 0
        var value: UInt8 = 0
        for (place, byte) in text.enumerated() {
            if hyphens.contains(place) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            value = value << 4 | digit
            digits += 1
            if digits % 2 == 0 { room[digits / 2] = value }
        }
        return 17
    }

    fileprivate static func text(of key: UnsafeRawBufferPointer) -> [UInt8] {
        guard key.first == 0 else { return Array(key.drop { $0 & 0x80 != 0 }.dropFirst()) }
        let letters = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for byte in key.dropFirst() {
            if hyphens.contains(text.count) { text.append(UInt8(ascii: "-")) }
            text.append(letters[Int(byte >> 4)])
            text.append(letters[Int(byte & 15)])
        }
        return text
    }

    fileprivate static func writeVarint(_ value: UInt64, _ put: (UInt8) -> Void) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(rest))
    }
}

extension EventsByID: Equatable {
    @usableFromInline
    package static func == (left: EventsByID, right: EventsByID) -> Bool {
        guard left.count == right.count else { return false }
        var isEqual = true
        left.forEach { key, eventID in if isEqual, right.event(of: key) != eventID { isEqual = false } }
        return isEqual
    }
}

/// Records of key and event, one behind the other, and an open hash table of where they begin.
private struct Part {
    private var records: [UInt8] = []
    /// Places in `records`, counted from 1; 0 is free.
    private var slots: [UInt32] = []
    private var count = 0

    var byteCount: Int { records.count }

    /// The low bits of the hash have chosen the part.
    private func firstSlot(_ hash: Int) -> Int { (hash >> 8) & (slots.count - 1) }

    func event(of key: UnsafeRawBufferPointer, _ hash: Int) -> EventID? {
        guard !slots.isEmpty else { return nil }
        return records.withUnsafeBytes { records in
            var slot = firstSlot(hash)
            // A quarter is free, so this ends.
            while slots[slot] != 0 {
                var place = Int(slots[slot] - 1)
                if Self.takeKey(records, &place).elementsEqual(key) { return Self.takeVarint(records, &place) }
                slot = (slot + 1) & (slots.count - 1)
            }
            return nil
        }
    }

    mutating func add(_ key: UnsafeRawBufferPointer, _ eventID: EventID, _ hash: Int) -> Bool {
        if event(of: key, hash) != nil { return false }
        // A place that 32 bits do not hold would need more memory than anybody has: the part is one of 256 then.
        guard let place = UInt32(exactly: records.count + 1) else { return false }
        if (count + 1) * 4 > slots.count * 3 { grow() }
        records.append(contentsOf: key)
        EventsByID.writeVarint(eventID) { records.append($0) }
        put(place, hash)
        count += 1
        return true
    }

    private mutating func put(_ place: UInt32, _ hash: Int) {
        var slot = firstSlot(hash)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = place
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: max(8, slots.count * 2))
        var places: [(UInt32, Int)] = []
        records.withUnsafeBytes { records in
            var place = 0
            while place < records.count {
                let start = place
                let key = Self.takeKey(records, &place)
                places.append((UInt32(clamping: start + 1), EventsByID.hash(key)))
                _ = Self.takeVarint(records, &place)
            }
        }
        for (place, hash) in places { put(place, hash) }
    }

    func forEach(_ body: (UnsafeRawBufferPointer, EventID) -> Void) {
        records.withUnsafeBytes { records in
            var place = 0
            while place < records.count {
                let key = Self.takeKey(records, &place)
                body(key, Self.takeVarint(records, &place))
            }
        }
    }

    private static func takeKey(_ records: UnsafeRawBufferPointer, _ place: inout Int) -> UnsafeRawBufferPointer {
        let start = place
        let length = takeVarint(records, &place)
        place += length == 0 ? 16 : Int(length - 1)
        return UnsafeRawBufferPointer(rebasing: records[start..<place])
    }

    private static func takeVarint(_ records: UnsafeRawBufferPointer, _ place: inout Int) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = records[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
    }
}

/// As a dictionary of texts is written: in the order of their bytes.
extension EventsByID: PostcardCodable {
    @usableFromInline
    package func encode(into writer: inout PostcardWriter) {
        writer.write(UInt64(count))
        var places: [UInt64] = []
        places.reserveCapacity(count)
        for index in parts.indices {
            parts[index].forEachPlace { places.append(UInt64(index) << 32 | UInt64($0)) }
        }
        places.sort { one, other in
            key(at: one) { left in key(at: other) { right in Self.precedes(left, right) } }
        }
        for place in places {
            let eventID = key(at: place) { key in
                Self.text(of: key).withUnsafeBytes { writer.writeBytes($0) }
                return event(of: key)
            }
            writer.write(eventID ?? 0)
        }
    }

    @usableFromInline
    package init(from reader: inout PostcardReader) throws(CodecError) {
        self.init()
        var left = try reader.readCount()
        while left > 0 {
            let id: String = try reader.read()
            add(id, try reader.read())
            left -= 1
        }
    }

    private func key<Result>(at place: UInt64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        parts[Int(place >> 32)].key(at: Int(place & 0xFFFF_FFFF), body)
    }

    private static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        // The bytes of two UUIDs have the order of their texts.
        if left.first == 0, right.first == 0 { return left.lexicographicallyPrecedes(right) }
        return text(of: left).lexicographicallyPrecedes(text(of: right))
    }
}

extension Part {
    fileprivate func forEachPlace(_ body: (Int) -> Void) {
        for slot in slots where slot != 0 { body(Int(slot - 1)) }
    }

    fileprivate func key<Result>(at place: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        records.withUnsafeBytes { records in
            var place = place
            return body(Self.takeKey(records, &place))
        }
    }
}
