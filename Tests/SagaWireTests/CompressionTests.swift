import SagaCodec
import SagaWire
import Testing

/// Flag bit 0: bodies that are LZ4 blocks.
@Suite struct CompressionTests {
    /// A pair that has agreed on compression.
    private func agreed(limits: WireLimits = WireLimits()) -> SessionPair {
        let pair = SessionPair(limits: limits)
        pair.server.core.compresses = true
        pair.client.core.compresses = true
        return pair
    }

    private func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 / 50) } }

    private func noise(_ count: Int) -> [UInt8] {
        var generator = SplitMix(state: 7)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    /// A body that says it has `size` raw bytes.
    private func body(_ size: UInt32, _ block: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: size.bigEndian) { $0 + block }
    }

    private func block(_ raw: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: raw.count + 1_024) { buffer, count in
            count = raw.withUnsafeBytes { LZ4Block.compress($0, into: UnsafeMutableRawBufferPointer(buffer)) } ?? 0
        }
    }

    @Test(arguments: [0, 1_024, 1_025, 65_528, 65_529, 300_000, 4 << 20], [7, 16_384])
    func callsComeThrough(size: Int, segment: Int) {
        guard size < 1 << 20 || segment > 7 else { return }
        let pair = agreed()
        for raw in [text(size), noise(size)] {
            let stream = pair.client.core.open(method: 1, body: raw, context: nil)
            let carried = pair.exchange(segment: segment)
            #expect(stream.flatMap { pair.client.delegate.responses[$0] } == raw)
            // Twice the body, and no more than a header for each frame beside it.
            #expect(carried <= 2 * (size + 12 * (size / 65_528 + 1)))
            if raw == text(size), size > 1_024 { #expect(carried < size / 5 + 200) }
        }
    }

    @Test func anAnswerWrittenInPlaceIsCompressedToo() {
        let pair = agreed()
        pair.server.delegate.onRequest = { session, stream, _, body in
            session.respond(stream, capacity: 60_000) { room in
                room.copyBytes(from: [UInt8](repeating: 3, count: 50_000))
                return 50_000
            }
        }
        let stream = pair.client.core.open(method: 1, body: [], context: nil)
        #expect(pair.exchange() < 1_000)
        #expect(stream.flatMap { pair.client.delegate.responses[$0] } == [UInt8](repeating: 3, count: 50_000))
    }

    /// Windows count raw bytes on both sides: neither takes the other for one that sends too much.
    @Test func itemsWithinTheWindow() {
        let pair = agreed()
        pair.server.delegate.onRequest = { _, _, _, _ in }
        pair.server.delegate.onItem = { session, stream, body in _ = session.sendItem(stream, body) }
        let stream = pair.client.core.open(method: 1, body: [], context: nil) ?? 0
        let items = (0..<300).map { text(40_000 + $0) }
        for item in items {
            #expect(pair.client.core.sendItem(stream, item) != .full)
            pair.exchange()
        }
        #expect(pair.client.delegate.items[stream] == items)
        #expect(!pair.serverLog.contains { $0.hasPrefix("cancelled") })
    }

    @Test func theHelloAndControlFramesAreNever() {
        let pair = SessionPair(welcomed: false)
        pair.server.core.compresses = true
        pair.client.core.compresses = true
        #expect(SessionPair.takeFrames(pair.client).map(\.flags) == [[]])
        let packed = body(2_000, block(text(2_000)))
        for kind in [7, 8, 9, 10, 11] as [UInt8] {
            let pair = agreed()
            pair.server.delegate.onRequest = { _, _, _, _ in }
            _ = pair.toServer(FrameBadInputTests.raw(kind: 3, method: 1, stream: 1))
            let stream: UInt32 = kind < 10 ? 1 : 0
            let frames = pair.toServer(FrameBadInputTests.raw(kind: kind, flags: 1, stream: stream, body: packed))
            #expect(frames.map(\.status?.code) == [.invalidArgument], "kind \(kind)")
            #expect(pair.server.core.state == .closing)
        }
    }

    /// Each lies about its size in another way; none may be opened, and nothing is allocated for what it claims.
    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7, 8]) func aBodyThatLies(way: Int) {
        let raw = text(2_000)
        let honest = block(raw)
        let lies: [[UInt8]] = [
            [], [0, 0, 7], body(0, []), body(0, honest), body(1_999, honest), body(2_001, honest),
            // 4 GiB, one byte more than a frame holds, more than the block can stand for.
            body(.max, honest), body(65_529, block(text(65_529))), body(60_000, [0x10, 0x61]),
        ]
        let pair = agreed()
        let frames = pair.toServer(FrameBadInputTests.raw(kind: 3, flags: 1, method: 1, stream: 1, body: lies[way]))
        #expect(frames.map(\.status?.code) == [.invalidArgument])
        #expect(frames.map(\.stream) == [0])
        #expect(pair.server.core.state == .closing)
        #expect(pair.serverLog.isEmpty)
    }

    /// A message in compressed frames is bounded by its raw bytes, not by those that arrive.
    @Test func aBombInManyFrames() {
        var limits = WireLimits()
        limits.maxMessage = 200_000
        let pair = agreed(limits: limits)
        let packed = body(65_528, block([UInt8](repeating: 0, count: 65_528)))
        #expect(packed.count < 400)
        var frames: [SentFrame] = []
        for _ in 0..<4 {
            frames += pair.toServer(FrameBadInputTests.raw(kind: 3, flags: 3, method: 1, stream: 1, body: packed))
        }
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
        #expect(pair.server.core.state == .closing)
    }

    /// Seeded damage to honest frames: refused or read, never a trap.
    @Test(arguments: 0..<200 as Range<UInt64>) func damage(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let raw = seed % 2 == 0 ? text(5_000) : noise(2_000) + text(3_000)
        var packed = body(5_000, block(raw))
        for _ in 0..<3 {
            packed[Int(generator.next() % UInt64(packed.count))] = UInt8(truncatingIfNeeded: generator.next())
        }
        let pair = agreed()
        let frames = pair.toServer(FrameBadInputTests.raw(kind: 3, flags: 1, method: 1, stream: 1, body: packed))
        #expect(frames.count == 1)
        if let code = frames.first?.status?.code { #expect(code == .invalidArgument) }
    }
}
