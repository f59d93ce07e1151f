/// Whole texts that are one plain number, word or string, as the inputs and outputs of steps often are: read and written without a
/// document or a tree. Whatever is not plain takes the long way, which also finds the words for errors.
enum JSONScalars {
    static func digits(_ value: Int64) -> [UInt8] {
        var rest = value.magnitude
        var count = value < 0 ? 2 : 1
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var rest = value.magnitude
            var at = count
            repeat {
                at -= 1
                buffer.initializeElement(at: at, to: UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0"))
                rest /= 10
            } while rest > 0
            if value < 0 { buffer.initializeElement(at: 0, to: UInt8(ascii: "-")) }
            initialized = count
        }
    }

    /// Up to 18 digits, which are in range whatever they are.
    static func integer(_ bytes: [UInt8]) -> Int64? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        let count = bytes.count - start
        guard (1...18).contains(count), bytes[start] != UInt8(ascii: "0") || count == 1 else { return nil }
        var value: Int64 = 0
        for index in start..<bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return isNegative ? -value : value
    }

    /// Text without escapes.
    static func string(_ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { bytes in
            let quote = UInt8(ascii: "\"")
            guard bytes.count >= 2, bytes.first == quote, bytes.last == quote else { return nil }
            let text = UnsafeRawBufferPointer(rebasing: bytes[1..<bytes.count - 1])
            for byte in text where byte < 0x20 || byte == quote || byte == UInt8(ascii: "\\") { return nil }
            return TextStorage.string(text)
        }
    }
}
