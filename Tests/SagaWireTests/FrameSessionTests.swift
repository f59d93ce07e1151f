import SagaWire
import Testing

@Suite struct FrameSessionTests {
    @Test func helloAndWelcome() {
        let pair = SessionPair(welcomed: false)
        #expect(pair.client.core.open(method: 1, body: [], context: nil) == nil)
        pair.exchange()
        #expect(pair.serverLog == ["hello 3"])
        #expect(pair.clientLog == ["welcome 2", "opened"])
    }

    @Test func refusedHello() {
        let pair = SessionPair(welcomed: false)
        pair.server.delegate.refuseHello = WireStatus(.unauthenticated, "who are you")
        pair.exchange()
        #expect(pair.server.core.state == .closing)
        #expect(pair.client.core.closeReason == .peerError(WireStatus(.unauthenticated, "who are you")))
    }

    @Test(arguments: [1, 7, 100, 16_384]) func manyCallsInAnySegmentation(segment: Int) {
        let pair = SessionPair()
        for index in 0..<200 {
            let body = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index * 3)
            #expect(pair.client.core.open(method: 9, body: body, context: nil) == StreamID(index + 1))
        }
        pair.exchange(segment: segment)
        #expect(pair.client.delegate.responses.count == 200)
        for (stream, body) in pair.client.delegate.responses {
            #expect(body == [UInt8](repeating: UInt8(truncatingIfNeeded: stream - 1), count: (Int(stream) - 1) * 3))
        }
        #expect(pair.server.core.streamsInFlight == 0)
        #expect(pair.client.core.streamsInFlight == 0)
    }

    @Test(arguments: [65_528, 65_529, 200_000, 4 << 20]) func longMessagesBothWays(size: Int) {
        let pair = SessionPair()
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) }
        #expect(pair.client.core.open(method: 1, body: body, context: nil) == 1)
        #expect(pair.client.core.open(method: 2, body: [5], context: nil) == 2)
        pair.exchange()
        #expect(pair.serverLog.last == "request 1 1 \(size)" || pair.serverLog.first == "request 1 1 \(size)")
        #expect(pair.client.delegate.responses[1] == body)
        #expect(pair.client.delegate.responses[2] == [5])
        #expect(pair.server.core.streamsInFlight == 0)
    }

    @Test func aLongAnswerDoesNotHoldUpOthers() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, method, _ in
            session.respond(stream, [UInt8](repeating: 1, count: method == 1 ? 1 << 20 : 10))
        }
        for method in [1, 1, 2] as [UInt16] {
            _ = pair.client.core.open(method: method, body: [], context: nil)
        }
        pair.exchange()
        #expect(pair.clientLog == ["response 3", "response 1", "response 2"])
    }

    @Test func pingOvertakesALongAnswer() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in
            session.respond(stream, [UInt8](repeating: 1, count: 4 << 20))
        }
        let request = FrameHeader.frame(kind: .request, method: 1, stream: 1)
        request.withUnsafeBytes { pair.server.receive($0) }
        let ready = pair.server.core.outputCount
        #expect(ready > 0 && ready < 200_000)
        let frames = pair.toServer(HeaderOnly.ping)
        let position = frames.firstIndex { $0.kind == .pong }
        #expect(position != nil && position.map { $0 <= 2 } == true)
        #expect(frames.filter { $0.kind == .response }.map(\.body.count).reduce(0, +) == 4 << 20)
    }

    @Test func bidirectionalStream() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in
            #expect(session.sendItem(stream, [0]) == .sent)
        }
        pair.server.delegate.onItem = { session, stream, body in _ = session.sendItem(stream, body + [1]) }
        pair.server.delegate.onEnd = { session, stream in session.finish(stream) }
        let stream = pair.client.core.open(method: 5, body: [], context: nil)
        #expect(stream == 1)
        pair.exchange()
        for index in 0..<1_000 {
            let result = pair.client.core.sendItem(1, [UInt8(truncatingIfNeeded: index)])
            #expect(result == .sent || result == .queued)
        }
        pair.client.core.finish(1)
        pair.exchange()
        let items = pair.client.delegate.items[1] ?? []
        #expect(items.count == 1_001)
        #expect(items.dropFirst().enumerated().allSatisfy { $1 == [UInt8(truncatingIfNeeded: $0), 1] })
        #expect(pair.clientLog.last == "end 1")
        #expect(pair.server.core.streamsInFlight == 0)
        #expect(pair.client.core.streamsInFlight == 0)
    }

    @Test func itemsLongerThanTheWindowPass() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { _, _, _, _ in }
        _ = pair.client.core.open(method: 5, body: [], context: nil)
        for _ in 0..<4 { _ = pair.client.core.sendItem(1, [UInt8](repeating: 3, count: 1 << 20)) }
        pair.exchange()
        #expect(pair.serverLog.filter { $0 == "item 1 1048576" }.count == 4)
        #expect(pair.clientLog.filter { $0 == "drained 1 1" }.count == 4)
    }

    @Test func theSenderKeepsToTheWindow() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in session.useManualCredit(stream) }
        _ = pair.client.core.open(method: 5, body: [], context: nil)
        let results = (0..<70).map { _ in pair.client.core.sendItem(1, [1]) }
        #expect(results.filter { $0 == .sent }.count == 64)
        #expect(results.filter { $0 == .queued }.count == 6)
        pair.exchange()
        #expect(pair.serverLog.filter { $0 == "item 1 1" }.count == 64)
        pair.server.core.grant(1, items: 64, bytes: 64)
        pair.exchange()
        #expect(pair.serverLog.filter { $0 == "item 1 1" }.count == 70)
    }

    @Test func aWidenedWindowTakesMoreAndIsGrantedAgainInItsOwnHalves() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { session, stream, _, _ in
            session.widenWindow(stream, items: 200, bytes: 1 << 20)
            // Less than there is changes nothing.
            session.widenWindow(stream, items: 10, bytes: 10)
        }
        _ = pair.client.core.open(method: 5, body: [], context: nil)
        pair.exchange()
        let results = (0..<210).map { _ in pair.client.core.sendItem(1, [1]) }
        #expect(results.filter { $0 == .sent }.count == 200)
        let bytes = [UInt8](pair.client.core.outputBytes)
        pair.client.core.consumeOutput(bytes.count)
        let credits = pair.toServer(bytes).filter { $0.kind == .credit }
        #expect(pair.serverLog.filter { $0 == "item 1 1" }.count == 200)
        #expect(credits.count == 2)
    }

    @Test func theSendersQueueIsBounded() {
        var limits = WireLimits()
        limits.maxQueuedItems = 10
        let pair = SessionPair(limits: limits)
        pair.server.delegate.onRequest = { session, stream, _, _ in session.useManualCredit(stream) }
        _ = pair.client.core.open(method: 5, body: [], context: nil)
        let results = (0..<80).map { _ in pair.client.core.sendItem(1, [1]) }
        #expect(results.filter { $0 == .full }.count == 80 - 64 - 10)
    }

    @Test func cancelFreesTheSlotOnlyWhenTheHandlerEnds() {
        var limits = WireLimits()
        limits.maxStreams = 4
        let pair = SessionPair(limits: limits)
        var held: [StreamID] = []
        pair.server.delegate.onRequest = { _, stream, _, _ in held.append(stream) }
        var refused = 0
        for stream in 1...20 as ClosedRange<StreamID> {
            let frames = pair.toServer(
                FrameHeader.frame(kind: .request, method: 1, stream: stream)
                    + FrameHeader.frame(kind: .cancel, stream: stream))
            refused += frames.filter { $0.status?.code == .resourceExhausted }.count
        }
        #expect(held == [1, 2, 3, 4])
        #expect(refused == 16)
        #expect(pair.server.core.streamsInFlight == 4)
        pair.server.core.release(1)
        #expect(!pair.server.core.respond(2, []))
        #expect(pair.server.core.streamsInFlight == 2)
        _ = pair.toServer(FrameHeader.frame(kind: .request, method: 1, stream: 21))
        #expect(held == [1, 2, 3, 4, 21])
    }

    @Test func goAwayNamesWhatWasNotProcessed() {
        let pair = SessionPair()
        pair.server.delegate.onRequest = { _, _, _, _ in }
        _ = pair.client.core.open(method: 1, body: [], context: nil)
        pair.exchange()
        pair.server.drain(reason: "deploy", drainMS: 5_000, retryAfterMS: 100)
        // Sent before the client has read GOAWAY.
        _ = pair.client.core.open(method: 1, body: [], context: nil)
        pair.exchange()
        #expect(pair.serverLog == ["request 1 1 0", "draining"])
        #expect(pair.clientLog == ["goAway 1 deploy"])
        #expect(pair.client.delegate.lost.map(\.stream) == [2])
        #expect(pair.client.delegate.lost.allSatisfy { !$0.mayHaveBeenProcessed })
        #expect(pair.client.core.open(method: 1, body: [], context: nil) == nil)
        #expect(!pair.server.core.isDrained)
        pair.server.core.respond(1, [1])
        #expect(pair.server.core.isDrained)
        pair.exchange()
        #expect(pair.client.delegate.responses[1] == [1])
        #expect(pair.client.core.isDrained)
    }

    @Test func aLostConnectionSaysWhatMayHaveHappened() {
        var limits = WireLimits()
        limits.outputHighWater = 1
        let pair = SessionPair(limits: limits)
        _ = pair.client.core.open(method: 1, body: [], context: nil)
        _ = pair.client.core.open(method: 1, body: [UInt8](repeating: 0, count: 300_000), context: nil)
        pair.client.disconnected(.lost("reset"))
        #expect(pair.client.delegate.lost.map(\.mayHaveBeenProcessed) == [true, false])
        #expect(pair.clientLog == ["closed lost(\"reset\")"])
        pair.client.disconnected(.local)
        #expect(pair.clientLog.count == 1)
    }

    @Test func pingAfterSilenceAndCloseAfterMore() {
        let pair = SessionPair()
        let second = WireLimits.second
        pair.client.tick(second)
        pair.client.tick(19 * second)
        #expect(pair.client.core.outputCount == 0)
        pair.client.tick(21 * second)
        #expect(SessionPair.takeFrames(pair.client).map(\.kind) == [.ping])
        pair.client.tick(61 * second)
        #expect(pair.client.core.state == .closing)
        #expect(pair.client.core.closeReason == .timedOut("the peer was silent for too long"))
    }

    @Test func helloInTime() {
        let pair = SessionPair(welcomed: false)
        pair.server.tick(4 * WireLimits.second)
        #expect(pair.server.core.acceptsInput)
        pair.server.tick(5 * WireLimits.second)
        #expect(SessionPair.takeFrames(pair.server).map(\.status?.code) == [.deadlineExceeded])
        #expect(pair.server.core.state == .closing)
    }

    @Test func aSlowFrameIsCutOffButFastOnesAreNot() {
        let pair = SessionPair()
        let second = WireLimits.second
        let half = Array(HeaderOnly.ping.prefix(9))
        let rest = Array(HeaderOnly.ping.dropFirst(9))
        for step in 1...30 as ClosedRange<UInt64> {
            _ = pair.toServer(step == 1 ? half : rest + half)
            pair.server.tick(step * second)
        }
        #expect(pair.server.core.acceptsInput)
        pair.server.tick(39 * second)
        #expect(pair.server.core.acceptsInput)
        pair.server.tick(40 * second)
        #expect(pair.server.core.closeReason == .timedOut("a frame took too long to arrive"))
    }

    @Test func aMessageThatNeverEndsIsCutOff() {
        let pair = SessionPair()
        let second = WireLimits.second
        _ = pair.toServer(FrameHeader.frame(kind: .request, flags: .more, method: 1, stream: 1, body: [1]))
        pair.server.tick(second)
        for step in 2...70 as ClosedRange<UInt64> {
            _ = pair.toServer(FrameHeader.frame(kind: .request, flags: .more, method: 1, stream: 1))
            pair.server.tick(step * second)
        }
        #expect(pair.server.core.acceptsInput)
        #expect(pair.server.core.streamsInFlight == 0)
        #expect(pair.serverLog.isEmpty)
    }
}
