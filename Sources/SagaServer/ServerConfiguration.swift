package import SagaTransport

/// Everything that a server can be told; the command line fills it in.
package struct ServerConfiguration: Sendable {
    /// Where to listen, and how.
    package var listener: ListenerConfiguration
    /// File of tokens (see `TokenFile`); nil for none.
    package var tokensPath: String?
    /// Whether bodies of frames over 1 KiB are compressed for clients that announce that they understand it. Default false:
    /// it costs both sides CPU and pays on slow networks only.
    package var compression = false
    /// Name and version, as WELCOME and ServerInfo show them.
    package var version = "saga/0.1.0"
    /// What ServerInfo says of the store: `memory`, `sqlite`.
    package var storeName = "memory"
    /// Event loop threads. Default: one a core that may be used.
    package var threads: Int?
    /// What a draining server waits for running calls and workers. Default 30 s.
    package var drainGrace: Duration = .seconds(30)
    /// Advice to clients that a draining server sends away. Default 1 s.
    package var drainRetryAfterMS: UInt64 = 1_000
    /// Calls in flight over all connections; further ones get RESOURCE_EXHAUSTED. Default 65,536.
    package var maxCallsInFlight = 65_536
    /// Subscriptions, followed histories and exports of one connection, each of which may hold a page of up to a message's size while
    /// the client takes nothing; further ones get RESOURCE_EXHAUSTED. Default 64.
    package var maxPageStreams = 64
    /// Worker streams over all connections. Default 10,000.
    package var maxWorkers = 10_000
    /// Runs that come in from other servers at the same time.
    package var maxImports = 16
    /// Deadline of a call that does not say its own. Default 30 s.
    package var defaultDeadline: Duration = .seconds(30)
    /// How long a task token is good for beyond the attempt's own time-out, so that a report after a long outage counts.
    /// Default 24 h.
    package var taskTokenGrace: Duration = .seconds(86_400)
    /// Calls a person about a run that is blocked; at least once for each, again after a failure and after a restart.
    /// Nil: nobody.
    package var onBlocked: AlertQueue.Delivery?
    /// How long closed sagas are kept, by namespace; in others for ever.
    package var retention: [String: Duration] = [:]
    /// How often it is looked for some to remove. Default: a tenth of the shortest retention, from 1 s to 1 h.
    package var retentionInterval: Duration?

    package init(listener: ListenerConfiguration) { self.listener = listener }
}
