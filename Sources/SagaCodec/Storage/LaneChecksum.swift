/// Eight lanes of 64 bits, each a word of the input exclusive-or'ed in, a multiplication and a rotation: 64 bytes a round, three to four times
/// as fast as xxHash32 without any instruction that not every processor has. For noticing damage, not for keeping out an adversary.
///
/// Each step can be undone, so two inputs that differ in one word only leave different lanes; what remains is the chance of one in
/// 2³² that the 32 bits kept of them are the same. The form is part of stored frames, and never changed.
package enum LaneChecksum {
    private static let prime: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let second: UInt64 = 0xC2B2_AE3D_27D4_EB4F

    @inline(__always)
    private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        let mixed = (lane ^ word) &* prime
        return mixed &<< 29 | mixed &>> 35
    }

    /// - Parameter seed: what else the sum shall depend on.
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt32 {
        @inline(__always)
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        let count = bytes.count
        var at = 0
        var hash = seed ^ UInt64(truncatingIfNeeded: count) &* second
        if count >= 64 {
            var first = hash
            var second = hash &+ prime
            var third = hash &+ prime &* 2
            var fourth = hash &+ prime &* 3
            var fifth = hash &+ prime &* 4
            var sixth = hash &+ prime &* 5
            var seventh = hash &+ prime &* 6
            var eighth = hash &+ prime &* 7
            while count &- at >= 64 {
                first = step(first, word(at))
                second = step(second, word(at &+ 8))
                third = step(third, word(at &+ 16))
                fourth = step(fourth, word(at &+ 24))
                fifth = step(fifth, word(at &+ 32))
                sixth = step(sixth, word(at &+ 40))
                seventh = step(seventh, word(at &+ 48))
                eighth = step(eighth, word(at &+ 56))
                at &+= 64
            }
            hash = step(step(step(step(hash, first), second), third), fourth)
            hash = step(step(step(step(hash, fifth), sixth), seventh), eighth)
        }
        while count &- at >= 8 {
            hash = step(hash, word(at))
            at &+= 8
        }
        var last: UInt64 = 0
        while at < count {
            last = last &<< 8 | UInt64(bytes[at])
            at &+= 1
        }
        hash = step(hash, last)
        hash = (hash ^ hash &>> 33) &* second
        hash = (hash ^ hash &>> 29) &* prime
        return UInt32(truncatingIfNeeded: hash ^ hash &>> 32)
    }
}
