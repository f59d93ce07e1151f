/// The rule for all times to come: the last line of a zone file, in the form of the POSIX variable TZ, such as
/// `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixTimeZone: Hashable, Sendable {
    enum Day: Hashable, Sendable {
        /// Day of the year from 1; 29 February is never counted.
        case julian(Int)
        /// Day of the year from 0; 29 February counts.
        case dayOfYear(Int)
        /// Weekday of a week of a month; week 5 is the last.
        case weekday(month: Int, week: Int, weekday: Int)
    }

    struct Change: Hashable, Sendable {
        var day: Day
        /// Seconds after local midnight; may be negative or beyond a day.
        var time: Int64

        /// Seconds since 1970 of the change by the local clock, in a year.
        func localSeconds(in year: Int) -> Int64 {
            let start = CivilTime(year: year, month: 1, day: 1).days
            let days: Int64
            switch day {
            case .julian(let number):
                let isPastFebruary = number >= 60 && CivilTime.isLeap(year)
                days = start + Int64(number - 1 + (isPastFebruary ? 1 : 0))
            case .dayOfYear(let number): days = start + Int64(number)
            case .weekday(let month, let week, let weekday):
                let first = CivilTime(year: year, month: month, day: 1)
                var number = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
                while number > CivilTime.daysIn(month: month, of: year) { number -= 7 }
                days = first.days + Int64(number - 1)
            }
            return days * CivilTime.secondsPerDay + time
        }
    }

    /// Seconds east of Greenwich.
    var standard: Int64
    /// In summer, and when summer begins and ends; nil where there is none.
    var summer: (offset: Int64, begins: Change, ends: Change)?

    /// - Returns: nil if the text is not of the form.
    init?(_ text: some StringProtocol) {
        var reader = Reader(text.utf8)
        guard reader.skipName(), let offset = reader.offset(maximumHours: 24) else { return nil }
        standard = -offset
        guard !reader.isAtEnd else { return }
        guard reader.skipName() else { return nil }
        var summerOffset = standard + 3_600
        if !reader.isAtEnd, reader.next != UInt8(ascii: ",") {
            guard let offset = reader.offset(maximumHours: 24) else { return nil }
            summerOffset = -offset
        }
        guard reader.skip(","), let begins = reader.change(), reader.skip(","), let ends = reader.change(),
            reader.isAtEnd
        else { return nil }
        summer = (summerOffset, begins, ends)
    }

    /// Seconds east of Greenwich at a time.
    func offset(at seconds: Int64) -> Int64 {
        guard let summer else { return standard }
        let year = CivilTime(seconds: seconds + standard).year
        let begin = summer.begins.localSeconds(in: year) - standard
        let end = summer.ends.localSeconds(in: year) - summer.offset
        // In the south summer spans the new year.
        let isSummer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end
        return isSummer ? summer.offset : standard
    }

    /// The first change after a time.
    func nextChange(after seconds: Int64) -> Int64? {
        guard let summer else { return nil }
        let year = CivilTime(seconds: seconds + standard).year
        var next: Int64?
        for year in (year - 1)...(year + 1) {
            for change in [
                summer.begins.localSeconds(in: year) - standard, summer.ends.localSeconds(in: year) - summer.offset,
            ] where change > seconds && offset(at: change) != offset(at: change - 1) {
                next = min(next ?? change, change)
            }
        }
        return next
    }

    static func == (left: PosixTimeZone, right: PosixTimeZone) -> Bool {
        left.standard == right.standard && left.summer?.offset == right.summer?.offset
            && left.summer?.begins == right.summer?.begins && left.summer?.ends == right.summer?.ends
    }

    func hash(into hasher: inout Hasher) { hasher.combine(standard) }

    private struct Reader {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: some Sequence<UInt8>) { rest = Array(bytes)[...] }

        var isAtEnd: Bool { rest.isEmpty }
        var next: UInt8? { rest.first }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// `CET`, or `<+03>`.
        mutating func skipName() -> Bool {
            if skip("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let name = rest.prefix { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
            rest = rest.dropFirst(name.count)
            return name.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...3).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            return range.contains(value) ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func offset(maximumHours: Int) -> Int64? {
            let isNegative = skip("-")
            if !isNegative { _ = skip("+") }
            guard let hours = number(0...maximumHours) else { return nil }
            var seconds = hours * 3_600
            if skip(":") {
                guard let minutes = number(0...59) else { return nil }
                seconds += minutes * 60
                if skip(":") {
                    guard let part = number(0...59) else { return nil }
                    seconds += part
                }
            }
            return Int64(isNegative ? -seconds : seconds)
        }

        mutating func change() -> Change? {
            let day: Day
            if skip("M") {
                guard let month = number(1...12), skip("."), let week = number(1...5), skip("."),
                    let weekday = number(0...6)
                else { return nil }
                day = .weekday(month: month, week: week, weekday: weekday)
            } else if skip("J") {
                guard let value = number(1...365) else { return nil }
                day = .julian(value)
            } else {
                guard let value = number(0...365) else { return nil }
                day = .dayOfYear(value)
            }
            guard skip("/") else { return Change(day: day, time: 7_200) }
            return offset(maximumHours: 167).map { Change(day: day, time: $0) }
        }
    }
}
