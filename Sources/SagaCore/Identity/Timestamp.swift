public import SagaCodec

/// A point in time: microseconds since 1970-01-01 00:00 UTC.
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Microseconds since 1970-01-01 00:00 UTC; negative before.
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    /// The time that many microseconds later; stops at the end of time instead of overflowing.
    public func adding(microseconds delta: Int64) -> Timestamp {
        let (sum, overflow) = microseconds.addingReportingOverflow(delta)
        return Timestamp(microseconds: overflow ? (delta > 0 ? .max : .min) : sum)
    }

    /// Microseconds from `other` to this time; stops at the ends instead of overflowing.
    public func microseconds(since other: Timestamp) -> Int64 {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(other.microseconds)
        return overflow ? (other.microseconds < 0 ? .max : .min) : difference
    }
}

extension Timestamp: CustomStringConvertible {
    /// ISO 8601 with microseconds, in UTC: `2026-01-28T11:28:00.000000Z`.
    public var description: String {
        // Days to civil date after Howard Hinnant's public-domain algorithm; no calendar library in the core.
        let second = microseconds.flooredQuotient(1_000_000)
        // Not `microseconds - second * 1_000_000`: at the beginning of time the product would overflow.
        let remainder = microseconds % 1_000_000
        let micro = remainder < 0 ? remainder + 1_000_000 : remainder
        let days = second.flooredQuotient(86_400)
        let inDay = second - days * 86_400
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return "\(year.padded(4))-\(civilMonth.padded(2))-\(day.padded(2))T\((inDay / 3_600).padded(2)):"
            + "\((inDay / 60 % 60).padded(2)):\((inDay % 60).padded(2)).\(micro.padded(6))Z"
    }
}

extension Timestamp: PostcardCodable {
    @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { microseconds = try reader.read() }

    @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.write(microseconds) }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }

    fileprivate func padded(_ width: Int) -> String {
        let digits = String(self)
        return digits.count >= width ? digits : String(repeating: "0", count: width - digits.count) + digits
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero; stops at the ends instead of overflowing.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
    }
}
