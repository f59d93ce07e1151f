import SagaWire

/// A server delegate that writes down what happens and answers as told.
final class RecordingServer: ServerSessionDelegate {
    var log: [String] = []
    var refuseHello: WireStatus?
    var onRequest: (SessionCore, StreamID, UInt16, [UInt8]) -> Void = { session, stream, _, body in
        session.respond(stream, body)
    }
    var onItem: (SessionCore, StreamID, [UInt8]) -> Void = { _, _, _ in }
    var onEnd: (SessionCore, StreamID) -> Void = { _, _ in }

    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision {
        log.append("hello \(body.count)")
        if let refuseHello { return .reject(status: refuseHello) }
        return .accept(welcome: [7, 7])
    }

    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer) {
        log.append("request \(stream) \(method) \(body.count)")
        onRequest(session, stream, method, [UInt8](body))
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        log.append("item \(stream) \(body.count)")
        onItem(session, stream, [UInt8](body))
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) {
        log.append("end \(stream)")
        onEnd(session, stream)
    }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        log.append("cancelled \(stream) \(status.code) \(status.message)")
    }

    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int) {
        log.append("drained \(stream) \(items)")
    }

    func draining(_ session: SessionCore) { log.append("draining") }

    func closed(_ session: SessionCore, reason: SessionCloseReason) { log.append("closed \(reason)") }
}

final class RecordingClient: ClientSessionDelegate {
    var log: [String] = []
    var agreement = WireAgreement()
    var responses: [StreamID: [UInt8]] = [:]
    var items: [StreamID: [[UInt8]]] = [:]
    var lost: [LostStream] = []

    func hello(_ session: SessionCore) -> [UInt8] { [1, 2, 3] }

    func welcome(_ session: SessionCore, body: UnsafeRawBufferPointer) -> WelcomeDecision {
        log.append("welcome \(body.count)")
        return .accept(agreement)
    }

    func opened(_ session: SessionCore) { log.append("opened") }

    func response(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        log.append("response \(stream)")
        responses[stream] = [UInt8](body)
    }

    func failed(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: UnsafeRawBufferPointer) {
        let status = WireStatus(decoding: status)
        log.append("failed \(stream) \(status.code) \(status.message)")
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        log.append("item \(stream)")
        items[stream, default: []].append([UInt8](body))
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) { log.append("end \(stream)") }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        log.append("cancelled \(stream) \(status.code)")
    }

    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int) {
        log.append("drained \(stream) \(items)")
    }

    func roomForLongRequests(_ session: SessionCore) {}

    func goAway(_ session: SessionCore, _ message: WireGoAway, lost: [LostStream]) {
        log.append("goAway \(message.lastStream) \(message.reason)")
        self.lost += lost
    }

    func closed(_ session: SessionCore, reason: SessionCloseReason, lost: [LostStream]) {
        log.append("closed \(reason)")
        self.lost += lost
    }
}

/// What a session wrote, as frames.
struct SentFrame: Equatable {
    let kind: FrameKind?
    let flags: FrameFlags
    let method: UInt16
    let stream: StreamID
    let body: [UInt8]
}

/// A server and a client session back to back, or one of them against hand-made bytes.
final class SessionPair {
    let server: ServerSession<RecordingServer>
    let client: ClientSession<RecordingClient>
    var serverLog: [String] { server.delegate.log }
    var clientLog: [String] { client.delegate.log }

    init(limits: WireLimits = WireLimits(), welcomed: Bool = true) {
        server = ServerSession(limits: limits, delegate: RecordingServer(), now: 0)
        client = ClientSession(limits: limits, delegate: RecordingClient(), now: 0)
        server.connected()
        client.connected()
        if welcomed {
            exchange()
            server.delegate.log = []
            client.delegate.log = []
        }
    }

    /// Carries bytes to and fro until both are silent, `segment` at a time. Returns the bytes carried.
    @discardableResult
    func exchange(segment: Int = 16_384) -> Int {
        var carried = 0
        while true {
            let up = carry(from: client, to: server, segment)
            let down = carry(from: server, to: client, segment)
            carried += up + down
            if up + down == 0 { return carried }
        }
    }

    private func carry(from sender: any WireSession, to receiver: any WireSession, _ segment: Int) -> Int {
        sender.fillOutput()
        let bytes = [UInt8](sender.core.outputBytes.prefix(segment))
        sender.core.consumeOutput(bytes.count)
        if !bytes.isEmpty { bytes.withUnsafeBytes { receiver.receive($0) } }
        return bytes.count
    }

    /// Gives the server bytes as if a client had sent them, and returns the frames it answers.
    func toServer(_ bytes: [UInt8]) -> [SentFrame] {
        bytes.withUnsafeBytes { server.receive($0) }
        return Self.takeFrames(server)
    }

    static func takeFrames(_ session: any WireSession) -> [SentFrame] {
        var frames: [SentFrame] = []
        var parser = FrameParser(maxLength: .max >> 1)
        repeat {
            session.fillOutput()
            let bytes = [UInt8](session.core.outputBytes)
            session.core.consumeOutput(bytes.count)
            bytes.withUnsafeBytes { buffer in
                var input = buffer
                while let frame = try? parser.next(&input) {
                    frames.append(
                        SentFrame(
                            kind: FrameKind(rawValue: frame.header.kind), flags: frame.header.flags,
                            method: frame.header.method, stream: frame.header.stream, body: [UInt8](frame.body)))
                }
            }
        } while !session.core.isOutputEmpty
        return frames
    }
}

extension SentFrame {
    /// The status of an ERROR frame.
    var status: WireStatus? {
        guard kind == .error else { return nil }
        return body.withUnsafeBytes { WireStatus(decoding: $0) }
    }
}
