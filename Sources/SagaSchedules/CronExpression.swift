/// When something is due: five cron fields, a name such as `@daily`, or `@every 90s`.
///
/// ```
/// minute (0-59)  hour (0-23)  day of month (1-31)  month (1-12, JAN-DEC)  day of week (0-7, SUN-SAT; 0 and 7 are Sunday)
/// ```
/// A field is `*`, a number, a range `a-b`, a list `a,b`, each with a step `/n`. If both days are restricted, one of them is
/// enough, as in cron.
public struct CronExpression: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case fields(Fields)
        /// Multiples of so many microseconds, counted from 1970.
        case every(Int64)
    }

    /// Each field as a set of bits.
    struct Fields: Hashable, Sendable {
        var minutes: UInt64
        var hours: UInt64
        var days: UInt64
        var months: UInt64
        var weekdays: UInt64
        /// Whether the field said more than `*`: decides how the two days go together.
        var restrictsDays: Bool
        var restrictsWeekdays: Bool

        var coversAllHours: Bool { hours == (1 << 24) - 1 }

        func matches(day time: CivilTime) -> Bool {
            guard months >> UInt64(time.month) & 1 == 1 else { return false }
            let isDay = days >> UInt64(time.day) & 1 == 1
            let isWeekday = weekdays >> UInt64(time.weekday) & 1 == 1
            return restrictsDays && restrictsWeekdays ? isDay || isWeekday : isDay && isWeekday
        }

        func matches(hour: Int) -> Bool { hours >> UInt64(hour) & 1 == 1 }
        func matches(minute: Int) -> Bool { minutes >> UInt64(minute) & 1 == 1 }
    }

    /// As it was written.
    public let text: String
    let kind: Kind

    /// - Throws: `ScheduleError` that names the field.
    public init(_ text: String) throws(ScheduleError) {
        self.text = text
        guard text.utf8.count <= 255 else { throw ScheduleError("a cron expression has at most 255 bytes") }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard let first = words.first else { throw ScheduleError("the cron expression is empty") }
        if first == "@every" {
            guard words.count == 2, let micros = Self.micros(words[1]) else {
                throw ScheduleError("write @every 90s, 15m, 2h or 1d")
            }
            guard (1_000...366 * 86_400_000_000).contains(micros) else {
                throw ScheduleError("@every takes a time from 1ms to 366d")
            }
            kind = .every(micros)
            return
        }
        var fields = words
        if first.hasPrefix("@") {
            guard words.count == 1, let named = Self.names[first.lowercased()] else {
                throw ScheduleError(
                    "\(first) is not known; use \(Self.names.keys.sorted().joined(separator: ", ")) or @every")
            }
            fields = named.split(separator: " ").map(String.init)
        }
        guard fields.count == 5 else {
            throw ScheduleError(
                "a cron expression has five fields (minute hour day-of-month month day-of-week), this one \(fields.count)"
            )
        }
        var weekdays = try Self.bits(fields[4], "day of week", 0...7, Self.weekdayNames)
        // 7 is Sunday, too.
        if weekdays >> 7 & 1 == 1 { weekdays = weekdays & 0x7F | 1 }
        kind = .fields(
            Fields(
                minutes: try Self.bits(fields[0], "minute", 0...59), hours: try Self.bits(fields[1], "hour", 0...23),
                days: try Self.bits(fields[2], "day of month", 1...31),
                months: try Self.bits(fields[3], "month", 1...12, Self.monthNames), weekdays: weekdays,
                restrictsDays: !fields[2].hasPrefix("*"), restrictsWeekdays: !fields[4].hasPrefix("*")))
    }

    private static let names = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let weekdayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let monthNames = [
        "", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    private static func bits(
        _ text: String, _ field: String, _ range: ClosedRange<Int>, _ names: [String] = []
    ) throws(ScheduleError) -> UInt64 {
        var bits: UInt64 = 0
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let span = parts.first else {
                throw ScheduleError("the field \(field) is wrong at \"\(item)\"")
            }
            var step = 1
            if parts.count == 2 {
                guard let value = Int(parts[1]), value >= 1, value <= range.upperBound else {
                    throw ScheduleError("the field \(field) has the step \"\(parts[1])\"")
                }
                step = value
            }
            let bounds: (Int, Int)
            if span == "*" {
                bounds = (range.lowerBound, range.upperBound)
            } else {
                let ends = span.split(separator: "-", omittingEmptySubsequences: false)
                guard ends.count <= 2, let low = ends.first.flatMap({ number($0, range, names) }),
                    let high = ends.last.flatMap({ number($0, range, names) })
                else {
                    throw ScheduleError(
                        "the field \(field) takes \(range.lowerBound) to \(range.upperBound), not \"\(span)\"")
                }
                guard low <= high else { throw ScheduleError("the field \(field) has the range \"\(span)\" backwards") }
                // `5/10` begins at 5 and goes on to the end.
                bounds = (low, ends.count == 1 && parts.count == 2 ? range.upperBound : high)
            }
            for value in stride(from: bounds.0, through: bounds.1, by: step) { bits |= 1 << UInt64(value) }
        }
        return bits
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>, _ names: [String]) -> Int? {
        if let index = names.firstIndex(of: text.lowercased()), !text.isEmpty { return index }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text),
            range.contains(value)
        else { return nil }
        return value
    }

    /// `1500ms`, `90s`, `15m`, `2h`, `1d`.
    private static func micros(_ text: String) -> Int64? {
        let units: [(String, Int64)] = [
            ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
        ]
        for (unit, size) in units where text.hasSuffix(unit) {
            let digits = text.dropLast(unit.count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(digits)
            else { continue }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            return overflow ? nil : product
        }
        return nil
    }
}
