internal import ArgumentParser

/// The flags of `saga server` and `saga dev`, one for each setting. What is not given here comes from the environment, the
/// file or the default.
struct ServerFlags: ParsableArguments {
    @Option(help: ArgumentHelp(ServerSettings.Name.listen.help))
    var listen: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.store.help))
    var store: String?
    @Flag(help: ArgumentHelp(ServerSettings.Name.allowUnsafeDurability.help))
    var allowUnsafeDurability = false
    @Option(help: ArgumentHelp(ServerSettings.Name.cert.help))
    var cert: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.key.help))
    var key: String?
    @Option(name: .customLong("client-ca"), help: ArgumentHelp(ServerSettings.Name.clientCA.help))
    var clientCA: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.tokens.help))
    var tokens: String?
    @Flag(help: ArgumentHelp(ServerSettings.Name.insecure.help))
    var insecure = false
    @Option(help: ArgumentHelp(ServerSettings.Name.threads.help))
    var threads: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.reclaimGrace.help))
    var reclaimGrace: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.cancelGrace.help))
    var cancelGrace: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.activityTimeout.help))
    var activityTimeout: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.drainGrace.help))
    var drainGrace: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.maxConnections.help))
    var maxConnections: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.maxLiveRuns.help))
    var maxLiveRuns: String?
    @Flag(help: ArgumentHelp(ServerSettings.Name.compression.help))
    var compression = false
    @Option(help: ArgumentHelp(ServerSettings.Name.snapshotEvents.help))
    var snapshotEvents: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.snapshotBytes.help))
    var snapshotBytes: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.snapshotInterval.help))
    var snapshotInterval: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.snapshotsKept.help))
    var snapshotsKept: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.blobBytes.help))
    var blobBytes: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.onBlocked.help))
    var onBlocked: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.retention.help))
    var retention: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.virtualClock.help))
    var virtualClock: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.maxOpenSagas.help))
    var maxOpenSagas: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.startsPerSecond.help))
    var startsPerSecond: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.maxPayload.help))
    var maxPayload: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.queueLimits.help))
    var queueLimits: String?
    @Option(help: ArgumentHelp(ServerSettings.Name.logLevel.help))
    var logLevel: String?

    /// What was given.
    var values: [ServerSettings.Name: String] {
        let all: [(ServerSettings.Name, String?)] = [
            (.listen, listen), (.store, store),
            (.allowUnsafeDurability, allowUnsafeDurability ? "true" : nil), (.cert, cert), (.key, key),
            (.clientCA, clientCA), (.tokens, tokens),
            (.insecure, insecure ? "true" : nil), (.threads, threads), (.reclaimGrace, reclaimGrace),
            (.cancelGrace, cancelGrace), (.activityTimeout, activityTimeout), (.drainGrace, drainGrace),
            (.maxConnections, maxConnections), (.maxLiveRuns, maxLiveRuns),
            (.compression, compression ? "true" : nil),
            (.snapshotEvents, snapshotEvents), (.snapshotBytes, snapshotBytes),
            (.snapshotInterval, snapshotInterval), (.snapshotsKept, snapshotsKept), (.blobBytes, blobBytes),
            (.onBlocked, onBlocked),
            (.retention, retention), (.virtualClock, virtualClock), (.maxOpenSagas, maxOpenSagas),
            (.startsPerSecond, startsPerSecond), (.maxPayload, maxPayload), (.queueLimits, queueLimits),
            (.logLevel, logLevel),
        ]
        var values: [ServerSettings.Name: String] = [:]
        for (name, value) in all { values[name] = value }
        return values
    }
}

extension ServerSettings.Name {
    /// The meaning, the default and the variable, for `--help`.
    var help: String {
        let standard =
            defaultValue.isEmpty || self == .insecure || self == .allowUnsafeDurability || self == .compression
            ? "" : "; default \(defaultValue)"
        return "\(meaning) [\(variable)\(standard)]"
    }
}
