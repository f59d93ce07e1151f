import SagaCore
import Testing

@testable import saga

@Suite struct SettingsTests {
    private func settings(
        _ flags: [ServerSettings.Name: String], _ variables: [String: String] = [:], _ file: String? = nil
    ) throws -> ServerSettings {
        let parsed = try file.map { try SettingsFile($0, path: "saga.conf") }
        return try ServerSettings(flags: flags, environment: { variables[$0] }, file: parsed)
    }

    private let tls: [ServerSettings.Name: String] = [.cert: "c.pem", .key: "k.pem"]

    @Test func aFlagBeatsAVariableBeatsTheFileBeatsTheDefault() throws {
        let file = "reclaim-grace = 1s\ncancel-grace = 2s\ndrain-grace = 3s\n"
        let variables = ["SAGA_RECLAIM_GRACE": "11s", "SAGA_CANCEL_GRACE": "12s"]
        var flags = tls
        flags[.reclaimGrace] = "21s"
        let settings = try settings(flags, variables, file)
        #expect(settings.engine.reclaimGrace == .seconds(21))
        #expect(settings.engine.cancelGrace == .seconds(12))
        #expect(settings.drainGrace == .seconds(3))
        #expect(settings.engine.defaultActivityTimeout == .seconds(300))
        let sources = Dictionary(uniqueKeysWithValues: settings.values.map { ($0.name, $0.source) })
        #expect(sources[.reclaimGrace] == .flag)
        #expect(sources[.cancelGrace] == .environment)
        #expect(sources[.drainGrace] == .file("saga.conf"))
        #expect(sources[.activityTimeout] == .standard)
    }

    @Test func snapshotsAreTakenAsIsSaid() throws {
        #expect(try settings(tls).engine.snapshots == SnapshotPolicy())
        var flags = tls
        flags[.snapshotEvents] = "0"
        #expect(try settings(flags).engine.snapshots.isOff)
        flags[.snapshotBytes] = "4096"
        flags[.snapshotInterval] = "5m"
        flags[.snapshotsKept] = "7"
        let policy = try settings(flags).engine.snapshots
        #expect(policy.bytes == 4_096 && policy.interval == .seconds(300) && policy.kept == 7 && !policy.isOff)
    }

    @Test func namespacesHaveClocksAndLimits() throws {
        var flags = tls
        flags[.virtualClock] = "tests, old=2027-03-01T00:00:00Z"
        flags[.maxOpenSagas] = "tests=10,*=1000"
        flags[.startsPerSecond] = "tests=0.5"
        flags[.maxPayload] = "*=4096"
        flags[.queueLimits] = "tests/mail=3@2.5,*/pay=0@10"
        let read = try settings(flags).engine
        #expect(read.namespaces["tests"]?.virtualClock == VirtualClock())
        #expect(read.namespaces["old"]?.virtualClock?.start == TimeText.read("2027-03-01T00:00:00Z"))
        let tests = read.namespaces[options: "tests"].limits
        #expect(tests.maximumOpenSagas == 10 && tests.startsPerSecond == 0.5 && tests.maximumPayloadBytes == 4_096)
        #expect(tests.taskQueues["mail"] == TaskQueueLimit(maximumConcurrent: 3, perSecond: 2.5))
        #expect(tests.taskQueues["pay"] == TaskQueueLimit(perSecond: 10))
        let others = read.namespaces[options: "whatever"]
        #expect(others.limits.maximumOpenSagas == 1_000 && others.virtualClock == nil)
        #expect(!read.allowsVirtualClocks)

        let wrong: [(ServerSettings.Name, String)] = [
            (.virtualClock, "tests=soon"), (.virtualClock, "*"), (.virtualClock, "saga:clocks"),
            (.maxOpenSagas, "tests"),
            (.maxOpenSagas, "tests=0"), (.startsPerSecond, "tests=-1"), (.maxPayload, "tests=many"),
            (.queueLimits, "tests=3@1"), (.queueLimits, "tests/mail=0@0"), (.queueLimits, "tests/mail=3"),
        ]
        for (name, text) in wrong {
            var flags = tls
            flags[name] = text
            let failure = #expect(throws: Failure.self) { try settings(flags) }
            #expect(failure?.message.contains(name.rawValue) == true && failure?.status == .usage, "\(text)")
        }
    }

