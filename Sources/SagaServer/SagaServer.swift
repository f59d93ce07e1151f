internal import Dispatch
package import Logging
package import SagaCore
internal import SagaEngine
package import SagaTransport
internal import ServiceLifecycle
internal import Synchronization

/// The server: an engine behind a listener. Runs as a service of swift-service-lifecycle; a graceful shutdown drains it.
///
/// ```
/// start: recover the store → listen      drain: GOAWAY → calls and workers finish → engine durable → store closed
/// ```
package final class SagaServer: Service {
    private let core: ServerCore
    private let listener: SagaListener<ServerCore>
    private let group: TransportGroup
    private let logger: Logger
    private let clock = ServerClock()
    private let retention: RetentionKeeper
    private let drainRequests: AsyncStream<Duration>
    private let drainContinuation: AsyncStream<Duration>.Continuation

    /// Where it listens, with the port that the system chose.
    package var address: TransportAddress { listener.address }
    /// Calls that wait for their answer, on all connections.
    package var callsInFlight: Int { core.callsInFlight.load(ordering: .relaxed) }

    /// Opens the store's facts, recovers every open run, and listens.
    /// - Parameters:
    ///   - configuration: See there.
    ///   - store: Where histories live; the server closes it when it ends.
    ///   - engine: How the engine runs.
    ///   - logger: For operators.
    /// - Throws: `StoreError`, `SagaError` (configuration), `TLSError` or `TransportError`, each with a message for people.
    package static func start(
        _ configuration: ServerConfiguration, store: any EventStore, engine: SagaEngineConfig = SagaEngineConfig(),
        logger: Logger
    ) async throws -> SagaServer {
        var demandsCertificate = false
        if case .tls(let tls) = configuration.listener.security { demandsCertificate = tls.clientCAPath != nil }
        let authenticator = try Authenticator(
            tokensPath: configuration.tokensPath, demandsCertificate: demandsCertificate)
        var alerts: AlertQueue?
        var onBlocked: (@Sendable (BlockedRun) -> Void)?
        if let deliver = configuration.onBlocked {
            let queue = AlertQueue(deliver: deliver, logger: logger)
            alerts = queue
            onBlocked = { queue.add($0) }
        }
        let driver = try await ShardDriver(
            store: store, config: engine, logger: logger, onBlocked: onBlocked,
            deferral: { TransportGroup.afterThisTurn($0) })
        await driver.start()
        let core = ServerCore(
            configuration: configuration, driver: driver, namespaces: engine.namespaces, authenticator: authenticator,
            alerts: alerts, logger: logger)
        let group = configuration.threads.map { TransportGroup(threads: $0) } ?? TransportGroup()
        let listener: SagaListener<ServerCore>
        do {
            listener = try await SagaListener.start(
                configuration.listener, group: group, service: core, logger: logger)
        } catch {
            alerts?.stop()
            core.schedules.stop()
            await driver.shutDown()
            await store.close()
            await group.shutdown()
            throw error
        }
        logger.info("the server listens", metadata: ["address": "\(listener.address)"])
        return SagaServer(core: core, listener: listener, group: group, logger: logger)
    }

    private init(core: ServerCore, listener: SagaListener<ServerCore>, group: TransportGroup, logger: Logger) {
        self.core = core
        self.listener = listener
        self.group = group
        self.logger = logger
        retention = RetentionKeeper(
            core.driver, periods: core.configuration.retention, interval: core.configuration.retentionInterval,
            logger: logger)
        (drainRequests, drainContinuation) = AsyncStream.makeStream(of: Duration.self)
        core.connectionCounter.withLock { $0 = { [listener] in listener.connectionCount } }
        core.drainRequest.withLock { $0 = { [drainContinuation] in _ = drainContinuation.yield($0) } }
        clock.start { [core] in core.lookAtClocks() }
        retention.start()
    }

    /// Serves until the service group shuts down gracefully, the task is cancelled, or an administrator drains it.
    package func run() async throws {
        let requests = drainRequests
        let requested = await cancelWhenGracefulShutdown {
            for await grace in requests { return Optional(grace) }
            return nil
        }
        await shutDown(grace: requested ?? core.configuration.drainGrace)
    }

    /// Drains and ends: GOAWAY, workers finish, the engine makes everything durable, the store is closed.
    package func shutDown(grace: Duration) async {
        guard !core.isDraining.exchange(true, ordering: .acquiringAndReleasing) else { return }
        logger.info("the server drains", metadata: ["grace": "\(grace)"])
        await listener.drain(
            reason: "the server drains", grace: grace, retryAfterMS: core.configuration.drainRetryAfterMS)
        clock.stop()
        retention.stop()
        core.alerts?.stop()
        core.schedules.stop()
        await core.driver.shutDown()
        await core.driver.store.close()
        await group.shutdown()
        logger.info("the server has ended")
    }

    /// Reads tokens and certificates anew, as on SIGHUP; what does not read leaves the old in force.
    package func reload() throws {
        try core.authenticator.reload()
        if case .tls(let tls) = core.configuration.listener.security { try listener.reload(tls) }
    }
}

/// Strikes ten times a second.
private final class ServerClock: Sendable {
    private let queue = DispatchQueue(label: "saga.server-clock")
    private let isStopped = Atomic(false)

    func start(_ body: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .now() + .milliseconds(100)) { [self] in
            guard !isStopped.load(ordering: .relaxed) else { return }
            body()
            start(body)
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }
}
