internal import SagaCore

/// A point in time as people write it, in UTC: `2026-11-23T07:15:00Z`, with up to six decimals, or `2026-11-23 07:15:00`; what
/// other commands print is read again.
enum TimeText {
    static func read(_ text: String) -> Timestamp? {
        guard
            let match = text.wholeMatch(
                of: /(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?Z?/),
            let year = Int64(match.1), year > 0, let month = Int64(match.2), let day = Int64(match.3),
            let hour = Int64(match.4), let minute = Int64(match.5), (1...12).contains(month),
            (1...days(of: month, year)).contains(day), hour < 24, minute < 60
        else { return nil }
        let second = match.6.flatMap { Int64($0) } ?? 0
        guard second < 60 else { return nil }
        let decimals = match.7.map { String($0) } ?? "0"
        let micros = Int64(decimals + String(repeating: "0", count: 6 - decimals.count)) ?? 0
        let seconds = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        return Timestamp(microseconds: seconds * 1_000_000 + micros)
    }

    private static func days(of month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Years begin in March here, so that the day of a leap year is the last one.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}