    @Test func timesAreRead() {
        #expect(TimeText.read("1970-01-01T00:00:00Z") == Timestamp(microseconds: 0))
        #expect(TimeText.read("2024-02-29 23:59:59.5Z") == Timestamp(microseconds: 1_709_251_199_500_000))
        #expect(TimeText.read("1969-12-31T23:59") == Timestamp(microseconds: -60_000_000))
        for time in [0, -1, 1_790_000_000_123_456, 253_402_300_799_999_999] as [Int64] {
            let stamp = Timestamp(microseconds: time)
            #expect(TimeText.read(stamp.description) == stamp, "\(stamp)")
        }
        for text in ["", "now", "2023-02-29T00:00:00Z", "2024-13-01T00:00Z", "2024-01-01T24:00Z", "2024-01-01"] {
            #expect(TimeText.read(text) == nil, "\(text)")
        }
    }

    @Test func whatPrintConfigShowsIsAFileThatGivesTheSame() throws {
        var flags = tls
        flags[.listen] = "[::1]:9000"
        flags[.store] = "memory"
        let first = try settings(flags)
        let second = try settings([:], [:], first.fileText)
        #expect(second.listen == .tcp(host: "::1", port: 9_000))
        #expect(second.store == .memory)
        #expect(first.values.map(\.text) == second.values.map(\.text))
    }

    @Test(arguments: [
        ("postgres://u:secret@h:5433,h2/db?sslmode=verify-full", "postgres://u:***@h:5433,h2/db?sslmode=verify-full"),
        ("postgresql:///db?host=/run/pg&password=secret", "postgresql:///db?host=/run/pg&password=***"),
        ("postgres:service=prod", "postgres:service=prod"), ("postgres:", "postgres:"),
        ("postgres:host=h password = 'se cret' user=u", "postgres:host=h password = *** user=u"),
    ])
    func aPostgresStoreIsShownWithoutItsPassword(text: String, shown: String) throws {
        var flags = tls
        flags[.store] = text
        let settings = try settings(flags)
        guard case .postgres(let connection) = settings.store else {
            Issue.record("\(settings.store)")
            return
        }
        #expect(text == connection || text == "postgres:" + connection)
        #expect(settings.store.text == shown)
        #expect(!settings.fileText.contains("cret"))
    }

    @Test(
        arguments: [
            ([.listen: "nowhere:99999"], "listen is nowhere:99999"),
            ([.store: "oracle"], "store is oracle"),
            ([.store: "sqlite:"], "store is sqlite:"),
            ([.allowUnsafeDurability: "maybe"], "allow-unsafe-durability is maybe"),
            ([.reclaimGrace: "soon"], "reclaim-grace is soon"),
            ([.snapshotEvents: "-1"], "snapshot-events is -1"), ([.snapshotBytes: "x"], "snapshot-bytes is x"),
            ([.snapshotInterval: "-"], "snapshot-interval is -"), ([.snapshotsKept: "0"], "snapshots-kept is 0"),
            ([.threads: "-1"], "threads is -1"),
            ([.maxConnections: "0"], "max-connections is 0"), ([.maxLiveRuns: "-1"], "max-live-runs is -1"),
            ([.logLevel: "loud"], "log-level is loud"),
            ([.insecure: "true", .cert: "c.pem", .key: "k.pem"], "insecure means no TLS"),
            ([.insecure: "true", .listen: "0.0.0.0:1"], "insecure is allowed on loopback"),
            ([.insecure: "true", .listen: "localhost.evil.example:1"], "insecure is allowed on loopback"),
            ([.cert: "c.pem"], "needs --cert and --key"),
            ([:], "needs --cert and --key"),
            ([.cert: "c.pem", .key: "k.pem", .listen: "0.0.0.0:1"], "says who may connect"),
        ] as [([ServerSettings.Name: String], String)])
    func aWrongSettingIsRefusedByName(flags: [ServerSettings.Name: String], message: String) throws {
        let failure = try #require(throws: Failure.self) { try settings(flags) }
        #expect(failure.status == .usage)
        #expect(failure.message.contains(message), "\(failure.message)")
    }

    @Test func anOpenServerIsFineWhereOnlyThisMachineReachesIt() throws {
        #expect(try settings([.insecure: "true"]).isInsecure)
        #expect(try settings([.insecure: "true", .listen: "unix:/tmp/s"]).listen == .unix(path: "/tmp/s"))
        var open = tls
        open[.listen] = "0.0.0.0:1"
        open[.tokens] = "tokens.json"
        #expect(try settings(open).tokens == "tokens.json")
    }

