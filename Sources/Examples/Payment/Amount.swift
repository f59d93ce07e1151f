/// An amount of money in hundredths: exact where a floating-point number is not. In JSON it is a text, `"99.00"`.
public struct Amount: Hashable, Sendable {
    /// Hundredths of the currency's unit.
    public var hundredths: Int64

    public init(hundredths: Int64) { self.hundredths = hundredths }

    /// Reads `99`, `99.5` or `-99.50`; nil if the text is no such number or is out of range.
    public init?(_ text: String) {
        let isNegative = text.hasPrefix("-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first, let units = Self.digits(whole) else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard (1...2).contains(parts[1].utf8.count), let value = Self.digits(parts[1]) else { return nil }
            fraction = parts[1].utf8.count == 1 ? value * 10 : value
        }
        let (scaled, overflow) = units.multipliedReportingOverflow(by: 100)
        let (sum, overflowed) = scaled.addingReportingOverflow(fraction)
        guard !overflow, !overflowed else { return nil }
        hundredths = isNegative ? -sum : sum
    }

    private static func digits(_ text: Substring) -> Int64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text)
    }
}

extension Amount: CustomStringConvertible {
    public var description: String {
        let magnitude = hundredths.magnitude
        let cents = magnitude % 100
        return "\(hundredths < 0 ? "-" : "")\(magnitude / 100).\(cents < 10 ? "0" : "")\(cents)"
    }
}

extension Amount: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let amount = Amount(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an amount: \(text)")
        }
        self = amount
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Amount: ExpressibleByIntegerLiteral {
    /// Whole units.
    public init(integerLiteral units: Int32) { self.init(hundredths: Int64(units) * 100) }
}
