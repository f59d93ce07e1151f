internal import SagaCore

/// Everything `saga server` can be told, and where each value came from: a flag, the environment, the file, or the default.
struct ServerSettings {
    /// One setting: the flag `--name`, the variable `SAGA_NAME`, the line `name = …` of the file.
    enum Name: String, CaseIterable {
        case listen
        case store
        case allowUnsafeDurability = "allow-unsafe-durability"
        case cert
        case key
        case clientCA = "client-ca"
        case tokens
        case insecure
        case threads
        case reclaimGrace = "reclaim-grace"
        case cancelGrace = "cancel-grace"
        case activityTimeout = "activity-timeout"
        case drainGrace = "drain-grace"
        case maxConnections = "max-connections"
        case maxLiveRuns = "max-live-runs"
        case compression
        case snapshotEvents = "snapshot-events"
        case snapshotBytes = "snapshot-bytes"
        case snapshotInterval = "snapshot-interval"
        case snapshotsKept = "snapshots-kept"
        case blobBytes = "blob-bytes"
        case onBlocked = "on-blocked"
        case retention
        case virtualClock = "virtual-clock"
        case maxOpenSagas = "max-open-sagas"
        case startsPerSecond = "starts-per-second"
        case maxPayload = "max-payload"
        case queueLimits = "queue-limits"
        case logLevel = "log-level"

        /// `SAGA_CLIENT_CA`.
        var variable: String {
            "SAGA_" + rawValue.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        }

        var defaultValue: String {
            switch self {
            case .listen: "127.0.0.1:\(Address.defaultPort)"
            case .store: "sqlite:saga.db"
            case .cert, .key, .clientCA, .tokens: ""
            case .insecure, .allowUnsafeDurability, .compression: "false"
            case .threads: "0"
            case .reclaimGrace: "10s"
            case .cancelGrace: "60s"
            case .activityTimeout: "300s"
            case .drainGrace: "30s"
            case .maxConnections: "10000"
            case .maxLiveRuns: "8192"
            case .snapshotEvents: "100"
            case .snapshotBytes: "0"
            case .snapshotInterval: "0s"
            case .snapshotsKept: "2"
            case .blobBytes: "32768"
            case .onBlocked, .retention, .virtualClock, .maxOpenSagas, .startsPerSecond, .maxPayload, .queueLimits: ""
            case .logLevel: "info"
            }
        }

        var meaning: String {
            switch self {
            case .listen: "address to listen on: HOST:PORT, or unix:PATH"
            case .store: "sqlite:PATH, postgres://…, postgres:KEYWORD=VALUE …, or memory (nothing survives)"
            case .allowUnsafeDurability: "use a PostgreSQL that runs with fsync or full_page_writes off"
            case .cert: "PEM file with the server's certificate chain"
            case .key: "PEM file with its private key"
            case .clientCA: "PEM file: only clients with a certificate of this authority may connect"
            case .tokens: "file of tokens (see: saga token new); reloaded on SIGHUP"
            case .insecure: "no TLS; only on loopback addresses and Unix sockets"
            case .threads: "event loops; 0 = one a core"
            case .reclaimGrace: "after a start, how long a task that may still run is not handed out again"
            case .cancelGrace: "how long workflow code may take to close after a cancel"
            case .activityTimeout: "start-to-close time-out of steps that do not say their own"
            case .drainGrace: "how long a server that stops waits for what runs"
            case .maxConnections: "connections at the same time; more are refused"
            case .maxLiveRuns: "open sagas kept whole in memory; others that wait are kept as a few hundred bytes each"
            case .compression: "compress long messages (LZ4) for clients that ask for it"
            case .snapshotEvents: "events of a saga between two snapshots; 0 = their number does not count"
            case .snapshotBytes: "bytes of payload between two snapshots; 0 = they do not count"
            case .snapshotInterval: "time between two snapshots of a saga that goes on; 0s = it does not count"
            case .snapshotsKept: "how many of the newest snapshots of a saga stay"
            case .blobBytes: "bytes of data from which on a payload is stored apart from its event"
            case .onBlocked:
                "a command that is run, or an http(s) URL that is posted to, for each saga that needs a person"
            case .retention: "how long closed sagas are kept: NAMESPACE=TIME, …; in other namespaces for ever"
            case .virtualClock:
                "namespaces whose time is virtual, for good: NAMESPACE or NAMESPACE=2027-03-01T00:00:00Z to begin there, …"
            case .maxOpenSagas: "open sagas at most: NAMESPACE=NUMBER, …; * for namespaces that are not named"
            case .startsPerSecond: "sagas started in a second at most: NAMESPACE=NUMBER, …; * for the others"
            case .maxPayload: "bytes of a payload at most: NAMESPACE=BYTES, …; * for the others"
            case .queueLimits:
                "NAMESPACE/QUEUE=TASKS@RATE, …: tasks with workers at most and a second at most, 0 = any; * for the others"
            case .logLevel: "trace, debug, info, notice, warning, error or critical"
            }
        }
    }