    @Test func aFileWithAnUnknownOrDoubleNameIsRefusedByLine() throws {
        let unknown = try #require(throws: Failure.self) { try settings(tls, [:], "# a\n\nlisten-on = x") }
        #expect(unknown.message == "saga.conf, line 3: unknown setting listen-on")
        let double = try #require(throws: Failure.self) { try settings(tls, [:], "store = memory\nstore = memory") }
        #expect(double.message == "saga.conf, line 2: store is there twice")
        let shapeless = try #require(throws: Failure.self) { try settings(tls, [:], "memory") }
        #expect(shapeless.message == "saga.conf, line 1: not of the form: name = value")
    }

    @Test(arguments: [
        ("localhost:1", Address.tcp(host: "localhost", port: 1)), ("localhost", .tcp(host: "localhost", port: 7_233)),
        ("[::1]", .tcp(host: "::1", port: 7_233)), ("::1", .tcp(host: "::1", port: 7_233)),
        ("[::1]:5", .tcp(host: "::1", port: 5)), ("unix:/run/s", .unix(path: "/run/s")),
    ])
    func addressesRead(text: String, address: Address) { #expect(Address(text) == address) }

    @Test(arguments: ["", ":1", "a:", "a:x", "a:70000", "[::1", "[::1]x", "unix:", "a b:1", "http://a:1", "a:-1"])
    func whatIsNoAddressIsRefused(text: String) { #expect(Address(text) == nil) }

    @Test func onlyLoopbackIsLocal() {
        let local = ["127.0.0.1", "127.3.2.1", "::1", "localhost"]
        for host in local { #expect(Address.tcp(host: host, port: 1).isLocal, "\(host)") }
        let others = ["127.0.0.1.example.org", "127.1", "128.0.0.1", "::", "0.0.0.0", "localhost.", "127.0.0.256"]
        for host in others { #expect(!Address.tcp(host: host, port: 1).isLocal, "\(host)") }
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("10", .seconds(10)), ("5m", .seconds(300)),
        ("2h", .seconds(7_200)), ("1d", .seconds(86_400)), ("0", .zero),
    ])
    func timesRead(text: String, duration: Duration) { #expect(DurationText.read(text) == duration) }

    @Test(arguments: ["", "s", "-1s", "1.5s", "1w", "99999999999999999999s", "1 s"])
    func whatIsNoTimeIsRefused(text: String) { #expect(DurationText.read(text) == nil) }
}

@Suite struct ConnectionSettingsTests {
    private let file = "address = 127.0.0.1:4711\nca = /here/ca.pem\n"

    private func connection(
        _ flags: [String: String] = [:], _ variables: [String: String] = [:], _ file: String? = nil,
        token: String = ""
    ) throws -> ConnectionSettings {
        try ConnectionSettings(
            flags: flags, environment: { variables[$0] },
            file: try file.map { try SettingsFile($0, path: "client.conf") }, readToken: { _ in token })
    }

    @Test func withoutAnythingItIsTheDefault() throws {
        let connection = try connection()
        #expect(connection.address == .tcp(host: "127.0.0.1", port: 7_233))
        #expect(connection.ca == nil && connection.token == nil && connection.namespace == "default")
    }

    @Test func whatDevWroteIsUsedWithItsAuthority() throws {
        let connection = try connection([:], [:], file)
        #expect(connection.address == .tcp(host: "127.0.0.1", port: 4_711))
        #expect(connection.ca == "/here/ca.pem")
    }

    @Test func anotherAddressDoesNotGetTheFilesAuthority() throws {
        let connection = try connection(["address": "sagas.example.org:1"], [:], file)
        #expect(connection.address == .tcp(host: "sagas.example.org", port: 1))
        #expect(connection.ca == nil)
    }

    @Test func plainTextIsForThisMachineOnly() throws {
        #expect(try connection(["insecure": "true"]).isInsecure)
        // A file for a local plain-text server does not make a distant one plain.
        #expect(try !connection(["address": "far.example.org"], [:], "insecure = true").isInsecure)
        #expect(throws: Failure.self) { try connection(["insecure": "true", "address": "far.example.org"]) }
    }

    @Test func aTokenComesFromItsVariableOrAFile() throws {
        #expect(try connection([:], ["SAGA_TOKEN": "k.1"]).token == "k.1")
        #expect(try connection(["token-file": "t"], [:], token: "k.2\n").token == "k.2")
        #expect(try connection([:], ["SAGA_TOKEN_FILE": "t"], token: " k.3 ").token == "k.3")
    }

    @Test func aCertificateNeedsItsKey() {
        #expect(throws: Failure.self) { try connection(["cert": "c.pem"]) }
    }
}
