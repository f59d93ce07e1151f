internal import SagaCore

extension SplitMix64 {
    /// A number from `range`, slightly biased towards its low end for ranges that are no power of two: it need not be fair,
    /// only the same for ever.
    mutating func draw(_ range: ClosedRange<Int64>) -> Int64 {
        let span = UInt64(range.upperBound - range.lowerBound) + 1
        return range.lowerBound + Int64(next() % span)
    }

    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        Int(draw(Int64(range.lowerBound)...Int64(range.upperBound)))
    }

    /// Happens in so many of a million cases.
    mutating func happens(_ perMillion: Int) -> Bool {
        perMillion > 0 && next() % 1_000_000 < UInt64(perMillion)
    }

    /// A number up to `limit`, each of the upper six powers of two equally likely.
    mutating func logUniform(_ limit: Int) -> Int {
        let top = max(1, limit >> pick(0...5))
        return pick(max(1, top / 2)...top)
    }
}

/// Makes a generator for one purpose out of the seed, so that purposes do not disturb each other.
func chances(_ seed: UInt64, _ purpose: UInt64) -> SplitMix64 {
    var mixer = SplitMix64(seed: seed ^ (purpose &* 0xD134_2543_DE82_EF95))
    return SplitMix64(seed: mixer.next() ^ purpose)
}

/// FNV-1a over 64-bit words: two runs with the same hash went the same way.
struct TraceHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x0000_0100_0000_01B3
        value ^= value >> 29
    }

    mutating func add(_ word: Int64) { add(UInt64(bitPattern: word)) }

    mutating func add(_ id: SagaID) {
        add(id.high)
        add(id.low)
    }

    mutating func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        var index = 0
        while index < bytes.count {
            var word: UInt64 = 0
            for byte in bytes[index..<min(index + 8, bytes.count)] { word = word << 8 | UInt64(byte) }
            add(word)
            index += 8
        }
    }
}