    /// Where a value came from.
    enum Source: Equatable {
        case flag
        case environment
        case file(String)
        case standard

        var text: String {
            switch self {
            case .flag: "flag"
            case .environment: "environment"
            case .file(let path): path
            case .standard: "default"
            }
        }
    }

    enum Store: Equatable {
        case memory
        case sqlite(path: String)
        /// What libpq understands.
        case postgres(connection: String)

        /// Reads `memory`, `sqlite:PATH`, a PostgreSQL URI, or `postgres:` and libpq's keywords, which may be none.
        init?(_ text: String) {
            if text == "memory" {
                self = .memory
            } else if text.hasPrefix("sqlite:"), text.count > 7 {
                self = .sqlite(path: String(text.dropFirst(7)))
            } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
                self = .postgres(connection: text)
            } else if let scheme = ["postgres:", "postgresql:"].first(where: text.hasPrefix) {
                self = .postgres(connection: String(text.dropFirst(scheme.count)))
            } else {
                return nil
            }
        }

        /// For people: without a password.
        var text: String {
            switch self {
            case .memory: "memory"
            case .sqlite(let path): "sqlite:\(path)"
            case .postgres(let connection):
                Self.withoutPassword(connection.contains("://") ? connection : "postgres:\(connection)")
            }
        }

        private static func withoutPassword(_ text: String) -> String {
            text.replacing(/(:\/\/[^:@\/]*):[^@\/]*@/) { "\($0.1):***@" }
                .replacing(/(\bpassword\s*=\s*)('[^']*'|[^\s&]*)/) { "\($0.1)***" }
        }
    }

    private(set) var values: [(name: Name, text: String, source: Source)]
    private(set) var listen = Address.standard
    private(set) var store = Store.memory
    private(set) var allowsUnsafeDurability = false
    private(set) var cert: String?
    private(set) var key: String?
    private(set) var clientCA: String?
    private(set) var tokens: String?
    private(set) var isInsecure = false
    /// Nil means one a core.
    private(set) var threads: Int?
    var engine = SagaEngineConfig()
    private(set) var drainGrace = Duration.seconds(30)
    /// Bytes of data from which on a payload is stored apart from its event.
    private(set) var blobThreshold = Payload.defaultBlobThreshold
    private(set) var maxConnections = 10_000
    private(set) var compression = false
    /// Who is told about blocked sagas; nil is nobody.
    private(set) var onBlocked: AlertDoor?
    /// How long closed sagas are kept, by namespace.
    private(set) var retention: [String: Duration] = [:]
    private(set) var logLevel = "info"

    /// - Parameters:
    ///   - flags: Values given on the command line.
    ///   - environment: Reads a variable.
    ///   - file: The settings file, if there is one.
    /// - Throws: `Failure` that names the setting, where its value came from, and what would be right.
    init(
        flags: [Name: String], environment: (String) -> String?, file: SettingsFile? = nil
    ) throws(Failure) {
        try file?.check(against: Name.allCases.map(\.rawValue))
        values = Name.allCases.map { name in
            if let value = flags[name] { return (name, value, .flag) }
            if let value = environment(name.variable), !value.isEmpty { return (name, value, .environment) }
            if let file, let value = file.value(name.rawValue) { return (name, value, .file(file.path)) }
            return (name, name.defaultValue, .standard)
        }
        for value in values { try read(value.name, value.text, value.source) }
        completeNamespaces()
        try checkTogether()
    }

