internal import Logging
internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

/// What all connections of a server share.
final class ServerCore: SessionService {
    typealias Connection = ServerConnection

    let configuration: ServerConfiguration
    let driver: ShardDriver
    /// What is special about namespaces.
    let namespaces: [String: NamespaceOptions]
    let schedules: ScheduleDesk
    let authenticator: Authenticator
    let tokenKey: TaskTokenKey
    /// Calls a person when a run is blocked; nil if nobody is to be called.
    let alerts: AlertQueue?
    let logger: Logger
    /// Names this process, for logs and ServerInfo.
    let serverID: String
    let startedAt: Timestamp
    let callsInFlight = Atomic(0)
    let workers = Atomic(0)
    /// Runs that are coming in from other servers.
    let imports = Atomic(0)
    let isDraining = Atomic(false)
    /// Called once, by Admin.Drain.
    let drainRequest = Mutex<(@Sendable (Duration) -> Void)?>(nil)
    /// Asks the listener, which is made after this.
    let connectionCounter = Mutex<(@Sendable () -> Int)?>(nil)
    private let connections = Mutex(ConnectionRegistry())
    /// Nanoseconds that a call may take which does not say.
    let standardDeadline: UInt64

    init(
        configuration: ServerConfiguration, driver: ShardDriver, namespaces: [String: NamespaceOptions],
        authenticator: Authenticator, alerts: AlertQueue?,
        logger: Logger
    ) {
        self.alerts = alerts
        self.configuration = configuration
        self.driver = driver
        self.namespaces = namespaces
        schedules = ScheduleDesk(driver, logger: logger)
        self.authenticator = authenticator
        self.logger = logger
        tokenKey = TaskTokenKey(driver.metadata.taskTokenKey)
        serverID = hex(Crypto.randomBytes(8))
        startedAt = EngineClock.now().wall
        standardDeadline = UInt64(max(1, configuration.defaultDeadline.wholeMicroseconds)) &* 1_000
    }

    func makeConnection(_ context: ConnectionContext) -> ServerConnection {
        ServerConnection(core: self, context: context)
    }

    // MARK: Connections

    var connectionCount: Int { connectionCounter.withLock { $0 }?() ?? 0 }

    func add(_ connection: ServerConnection) { connections.withLock { $0.add(connection) } }
    func remove(_ connection: ServerConnection) { connections.withLock { $0.remove(connection) } }

    /// Wakes the connections that have something due. Called ten times a second by the server's clock.
    func lookAtClocks() {
        let monotonic = MonotonicClock.now()
        let due = connections.withLock { $0.due(monotonic) }
        for connection in due { connection.context.port.onLoop { connection.clockStruck($0) } }
    }

    // MARK: Limits

    /// Counts a call; false if there are too many.
    func admitCall() -> Bool {
        let count = callsInFlight.add(1, ordering: .relaxed).newValue
        guard count > configuration.maxCallsInFlight else { return true }
        callsInFlight.subtract(1, ordering: .relaxed)
        return false
    }

    func callEnded() { callsInFlight.subtract(1, ordering: .relaxed) }

    // MARK: Task tokens

    func token(_ subject: TaskToken.Subject, lifetime micros: Int64, namespace: String) -> [UInt8] {
        let grace = configuration.taskTokenGrace.wholeMicroseconds
        let expiresAt = EngineClock.now().wall.adding(microseconds: micros).adding(microseconds: grace)
        return TaskToken(subject, expiresAt: expiresAt).encoded(key: tokenKey, namespace: namespace)
    }

    func subject(of token: [UInt8], namespace: String) -> TaskToken.Subject? {
        TaskToken(token, key: tokenKey, namespace: namespace, now: EngineClock.now().wall)?.subject
    }
}

/// The connections that passed their hello.
private struct ConnectionRegistry {
    private var connections: [ServerConnection] = []

    mutating func add(_ connection: ServerConnection) {
        connection.registryIndex = connections.count
        connections.append(connection)
    }

    mutating func remove(_ connection: ServerConnection) {
        let index = connection.registryIndex
        guard connections.indices.contains(index), connections[index] === connection else { return }
        connection.registryIndex = -1
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.registryIndex = index
        }
    }

    func due(_ now: UInt64) -> [ServerConnection] {
        connections.filter { $0.nextDue.load(ordering: .relaxed) <= now }
    }
}
