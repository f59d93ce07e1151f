import SagaWire
import Testing

@Suite struct FrameStatusTests {
    @Test func statusRoundTrip() {
        // An ERROR never says OK: a body without a code reads as UNKNOWN.
        for code in WireCode.allCases where code != .ok {
            let status = WireStatus(code, "größer \(code)", retryAfterMS: 1 << 40)
            #expect(status.encoded().withUnsafeBytes { WireStatus(decoding: $0) } == status)
        }
    }

    @Test func knownBytes() {
        // 08 08: code 8; 12 02 "no": message; 20 e8 07: retry_after_ms 1000.
        let status = WireStatus(.resourceExhausted, "no", retryAfterMS: 1_000)
        #expect(status.encoded() == [0x08, 8, 0x12, 2, 0x6e, 0x6f, 0x20, 0xe8, 0x07])
    }

    @Test func goAwayAndCancelRoundTrip() {
        let message = WireGoAway(lastStream: .max, reason: "x", drainMS: 1, retryAfterMS: 2, code: .aborted)
        #expect(message.encoded().withUnsafeBytes { WireGoAway(decoding: $0) } == message)
        let cancel = WireCancel(reason: "enough")
        #expect(cancel.encoded().withUnsafeBytes { WireCancel(decoding: $0) } == cancel)
    }

    @Test(arguments: 0..<500 as Range<UInt64>) func noiseIsReadWithoutATrap(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let noise = (0..<Int(seed % 40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let read = noise.withUnsafeBytes {
            (WireStatus(decoding: $0), WireGoAway(decoding: $0), WireCancel(decoding: $0))
        }
        #expect(read.0.message.utf8.count <= 3 * noise.count)
    }
}
