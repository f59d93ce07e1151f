/// When the clocks of a zone change: a compiled zone file (TZif, RFC 9636) in memory.
public struct TimeZoneRules: Sendable {
    /// Largest file that is read, in bytes.
    public static let maximumBytes = 1 << 20

    /// Seconds since 1970, rising.
    private var transitions: [Int64] = []
    /// Seconds east of Greenwich from each transition on.
    private var offsets: [Int64] = []
    /// Before the first transition.
    private var first: Int64 = 0
    /// After the last one.
    private var rule: PosixTimeZone?

    /// Coordinated Universal Time.
    public static let utc = TimeZoneRules()

    private init() {}

    /// - Throws: `ScheduleError` if the bytes are no such file.
    public init(_ bytes: [UInt8]) throws(ScheduleError) {
        guard bytes.count <= Self.maximumBytes else { throw ScheduleError("the zone file is too large") }
        var reader = Reader(bytes)
        let version = try reader.header()
        var is64 = false
        if version.version >= UInt8(ascii: "2") {
            // The first block is for programs of long ago.
            try reader.skip(version.counts.size(timeBytes: 4))
            is64 = true
        }
        let counts = is64 ? try reader.header().counts : version.counts
        try readBlock(&reader, counts, timeBytes: is64 ? 8 : 4)
        if is64, let footer = reader.footer(), !footer.isEmpty {
            guard let rule = PosixTimeZone(footer) else {
                throw ScheduleError("the zone file ends in a rule that is none")
            }
            self.rule = rule
        }
    }

    private mutating func readBlock(_ reader: inout Reader, _ counts: Counts, timeBytes: Int) throws(ScheduleError) {
        guard counts.types > 0 else { throw ScheduleError("the zone file has no types") }
        for _ in 0..<counts.transitions {
            let time = try reader.integer(timeBytes)
            guard transitions.last.map({ $0 < time }) ?? true else {
                throw ScheduleError("the zone file's changes are not in order")
            }
            transitions.append(time)
        }
        var indices: [Int] = []
        for _ in 0..<counts.transitions { indices.append(Int(try reader.integer(1) & 0xFF)) }
        var types: [Int64] = []
        for _ in 0..<counts.types {
            let offset = try reader.integer(4)
            guard (-93_600...93_600).contains(offset) else { throw ScheduleError("the zone file has an absurd offset") }
            types.append(offset)
            try reader.skip(2)
        }
        for index in indices {
            guard types.indices.contains(index) else { throw ScheduleError("the zone file names a type that it lacks") }
            offsets.append(types[index])
        }
        first = types[0]
        try reader.skip(counts.characters + counts.leaps * (timeBytes + 4) + counts.standard + counts.universal)
    }

    /// Seconds east of Greenwich at a time in seconds since 1970.
    public func offset(at seconds: Int64) -> Int64 {
        guard let last = transitions.last else { return rule?.offset(at: seconds) ?? first }
        if seconds >= last, let rule { return rule.offset(at: seconds) }
        let position = upperBound(seconds)
        return position == 0 ? first : offsets[position - 1]
    }

    /// The first change of the clocks after a time.
    func nextChange(after seconds: Int64) -> Int64? {
        var position = upperBound(seconds)
        while position < transitions.count {
            let time = transitions[position]
            if offset(at: time) != offset(at: time - 1) { return time }
            position += 1
        }
        return rule?.nextChange(after: max(seconds, transitions.last ?? seconds))
    }

    /// How many transitions are not after a time.
    private func upperBound(_ seconds: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// When the local clock shows a time: the first moment that it does, or if it never does, because the clocks were put
    /// forward over it, the moment at which they were.
    func firstMoment(showing local: Int64) -> Int64 {
        let before = offset(at: local - 93_600)
        let after = offset(at: local + 93_600)
        let candidates = before == after ? [local - before] : [local - before, local - after].sorted()
        for candidate in candidates where offset(at: candidate) == local - candidate { return candidate }
        let earliest = candidates.first ?? local
        return nextChange(after: earliest - 1) ?? earliest
    }

    private struct Counts {
        var universal = 0
        var standard = 0
        var leaps = 0
        var transitions = 0
        var types = 0
        var characters = 0

        func size(timeBytes: Int) -> Int {
            transitions * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standard + universal
        }
    }

    private struct Reader {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        mutating func skip(_ count: Int) throws(ScheduleError) {
            guard count >= 0, count <= bytes.count - position else { throw ScheduleError("the zone file is cut off") }
            position += count
        }

        /// Big endian, signed if four or eight bytes.
        mutating func integer(_ count: Int) throws(ScheduleError) -> Int64 {
            let start = position
            try skip(count)
            var value: UInt64 = 0
            for byte in bytes[start..<position] { value = value << 8 | UInt64(byte) }
            return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
        }

        mutating func header() throws(ScheduleError) -> (version: UInt8, counts: Counts) {
            guard bytes.count - position >= 44, bytes[position..<position + 4].elementsEqual("TZif".utf8) else {
                throw ScheduleError("this is no zone file")
            }
            let version = bytes[position + 4]
            position += 20
            var values: [Int] = []
            for _ in 0..<6 {
                let value = try integer(4)
                guard (0...65_536).contains(value) else { throw ScheduleError("the zone file has absurd counts") }
                values.append(Int(value))
            }
            return (
                version,
                Counts(
                    universal: values[0], standard: values[1], leaps: values[2], transitions: values[3],
                    types: values[4], characters: values[5])
            )
        }

        /// The text between the last two line feeds.
        mutating func footer() -> String? {
            guard position < bytes.count, bytes[position] == 0x0A else { return nil }
            let rest = bytes[(position + 1)...]
            guard let end = rest.firstIndex(of: 0x0A) else { return nil }
            return String(validating: rest[..<end], as: UTF8.self)
        }
    }
}
