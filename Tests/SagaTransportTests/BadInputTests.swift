import Glibc
import SagaTransport
import SagaWire
import Synchronization
import Testing

/// `wire.md`, "What bad input gets": each row that is about frames and connections, against a live server, by a client
/// that speaks raw TLS.
@Suite struct BadInputTests {
    /// Sends bytes after a good hello (or before it) and returns what comes until the server says goodbye.
    private func answers(
        _ server: TestServer, afterHello: Bool = true, _ bytes: [UInt8]
    ) async throws -> [RawClient.Answer] {
        let port = server.port
        return try await onThread {
            let client = try RawClient(port: port)
            if afterHello { try client.hello() }
            if !bytes.isEmpty { try client.write(bytes) }
            return try client.framesUntilClose()
        }
    }

    private func stillServes(_ server: TestServer) async throws -> Bool {
        let connection = try await server.connect()
        let answer = try await connection.call(method: TestMethod.echo, body: [1, 2])
        await connection.close()
        return answer == [1, 2]
    }

    @Test(
        arguments: [
            (0, .invalidArgument), (7, .invalidArgument), (65_537, .resourceExhausted), (1 << 31, .resourceExhausted),
            (UInt32.max, .resourceExhausted),
        ] as [(UInt32, WireCode)])
    func lengths(length: UInt32, code: WireCode) async throws {
        try await withServer { server in
            let prefix = withUnsafeBytes(of: length.bigEndian) { [UInt8]($0) }
            let answers = try await answers(server, prefix + [UInt8](repeating: 3, count: 100_000))
            #expect(answers.map(\.status?.code) == [code])
            #expect(answers.map(\.stream) == [0])
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    @Test func framesBeforeHello() async throws {
        try await withServer { server in
            for kind in FrameKind.allCases where kind != .hello {
                let frame = FrameHeader.frame(kind: kind, method: kind == .request ? 1 : 0, stream: 1)
                let answers = try await answers(server, afterHello: false, frame)
                #expect(answers.map(\.status?.code) == [.unauthenticated], "\(kind)")
            }
            let unknown = try await answers(
                server, afterHello: false, [0, 0, 0, 8, 99, 0, 0, 0, 0, 0, 0, 0])
            #expect(unknown.map(\.status?.code) == [.invalidArgument])
            #expect(server.service.log.withLock { $0.requests } == 0)
        }
    }

    @Test func wrongCredentials() async throws {
        try await withServer { server in
            let hello = FrameHeader.frame(kind: .hello, stream: 0, body: Array("wrong".utf8))
            let request = FrameHeader.frame(kind: .request, method: 1, stream: 1)
            let answers = try await answers(server, afterHello: false, hello + request)
            #expect(answers.map(\.status) == [WireStatus(.unauthenticated, "wrong credentials")])
            #expect(server.service.log.withLock { $0.requests } == 0)
        }
    }

    @Test func helloOverFourKiB() async throws {
        try await withServer { server in
            let hello = FrameHeader.frame(kind: .hello, stream: 0, body: [UInt8](repeating: 1, count: 4_097))
            let answers = try await answers(server, afterHello: false, hello)
            #expect(answers.map(\.status?.code) == [.resourceExhausted])
        }
    }

    @Test func unknownMethodKeepsTheConnection() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                try client.write(FrameHeader.frame(kind: .request, method: 0, stream: 1))
                #expect(try client.frame()?.status?.code == .unimplemented)
                try client.write(FrameHeader.frame(kind: .request, method: 65_535, stream: 2))
                #expect(try client.frame()?.status?.code == .unimplemented)
                try client.write(FrameHeader.frame(kind: .request, method: 1, stream: 3, body: [4]))
                #expect(try client.frame()?.body == [4])
            }
        }
    }

    @Test(arguments: [
        FrameHeader.frame(kind: .request, flags: FrameFlags(rawValue: 128), method: 1, stream: 1),
        FrameHeader.frame(kind: .request, flags: .compressed, method: 1, stream: 1, body: [0xff, 0xff, 0xff, 0xff]),
        FrameHeader.frame(kind: .item, stream: 9),
        FrameHeader.frame(kind: .ping, stream: 0, body: [1]),
        [0, 0, 0, 8, 77, 0, 0, 0, 0, 0, 0, 0],
    ])
    func brokenFrames(bytes: [UInt8]) async throws {
        try await withServer { server in
            let answers = try await answers(server, bytes)
            #expect(answers.map(\.status?.code) == [.invalidArgument])
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    /// What a body claims is not allocated: 4 GiB, more than a frame has, more than the block can stand for; or it is no block.
    @Test(
        arguments: [
            [0xff, 0xff, 0xff, 0xff, 0x10, 0x61], [0, 1, 0, 0, 0x10, 0x61], [0, 0, 8, 0, 0x10, 0x61],
            [0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff], [0, 0, 0, 1], [0],
        ] as [[UInt8]])
    func compressedBodiesThatLie(body: [UInt8]) async throws {
        try await withServer { server in
            let port = server.port
            let answers = try await onThread { () -> [RawClient.Answer] in
                let client = try RawClient(port: port)
                try client.write(FrameHeader.frame(kind: .hello, stream: 0, body: Array("lz4".utf8)))
                guard try client.frame()?.kind == FrameKind.welcome.rawValue else { return [] }
                try client.write(
                    FrameHeader.frame(kind: .request, flags: .compressed, method: 1, stream: 1, body: body))
                return try client.framesUntilClose()
            }
            #expect(answers.map(\.status?.code) == [.invalidArgument])
            #expect(server.service.log.withLock { $0.requests } == 0)
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    @Test func tenThousandFramesInOneWrite() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                let ping = FrameHeader.frame(kind: .ping, stream: 0, body: [1, 2, 3, 4, 5, 6, 7, 8])
                let requests = (1...10_000 as ClosedRange<UInt32>).flatMap {
                    FrameHeader.frame(kind: .request, method: 1, stream: $0, body: [UInt8(truncatingIfNeeded: $0)])
                }
                try client.write(Array(repeating: ping, count: 10_000).flatMap { $0 } + requests)
                for _ in 0..<10_000 { #expect(try client.frame()?.kind == FrameKind.pong.rawValue) }
                for stream in 1...10_000 as ClosedRange<UInt32> {
                    let answer = try client.frame()
                    #expect(answer?.stream == stream && answer?.body == [UInt8(truncatingIfNeeded: stream)])
                }
            }
        }
    }

    @Test func requestAndCancelLoopsAreBounded() async throws {
        try await withServer { server in
            let port = server.port
            let refused = try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                // Held calls: the slot of each is taken until its handler has ended.
                let calls = (1...1_168 as ClosedRange<UInt32>).flatMap {
                    FrameHeader.frame(kind: .request, method: TestMethod.hold, stream: $0)
                }
                try client.write(
                    calls + FrameHeader.frame(kind: .ping, stream: 0, body: [UInt8](repeating: 0, count: 8)))
                var refused = 0
                while let answer = try client.frame(), answer.kind != FrameKind.pong.rawValue {
                    #expect(answer.status?.code == .resourceExhausted)
                    #expect((answer.status?.retryAfterMS ?? 0) > 0)
                    refused += 1
                }
                return refused
            }
            #expect(refused == 144)
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    // MARK: Slow and silent peers

    private var quick: WireLimits {
        var limits = WireLimits()
        limits.helloDeadline = WireLimits.second
        limits.frameDeadline = WireLimits.second
        limits.stalledWriter = WireLimits.second
        limits.linger = WireLimits.second / 2
        return limits
    }

    private func isTimedOut(_ reason: SessionCloseReason?) -> Bool {
        if case .timedOut = reason { true } else { false }
    }

    @Test func noHandshake() async throws {
        try await withServer(limits: quick) { server in
            let port = server.port
            let bytes = try await onThread {
                var options = RawClient.Options()
                options.tls = false
                return try RawClient(port: port, options: options).read()
            }
            #expect(bytes.isEmpty)
            #expect(await server.service.eventually { isTimedOut($0.closed.first) })
            #expect(server.listener.handshakeCount == 0)
        }
    }

    @Test func handshakeButNoHello() async throws {
        try await withServer(limits: quick) { server in
            let answers = try await answers(server, afterHello: false, [])
            #expect(answers.map(\.status?.code) == [.deadlineExceeded])
            #expect(await server.service.eventually { isTimedOut($0.closed.first) })
        }
    }

    @Test func aFrameByteByByte() async throws {
        try await withServer(limits: quick) { server in
            let port = server.port
            let answers = try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                let frame = FrameHeader.frame(
                    kind: .request, method: 1, stream: 1, body: [UInt8](repeating: 0, count: 99))
                for byte in frame.prefix(40) {
                    guard (try? client.write([byte])) != nil else { break }
                    usleep(60_000)
                }
                return try client.framesUntilClose()
            }
            #expect(answers.map(\.status?.code) == [.deadlineExceeded])
            #expect(server.service.log.withLock { $0.requests } == 0)
        }
    }

    /// A reader that never reads: the server stops reading from it, holds a bounded amount, and cuts it off.
    @Test func aReaderThatNeverReads() async throws {
        try await withServer(limits: quick) { server in
            let port = server.port
            let sent = try await onThread {
                var options = RawClient.Options()
                options.receiveBuffer = 4_096
                let client = try RawClient(port: port, options: options)
                try client.hello()
                var time = timeval(tv_sec: 4, tv_usec: 0)
                setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
                // 64 KiB answers that nobody takes; each request is small.
                var stream: UInt32 = 0
                var sent = 0
                while sent < 10_000_000 {
                    var batch: [UInt8] = []
                    for _ in 0..<100 {
                        stream += 1
                        batch += FrameHeader.frame(
                            kind: .request, method: TestMethod.blob, stream: stream, body: [0, 0, 0xff, 0])
                    }
                    guard (try? client.write(batch)) != nil else { break }
                    sent += 100
                }
                return sent
            }
            #expect(await server.service.eventually { $0.closed.count == 1 })
            #expect(server.service.log.withLock { $0.closed } == [.timedOut("the peer does not read")])
            let served = server.service.log.withLock { $0.requests }
            // One read of at most 64 KiB of requests is answered after the socket is full, not more.
            #expect(served < 10_000, "\(served) of \(sent)")
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    @Test func tooManyConnections() async throws {
        try await withServer(configure: { $0.maxConnections = 3 }) { server in
            var open: [ClientConnection] = []
            for _ in 0..<3 { open.append(try await server.connect()) }
            let error = await errorOf { try await server.connect() }
            #expect(error is TransportError)
            #expect(server.listener.refusedCount == 1)
            // Those admitted go on.
            for connection in open {
                #expect(try await connection.call(method: TestMethod.echo, body: [1]) == [1])
            }
            await open[0].close()
            #expect(await server.service.eventually { $0.closed.count == 1 })
            let serves = try await stillServes(server)
            #expect(serves)
        }
    }

    @Test func tooManyHandshakes() async throws {
        try await withServer(configure: { $0.maxHandshakes = 5 }) { server in
            let admitted = try await server.connect()
            let port = server.port
            let sockets = try await onThread {
                var options = RawClient.Options()
                options.tls = false
                return try (0..<20).map { _ in try RawClient(port: port, options: options) }
            }
            for _ in 0..<200 where server.listener.refusedCount < 15 { try await Task.sleep(for: .milliseconds(10)) }
            #expect(server.listener.refusedCount == 15)
            #expect(server.listener.handshakeCount == 5)
            #expect(try await admitted.call(method: TestMethod.echo, body: [1]) == [1])
            withExtendedLifetime(sockets) {}
        }
    }

    @Test func tooFast() async throws {
        try await withServer(configure: { $0.acceptsPerSecondAndNetwork = 5 }) { server in
            let port = server.port
            let began = ContinuousClock.now
            let sockets = try await onThread {
                var options = RawClient.Options()
                options.tls = false
                return try (0..<40).map { _ in try RawClient(port: port, options: options) }
            }
            // Two seconds' worth at once, and what the time since then allows: a busy machine takes its time.
            func due() -> Int { 40 - 11 - 5 * Int((ContinuousClock.now - began).components.seconds + 1) }
            for _ in 0..<1_000 where server.listener.refusedCount < max(1, due()) {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(server.listener.refusedCount >= max(1, due()))
            #expect(server.listener.refusedCount <= 30)
            withExtendedLifetime(sockets) {}
        }
    }
}
