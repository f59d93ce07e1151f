internal import NIOCore
package import SagaWire
internal import Synchronization

/// What answers from other threads ask of a connection. Bodies are encoded messages.
package enum SessionCommand: Sendable {
    case respond(StreamID, [UInt8])
    /// An encoded `saga.v1.Status`.
    case fail(StreamID, status: [UInt8])
    case item(StreamID, [UInt8])
    case finish(StreamID)
    case release(StreamID)
    case cancel(StreamID, reason: String)
    case grant(StreamID, items: Int, bytes: Int)
    case goAway(reason: String, drainMS: UInt64, retryAfterMS: UInt64)
    case close(WireStatus?)
    /// Anything else, with the session, on its event loop; the second function runs instead if the connection is over.
    case perform(@Sendable (SessionCore) -> Void, ifClosed: (@Sendable () -> Void)?)
}

extension SessionCommand {
    /// Whether it is the session's business only; what ends a connection is the channel's as well.
    fileprivate var isForAnyThread: Bool {
        switch self {
        case .goAway, .close: false
        default: true
        }
    }
}

extension SessionCore {
    /// Carries out any command but GOAWAY, which is more than the session's own business.
    @inline(__always)
    func carryOut(_ command: SessionCommand) {
        switch command {
        case .respond(let stream, let body): respond(stream, body)
        case .fail(let stream, let status): fail(stream, status: status)
        case .item(let stream, let body): sendItemOrCutOff(stream, body)
        case .finish(let stream): finish(stream)
        case .release(let stream): release(stream)
        case .cancel(let stream, let reason): cancel(stream, reason: reason)
        case .grant(let stream, let items, let bytes): grant(stream, items: items, bytes: bytes)
        case .goAway: break
        case .close(let status): close(status)
        case .perform(let body, _): body(self)
        }
    }
}

/// What one event loop shares between its connections: buffers for the read under way, the mailbox, the half-second
/// tick. Everything but the mailbox is touched on the loop's thread only.
final class TransportLoop: @unchecked Sendable {
    let eventLoop: any EventLoop

    /// Plaintext of the read under way. Sessions copy what they keep.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * TLSEngine.recordSize, alignment: 16)
    /// Ciphertext on its way to the channel; its storage is used again when the channel has let go of it.
    @exclusivity(unchecked) var outgoing: ByteBuffer

    private var connections: [ChannelConnection] = []
    private var dirty: [ChannelConnection] = []
    private var isFlushScheduled = false
    private var ticker: RepeatedTask?
    private let mailbox = Mutex(Mailbox())
    /// The mailbox's other array, empty; on the loop.
    private var opened: [(ConnectionPort, SessionCommand)] = []
    private static let mostKeptLetters = 4_096

    private struct Mailbox {
        var letters: [(ConnectionPort, SessionCommand)] = []
        var isWakeUpDue = false
    }

    static let tickInterval = TimeAmount.milliseconds(500)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        outgoing = ByteBufferAllocator().buffer(capacity: 32_768)
    }

    deinit { scratch.deallocate() }

    // MARK: Connections

    func add(_ connection: ChannelConnection) {
        connection.registryIndex = connections.count
        connections.append(connection)
        guard ticker == nil else { return }
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: Self.tickInterval, delay: Self.tickInterval) {
            [weak self] _ in self?.tick()
        }
    }

    func remove(_ connection: ChannelConnection) {
        let index = connection.registryIndex
        guard index >= 0, index < connections.count, connections[index] === connection else { return }
        connection.registryIndex = -1
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.registryIndex = index
        }
    }

    var connectionCount: Int { connections.count }

    /// The connections of one owner; a copy, so that they may close meanwhile.
    func connections(ownedBy owner: AnyObject) -> [ChannelConnection] {
        connections.filter { $0.owner === owner }
    }

    private func tick() {
        let now = MonotonicClock.now()
        for connection in connections { connection.tick(now) }
        if connections.isEmpty {
            ticker?.cancel()
            ticker = nil
        }
    }

    func stop() {
        eventLoop.execute { [self] in
            ticker?.cancel()
            ticker = nil
        }
    }

    // MARK: Commands from anywhere

    /// Delivers a command of another thread by the mailbox, with one wake-up for many.
    func send(_ command: SessionCommand, to port: ConnectionPort) {
        let wakeUp = mailbox.withLock { mailbox in
            mailbox.letters.append((port, command))
            defer { mailbox.isWakeUpDue = true }
            return !mailbox.isWakeUpDue
        }
        if wakeUp { eventLoop.execute { [self] in openMailbox() } }
    }

    private func openMailbox() {
        // Two arrays change places, so that neither grows anew each time. A callback that opens the mailbox again finds none here.
        var letters = exchange(&opened, with: [])
        mailbox.withLock { mailbox in
            mailbox.isWakeUpDue = false
            swap(&mailbox.letters, &letters)
        }
        for (port, command) in letters { port.open(command) }
        letters.removeAll(keepingCapacity: letters.capacity <= Self.mostKeptLetters)
        opened = letters
        flushDirty()
    }

    /// Flushes the connection at the end of this turn of the loop.
    func markDirty(_ connection: ChannelConnection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute { [self] in
            isFlushScheduled = false
            flushDirty()
        }
    }

    private func flushDirty() {
        while !dirty.isEmpty {
            for connection in exchange(&dirty, with: []) {
                connection.isDirty = false
                connection.flush()
            }
        }
    }
}