    private mutating func read(_ name: Name, _ text: String, _ source: Source) throws(Failure) {
        func wrong(_ right: String) -> Failure {
            Failure(.usage, "\(name.rawValue) is \(Wording.safe(text)) (from \(source.text)): \(right)")
        }
        func duration() throws(Failure) -> Duration {
            guard let value = DurationText.read(text) else { throw wrong("give a time such as 500ms, 10s or 5m") }
            return value
        }
        let path = text.isEmpty ? nil : text
        switch name {
        case .listen:
            guard let address = Address(text) else { throw wrong("give HOST:PORT, [IPV6]:PORT or unix:PATH") }
            listen = address
        case .store:
            guard let value = Store(text) else { throw wrong("give sqlite:PATH, postgres://… or memory") }
            store = value
        case .allowUnsafeDurability:
            guard let value = Bool(text) else { throw wrong("give true or false") }
            allowsUnsafeDurability = value
        case .cert: cert = path
        case .key: key = path
        case .clientCA: clientCA = path
        case .tokens: tokens = path
        case .insecure:
            guard let value = Bool(text) else { throw wrong("give true or false") }
            isInsecure = value
        case .threads:
            guard let value = Int(text), (0...1_024).contains(value) else { throw wrong("give 0 to 1024") }
            threads = value == 0 ? nil : value
        case .reclaimGrace: engine.reclaimGrace = try duration()
        case .cancelGrace: engine.cancelGrace = try duration()
        case .activityTimeout: engine.defaultActivityTimeout = try duration()
        case .drainGrace: drainGrace = try duration()
        case .maxConnections:
            guard let value = Int(text), (1...1_000_000).contains(value) else { throw wrong("give 1 to 1000000") }
            maxConnections = value
        case .maxLiveRuns:
            guard let value = Int(text), (0...100_000_000).contains(value) else { throw wrong("give 0 to 100000000") }
            engine.maxLiveRuns = value
        case .compression:
            guard let value = Bool(text) else { throw wrong("give true or false") }
            compression = value
        case .snapshotEvents:
            guard let value = UInt64(text), value <= 1_000_000_000 else { throw wrong("give 0 to 1000000000") }
            engine.snapshots.events = value
        case .blobBytes:
            guard let value = Int(text), (0...1_000_000_000_000).contains(value) else {
                throw wrong("give 0 to 1000000000000")
            }
            blobThreshold = value
        case .snapshotBytes:
            guard let value = Int(text), (0...1_000_000_000_000).contains(value) else {
                throw wrong("give 0 to 1000000000000")
            }
            engine.snapshots.bytes = value
        case .snapshotInterval:
            let value = try duration()
            engine.snapshots.interval = value == .zero ? nil : value
        case .snapshotsKept:
            guard let value = Int(text), (1...1_000).contains(value) else { throw wrong("give 1 to 1000") }
            engine.snapshots.kept = value
        case .onBlocked: onBlocked = try path.map { text throws(Failure) in try AlertDoor(text) }
        case .retention:
            for part in text.split(separator: ",") {
                let words = part.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
                guard words.count == 2, let time = DurationText.read(words[1]), time > .zero,
                    SagaCore.Name.problem(with: words[0], what: "namespace") == nil,
                    retention.updateValue(time, forKey: words[0]) == nil
                else { throw wrong("give NAMESPACE=TIME, such as default=30d,tests=1h") }
            }
        case .virtualClock:
            for part in text.split(separator: ",") {
                let words = part.filter { $0 != " " }.split(separator: "=", maxSplits: 1).map(String.init)
                guard let name = words.first, SagaCore.Name.problem(with: name, what: "namespace") == nil,
                    !name.hasPrefix("saga:"), name != [String: NamespaceOptions].others
                else { throw wrong("give NAMESPACE, or NAMESPACE=2027-03-01T00:00:00Z for where it begins") }
                var clock = VirtualClock()
                if words.count > 1 {
                    guard let start = TimeText.read(words[1]) else {
                        throw wrong("a clock begins at a time such as 2027-03-01T00:00:00Z")
                    }
                    clock.start = start
                }
                engine.namespaces[name, default: NamespaceOptions()].virtualClock = clock
            }
        case .maxOpenSagas:
            try limits(text, "such as default=100000,tests=1000", wrong) { limits, value in
                guard let number = Int(value), number > 0 else { return false }
                limits.maximumOpenSagas = number
                return true
            }
        case .startsPerSecond:
            try limits(text, "such as default=500,tests=0.5", wrong) { limits, value in
                guard let number = Double(value), number.isFinite, number >= 0.001, number <= 1e9 else { return false }
                limits.startsPerSecond = number
                return true
            }
        case .maxPayload:
            try limits(text, "such as default=65536", wrong) { limits, value in
                guard let number = Int(value), number > 0 else { return false }
                limits.maximumPayloadBytes = number
                return true
            }
        case .queueLimits:
            for part in text.split(separator: ",") {
                let words = part.filter { $0 != " " }.split(separator: "=", maxSplits: 1).map(String.init)
                let name = words.first?.split(separator: "/", maxSplits: 1).map(String.init) ?? []
                let numbers = words.last?.split(separator: "@", maxSplits: 1) ?? []
                guard words.count == 2, name.count == 2, numbers.count == 2,
                    SagaCore.Name.problem(with: name[0], what: "namespace") == nil,
                    SagaCore.Name.problem(with: name[1], what: "queue") == nil, let tasks = Int(numbers[0]), tasks >= 0,
                    let rate = Double(numbers[1]), rate.isFinite, rate >= 0, tasks > 0 || rate > 0
                else { throw wrong("give NAMESPACE/QUEUE=TASKS@RATE, such as default/mail=10@2.5") }
                engine.namespaces[name[0], default: NamespaceOptions()].limits.taskQueues[name[1]] =
                    TaskQueueLimit(maximumConcurrent: tasks, perSecond: rate)
            }
        case .logLevel:
            let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
            guard levels.contains(text) else { throw wrong("give one of \(levels.joined(separator: ", "))") }
            logLevel = text
        }
    }

