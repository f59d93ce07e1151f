/// Compares a value with the value column: Rust's `Debug`, or one of the few descriptions that stand for long values.
enum VectorDescription {
    /// - Parameter debug: the decoded value as Rust prints it, text without escapes.
    static func matches(_ debug: String, _ description: String) -> Bool {
        let plain = unescaped(description)
        if debug == plain { return true }
        // "U+20AC" for characters.
        if description.hasPrefix("U+"), let code = UInt32(description.dropFirst(2), radix: 16) {
            return Unicode.Scalar(code).map { debug == "'\($0)'" } ?? false
        }
        // "\"x\" repeated 63 times".
        if let range = plain.ranges(of: "\" repeated ").last, plain.hasSuffix(" times"), plain.hasPrefix("\"") {
            let unit = plain[..<range.lowerBound].dropFirst()
            guard let count = Int(plain[range.upperBound...].dropLast(6)), count < 1 << 20 else { return false }
            return debug == "\"" + String(repeating: String(unit), count: count) + "\""
        }
        // "Disc::B (=200; index 1 is encoded)", "128 (usize, …)": the value, then a remark.
        if let remark = plain.firstRange(of: " ("), plain.hasSuffix(")"),
            debug == plain[..<remark.lowerBound].split(separator: "::").last.map(String.init)
        {
            return true
        }
        guard let expected = list(plain) else { return false }
        return debug == "[" + expected.map(String.init).joined(separator: ", ") + "]"
    }

    /// "serde bytes, [0xff]", "Vec<u8> as seq, [1,2] (…)", "serde bytes, 0..127 (i as u8)", "0..300 as u16".
    private static func list(_ text: String) -> [Int]? {
        var rest = Substring(text)
        for prefix in ["serde bytes, ", "Vec<u8> as seq, "] where rest.hasPrefix(prefix) {
            rest.removeFirst(prefix.count)
        }
        if rest.hasPrefix("["), let close = rest.firstIndex(of: "]") {
            let items = rest[rest.index(after: rest.startIndex)..<close].split(separator: ",")
            let numbers = items.map { item -> Int? in
                let word = item.drop { $0 == " " }
                return word.hasPrefix("0x") ? Int(word.dropFirst(2), radix: 16) : Int(word)
            }
            return numbers.contains(nil) ? nil : numbers.compactMap(\.self)
        }
        let words = rest.split(separator: " ")
        guard let dots = words.first?.firstRange(of: ".."), let range = words.first,
            let start = Int(range[..<dots.lowerBound]), let end = Int(range[dots.upperBound...]), start <= end,
            end < 1 << 20
        else { return nil }
        return Array(start..<end)
    }

    /// Rust's escapes in text and characters.
    private static func unescaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let escape = rest.popFirst() else {
                result.append(scalar)
                continue
            }
            switch escape {
            case "0": result.append("\0")
            case "t": result.append("\t")
            case "n": result.append("\n")
            case "r": result.append("\r")
            case "u":
                let digits = rest.drop { $0 == "{" }.prefix { $0 != "}" }
                rest = rest[digits.endIndex...].dropFirst()
                if let code = UInt32(String(digits), radix: 16), let scalar = Unicode.Scalar(code) {
                    result.append(scalar)
                }
            default: result.append(escape)
            }
        }
        return String(result)
    }
}
