import CPostgres
import Foundation
import SagaCore
import SagaPostgres
import Testing

/// The forms in which a database may be named: keywords, a URI, a service file, a password file, and TLS.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct ConnectionTests {
    /// A cluster that takes TCP, with TLS and a password; the body gets it, its port, and the folder with certificates.
    private func withTLS(_ body: (PrivateCluster, Int, String) async throws -> Void) async throws {
        try await PrivateCluster.with { cluster in
            let folder = cluster.directory
            try certificates(in: folder)
            try Data("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n".utf8)
                .write(to: URL(filePath: folder + "/hba.conf"))
            // The key must belong to the server's user, or to root and be closed to others.
            chmod(folder + "/server.key", getuid() == 0 ? 0o640 : 0o600)
            if getuid() == 0, let user = getpwnam("postgres") { chown(folder + "/server.key", 0, user.pointee.pw_gid) }
            chmod(folder + "/hba.conf", 0o644)
            let port = try freePort()
            cluster.stop("fast")
            try cluster.start([
                "listen_addresses=127.0.0.1", "port=\(port)", "ssl=on", "ssl_cert_file=\(folder)/server.pem",
                "ssl_key_file=\(folder)/server.key", "hba_file=\(folder)/hba.conf",
                "password_encryption=scram-sha-256",
            ])
            try SideSession(cluster.address + " port=\(port)").run(
                "CREATE ROLE net LOGIN SUPERUSER PASSWORD 'se''cret'")
            try await body(cluster, port, folder)
        }
    }

    private func certificates(in folder: String) throws {
        for name in ["server", "other"] {
            let made = run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem",
                ], in: folder)
            try #require(made.status == 0, "\(made.text)")
        }
    }

    private func freePort() throws -> Int {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(file, generic, size) | getsockname(file, generic, &size)
            }
        }
        try #require(status == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Runs a program of this machine or of this package, and gives what it says.
    private func run(
        _ program: String, _ arguments: [String], in folder: String, environment: [String: String] = [:]
    ) -> (status: Int32, text: String) {
        let log = folder + "/out-\(UUID())"
        let settings = environment.map { "\($0.key)=\($0.value)" }
        let words = ["exec \"$0\" \"$@\" >\(log) 2>&1", "env"] + settings + [program] + arguments
        guard let pid = PrivateCluster.spawn("/bin/sh", ["-c"] + words, log: "/dev/null") else { return (-1, "") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return (status >> 8, (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }

    private static var saga: String {
        ProcessInfo.processInfo.environment["SAGA_TEST_SERVER"]
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/saga"
    }

    @Test func tlsWithAPasswordFile() async throws {
        try await withTLS { cluster, port, folder in
            let passwords = folder + "/pgpass"
            try Data("localhost:\(port):postgres:net:se'cret\n".utf8).write(to: URL(filePath: passwords))
            chmod(passwords, 0o600)
            let words =
                "host=localhost port=\(port) user=net dbname=postgres passfile=\(passwords) sslmode=verify-full"
            let store = try await PostgresEventStore.open(
                PostgresOptions(connection: words + " sslrootcert=\(folder)/server.pem"))
            let load = try await Load(store)
            let id = try await load.newRun()
            try await load.append([await load.entry(id)])
            #expect(try await load.differences().isEmpty)
            let side = try SideSession(cluster.address + " port=\(port)")
            let sessions = side.run(
                """
                SELECT s.ssl, s.version LIKE 'TLSv1._' FROM pg_stat_ssl s JOIN pg_stat_activity USING (pid)
                WHERE application_name = 'saga'
                """)
            #expect(sessions.count >= 2 && sessions.allSatisfy { $0 == ["t", "t"] }, "\(sessions)")
            await store.close()
            // A certificate of somebody else, and a name that is not in it.
            for wrong in [
                words + " sslrootcert=\(folder)/other.pem",
                words.replacing("host=localhost", with: "host=127.0.0.1") + " sslrootcert=\(folder)/server.pem",
            ] {
                let refused = await #expect(throws: StoreError.self) {
                    try await PostgresEventStore.open(PostgresOptions(connection: wrong))
                }
                #expect(refused?.message.contains("cert") == true, "\(refused?.message ?? "")")
            }
            // In the clear it is refused, and a wrong password is said in no message.
            for wrong in [
                words + " sslmode=disable",
                "host=localhost port=\(port) user=net dbname=postgres password=hunter2 sslmode=require",
            ] {
                let refused = await #expect(throws: StoreError.self) {
                    try await PostgresEventStore.open(PostgresOptions(connection: wrong))
                }
                #expect(refused?.message.contains("hunter2") == false)
            }
        }
    }

    @Test func uriAndServiceFileFromTheCommandLine() async throws {
        try await withTLS { _, port, folder in
            let service = folder + "/services"
            try Data(
                """
                [prod]
                host=localhost
                port=\(port)
                dbname=postgres
                user=net
                sslmode=verify-full
                sslrootcert=\(folder)/server.pem

                """.utf8
            ).write(to: URL(filePath: service))
            let environment = ["PGSERVICEFILE": service, "PGPASSWORD": "se'cret"]
            let first = run(
                Self.saga, ["migrate", "--store", "postgres:service=prod"], in: folder, environment: environment)
            #expect(first.status == 0, "\(first.text)")
            #expect(first.text.contains("from version 0"))
            let uri =
                "postgres://net:se%27cret@localhost:\(port)/postgres?sslmode=verify-full&sslrootcert=\(folder)/server.pem"
            let second = run(Self.saga, ["migrate", "--store", uri], in: folder)
            #expect(second.status == 0, "\(second.text)")
            #expect(second.text.contains("up to date"))
            let nobody = run(
                Self.saga, ["migrate", "--store", "postgres:service=nobody"], in: folder, environment: environment)
            #expect(nobody.status == 3, "\(nobody.text)")
            #expect(nobody.text.contains("nobody"))
            let wrong = run(
                Self.saga, ["migrate", "--store", uri.replacing("se%27cret", with: "hunter2")], in: folder)
            #expect(wrong.status == 3 && !wrong.text.contains("hunter2"), "\(wrong.text)")
            // The events as rows, by the same road.
            let filled = run(
                Self.saga, ["fill-events", "--store", "postgres:service=prod"], in: folder, environment: environment)
            #expect(filled.status == 0 && filled.text.contains("0 events"), "\(filled.text)")
        }
    }
}
