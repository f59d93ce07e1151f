internal import Synchronization

/// Request ids that nobody else makes, and that nobody who has seen some can foretell: 128 bits of chance for each client, a number,
/// and 64 bits that follow from the number by a secret.
///
/// Chance of the system for each would be a system call for each.
package final class RequestIDs: Sendable {
    private let prefix: String
    private let secret: (UInt64, UInt64)
    private let number = Atomic<UInt64>(0)

    package init() {
        var random = SystemRandomNumberGenerator()
        prefix = String(random.next(), radix: 36) + String(random.next(), radix: 36) + "-"
        secret = (random.next(), random.next())
    }

    package func next() -> String {
        let number = number.add(1, ordering: .relaxed).newValue
        return prefix + String(number, radix: 36) + "-" + String(Self.mix(number, secret), radix: 36)
    }

    /// SipHash-2-4 of one word: without the key its results are as good as chance. Not `Hasher`, whose key is the process's, and not
    /// secret where hashing is made deterministic.
    package static func mix(_ word: UInt64, _ key: (UInt64, UInt64)) -> UInt64 {
        var v0 = key.0 ^ 0x736f_6d65_7073_6575
        var v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        var v2 = key.0 ^ 0x6c79_6765_6e65_7261
        var v3 = key.1 ^ 0x7465_6462_7974_6573
        func turned(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
        func round() {
            v0 &+= v1
            v1 = turned(v1, 13) ^ v0
            v0 = turned(v0, 32)
            v2 &+= v3
            v3 = turned(v3, 16) ^ v2
            v0 &+= v3
            v3 = turned(v3, 21) ^ v0
            v2 &+= v1
            v1 = turned(v1, 17) ^ v2
            v2 = turned(v2, 32)
        }
        // The word, then the length of the message (8 bytes) in the highest byte.
        func absorb(_ block: UInt64) {
            v3 ^= block
            round()
            round()
            v0 ^= block
        }
        absorb(word)
        absorb(8 << 56)
        v2 ^= 0xff
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
