/// Bytes of one message that arrives in several frames, or of one compressed frame.
final class MessageBuffer {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Has an empty buffer of that capacity filled; it stays empty if `body` says false.
    func fill(_ size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Bool) -> Bool {
        guard size <= capacity, body(UnsafeMutableRawBufferPointer(start: base, count: size)) else { return false }
        count = size
        return true
    }

    func append(_ body: UnsafeRawBufferPointer) {
        guard let source = body.baseAddress, body.count > 0 else { return }
        let needed = count + body.count
        if needed > capacity {
            let grownCapacity = max(needed, capacity * 2)
            let grown = UnsafeMutableRawPointer.allocate(byteCount: grownCapacity, alignment: 16)
            grown.copyMemory(from: base, byteCount: count)
            base.deallocate()
            base = grown
            capacity = grownCapacity
        }
        (base + count).copyMemory(from: source, byteCount: body.count)
        count = needed
    }
}

/// A message that could not leave at once: it is longer than a frame, waits for credit or stands behind one that does.
struct OutgoingMessage {
    let kind: FrameKind
    let method: UInt16
    let body: [UInt8]
    /// Bytes of `body` that have left.
    var sent = 0
}

/// What a stream needs beyond its record: windows, the message being assembled, messages waiting to be sent.
final class StreamFlow {
    // Receiving.
    var receiveItems: Int
    var receiveBytes: Int
    /// The whole window: what the peer may have on the way before it waits for credit.
    var windowItems: Int
    var windowBytes: Int
    /// Consumed, but not yet granted again.
    var unreportedItems = 0
    var unreportedBytes = 0
    var assembly: MessageBuffer?
    var assemblyKind: FrameKind = .item
    var assemblyMethod: UInt16 = 0
    var assemblyStarted: UInt64 = 0

    // Sending.
    var sendItems: Int
    var sendBytes: Int
    private(set) var queue: [OutgoingMessage] = []
    private var queueHead = 0
    private(set) var queuedItems = 0

    init(items: Int, bytes: Int) {
        receiveItems = items
        receiveBytes = bytes
        windowItems = items
        windowBytes = bytes
        sendItems = items
        sendBytes = bytes
    }

    var hasQueue: Bool { queueHead < queue.count }

    /// An item may start while the window has an item and a byte left; its whole size is then charged, so that an item
    /// longer than the window can pass at all.
    var windowIsOpen: Bool { sendItems > 0 && sendBytes > 0 }

    /// True when the first waiting message may go on.
    var canSend: Bool {
        guard hasQueue else { return false }
        let first = queue[queueHead]
        return first.kind != .item || first.sent > 0 || windowIsOpen
    }

    func enqueue(_ message: OutgoingMessage) {
        queue.append(message)
        if message.kind == .item { queuedItems += 1 }
    }

    /// The first waiting message, which the caller has checked to be there.
    var first: OutgoingMessage {
        get { queue[queueHead] }
        set { queue[queueHead] = newValue }
    }

    func removeFirst() {
        if queue[queueHead].kind == .item { queuedItems -= 1 }
        queue[queueHead] = OutgoingMessage(kind: .end, method: 0, body: [])
        queueHead += 1
        if queueHead == queue.count {
            queue.removeAll(keepingCapacity: false)
            queueHead = 0
        } else if queueHead >= 64, queueHead > queue.count / 2 {
            queue.removeSubrange(..<queueHead)
            queueHead = 0
        }
    }

    /// Bytes that wait to be sent.
    var queuedBytes: Int {
        queue[queueHead...].reduce(0) { $0 + $1.body.count - $1.sent }
    }

    func dropQueue() {
        queue = []
        queueHead = 0
        queuedItems = 0
    }
}