/// Puts a new value in place of the old one, which is returned.
func exchange<T>(_ place: inout T, with value: T) -> T {
    let old = place
    place = value
    return old
}

/// A connection as other threads see it: commands are carried out on its event loop, or, if that has nothing to do with the
/// connection just then, on the thread that brings them. Cheap to copy around, safe after the end.
package final class ConnectionPort: @unchecked Sendable {
    private let loop: TransportLoop
    let gate = ConnectionGate()
    /// Changed on the loop and inside the gate, so that either is enough to look at it; nil once the connection is over.
    private var connection: ChannelConnection?

    /// Set at the end, so that later commands do not wake a loop that may be gone itself.
    private let isOver = Atomic(false)
    /// Commands in the loop's mailbox, which nothing may overtake.
    private let letters = Atomic(0)
    /// Until when, in nanoseconds, the sends of threads themselves would last if each took ``directInterval``.
    private let directEnd = Atomic<UInt64>(0)
    /// More than one in so long go by the mailbox, so that under load many share a record, a write and a wake-up.
    private static let directInterval: UInt64 = 200_000
    /// How far the sends may run ahead of that: the few messages of one run that follow each other closely are no load.
    private static let directAhead: UInt64 = 1_000_000

    init(loop: TransportLoop) { self.loop = loop }

    func attach(_ connection: ChannelConnection) { gate.onLoop { self.connection = connection } }

    func detach() {
        gate.onLoop { connection = nil }
        isOver.store(true, ordering: .releasing)
    }

    /// Carries out a command on the connection. After the connection's end it is dropped.
    package func send(_ command: SessionCommand) {
        if isOver.load(ordering: .acquiring) { return drop(command) }
        if loop.eventLoop.inEventLoop { return deliver(command) }
        if sendDirectly(command) { return }
        letters.add(1, ordering: .acquiringAndReleasing)
        loop.send(command, to: self)
    }

    /// Carries a command out on the calling thread, if that is no event loop's business now; false if nothing was done.
    private func sendDirectly(_ command: SessionCommand) -> Bool {
        guard letters.load(ordering: .acquiring) == 0, command.isForAnyThread else { return false }
        let now = MonotonicClock.now()
        guard directEnd.load(ordering: .relaxed) <= now &+ Self.directAhead else { return false }
        let result = gate.ifFree { () -> (isDone: Bool, isSent: Bool) in
            guard letters.load(ordering: .acquiring) == 0, let connection, connection.isOpenToOthers else {
                return (false, false)
            }
            directEnd.store(max(now, directEnd.load(ordering: .relaxed)) &+ Self.directInterval, ordering: .relaxed)
            connection.apply(command)
            return (true, connection.flushDirectly())
        }
        guard let result, result.isDone else { return false }
        if !result.isSent {
            loop.eventLoop.execute { [self] in if let connection { loop.markDirty(connection) } }
        }
        return true
    }

    private func drop(_ command: SessionCommand) {
        if case .perform(_, let ifClosed?) = command { ifClosed() }
    }

    /// True on the thread of the connection's event loop.
    package var isOnLoop: Bool { loop.eventLoop.inEventLoop }

    private func deliver(_ command: SessionCommand) {
        guard let connection else { return drop(command) }
        gate.onLoop { connection.apply(command) }
        if !connection.isReceiving { loop.markDirty(connection) }
    }

    /// A command from the mailbox.
    fileprivate func open(_ command: SessionCommand) {
        gate.onLoop {
            deliver(command)
            letters.subtract(1, ordering: .acquiringAndReleasing)
            connection?.prepareForOthers()
        }
    }

    /// A handle on one of the connection's streams.
    package func stream(_ id: StreamID) -> ServerStream { ServerStream(port: self, id: id) }
}

/// One call or stream of a server's connection, to be answered from any thread, at any time.
package struct ServerStream: Sendable {
    package let port: ConnectionPort
    package let id: StreamID

    package init(port: ConnectionPort, id: StreamID) {
        self.port = port
        self.id = id
    }

    /// Answers; ends both directions.
    package func respond(_ body: [UInt8]) { port.send(.respond(id, body)) }
    /// Answers with ERROR and an encoded `saga.v1.Status`; ends both directions.
    package func fail(status: [UInt8]) { port.send(.fail(id, status: status)) }
    /// Answers with ERROR; ends both directions.
    package func fail(_ status: WireStatus) { port.send(.fail(id, status: status.encoded())) }
    /// Sends an item. If the client is so slow that the queue is full, the stream is cut off and the delegate told.
    package func item(_ body: [UInt8]) { port.send(.item(id, body)) }
    /// Half-close.
    package func finish() { port.send(.finish(id)) }
    /// Says that the handler of a cancelled stream has ended.
    package func release() { port.send(.release(id)) }
}
