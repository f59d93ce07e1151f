import Dispatch
import Glibc
import SagaTransport
import SagaWire
import Synchronization
import Testing

/// What other threads send leaves on them if the event loop is not at the connection, and by its mailbox otherwise: whichever way
/// each takes, nothing is lost and nothing overtakes.
@Suite struct DirectSendTests {
    @Test func itemsOfOneThreadStayInOrder() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let stream = connection.openStream(method: TestMethod.stream, body: [])
            // Fewer than the server keeps for a reader that does not get its turn.
            let (senders, items) = (3, 80)
            let queue = DispatchQueue(label: "senders", attributes: .concurrent)
            for sender in 0..<senders {
                queue.async {
                    for number in 0..<items {
                        let item = [
                            UInt8(sender), UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number),
                        ]
                        // Longer and shorter than the time in which a second send goes by the mailbox.
                        usleep(UInt32((number * 7 + sender * 31) % 5) * 30)
                        while !stream.trySend(item) { usleep(100) }
                    }
                }
            }
            var next = [Int](repeating: 0, count: senders)
            for _ in 0..<senders * items {
                let item = try #require(try await stream.next())
                let (sender, number) = (Int(item[0]), Int(item[1]) << 8 | Int(item[2]))
                #expect(next[sender] == number, "sender \(sender)")
                next[sender] = number + 1
            }
            stream.finish()
            #expect(try await stream.next() == nil)
            await connection.close()
        }
    }

    /// Answers that are longer than what the socket takes at once: the event loop sends the rest.
    @Test func longAnswersFromElsewhere() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            // The first comes by the mailbox, and opens the way.
            #expect(try await connection.call(method: TestMethod.elsewhere, body: [1]) == [1])
            for round in 0..<6 {
                let right = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for index in 0..<4 {
                        group.addTask {
                            let body = (0..<(700_000 + index)).map {
                                UInt8(truncatingIfNeeded: $0 &* (index + round + 3))
                            }
                            return try await connection.call(method: TestMethod.elsewhere, body: body) == body
                        }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(right == 4)
            }
            await connection.close()
        }
    }

    /// A connection that ends while others send: what they send is dropped or refused, nothing waits for ever.
    @Test func sendingWhileTheConnectionEnds() async throws {
        try await withServer { server in
            for _ in 0..<10 {
                let connection = try await server.connect()
                _ = try await connection.call(method: TestMethod.elsewhere, body: [1])
                let ended = await withTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            while (try? await connection.call(method: TestMethod.elsewhere, body: [2])) != nil {}
                            return 1
                        }
                    }
                    group.addTask {
                        await connection.close()
                        return 1
                    }
                    return await group.reduce(0, +)
                }
                #expect(ended == 5)
            }
        }
    }
}

@Suite struct CallDeadlineTests {
    /// One timer stands for the deadlines of all calls: it must strike for an earlier one that comes later, and again after it.
    @Test func deadlinesInAnyOrder() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            let long = Task {
                try await connection.call(method: TestMethod.hold, body: [], timeout: .seconds(60))
            }
            #expect(await server.service.eventually { $0.requests == 1 })
            // So many that those that have ended are dropped in between.
            for number in 0..<300 {
                let body = [UInt8(truncatingIfNeeded: number)]
                #expect(try await connection.call(method: TestMethod.echo, body: body, timeout: .seconds(30)) == body)
            }
            let start = ContinuousClock.now
            let late = await withTaskGroup(of: Bool.self) { group in
                for wait in [120, 40, 80, 40] {
                    group.addTask {
                        let error = await errorOf {
                            try await connection.call(
                                method: TestMethod.hold, body: [], timeout: .milliseconds(wait))
                        }
                        let isTimely = start.duration(to: .now) >= .milliseconds(wait)
                        return (error as? TransportError)?.kind == .timedOut && isTimely
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(late == 4)
            #expect(start.duration(to: .now) < .seconds(20))
            // The one that still has time is not touched.
            #expect(await server.service.eventually { $0.cancelled.count == 4 })
            long.cancel()
            #expect((await errorOf { try await long.value } as? TransportError)?.kind == .cancelled)
            await connection.close()
        }
    }
}
