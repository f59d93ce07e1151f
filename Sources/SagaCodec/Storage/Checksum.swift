/// xxHash32 with seed 0: fast, well tested in the field, made for noticing damage (not for keeping out an adversary).
package enum Checksum {
    private static let prime1: UInt32 = 0x9E37_79B1
    private static let prime2: UInt32 = 0x85EB_CA77
    private static let prime3: UInt32 = 0xC2B2_AE3D
    private static let prime4: UInt32 = 0x27D4_EB2F
    private static let prime5: UInt32 = 0x1656_67B1

    private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 { value << by | value >> (32 - by) }

    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        func word(_ at: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        }
        func round(_ lane: UInt32, _ input: UInt32) -> UInt32 { rotate(lane &+ input &* prime2, 13) &* prime1 }

        var at = 0
        var hash: UInt32
        if bytes.count >= 16 {
            var first = prime1 &+ prime2
            var second = prime2
            var third: UInt32 = 0
            var fourth: UInt32 = 0 &- prime1
            while bytes.count - at >= 16 {
                first = round(first, word(at))
                second = round(second, word(at + 4))
                third = round(third, word(at + 8))
                fourth = round(fourth, word(at + 12))
                at += 16
            }
            hash = rotate(first, 1) &+ rotate(second, 7) &+ rotate(third, 12) &+ rotate(fourth, 18)
        } else {
            hash = prime5
        }
        hash &+= UInt32(truncatingIfNeeded: bytes.count)
        while bytes.count - at >= 4 {
            hash = rotate(hash &+ word(at) &* prime3, 17) &* prime4
            at += 4
        }
        while at < bytes.count {
            hash = rotate(hash &+ UInt32(bytes[at]) &* prime5, 11) &* prime1
            at += 1
        }
        hash = (hash ^ hash >> 15) &* prime2
        hash = (hash ^ hash >> 13) &* prime3
        return hash ^ hash >> 16
    }
}
