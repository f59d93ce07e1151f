/// SHA-256 of a byte array in hex, to compare the corpus with the one the Rust crates made. For checks only: it is not fast.
public func sha256(_ message: [UInt8]) -> String {
    var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    let padded =
        message + [0x80] + [UInt8](repeating: 0, count: (119 - message.count % 64) % 64)
        + withUnsafeBytes(of: UInt64(message.count * 8).bigEndian) { [UInt8]($0) }
    var words = [UInt32](repeating: 0, count: 64)
    func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 { value >> by | value << (32 - by) }
    padded.withUnsafeBytes { bytes in
        for block in stride(from: 0, to: bytes.count, by: 64) {
            for index in 0..<16 {
                words[index] = UInt32(
                    bigEndian: bytes.loadUnaligned(fromByteOffset: block + index * 4, as: UInt32.self))
            }
            for index in 16..<64 {
                let old = words[index - 15]
                let new = words[index - 2]
                let low = rotate(old, 7) ^ rotate(old, 18) ^ old >> 3
                let high = rotate(new, 17) ^ rotate(new, 19) ^ new >> 10
                words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
            }
            var h = state
            for index in 0..<64 {
                let first = rotate(h[4], 6) ^ rotate(h[4], 11) ^ rotate(h[4], 25)
                let choice = (h[4] & h[5]) ^ (~h[4] & h[6])
                let one = h[7] &+ first &+ choice &+ roundConstants[index] &+ words[index]
                let second = rotate(h[0], 2) ^ rotate(h[0], 13) ^ rotate(h[0], 22)
                let majority = (h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2])
                h = [one &+ second &+ majority, h[0], h[1], h[2], h[3] &+ one, h[4], h[5], h[6]]
            }
            for index in 0..<8 { state[index] &+= h[index] }
        }
    }
    return state.map {
        let digits = String($0, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: [UInt32] = {
    var primes: [UInt64] = []
    var next: UInt64 = 2
    while primes.count < 64 {
        if primes.allSatisfy({ next % $0 != 0 }) { primes.append(next) }
        next += 1
    }
    return primes.map { prime in
        // The largest root with root³ <= prime × 2⁹⁶, in integers: its low 32 bits are the constant.
        var low: UInt128 = 0
        var high: UInt128 = 1 << 35
        while high - low > 1 {
            let middle = (low + high) / 2
            if middle * middle * middle <= UInt128(prime) << 96 { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
}()
