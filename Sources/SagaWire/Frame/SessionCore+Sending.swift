extension SessionCore {
    /// Where a stream's answer goes.
    private enum Slot {
        /// The request that the delegate is answering right now; it has no record yet.
        case current
        case record(Int)
        case none
    }

    private func slot(_ stream: StreamID) -> Slot {
        if current == .pending, stream == currentStream { return .current }
        guard let index = table.find(stream) else { return .none }
        if table[index].state.contains(.abandoned) {
            // Its handler has ended only now: the slot is free again.
            _ = removeRecord(index)
            return .none
        }
        if table[index].state.contains(.closing) { return .none }
        return .record(index)
    }

    /// A request that is not answered within its callback gets a record.
    func keepCurrent() {
        guard current == .pending else { return }
        current = .done
        _ = table.append(StreamRecord(id: currentStream, state: .requested))
    }

    // MARK: Answers

    /// Answers a call with a body that is written in place; ends both directions.
    ///
    /// - Parameters:
    ///   - capacity: at least the size of the body, at most ``WireLimits/maxFrame`` less the header, else use
    ///     ``respond(_:_:)``.
    ///   - write: writes the body and returns its size.
    /// - Returns: false if the stream is closed; nothing is written then.
    @discardableResult
    package func respond(
        _ stream: StreamID, capacity: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Bool {
        switch slot(stream) {
        case .none:
            return false
        case .current where capacity <= largestInPlace:
            current = .done
            writeInPlace(.response, stream, capacity, write)
            return true
        case .record(let index) where capacity <= largestInPlace && table[index].flow?.hasQueue != true:
            writeInPlace(.response, stream, capacity, write)
            _ = removeRecord(index)
            return true
        case .current, .record:
            let body = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                count = min(capacity, max(0, write(UnsafeMutableRawBufferPointer(buffer))))
            }
            return respond(stream, body)
        }
    }

    /// Answers a call; ends both directions.
    ///
    /// - Returns: false if the stream is closed.
    @discardableResult
    package func respond(_ stream: StreamID, _ body: [UInt8]) -> Bool {
        let index: Int
        switch slot(stream) {
        case .none:
            return false
        case .current:
            if body.count <= limits.maxFrameBody {
                current = .done
                writeFrame(.response, stream: stream, body: body)
                return true
            }
            keepCurrent()
            guard let kept = table.find(stream) else { return false }
            index = kept
        case .record(let found):
            index = found
        }
        if body.count > limits.maxMessage {
            return fail(stream, WireStatus(.resourceExhausted, "the answer is over \(limits.maxMessage) bytes"))
        }
        if body.count > limits.maxFrameBody, queuedBytes + body.count > limits.maxQueuedBytes {
            let status = WireStatus(
                .resourceExhausted, "too much output waits on this connection", retryAfterMS: limits.retryAfterMS)
            return fail(stream, status)
        }
        sendLast(index, .response, body)
        return true
    }

    /// Answers a call with ERROR; ends both directions. `status` is an encoded `saga.v1.Status`.
    ///
    /// - Returns: false if the stream is closed.
    @discardableResult
    package func fail(_ stream: StreamID, status: [UInt8]) -> Bool {
        switch slot(stream) {
        case .none: return false
        case .current where status.count <= limits.maxFrameBody:
            current = .done
            writeFrame(.error, stream: stream, body: status)
            return true
        case .current:
            keepCurrent()
            guard let index = table.find(stream) else { return false }
            sendLast(index, .error, status)
        case .record(let index):
            sendLast(index, .error, status)
        }
        return true
    }

    /// Answers a call with ERROR; ends both directions.
    @discardableResult
    package func fail(_ stream: StreamID, _ status: WireStatus) -> Bool {
        fail(stream, status: status.encoded())
    }

    /// Says that the handler of a stream which the peer gave up has ended. Any answer says the same.
    package func release(_ stream: StreamID) {
        if case .record(let index) = slot(stream) { _ = removeRecord(index) }
    }

    private func sendLast(_ index: Int, _ kind: FrameKind, _ body: [UInt8]) {
        let stream = table[index].id
        if body.count <= limits.maxFrameBody, table[index].flow?.hasQueue != true {
            writeFrame(kind, stream: stream, body: body)
            _ = removeRecord(index)
            return
        }
        table[index].state.insert(.closing)
        enqueue(index, OutgoingMessage(kind: kind, method: 0, body: body))
    }

    /// What could be compressed is not written where it leaves from.
    private var largestInPlace: Int { compresses ? Self.compressedAbove : limits.maxFrameBody }

    private func writeInPlace(
        _ kind: FrameKind, _ stream: StreamID, _ capacity: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        let base = output.reserve(FrameHeader.size + capacity)
        let room = UnsafeMutableRawBufferPointer(start: base + FrameHeader.size, count: capacity)
        let count = min(capacity, max(0, write(room)))
        FrameHeader.write(to: base, kind: kind, flags: [], method: 0, stream: stream, bodyCount: count)
        output.commit(FrameHeader.size + count)
    }

    // MARK: Streams

    /// Keeps an object beside the stream; every later callback of the stream carries it.
    ///
    /// - Returns: false if the stream is closed.
    @discardableResult
    package func setContext(_ stream: StreamID, _ context: AnyObject?) -> Bool {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard case .record(let index) = slot(stream) else { return false }
        table[index].context = context
        return true
    }

    /// From now on credit for this stream's items is given by ``grant(_:items:bytes:)`` alone.
    package func useManualCredit(_ stream: StreamID) {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard case .record(let index) = slot(stream) else { return }
        table[index].state.insert(.manualCredit)
    }

    /// Sends one item of a stream, at once if there is credit, else as soon as there is.
    package func sendItem(_ stream: StreamID, _ body: [UInt8]) -> SendResult {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard case .record(let index) = slot(stream), !table[index].state.contains(.sentEnd) else { return .closed }
        guard body.count <= limits.maxMessage else { return .full }
        let flow = flow(index)
        if body.count <= limits.maxFrameBody, takeWindow(flow, body.count) {
            writeFrame(.item, stream: stream, body: body)
            return .sent
        }
        guard flow.queuedItems < limits.maxQueuedItems, queuedBytes + body.count <= limits.maxQueuedBytes else {
            return .full
        }
        enqueue(index, OutgoingMessage(kind: .item, method: 0, body: body))
        return .queued
    }

    /// Sends one item of a stream, like ``sendItem(_:_:)``; what can leave at once is encoded where it leaves from.
    package func sendItem(_ stream: StreamID, _ message: some WireMessage) throws(WireError) -> SendResult {
        try message.withPacked { sendItem(stream, packed: $0) }
    }

    private func sendItem(_ stream: StreamID, packed: borrowing PackedMessage) -> SendResult {
        let count = packed.count
        if current == .pending, stream == currentStream { keepCurrent() }
        if count <= largestInPlace, case .record(let index) = slot(stream), !table[index].state.contains(.sentEnd),
            takeWindow(flow(index), count)
        {
            let base = output.reserve(FrameHeader.size + count)
            let room = UnsafeMutableRawBufferPointer(start: base + FrameHeader.size, count: count)
            let written = packed.write(to: room)
            FrameHeader.write(to: base, kind: .item, flags: [], method: 0, stream: stream, bodyCount: written)
            output.commit(FrameHeader.size + written)
            return .sent
        }
        let body = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = packed.write(to: UnsafeMutableRawBufferPointer(buffer))
        }
        return sendItem(stream, body)
    }

    /// Takes an item's credit if it may leave at once.
    private func takeWindow(_ flow: StreamFlow, _ bytes: Int) -> Bool {
        guard !flow.hasQueue, flow.windowIsOpen, output.count < limits.itemHighWater, state != .awaitingHello else {
            return false
        }
        flow.sendItems -= 1
        flow.sendBytes -= bytes
        return true
    }

    /// Sends an item; if there is no room for it, the peer is too slow for this stream, which is cut off. The delegate
    /// hears `cancelled` with RESOURCE_EXHAUSTED.
    package func sendItemOrCutOff(_ stream: StreamID, _ body: [UInt8]) {
        guard sendItem(stream, body) == .full, let index = table.find(stream) else { return }
        let status = WireStatus(.resourceExhausted, "the reader of this stream is too slow")
        dropQueue(index)
        if case .abandoned(let stream, let context, let status) = abandon(index, status) {
            deferred.append(.abandoned(stream, context, status))
        }
    }

    /// Half-close: no further item from this side.
    ///
    /// - Returns: false if the stream is closed or was ended before.
    @discardableResult
    package func finish(_ stream: StreamID) -> Bool {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard case .record(let index) = slot(stream), !table[index].state.contains(.sentEnd) else { return false }
        table[index].state.insert(.sentEnd)
        if table[index].flow?.hasQueue == true {
            enqueue(index, OutgoingMessage(kind: .end, method: 0, body: []))
        } else {
            writeFrame(.end, stream: stream)
            removeIfEnded(index)
        }
        return true
    }

    /// Gives a stream up: CANCEL, both directions end at once, what waited to be sent is dropped.
    package func cancel(_ stream: StreamID, reason: String) {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard let index = table.find(stream) else { return }
        let record = table[index]
        let peerKnows = role == .server || record.state.contains(.requested) || record.flow?.hasQueue == true
        if peerKnows, !record.state.contains(.abandoned) {
            writeFrame(.cancel, stream: stream, body: WireCancel(reason: reason).encoded())
        }
        _ = removeRecord(index)
    }

    /// Gives the peer credit for items that were consumed (streams with manual credit).
    package func grant(_ stream: StreamID, items: Int, bytes: Int) {
        guard case .record(let index) = slot(stream), !table[index].state.contains(.receivedEnd) else { return }
        grant(index, items: items, bytes: bytes)
    }

    /// An item was handed to the delegate: its room in the window is free again.
    func itemParsed(_ stream: StreamID, bytes: Int) {
        guard let index = table.find(stream) else { return }
        let state = table[index].state
        guard state.isDisjoint(with: [.manualCredit, .receivedEnd, .abandoned, .closing]) else { return }
        grant(index, items: 1, bytes: bytes)
    }

    /// Tells the peer about credit in halves of a window, not item by item.
    private func grant(_ index: Int, items: Int, bytes: Int) {
        let flow = flow(index)
        flow.unreportedItems += items
        flow.unreportedBytes += bytes
        let due = flow.unreportedItems * 2 >= flow.windowItems || flow.unreportedBytes * 2 >= flow.windowBytes
        if due { sendCredit(index, flow) }
    }

    /// Lets the peer have more on the way on a stream than the windows that all streams begin with.
    ///
    /// - Parameters:
    ///   - items: the whole window from now on, at most ``WireLimits/maxWindow``; less than there is changes nothing.
    ///   - bytes: likewise.
    package func widenWindow(_ stream: StreamID, items: Int, bytes: Int) {
        if current == .pending, stream == currentStream { keepCurrent() }
        guard case .record(let index) = slot(stream), !table[index].state.contains(.receivedEnd) else { return }
        let flow = flow(index)
        let more = (items: min(items, limits.maxWindow), bytes: min(bytes, limits.maxWindow))
        guard more.items > flow.windowItems || more.bytes > flow.windowBytes else { return }
        flow.unreportedItems += max(0, more.items - flow.windowItems)
        flow.unreportedBytes += max(0, more.bytes - flow.windowBytes)
        flow.windowItems = max(flow.windowItems, more.items)
        flow.windowBytes = max(flow.windowBytes, more.bytes)
        sendCredit(index, flow)
    }

    private func sendCredit(_ index: Int, _ flow: StreamFlow) {
        let grantedItems = UInt32(clamping: flow.unreportedItems)
        let grantedBytes = UInt32(clamping: flow.unreportedBytes)
        flow.receiveItems += Int(grantedItems)
        flow.receiveBytes += Int(grantedBytes)
        flow.unreportedItems = 0
        flow.unreportedBytes = 0
        let size = FrameHeader.size + 8
        let base = output.reserve(size)
        FrameHeader.write(
            to: base, kind: .credit, flags: [], method: 0, stream: table[index].id, bodyCount: 8)
        base.storeBytes(of: grantedItems.bigEndian, toByteOffset: 12, as: UInt32.self)
        base.storeBytes(of: grantedBytes.bigEndian, toByteOffset: 16, as: UInt32.self)
        output.commit(size)
    }

    // MARK: Client calls

    /// Opens a call or stream. Client only.
    ///
    /// The first frame always leaves at once, so that ids grow on the wire; the rest of a long request takes turns.
    /// - Returns: its id, or nil if the session opens no streams (not welcomed yet, draining, closing, ids used up,
    ///   too many in flight, a body over ``WireLimits/maxMessage``, or a long one that ``canBegin(_:)`` not yet).
    package func open(method: UInt16, body: [UInt8], context: AnyObject?, manualCredit: Bool = false) -> StreamID? {
        guard role == .client, state == .open, lastOpened < .max, table.count < limits.maxStreams,
            body.count <= limits.maxMessage, canBegin(body.count)
        else { return nil }
        lastOpened += 1
        let stream = lastOpened
        var state: StreamRecord.State = manualCredit ? .manualCredit : []
        if body.count <= limits.maxFrameBody {
            state.insert(.requested)
            _ = table.append(StreamRecord(id: stream, state: state, context: context))
            writeFrame(.request, method: method, stream: stream, body: body)
            return stream
        }
        let index = table.append(StreamRecord(id: stream, state: state, context: context))
        let first = limits.maxFrameBody
        body.withUnsafeBytes { bytes in
            writeFrame(
                .request, flags: .more, method: method, stream: stream,
                body: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
        }
        begunBytes += body.count
        enqueue(index, OutgoingMessage(kind: .request, method: method, body: body, sent: first))
        return stream
    }

    /// False while so many long messages are under way that the peer might not hold the beginning of one more of
    /// this size: it assembles ``WireLimits/maxAssemblingBytes`` at most, of which a sender uses half.
    package func canBegin(_ size: Int) -> Bool {
        size <= limits.maxFrameBody || begunBytes == 0 || begunBytes + size <= limits.maxAssemblingBytes / 2
    }

    // MARK: Queues

    private func enqueue(_ index: Int, _ message: OutgoingMessage) {
        flow(index).enqueue(message)
        queuedBytes += message.body.count - message.sent
        markReady(index)
    }

    /// Puts a stream into the ring of senders, if it has something that may leave.
    func markReady(_ index: Int) {
        guard !table[index].state.contains(.ready), table[index].flow?.canSend == true else { return }
        table[index].state.insert(.ready)
        ready.append(table[index].id)
    }

    /// Formats waiting messages, a frame of each stream in turn, until the output is at its high-water mark.
    func pump() {
        var passedOver = 0
        while passedOver < ready.count, output.count < limits.outputHighWater, state != .closing, state != .closed {
            let stream = ready.removeFirst()
            guard let index = table.find(stream) else { continue }
            guard let flow = table[index].flow, flow.canSend else {
                table[index].state.remove(.ready)
                continue
            }
            if flow.first.sent == 0, !canBegin(flow.first.body.count) {
                ready.append(stream)
                passedOver += 1
                continue
            }
            passedOver = 0
            table[index].state.remove(.ready)
            sendFragment(index, flow)
        }
    }

    private func sendFragment(_ index: Int, _ flow: StreamFlow) {
        let message = flow.first
        let stream = table[index].id
        if message.kind == .item, message.sent == 0 {
            flow.sendItems -= 1
            flow.sendBytes -= message.body.count
        }
        let count = min(limits.maxFrameBody, message.body.count - message.sent)
        let end = message.sent + count
        message.body.withUnsafeBytes { bytes in
            writeFrame(
                message.kind, flags: end < message.body.count ? .more : [], method: message.method, stream: stream,
                body: UnsafeRawBufferPointer(rebasing: bytes[message.sent..<end]))
        }
        queuedBytes -= count
        if message.sent == 0, end < message.body.count { begunBytes += message.body.count }
        if message.sent > 0, end == message.body.count { finishBegun(message) }
        if end < message.body.count {
            flow.first.sent = end
            markReady(index)
            return
        }
        flow.removeFirst()
        switch message.kind {
        case .item: noteDrained(stream, table[index].context)
        case .request: table[index].state.insert(.requested)
        default: break
        }
        if !flow.hasQueue, table[index].state.contains(.closing) {
            _ = removeRecord(index)
        } else if flow.hasQueue {
            markReady(index)
        } else {
            removeIfEnded(index)
        }
    }

    /// Items that leave one after the other are one piece of news.
    private func noteDrained(_ stream: StreamID, _ context: AnyObject?) {
        if case .drained(stream, _, let items)? = deferred.last {
            deferred[deferred.count - 1] = .drained(stream, context, items + 1)
        } else {
            deferred.append(.drained(stream, context, 1))
        }
    }

    private func finishBegun(_ message: OutgoingMessage) {
        begunBytes -= message.body.count
        if role == .client { deferred.append(.roomForLongRequests) }
    }

    func dropQueue(_ index: Int) {
        guard let flow = table[index].flow, flow.hasQueue else { return }
        if flow.first.sent > 0 { finishBegun(flow.first) }
        queuedBytes -= flow.queuedBytes
        flow.dropQueue()
    }

    // MARK: Records

    func flow(_ index: Int) -> StreamFlow {
        if let flow = table[index].flow { return flow }
        let flow = StreamFlow(items: limits.windowItems, bytes: limits.windowBytes)
        table[index].flow = flow
        return flow
    }

    /// Forgets a stream; returns what the delegate kept for it.
    func removeRecord(_ index: Int) -> AnyObject? {
        dropAssembly(index)
        dropQueue(index)
        let context = table[index].context
        table.remove(at: index)
        return context
    }

    func removeIfEnded(_ index: Int) {
        let both: StreamRecord.State = [.sentEnd, .receivedEnd]
        guard both.isSubset(of: table[index].state), table[index].flow?.hasQueue != true else { return }
        _ = removeRecord(index)
    }
}
