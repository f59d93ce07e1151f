import Glibc
import Logging
import SagaTransport
import SagaWire
import Synchronization
import Testing

@Suite struct ConnectionTests {
    @Test func callsOverTLS() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            #expect(connection.welcome == Array("welcome".utf8))
            for size in [0, 1, 1_000, 65_528, 65_529, 1 << 20, 4 << 20] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                #expect(try await connection.call(method: TestMethod.echo, body: body) == body)
            }
            await connection.close()
            #expect(connection.closeReason == .local)
            #expect(await server.service.eventually { $0.closed == [.peerClosed] })
        }
    }

    @Test func compressedCallsOverTLS() async throws {
        try await withServer { server in
            var configuration = server.clientConfiguration(hello: "lz4")
            configuration.readWelcome = { _ in
                var agreement = WireAgreement()
                agreement.compresses = true
                return .accept(agreement)
            }
            let connection = try await ClientConnection.connect(configuration, group: server.group)
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let size = [900, 5_000, 70_000, 400_000][index % 4]
                        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 / (1 + index % 90)) }
                        return try await connection.call(method: TestMethod.echo, body: body) == body ? 1 : 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 200)
            await connection.close()
        }
    }

    @Test func manyCallsAtOnce() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            // More than the 1,024 in flight that the server allows: the others wait.
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<2_000 {
                    group.addTask {
                        let body = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index % 300)
                        let method = index % 2 == 0 ? TestMethod.echo : TestMethod.elsewhere
                        let answer = try await connection.call(method: method, body: body)
                        return answer == body ? 1 : 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 2_000)
        }
    }

    /// Both sides have more to send than the sockets hold: neither may wait for the other to read.
    @Test func manyLongCallsAtOnce() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let body = [UInt8](repeating: UInt8(index), count: 1 << 20)
                        return try await connection.call(method: TestMethod.echo, body: body) == body ? 1 : 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 40)
        }
    }

    @Test func callbacksWithoutTasks() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let answers = Mutex(0)
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                for index in 0..<1_000 {
                    connection.call(method: TestMethod.echo, body: [UInt8(truncatingIfNeeded: index)]) { result in
                        let isRight = (try? result.get()) == [UInt8(truncatingIfNeeded: index)]
                        let count = answers.withLock { count in
                            count += isRight ? 1 : 0
                            return count
                        }
                        if count == 1_000 { continuation.resume() }
                    }
                }
            }
            #expect(answers.withLock { $0 } == 1_000)
        }
    }

    @Test func errorsOfCalls() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let error = await errorOf { try await connection.call(method: 999, body: []) } as? TransportError
            guard case .status(let bytes) = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(bytes.withUnsafeBytes { WireStatus(decoding: $0) } == WireStatus(.unimplemented, "no method 999"))
            let tooLong = await errorOf {
                try await connection.call(method: TestMethod.echo, body: [UInt8](repeating: 0, count: 4 << 20 + 1))
            }
            #expect((tooLong as? TransportError)?.kind == .tooLarge)
            #expect(try await connection.call(method: TestMethod.echo, body: [1]) == [1])
        }
    }

    @Test func timeoutsAndCancellationTellTheServer() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let late = await errorOf {
                try await connection.call(method: TestMethod.hold, body: [], timeout: .milliseconds(50))
            }
            #expect((late as? TransportError)?.kind == .timedOut)
            #expect((late as? TransportError)?.mayHaveBeenProcessed == true)
            let task = Task { try await connection.call(method: TestMethod.hold, body: []) }
            #expect(await server.service.eventually { $0.requests == 2 })
            task.cancel()
            let cancelled = await errorOf { try await task.value }
            #expect((cancelled as? TransportError)?.kind == .cancelled)
            #expect(await server.service.eventually { $0.cancelled.count == 2 })
        }
    }

    @Test func streamsInBothDirections() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let total = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        let stream = connection.openStream(method: TestMethod.stream, body: [])
                        let sender = Task {
                            for index in 0..<1_000 {
                                try await stream.send([UInt8](repeating: UInt8(number), count: index))
                            }
                            stream.finish()
                        }
                        var received = 0
                        for try await item in stream.items {
                            #expect(item == [UInt8](repeating: UInt8(number), count: received))
                            received += 1
                        }
                        try await sender.value
                        #expect(stream.response == [])
                        return received
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(total == 4_000)
        }
    }

    @Test func anObserverGetsTheItemsOnTheLoop() async throws {
        final class Observer: ClientStreamObserver {
            let items = Mutex<[Int]>([])
            let outcome = Mutex<Result<[UInt8], TransportError>?>(nil)
            let done: CheckedContinuation<Void, Never>
            init(done: CheckedContinuation<Void, Never>) { self.done = done }
            func item(_ body: UnsafeRawBufferPointer) { items.withLock { $0.append(body.count) } }
            func ended() {}
            func finished(_ outcome: Result<[UInt8], TransportError>) {
                self.outcome.withLock { $0 = outcome }
                done.resume()
            }
        }
        try await withServer { server in
            let connection = try await server.connect()
            let kept = Mutex<(Observer, ClientStream)?>(nil)
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let observer = Observer(done: continuation)
                let stream = connection.openStream(method: TestMethod.stream, body: [], observer: observer)
                kept.withLock { $0 = (observer, stream) }
                for size in 0..<500 { #expect(stream.trySend([UInt8](repeating: 0, count: size))) }
                stream.finish()
            }
            let observer = kept.withLock { $0?.0 }
            #expect(observer?.items.withLock { $0 } == Array(0..<500))
            #expect(observer?.outcome.withLock { $0 } == .success([]))
        }
    }

    @Test func aSlowReaderIsCutOffNotBuffered() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let stream = connection.openStream(method: TestMethod.flood, body: [])
            #expect(await server.service.eventually { !$0.cancelled.isEmpty })
            #expect(server.service.log.withLock { $0.cancelled.first?.code } == .resourceExhausted)
            var received = 0
            let error = await errorOf { while try await stream.next() != nil { received += 1 } }
            #expect((error as? TransportError).map { if case .status = $0.kind { true } else { false } } == true)
            #expect(received <= 64)
            #expect(try await connection.call(method: TestMethod.echo, body: [1]) == [1])
        }
    }

    @Test func drainLetsCallsFinish() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let stream = connection.openStream(method: TestMethod.stream, body: [])
            try await stream.send([7])
            #expect(try await stream.next() == [7])
            let listener = server.listener
            async let drained: Void = listener.drain(reason: "deploy", grace: .seconds(5))
            // The server ENDs the stream when it drains; we answer with END.
            #expect(try await stream.next() == nil)
            #expect(!connection.isUsable)
            let refused = await errorOf { try await connection.call(method: TestMethod.echo, body: []) }
            #expect((refused as? TransportError)?.kind == .goAway(retryAfterMS: 0))
            #expect((refused as? TransportError)?.mayHaveBeenProcessed == false)
            stream.finish()
            await drained
            #expect(server.listener.connectionCount == 0)
            #expect(await errorOf { try await server.connect() } is TransportError)
        }
    }

    @Test func aLostConnectionFailsTheCalls() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let task = Task { try await connection.call(method: TestMethod.hold, body: []) }
            #expect(await server.service.eventually { $0.requests == 1 })
            await server.listener.drain(reason: "now", grace: .zero)
            let error = await errorOf { try await task.value } as? TransportError
            #expect(error?.mayHaveBeenProcessed == true)
            let after = await errorOf { try await connection.call(method: TestMethod.echo, body: []) }
            #expect((after as? TransportError)?.mayHaveBeenProcessed == false)
        }
    }

    /// A short request can ask for much more than it sends: input is kept back while the answers wait, and none is lost.
    @Test(arguments: [true, false]) func shortRequestsWithLongAnswers(tls: Bool) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/saga.sock"
        try await withServer {
            guard !tls else { return }
            $0.address = .unix(path: path)
            $0.security = .insecure
        } _: { server in
            let plain = ClientConfiguration(
                address: .unix(path: path), security: .insecure, hello: [1]
            ) { _ in .accept(WireAgreement()) }
            let configuration = tls ? server.clientConfiguration() : plain
            let connection = try await ClientConnection.connect(configuration, group: server.group)
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<1_500 {
                    group.addTask {
                        let size = 64_000 + index
                        var body = withUnsafeBytes(of: UInt32(size).bigEndian) { Array($0) }
                        body += [UInt8](repeating: 0, count: 12)
                        let answer = try await connection.call(method: TestMethod.blob, body: body)
                        return answer.count == size && answer.allSatisfy { $0 == 0x62 } ? 1 : 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 1_500)
            await connection.close()
            #expect(await server.service.eventually { $0.closed == [.peerClosed] })
        }
    }

    @Test func plainTextOverAUnixSocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/saga.sock"
        try await withServer {
            $0.address = .unix(path: path)
            $0.security = .insecure
        } _: { server in
            let configuration = ClientConfiguration(
                address: .unix(path: path), security: .insecure, hello: [1]
            ) { _ in .accept(WireAgreement()) }
            let connection = try await ClientConnection.connect(configuration, group: server.group)
            let body = [UInt8](repeating: 9, count: 1 << 20)
            #expect(try await connection.call(method: TestMethod.echo, body: body) == body)
            await connection.close()
            #expect(await server.service.eventually { $0.closed.count == 1 })
        }
    }

    @Test func plainTextToOthersIsRefused() async throws {
        let group = TransportGroup(threads: 1)
        let listening = ListenerConfiguration(address: .tcp(host: "0.0.0.0", port: 0), security: .insecure)
        let error = await errorOf {
            try await SagaListener.start(listening, group: group, service: TestService(), logger: .init(label: "test"))
        }
        #expect((error as? TransportError)?.kind == .configuration)
        let configuration = ClientConfiguration(
            address: .tcp(host: "192.0.2.1", port: 1), security: .insecure, hello: []
        ) { _ in .accept(WireAgreement()) }
        let refused = await errorOf { try await ClientConnection.connect(configuration, group: group) }
        #expect((refused as? TransportError)?.kind == .configuration)
        await group.shutdown()
    }

    @Test func nobodyListens() async throws {
        let group = TransportGroup(threads: 1)
        let configuration = ClientConfiguration(
            address: .tcp(host: "127.0.0.1", port: 1), security: .insecure, hello: []
        ) { _ in .accept(WireAgreement()) }
        let error = await errorOf { try await ClientConnection.connect(configuration, group: group) }
        #expect((error as? TransportError)?.kind == .connectFailed)
        await group.shutdown()
    }

    @Test func theHelloIsRefused() async throws {
        try await withServer { server in
            let error = await errorOf {
                try await ClientConnection.connect(server.clientConfiguration(hello: "wrong"), group: server.group)
            }
            let status = WireStatus(.unauthenticated, "wrong credentials")
            #expect((error as? TransportError)?.kind == .helloRefused(status))
        }
    }
}
