internal import Dispatch
public import Logging
public import SagaClient
public import SagaCore
internal import SagaRuntime
internal import SagaTransport
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Serves workflows and activities to a server (manual, section 7.5; wire.md, "Services").
///
/// ```swift
/// let worker = SagaWorker(client: client, workflows: workflows, activities: activities)
/// try await worker.run()
/// ```
///
/// A lost connection loses nothing: activities go on, and each report is kept until the server has acknowledged it and sent
/// again on the next stream.
public final class SagaWorker: Sendable {
    private let keeper: ConnectionKeeper
    /// Whether the connection is this worker's own, to be closed with it.
    private let ownsConnection: Bool
    private let link: WorkerLink
    private let host: WorkerHost
    private let options: WorkerOptions
    private let logger: Logger
    private let isRunning = Atomic(false)

    /// A worker on the connection of a client.
    public init(
        client: SagaClient, workflows: WorkflowRegistry = .init(), activities: ActivityRegistry = .init(),
        options: WorkerOptions = .init(), converter: any PayloadConverter = .json
    ) {
        keeper = client.keeper
        ownsConnection = false
        logger = client.logger
        self.options = options
        (host, link) = Self.parts(workflows, activities, options, converter, client.logger)
    }

    /// A worker with a connection of its own.
    /// - Throws: If the options cannot be used.
    public init(
        connection: ConnectionOptions, workflows: WorkflowRegistry = .init(), activities: ActivityRegistry = .init(),
        options: WorkerOptions = .init(), converter: any PayloadConverter = .json,
        logger: Logger = Logger(label: "saga.worker")
    ) throws(SagaClientError) {
        keeper = try ConnectionKeeper(connection, group: TransportGroup(threads: 1), logger: logger)
        ownsConnection = true
        self.logger = logger
        self.options = options
        (host, link) = Self.parts(workflows, activities, options, converter, logger)
    }

    private static func parts(
        _ workflows: WorkflowRegistry, _ activities: ActivityRegistry, _ options: WorkerOptions,
        _ converter: any PayloadConverter, _ logger: Logger
    ) -> (WorkerHost, WorkerLink) {
        let identity = options.identity.isEmpty ? processIdentity() : options.identity
        let limits = WorkerLimits(
            maxCachedRuns: options.maxCachedRuns, maxConcurrentActivities: options.maxConcurrentActivities,
            workflowThreads: options.workflowThreads)
        let host = WorkerHost(
            workflows: workflows, activities: activities, converter: converter, identity: identity, limits: limits,
            notice: { logger.warning("\($0)") })
        return (
            host,
            WorkerLink(
                host: host, taskQueues: options.taskQueues, maxWorkflowTasks: options.maxWorkflowTasks, logger: logger)
        )
    }

    /// Serves until the task is cancelled; then takes no new task, finishes what runs, and returns.
    ///
    /// Call it once.
    /// - Throws: `SagaClientError` if the server does not want this worker (credentials, permissions, a wrong offer).
    public func run() async throws(SagaClientError) {
        guard !isRunning.exchange(true, ordering: .relaxed) else {
            throw SagaClientError(.failedPrecondition, "the worker runs already, or has run")
        }
        host.attach(link)
        let result: Result<Void, SagaClientError>
        do throws(SagaClientError) {
            result = .success(try await serve())
        } catch {
            result = .failure(error)
        }
        // A task of its own: this one may be cancelled, and the end must still be awaited.
        let (link, host, options, keeper, ownsConnection) = (link, host, options, keeper, ownsConnection)
        await Task {
            if case .success = result { await link.drain(for: options.drainTimeout) }
            host.shutDown()
            link.stop()
            if ownsConnection {
                await keeper.close()
                await keeper.group.shutdown()
            }
        }.value
        try result.get()
    }

    private func serve() async throws(SagaClientError) {
        var failures: UInt32 = 0
        while !Task.isCancelled {
            let connection: ClientConnection
            do throws(SagaClientError) {
                connection = try await keeper.connection(until: .now + .seconds(3_600))
            } catch {
                if Task.isCancelled { return }
                guard error.isTransient else { throw error }
                logger.warning("the worker has no server: \(error.message)")
                continue
            }
            let opened = ContinuousClock.now
            let outcome = await link.serve(on: connection)
            if Task.isCancelled { return }
            if let failure = outcome {
                guard failure.isTransient || failure.code == .deadlineExceeded else { throw failure }
                logger.info("the worker's stream is gone; a new one follows", metadata: ["why": "\(failure.message)"])
            }
            // A stream that held for a while is no reason to wait; one that is dropped at once must not be asked for in a
            // hot loop.
            failures = opened.duration(to: .now) > .milliseconds(500) ? 0 : failures &+ 1
            if failures > 0 { try? await Task.sleep(for: outcome?.retryAfter ?? keeper.pause(after: failures)) }
        }
    }
}

/// `host/pid`.
private func processIdentity() -> String {
    var name = [CChar](repeating: 0, count: 256)
    let isKnown = gethostname(&name, name.count - 1) == 0
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let host = isKnown && !bytes.isEmpty ? String(decoding: bytes, as: UTF8.self) : "unknown"
    return "\(host)/\(getpid())"
}