    /// Reads NAMESPACE=VALUE, ….
    private mutating func limits(
        _ text: String, _ example: String, _ wrong: (String) -> Failure,
        _ set: (inout NamespaceLimits, String) -> Bool
    ) throws(Failure) {
        for part in text.split(separator: ",") {
            let words = part.filter { $0 != " " }.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2, SagaCore.Name.problem(with: words[0], what: "namespace") == nil,
                set(&engine.namespaces[words[0], default: NamespaceOptions()].limits, words[1])
            else { throw wrong("give NAMESPACE=NUMBER, \(example)") }
        }
    }

    /// Namespaces that have something of their own have for the rest what is said of the others.
    private mutating func completeNamespaces() {
        guard let others = engine.namespaces[[String: NamespaceOptions].others]?.limits else { return }
        for name in engine.namespaces.keys {
            var limits = engine.namespaces[options: name].limits
            if limits.maximumOpenSagas == 0 { limits.maximumOpenSagas = others.maximumOpenSagas }
            if limits.startsPerSecond == 0 { limits.startsPerSecond = others.startsPerSecond }
            if limits.maximumPayloadBytes == 0 { limits.maximumPayloadBytes = others.maximumPayloadBytes }
            limits.taskQueues.merge(others.taskQueues) { own, _ in own }
            engine.namespaces[name]?.limits = limits
        }
    }

    private func checkTogether() throws(Failure) {
        if isInsecure {
            guard cert == nil, key == nil, clientCA == nil else {
                throw Failure(.usage, "insecure means no TLS, and a certificate is given too", hint: "drop one of them")
            }
            guard listen.isLocal else {
                throw Failure(
                    .usage, "insecure is allowed on loopback addresses and Unix sockets only, not on \(listen)",
                    hint: "make certificates: saga certs server --host NAME", page: "SE0204")
            }
            return
        }
        if case .unix = listen { return }
        guard cert != nil, key != nil else {
            throw Failure(
                .usage, "a TLS server needs --cert and --key",
                hint: "make them: saga certs ca && saga certs server --host NAME; or to try things out: saga dev",
                page: "SE0204")
        }
        // Whoever can reach an open server can do everything; only this machine's own users may.
        guard listen.isLocal || clientCA != nil || tokens != nil else {
            throw Failure(
                .usage,
                "\(listen) is not a loopback address, and neither --client-ca nor --tokens says who may connect",
                hint: "make a token: saga token new --principal NAME --role client", page: "SE0204")
        }
    }

    /// The file that would give these settings, each with where it came from: what `--print-config` shows.
    var fileText: String {
        var lines = ["# Settings of saga server, as they are in force. This text is a settings file."]
        for value in values {
            lines.append("# \(value.name.meaning) [\(value.source.text)]")
            lines.append("\(value.name.rawValue) = \(value.name == .store ? store.text : value.text)")
        }
        return lines.joined(separator: "\n")
    }
}
