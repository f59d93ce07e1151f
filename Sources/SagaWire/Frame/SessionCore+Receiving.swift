extension SessionCore {
    /// Takes one frame off `input` and checks it against the state of the connection and of its stream.
    ///
    /// Whatever the bytes are, the answer is an ``Inbound`` or an ERROR in the output: this function never traps and
    /// holds no more than ``WireLimits`` allow.
    func nextInbound(_ input: inout UnsafeRawBufferPointer) -> Inbound {
        if assembled != nil { assembled = nil }
        if openedBody != nil { openedBody = nil }
        var frame: Frame
        do {
            guard let next = try parser.next(&input) else { return .exhausted }
            frame = next
        } catch {
            return refuse(error)
        }
        guard let kind = FrameKind(rawValue: frame.header.kind) else {
            return refuse(.invalidArgument, "unknown frame kind \(frame.header.kind)")
        }
        if state == .awaitingHello { return first(kind, frame) }
        if !frame.header.flags.isEmpty {
            if let refusal = checkFlags(kind, frame.header) { return refusal }
            if frame.header.flags.contains(.compressed) {
                guard let opened = opened(frame) else {
                    return refuse(.invalidArgument, "the body of a compressed \(kind) is not what it says")
                }
                frame = opened
            }
        }
        switch kind {
        case .request: return request(frame)
        case .item: return item(frame)
        case .response: return response(frame)
        case .error: return error(frame)
        case .end: return end(frame)
        case .cancel: return cancel(frame)
        case .credit: return credit(frame)
        case .ping, .pong: return ping(kind, frame)
        case .goAway: return goAway(frame)
        case .hello, .welcome: return refuse(.invalidArgument, "\(kind) after the hello")
        }
    }

    // MARK: The connection

    /// Before HELLO or WELCOME nothing else counts.
    private func first(_ kind: FrameKind, _ frame: Frame) -> Inbound {
        let header = frame.header
        let clean = header.flags.isEmpty && header.stream == 0 && header.method == 0
        switch (role, kind) {
        case (.server, .hello):
            guard clean else { return refuse(.invalidArgument, "HELLO has flags, a stream or a method") }
            return .hello(frame.body)
        case (.client, .welcome):
            guard clean else { return refuse(.invalidArgument, "WELCOME has flags, a stream or a method") }
            return .welcome(frame.body)
        case (.client, .error):
            return connectionError(frame.body)
        case (.server, _):
            return refuse(.unauthenticated, "the first frame must be HELLO")
        case (.client, _):
            return refuse(.failedPrecondition, "the first frame must be WELCOME")
        }
    }

    /// The hello is done: full frames from here on.
    func enterOpen() {
        guard state == .awaitingHello else { return }
        state = .open
        parser.maxLength = limits.maxFrame
    }

    private func connectionError(_ body: UnsafeRawBufferPointer) -> Inbound {
        abort(.peerError(WireStatus(decoding: body)))
        return .exhausted
    }

    private func checkFlags(_ kind: FrameKind, _ header: FrameHeader) -> Inbound? {
        if !header.flags.isSubset(of: .known) {
            return refuse(.invalidArgument, "unknown frame flags \(header.flags.rawValue)")
        }
        if header.flags.contains(.compressed) {
            if !compresses { return refuse(.invalidArgument, "compression was not agreed on") }
            if !kind.mayContinue { return refuse(.invalidArgument, "\(kind) is never compressed") }
        }
        if header.flags.contains(.more), !kind.mayContinue {
            return refuse(.invalidArgument, "\(kind) cannot continue in a second frame")
        }
        return nil
    }

    private func ping(_ kind: FrameKind, _ frame: Frame) -> Inbound {
        guard frame.header.stream == 0, frame.header.method == 0, frame.body.count == 8 else {
            return refuse(.invalidArgument, "\(kind) has 8 bytes on stream 0")
        }
        if kind == .ping { writeFrame(.pong, stream: 0, body: frame.body) }
        return .nothing
    }

    private func goAway(_ frame: Frame) -> Inbound {
        guard role == .client, frame.header.stream == 0, frame.header.method == 0 else {
            return refuse(.invalidArgument, "GOAWAY comes from the server, on stream 0")
        }
        if state == .open { state = .draining }
        return .goAway(WireGoAway(decoding: frame.body))
    }

    // MARK: Streams

    private func request(_ frame: Frame) -> Inbound {
        let header = frame.header
        guard role == .server else { return refuse(.invalidArgument, "REQUEST comes from the client") }
        guard header.stream > lastOpened else { return requestContinues(frame) }
        lastOpened = header.stream
        let more = header.flags.contains(.more)
        if state == .draining {
            if more { return drop(header.stream) }
            return .nothing
        }
        if table.count >= limits.maxStreams {
            let status = WireStatus(
                .resourceExhausted, "\(limits.maxStreams) calls in flight on this connection",
                retryAfterMS: limits.retryAfterMS)
            writeFrame(.error, stream: header.stream, body: status.encoded())
            if more { return drop(header.stream) }
            return .nothing
        }
        if more {
            let index = table.append(StreamRecord(id: header.stream, state: []))
            _ = assemble(index, .request, frame)
            return .nothing
        }
        currentStream = header.stream
        current = .pending
        return .request(header.stream, header.method, frame.body)
    }

    private func requestContinues(_ frame: Frame) -> Inbound {
        let header = frame.header
        if let index = table.find(header.stream), table[index].flow?.assemblyKind == .request,
            table[index].flow?.assembly != nil
        {
            guard table[index].flow?.assemblyMethod == header.method else {
                return refuse(.invalidArgument, "the method changes within one request")
            }
            guard case .complete(let body) = assemble(index, .request, frame) else { return .nothing }
            table[index].state.insert(.requested)
            return .request(header.stream, header.method, body)
        }
        if let position = droppedRequests.firstIndex(of: header.stream) {
            if !header.flags.contains(.more) { droppedRequests.remove(at: position) }
            return .nothing
        }
        return refuse(.invalidArgument, "stream ids must strictly increase")
    }

    /// Remembers that the rest of a refused request is still to come.
    private func drop(_ stream: StreamID) -> Inbound {
        guard droppedRequests.count < limits.maxStreams else {
            return refuse(.resourceExhausted, "too many unfinished requests")
        }
        droppedRequests.append(stream)
        return .nothing
    }

    /// The record of a frame that belongs to a stream.
    private enum Target {
        case open(Int)
        case done(Inbound)
    }

    /// Finds the stream; a frame for a closed one is dropped, for one never opened the connection ends.
    private func target(_ kind: FrameKind, _ header: FrameHeader) -> Target {
        guard header.method == 0 else { return .done(refuse(.invalidArgument, "only REQUEST has a method")) }
        guard header.stream != 0, header.stream <= lastOpened else {
            return .done(refuse(.invalidArgument, "\(kind) for stream \(header.stream), which was never opened"))
        }
        guard let index = table.find(header.stream), !table[index].state.contains(.abandoned) else {
            return .done(.nothing)
        }
        return .open(index)
    }

    private func item(_ frame: Frame) -> Inbound {
        let index: Int
        switch target(.item, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        guard table[index].state.contains(.requested) else {
            return refuse(.invalidArgument, "ITEM before the end of the request")
        }
        guard !table[index].state.contains(.receivedEnd) else { return refuse(.invalidArgument, "ITEM after END") }
        if table[index].state.contains(.closing) { return .nothing }
        let flow = flow(index)
        if flow.assembly == nil {
            guard flow.receiveItems > 0, flow.receiveBytes > 0 else {
                return abandon(index, WireStatus(.resourceExhausted, "item beyond the window of the stream"))
            }
            flow.receiveItems -= 1
        }
        flow.receiveBytes -= frame.body.count
        switch assemble(index, .item, frame) {
        case .complete(let body): return .item(frame.header.stream, table[index].context, body)
        case .partial: return .nothing
        case .refused(let answer): return answer
        }
    }

    private func response(_ frame: Frame) -> Inbound {
        guard role == .client else { return refuse(.invalidArgument, "RESPONSE comes from the server") }
        let index: Int
        switch target(.response, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        switch assemble(index, .response, frame) {
        case .complete(let body): return .response(frame.header.stream, removeRecord(index), body)
        case .partial: return .nothing
        case .refused(let answer): return answer
        }
    }

    private func error(_ frame: Frame) -> Inbound {
        if frame.header.stream == 0 { return connectionError(frame.body) }
        let index: Int
        switch target(.error, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        // An ERROR may cut off a message that was under way.
        if table[index].flow?.assemblyKind != .error { dropAssembly(index) }
        switch assemble(index, .error, frame) {
        case .complete(let body):
            if role == .client { return .failure(frame.header.stream, removeRecord(index), body) }
            return abandonedByPeer(index, WireStatus(decoding: body))
        case .partial: return .nothing
        case .refused(let answer): return answer
        }
    }

    private func end(_ frame: Frame) -> Inbound {
        let index: Int
        switch target(.end, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        guard frame.body.isEmpty else { return refuse(.invalidArgument, "END has no body") }
        guard table[index].state.contains(.requested), table[index].flow?.assembly == nil else {
            return refuse(.invalidArgument, "END within a message")
        }
        guard !table[index].state.contains(.receivedEnd) else { return refuse(.invalidArgument, "END twice") }
        table[index].state.insert(.receivedEnd)
        let context = table[index].context
        removeIfEnded(index)
        return .end(frame.header.stream, context)
    }

    private func cancel(_ frame: Frame) -> Inbound {
        let index: Int
        switch target(.cancel, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        return abandonedByPeer(index, WireStatus(.cancelled, WireCancel(decoding: frame.body).reason))
    }

    private func credit(_ frame: Frame) -> Inbound {
        let index: Int
        switch target(.credit, frame.header) {
        case .open(let found): index = found
        case .done(let answer): return answer
        }
        guard frame.body.count == 8 else { return refuse(.invalidArgument, "CREDIT has 8 bytes") }
        let items = Int(UInt32(bigEndian: frame.body.loadUnaligned(as: UInt32.self)))
        let bytes = Int(UInt32(bigEndian: frame.body.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        let flow = flow(index)
        guard flow.sendItems + items <= limits.maxWindow, flow.sendBytes + bytes <= limits.maxWindow else {
            return refuse(.invalidArgument, "the window of a stream overflows")
        }
        flow.sendItems += items
        flow.sendBytes += bytes
        markReady(index)
        return .nothing
    }

    // MARK: Assembling

    private enum Assembly {
        case complete(UnsafeRawBufferPointer)
        case partial
        case refused(Inbound)
    }

    /// Joins the frames of a message. Limits are checked before a byte is kept.
    private func assemble(_ index: Int, _ kind: FrameKind, _ frame: Frame) -> Assembly {
        let more = frame.header.flags.contains(.more)
        if !more, table[index].flow?.assembly == nil { return .complete(frame.body) }
        let flow = flow(index)
        let buffer: MessageBuffer
        if let started = flow.assembly {
            guard flow.assemblyKind == kind else {
                return .refused(refuse(.invalidArgument, "\(kind) within another message of the stream"))
            }
            buffer = started
        } else {
            buffer = MessageBuffer(capacity: frame.body.count)
            flow.assembly = buffer
            flow.assemblyKind = kind
            flow.assemblyMethod = frame.header.method
            flow.assemblyStarted = now
            assemblies += 1
        }
        guard buffer.count + frame.body.count <= limits.maxMessage else {
            return .refused(refuse(.resourceExhausted, "a message is at most \(limits.maxMessage) bytes"))
        }
        guard assemblingBytes + frame.body.count <= limits.maxAssemblingBytes else {
            if more, kind == .request { _ = drop(frame.header.stream) }
            let status = WireStatus(
                .resourceExhausted, "too many unfinished messages on this connection",
                retryAfterMS: limits.retryAfterMS)
            return .refused(abandon(index, status))
        }
        buffer.append(frame.body)
        assemblingBytes += frame.body.count
        if more { return .partial }
        assembled = buffer
        dropAssembly(index)
        return .complete(buffer.bytes)
    }

    func dropAssembly(_ index: Int) {
        guard let flow = table[index].flow, let buffer = flow.assembly else { return }
        assemblingBytes -= buffer.count
        assemblies -= 1
        flow.assembly = nil
    }

    // MARK: Ends of streams

    /// The peer gave a stream up.
    private func abandonedByPeer(_ index: Int, _ status: WireStatus) -> Inbound {
        let stream = table[index].id
        let state = table[index].state
        let context = table[index].context
        guard role == .server, state.contains(.requested), !state.contains(.closing) else {
            // The client's own call, a request that never came to its end, or an answer that was still on its way.
            _ = removeRecord(index)
            return role == .client ? .abandoned(stream, context, status) : .nothing
        }
        dropAssembly(index)
        dropQueue(index)
        table[index].state.insert(.abandoned)
        return .abandoned(stream, context, status)
    }

    /// This side gives a stream up: the peer gets ERROR, the delegate hears of it.
    func abandon(_ index: Int, _ status: WireStatus) -> Inbound {
        writeFrame(.error, stream: table[index].id, body: status.encoded())
        return abandonedByPeer(index, status)
    }

    // MARK: Refusing the connection

    func refuse(_ code: WireCode, _ message: String) -> Inbound {
        close(WireStatus(code, message))
        return .exhausted
    }

    private func refuse(_ error: FrameError) -> Inbound {
        switch error {
        case .lengthTooSmall(let length):
            return refuse(.invalidArgument, "a frame's length is at least 8, not \(length)")
        case .lengthTooLarge(let length, let limit):
            return refuse(.resourceExhausted, "a frame's length is at most \(limit), not \(length)")
        }
    }
}
