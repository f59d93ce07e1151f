import SagaWire
import Testing

/// The rows of `wire.md`, "What bad input gets", that are about frames: against the session without any I/O.
@Suite struct FrameBadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let code: WireCode
        var testDescription: String { name }
        init(_ name: String, _ code: WireCode, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
            self.code = code
        }
    }

    static func raw(
        length: UInt32? = nil, kind: UInt8, flags: UInt8 = 0, method: UInt16 = 0, stream: UInt32, body: [UInt8] = []
    ) -> [UInt8] {
        let header = FrameHeader(
            length: length ?? UInt32(body.count + 8), kind: kind, flags: FrameFlags(rawValue: flags), method: method,
            stream: stream)
        return SagaWireTests.bytes(of: CopiedFrame(header: header, body: body))
    }

    /// One open stream (1) is there before each of these.
    static let fatal: [Case] = [
        Case("length 0", .invalidArgument, raw(length: 0, kind: 3, stream: 3)),
        Case("length 7", .invalidArgument, raw(length: 7, kind: 3, stream: 3)),
        Case("length max + 1", .resourceExhausted, raw(length: 65_537, kind: 3, stream: 3)),
        Case("length 2^31", .resourceExhausted, raw(length: 1 << 31, kind: 3, stream: 3)),
        Case("length 2^32 - 1", .resourceExhausted, raw(length: .max, kind: 3, stream: 3)),
        Case("kind 0", .invalidArgument, raw(kind: 0, stream: 0)),
        Case("kind 13", .invalidArgument, raw(kind: 13, stream: 0)),
        Case("kind 255", .invalidArgument, raw(kind: 255, stream: 1)),
        Case("unknown flag", .invalidArgument, raw(kind: 3, flags: 4, method: 1, stream: 3)),
        Case("all flags", .invalidArgument, raw(kind: 3, flags: 255, method: 1, stream: 3)),
        Case("compressed without consent", .invalidArgument, raw(kind: 3, flags: 1, method: 1, stream: 3)),
        Case("MORE on END", .invalidArgument, raw(kind: 7, flags: 2, stream: 1)),
        Case("MORE on PING", .invalidArgument, raw(kind: 10, flags: 2, stream: 0, body: [0, 0, 0, 0, 0, 0, 0, 0])),
        Case("second HELLO", .invalidArgument, raw(kind: 1, stream: 0)),
        Case("WELCOME from a client", .invalidArgument, raw(kind: 2, stream: 0)),
        Case("RESPONSE from a client", .invalidArgument, raw(kind: 4, stream: 1)),
        Case("GOAWAY from a client", .invalidArgument, raw(kind: 12, stream: 0)),
        Case("ITEM for a stream never opened", .invalidArgument, raw(kind: 6, stream: 2)),
        Case("END for a stream never opened", .invalidArgument, raw(kind: 7, stream: .max)),
        Case("CREDIT for stream 0", .invalidArgument, raw(kind: 9, stream: 0, body: [0, 0, 0, 1, 0, 0, 0, 1])),
        Case("CREDIT of 7 bytes", .invalidArgument, raw(kind: 9, stream: 1, body: [0, 0, 0, 1, 0, 0, 0])),
        Case(
            "CREDIT over any window", .invalidArgument,
            raw(kind: 9, stream: 1, body: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
        Case("method on ITEM", .invalidArgument, raw(kind: 6, method: 1, stream: 1)),
        Case("body on END", .invalidArgument, raw(kind: 7, stream: 1, body: [1])),
        Case("END twice", .invalidArgument, raw(kind: 7, stream: 1) + raw(kind: 7, stream: 1)),
        Case("ITEM after END", .invalidArgument, raw(kind: 7, stream: 1) + raw(kind: 6, stream: 1)),
        Case("PING of 7 bytes", .invalidArgument, raw(kind: 10, stream: 0, body: [0, 0, 0, 0, 0, 0, 0])),
        Case("PING on a stream", .invalidArgument, raw(kind: 10, stream: 1, body: [0, 0, 0, 0, 0, 0, 0, 0])),
        Case("stream id used again", .invalidArgument, raw(kind: 3, method: 1, stream: 1)),
        Case(
            "stream id going down", .invalidArgument,
            raw(kind: 3, method: 1, stream: 9) + raw(kind: 3, method: 1, stream: 8)),
        Case("REQUEST on stream 0", .invalidArgument, raw(kind: 3, method: 1, stream: 0)),
        Case(
            "ITEM before the request is complete", .invalidArgument,
            raw(kind: 3, flags: 2, method: 1, stream: 3) + raw(kind: 6, stream: 3)),
        Case("END within an item", .invalidArgument, raw(kind: 6, flags: 2, stream: 1) + raw(kind: 7, stream: 1)),
        Case(
            "method changes within a request", .invalidArgument,
            raw(kind: 3, flags: 2, method: 1, stream: 3) + raw(kind: 3, method: 2, stream: 3)),
    ]

    @Test(arguments: fatal) func fatalFrames(_ input: Case) {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { _, _, _, _ in }
        #expect(pair.toServer(Self.raw(kind: 3, method: 1, stream: 1)).isEmpty)
        let frames = pair.toServer(input.bytes)
        #expect(frames.count == 1)
        #expect(frames.last?.stream == 0)
        #expect(frames.last?.status?.code == input.code)
        #expect(frames.last?.status?.message.isEmpty == false)
        #expect(pair.server.core.state == .closing)
        // Nothing that follows is looked at.
        #expect(pair.toServer(HeaderOnly.ping).isEmpty)
    }

    @Test func everyKindBeforeHello() {
        for kind in 0...255 as ClosedRange<UInt8> where kind != FrameKind.hello.rawValue {
            let pair = SessionPair(welcomed: false)
            let frames = pair.toServer(Self.raw(kind: kind, method: kind == 3 ? 1 : 0, stream: kind == 3 ? 1 : 0))
            let expected: WireCode = FrameKind(rawValue: kind) == nil ? .invalidArgument : .unauthenticated
            #expect(frames.map(\.status?.code) == [expected], "kind \(kind)")
            #expect(pair.server.core.state == .closing)
            #expect(pair.serverLog.isEmpty)
        }
    }

    @Test func helloOverFourKiB() {
        let pair = SessionPair(welcomed: false)
        let frames = pair.toServer(Array(Self.raw(length: 4_096 + 9, kind: 1, stream: 0).prefix(4)))
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
        #expect(pair.serverLog.isEmpty)
    }

    @Test(arguments: [1, 2, 4, 255] as [UInt8]) func helloWithFlags(flags: UInt8) {
        let pair = SessionPair(welcomed: false)
        let frames = pair.toServer(Self.raw(kind: 1, flags: flags, stream: 0, body: [1]))
        #expect(frames.map(\.status?.code) == [.invalidArgument])
        #expect(pair.serverLog.isEmpty)
    }

    @Test func framesForAClosedStreamAreDropped() {
        let pair = SessionPair()
        #expect(pair.toServer(Self.raw(kind: 3, method: 1, stream: 5)).map(\.kind) == [.response])
        for kind in [5, 6, 7, 8] as [UInt8] { #expect(pair.toServer(Self.raw(kind: kind, stream: 5)).isEmpty) }
        // 3 was skipped: it is closed, not "never opened".
        #expect(pair.toServer(Self.raw(kind: 6, stream: 3)).isEmpty)
        #expect(pair.server.core.acceptsInput)
    }

    @Test func aMessageOverTheLimit() {
        var limits = WireLimits()
        limits.maxMessage = 100_000
        let pair = SessionPair(limits: limits)
        let part = [UInt8](repeating: 0, count: 60_000)
        #expect(pair.toServer(Self.raw(kind: 3, flags: 2, method: 1, stream: 1, body: part)).isEmpty)
        let frames = pair.toServer(Self.raw(kind: 3, flags: 2, method: 1, stream: 1, body: part))
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
        #expect(frames.map(\.stream) == [0])
        #expect(pair.server.core.state == .closing)
    }

    @Test func unfinishedMessagesTogetherAreBounded() {
        var limits = WireLimits()
        limits.maxAssemblingBytes = 150_000
        let pair = SessionPair(limits: limits)
        let part = [UInt8](repeating: 0, count: 60_000)
        for stream in [1, 2] as [UInt32] {
            #expect(pair.toServer(Self.raw(kind: 3, flags: 2, method: 1, stream: stream, body: part)).isEmpty)
        }
        let frames = pair.toServer(Self.raw(kind: 3, flags: 2, method: 1, stream: 3, body: part))
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
        #expect(frames.map(\.stream) == [3])
        // The rest of the refused one is swallowed, those admitted go on.
        #expect(pair.toServer(Self.raw(kind: 3, method: 1, stream: 3, body: part)).isEmpty)
        #expect(pair.toServer(Self.raw(kind: 3, method: 1, stream: 1, body: [1])).map(\.stream) == [1])
        #expect(pair.serverLog == ["request 1 1 60001"])
        #expect(pair.server.core.acceptsInput)
    }

    @Test func itemsBeyondTheWindow() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in session.useManualCredit(stream) }
        _ = pair.toServer(Self.raw(kind: 3, method: 1, stream: 1))
        for _ in 0..<64 { #expect(pair.toServer(Self.raw(kind: 6, stream: 1)).isEmpty) }
        let frames = pair.toServer(Self.raw(kind: 6, stream: 1))
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
        #expect(frames.map(\.stream) == [1])
        #expect(pair.serverLog.last?.hasPrefix("cancelled 1 resourceExhausted") == true)
        #expect(pair.server.core.acceptsInput)
        #expect(pair.toServer(Self.raw(kind: 6, stream: 1)).isEmpty)
    }

    @Test func bytesBeyondTheWindow() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in session.useManualCredit(stream) }
        _ = pair.toServer(Self.raw(kind: 3, method: 1, stream: 1))
        let body = [UInt8](repeating: 0, count: 65_528)
        for _ in 0..<5 { #expect(pair.toServer(Self.raw(kind: 6, stream: 1, body: body)).isEmpty) }
        let frames = pair.toServer(Self.raw(kind: 6, stream: 1, body: body))
        #expect(frames.map(\.status?.code) == [.resourceExhausted])
    }

    @Test func tooManyCallsInFlight() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { _, _, _, _ in }
        var answers: [SentFrame] = []
        for stream in 1...1_100 as ClosedRange<UInt32> {
            answers += pair.toServer(Self.raw(kind: 3, method: 1, stream: stream))
        }
        #expect(answers.count == 76)
        #expect(answers.allSatisfy { $0.status?.code == .resourceExhausted && $0.status?.retryAfterMS == 1_000 })
        #expect(pair.serverLog.count == 1_024)
        #expect(pair.server.core.respond(7, [1]))
        #expect(SessionPair.takeFrames(pair.server).map(\.stream) == [7])
    }

    @Test func peerErrorEndsTheConnection() {
        let pair = SessionPair()
        let status = WireStatus(.aborted, "enough")
        #expect(pair.toServer(Self.raw(kind: 5, stream: 0, body: status.encoded())).isEmpty)
        #expect(pair.server.core.closeReason == .peerError(status))
    }

    /// Seeded noise after a valid hello: never a trap, and nothing kept beyond the limits.
    @Test(arguments: 0..<300 as Range<UInt64>) func noise(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, method, body in
            if method % 3 == 0 { session.respond(stream, body) }
            if method % 3 == 1 { _ = session.sendItem(stream, body) }
        }
        for _ in 0..<200 {
            let kind = UInt8(generator.next() % 100 < 97 ? generator.next() % 7 + 3 : generator.next() % 256)
            let flags = UInt8(generator.next() % 4 == 0 ? 2 : 0)
            let stream = UInt32(generator.next() % 12)
            let body = (0..<Int(generator.next() % 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let method = kind == 3 ? UInt16(generator.next() % 4) : 0
            _ = pair.toServer(Self.raw(kind: kind, flags: flags, method: method, stream: stream, body: body))
            #expect(pair.server.core.streamsInFlight <= 256)
        }
    }
}
