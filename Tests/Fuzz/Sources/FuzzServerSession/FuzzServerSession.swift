import SagaWire

/// A server session after its hello gets the input as frames and as raw bytes; its delegate does everything a delegate
/// may do. Nothing may trap, and nothing may be kept beyond the limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = UnsafeRawBufferPointer(start: start, count: count)
    var limits = WireLimits()
    limits.maxFrame = 2_048
    limits.maxMessage = 8_192
    limits.maxStreams = 8
    limits.maxAssemblingBytes = 16_384
    limits.maxQueuedBytes = 16_384
    limits.maxQueuedItems = 8
    limits.windowItems = 4
    limits.windowBytes = 1_024
    limits.outputHighWater = 4_096
    let session = ServerSession(limits: limits, delegate: Delegate(), now: 0)
    session.connected()
    session.core.compresses = input[0] & 4 == 0
    if input[0] & 1 == 0 {
        FrameHeader.frame(kind: .hello, stream: 0).withUnsafeBytes { session.receive($0) }
    }
    var now: UInt64 = 0
    if input[0] & 2 == 0 {
        feedFrames(UnsafeRawBufferPointer(rebasing: input[1...]), session, &now)
    } else {
        session.receive(UnsafeRawBufferPointer(rebasing: input[1...]))
    }
    take(session)
    session.disconnected(.lost("end"))
    precondition(session.core.streamsInFlight == 0)
    return 0
}

/// Reads the input as a script of frames with a right length, so that most of them get past the parser.
func feedFrames(_ input: UnsafeRawBufferPointer, _ session: ServerSession<Delegate>, _ now: inout UInt64) {
    var position = 0
    while position + 6 <= input.count {
        let kind = input[position] % 14
        let flags = input[position + 1] & 7
        let method = kind == 3 ? UInt16(input[position + 2]) : UInt16(input[position + 2]) >> 7
        let stream = UInt32(input[position + 3] & 31)
        let size = min(Int(input[position + 4]) * 8 | Int(input[position + 5] & 7), input.count - position - 6)
        position += 6
        let body = [UInt8](input[position..<position + size])
        position += size
        let header = FrameHeader(
            length: UInt32(size + 8), kind: kind, flags: FrameFlags(rawValue: flags), method: method, stream: stream)
        let bytes = FrameHeader.frame(
            kind: FrameKind(rawValue: header.kind) ?? .ping, flags: header.flags, method: method, stream: stream,
            body: body)
        bytes.withUnsafeBytes { session.receive($0) }
        now += UInt64(flags) * WireLimits.second
        if flags & 4 != 0 { session.tick(now) }
        if kind == 13 { take(session) }
        precondition(session.core.streamsInFlight <= 8, "more streams than allowed")
    }
}

/// The transport's part: takes the output until there is none.
func take(_ session: ServerSession<Delegate>) {
    for _ in 0..<1_000 {
        session.fillOutput()
        let count = session.core.outputCount
        guard count > 0 else { break }
        session.core.consumeOutput(min(count, 1_000))
    }
}

final class Delegate: ServerSessionDelegate {
    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision {
        body.count % 5 == 4 ? .reject(status: WireStatus(.unauthenticated, "no")) : .accept(welcome: [1])
    }

    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer) {
        act(session, stream, UInt8(truncatingIfNeeded: method), body)
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        act(session, stream, body.first ?? 0, body)
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) {
        if stream % 2 == 0 { session.finish(stream) }
    }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        if stream % 3 == 0 { session.release(stream) }
    }

    func closed(_ session: SessionCore, reason: SessionCloseReason) {}

    private func act(_ session: SessionCore, _ stream: StreamID, _ choice: UInt8, _ body: UnsafeRawBufferPointer) {
        switch choice % 16 {
        case 0: session.respond(stream, [UInt8](body))
        case 1: session.respond(stream, [UInt8](repeating: 1, count: 5_000))
        case 2:
            session.respond(stream, capacity: body.count) { room in
                room.copyMemory(from: body)
                return body.count
            }
        case 3: session.fail(stream, WireStatus(.aborted, "so"))
        case 4: _ = session.sendItem(stream, [UInt8](body))
        case 5: session.sendItemOrCutOff(stream, [UInt8](repeating: 2, count: 3_000))
        case 6: session.finish(stream)
        case 7: session.cancel(stream, reason: "why")
        case 8: session.setContext(stream, self)
        case 9: session.useManualCredit(stream)
        case 10: session.grant(stream, items: 100, bytes: 100_000)
        case 11: session.release(stream)
        case 12: session.goAway(reason: "going", drainMS: 1)
        case 13: for other in 1...8 as ClosedRange<StreamID> { session.respond(other, []) }
        case 14: if body.count == 77 { session.close(WireStatus(.internal, "end")) }
        default: break
        }
    }
}
