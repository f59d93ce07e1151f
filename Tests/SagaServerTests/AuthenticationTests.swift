import Foundation
import SagaClient
import SagaCore
import SagaServer
import SagaTransport
import SagaWire
import Testing

@Suite(.timeLimit(.minutes(3))) struct AuthenticationTests {
    private func tokens(
        _ callers: [(id: String, namespaces: [String], roles: [String], expires: String?)]
    ) throws -> (path: String, tokens: [String]) {
        var issued: [String] = []
        var entries: [String] = []
        for caller in callers {
            let (token, entry) = try TokenFile.issue(
                id: caller.id, principal: "\(caller.id)-user", namespaces: caller.namespaces, roles: caller.roles,
                expires: caller.expires)
            issued.append(token)
            let payload = try JSONPayloadConverter().encode(entry)
            entries.append(String(decoding: payload.data, as: UTF8.self))
        }
        let path = TestFiles.path("tokens.json")
        try TestFiles.write("{\"tokens\": [\(entries.joined(separator: ","))]}", to: path)
        return (path, issued)
    }

    private func code(_ body: () async throws -> Void) async -> SagaClientError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? SagaClientError)?.code
        }
    }

    @Test func tokensDecideWhoMayDoWhat() async throws {
        let (path, tokens) = try tokens([
            ("writer", ["default"], ["client"], nil), ("reader", ["*"], ["reader"], nil),
            ("old", ["*"], ["admin"], "2020-01-01T00:00:00Z"),
        ])
        let server = try await TestServer.start(tokens: path)
        #expect(await code { _ = try await server.client() } == .unauthenticated)
        #expect(await code { _ = try await server.client(token: "writer.wrong") } == .unauthenticated)
        #expect(await code { _ = try await server.client(token: tokens[2]) } == .unauthenticated)
        #expect(
            await code { _ = try await server.client(token: tokens[0], namespace: "other") } == .permissionDenied)

        let writer = try await server.client(token: tokens[0])
        _ = try await writer.start(type: "t", id: "mine", input: .empty)
        #expect(
            await code { _ = try await writer.call(Wire.Admin.Drain.self) { Wire.DrainServerRequest(header: $0) } }
                == .permissionDenied)
        // Histories come in from operators only.
        let start = try await all(writer.history("mine"))
        #expect(await code { _ = try await writer.beginImport().finish() } == .permissionDenied)
        #expect(
            await code {
                let upload = writer.beginImport()
                try await upload.send(start)
                _ = try await upload.finish()
            } == .permissionDenied)
        let work = try RunningWorker(server.options(token: tokens[0]), workflows: TestCode.workflows)
        #expect(await code { try await work.task.value } == .permissionDenied)

        let reader = try await server.client(token: tokens[1])
        #expect(try await reader.list().runs.map(\.workflowID) == ["mine"])
        #expect(await code { _ = try await reader.start(type: "t", id: "x", input: .empty) } == .permissionDenied)
        #expect(await code { try await reader.cancel("mine") } == .permissionDenied)
        // Another namespace sees nothing of it.
        let elsewhere = try await server.client(token: tokens[1], namespace: "elsewhere")
        #expect(try await elsewhere.list().runs.isEmpty)
        #expect(await code { _ = try await elsewhere.describe("mine") } == .notFound)
        for client in [writer, reader, elsewhere] { await client.close() }
        await server.stop()
    }

    /// Credentials that end on an open connection: it is told, drained and closed; what was acknowledged stays.
    @Test func expiredCredentialsEndTheConnection() async throws {
        let (path, _) = try tokens([])
        let server = try await TestServer.start(tokens: path)
        // On a busy machine the token may end before the connection is up and a call waits on it (the call keeps the connection
        // for as long as the server lets it); then once more, with longer.
        var opened: (client: SagaClient, connection: ClientConnection, waiting: Task<Payload, any Error>)?
        var end = Date.now
        for seconds in [3.0, 6, 12, 24] where opened == nil {
            end = Date(timeIntervalSinceNow: seconds)
            let (other, issued) = try tokens(
                [("short", ["default"], ["client"], ISO8601DateFormatter().string(from: end))])
            try TestFiles.write(String(contentsOfFile: other, encoding: .utf8), to: path)
            try server.server.reload()
            guard let client = try? await server.client(token: issued[0]) else { continue }
            if (try? await client.start(type: "t", id: "in-time", input: .empty)) != nil,
                let connection = try? await client.keeper.connection(until: .now + .seconds(1))
            {
                let waiting = Task { try await client.result("in-time", timeout: .seconds(60)) }
                while server.server.callsInFlight == 0, Date.now < end {
                    try await Task.sleep(for: .milliseconds(5))
                }
                if server.server.callsInFlight > 0, connection.goAway == nil {
                    opened = (client, connection, waiting)
                    continue
                }
                waiting.cancel()
            }
            await client.close()
        }
        let (client, connection, waiting) = try #require(opened)
        // The client connects again by itself, and is then refused as unauthenticated, not as unavailable.
        var last: SagaClientError.Code?
        let limit = ContinuousClock.now + .seconds(40)
        while last != .unauthenticated, ContinuousClock.now < limit {
            last = await code { _ = try await client.describe("in-time") }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(last == .unauthenticated)
        // The file writes whole seconds.
        #expect(Date.now > end.addingTimeInterval(-1.5))
        // First GOAWAY, so that nothing new begins; then, five seconds later, what still runs is cut off.
        #expect(connection.goAway?.code == .unauthenticated)
        while connection.closeReason == nil, ContinuousClock.now < limit {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(connection.closeReason == .peerError(WireStatus(.unauthenticated, "the credentials have expired")))
        let outcome = await waiting.result
        #expect(throws: SagaClientError.self) { try outcome.get() }
        await client.close()
        await server.stop()
    }

    @Test func anAdministratorDrainsTheServer() async throws {
        let (path, tokens) = try tokens([("admin", ["*"], ["admin"], nil)])
        let server = try await TestServer.start(tokens: path)
        let client = try await server.client(token: tokens[0])
        let drained = try await client.call(Wire.Admin.Drain.self) {
            Wire.DrainServerRequest(header: $0, drainMillis: 100)
        }
        #expect(drained.callsInFlight == 0)
        await client.close()
        await server.stop()
    }

    @Test func aReloadCountsForNewConnections() async throws {
        let (path, first) = try tokens([("a", ["*"], ["client"], nil)])
        let server = try await TestServer.start(tokens: path)
        let client = try await server.client(token: first[0])
        let (other, second) = try tokens([("b", ["*"], ["client"], nil)])
        try TestFiles.write(String(contentsOfFile: other, encoding: .utf8), to: path)
        try server.server.reload()
        #expect(await code { _ = try await server.client(token: first[0]) } == .unauthenticated)
        let new = try await server.client(token: second[0])
        #expect(try await client.health().serverTime.microseconds > 0)
        // A file that does not read leaves the last one in force.
        try TestFiles.write("{", to: path)
        #expect(throws: SagaError.self) { try server.server.reload() }
        await new.close()
        let again = try await server.client(token: second[0])
        await again.close()
        await client.close()
        await server.stop()
    }

    @Test func aClientCertificateIsAnIdentity() async throws {
        let server = try await TestServer.start(demandsCertificate: true)
        var options = server.options(deadline: .seconds(3))
        #expect(await code { _ = try await SagaClient.connect(options, logger: TestServer.logger) } != nil)
        let issued = try server.certificates.issueClient(name: "billing")
        options.security = .tls(
            ca: server.certificates.caPath, certificate: issued.certificate, key: issued.key)
        let client = try await SagaClient.connect(options, logger: TestServer.logger)
        _ = try await client.start(type: "t", id: "by-certificate", input: .empty)
        var identity: String?
        for try await event in client.history("by-certificate") {
            if case .workflowExecutionStarted(let started) = event.attributes { identity = started.identity }
        }
        #expect(identity?.contains("CN=billing") == true)
        await client.close()
        await server.stop()
    }

    @Test func theTokensFileSaysWhatIsWrongWithIt() throws {
        let digest = String(repeating: "ab", count: 32)
        func entry(_ change: String) -> String {
            #"{"tokens":[{"id":"k","sha256":"\#(digest)","principal":"p","namespaces":["*"],"roles":["client"]\#(change)}]}"#
        }
        _ = try TokenFile(json: Array(entry("").utf8))
        let wrong: [(String, String)] = [
            ("{", "does not read"), (entry(#","expires":"tomorrow""#), "expires is not a time"),
            (entry("").replacing("client", with: "king"), "unknown role king; there are reader, client"),
            (entry("").replacing(digest, with: "abcd"), "sha256 is not 64 hexadecimal digits"),
            (entry("").replacing(#"["*"]"#, with: "[]"), "namespaces is empty"),
            (entry(#","certificate":"CN=x""#), "either id and sha256, or certificate"),
        ]
        for (text, expected) in wrong {
            let error = #expect(throws: SagaError.self) { try TokenFile(json: Array(text.utf8)) }
            #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
        }
        #expect(Timestamp(iso8601: "2026-01-28T11:28:00Z")?.description == "2026-01-28T11:28:00.000000Z")
        #expect(Timestamp(iso8601: "2026-13-28T11:28:00Z") == nil)
    }
}
