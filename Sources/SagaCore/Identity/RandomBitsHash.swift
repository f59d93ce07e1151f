/// Where a dictionary looks for a key that is random already, an id or the tag of a token: three multiplications, in place of the rounds of
/// SipHash that a hasher makes of it. A saga of three steps is looked for some hundred times.
///
/// Ids may come from outside (an import): the secret that the standard library's hashes have in each process keeps who chooses them
/// from knowing which of them meet.
package enum RandomBitsHash {
    private static let secret = (first: word(0), second: word(1) | 1)

    private static func word(_ number: Int) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(number)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// - Parameters:
    ///   - bits: Random bits of the key.
    ///   - rest: What else tells it from others; 0 if there is nothing.
    ///   - seed: The dictionary's.
    package static func value(_ bits: UInt64, _ rest: UInt64 = 0, seed: Int) -> Int {
        let (first, second) = secret
        let key = UInt64(truncatingIfNeeded: seed) &+ rest &* 0x9E37_79B9_7F4A_7C15
        let product = (bits ^ first).multipliedFullWidth(by: key ^ second)
        // And once more, so that keys that are not random after all, as numbered ones, spread as well.
        var mixed = product.high ^ product.low
        mixed = (mixed ^ mixed &>> 33) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ mixed &>> 33) &* 0xC4CE_B9FE_1A85_EC53
        return Int(truncatingIfNeeded: mixed ^ mixed &>> 33)
    }
}
