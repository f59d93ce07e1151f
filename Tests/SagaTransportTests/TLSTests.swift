import COpenSSL
import Glibc
import SagaTransport
import SagaWire
import Testing

@Suite struct TLSTests {
    private func kind(_ error: (any Error)?) -> TransportError.Kind? { (error as? TransportError)?.kind }

    @Test(arguments: ["127.0.0.1", "localhost"]) func theRightNames(host: String) async throws {
        try await withServer { server in
            let connection = try await ClientConnection.connect(
                server.clientConfiguration(host: host), group: server.group)
            #expect(try await connection.call(method: TestMethod.echo, body: [1]) == [1])
        }
    }

    @Test(arguments: ["example.org", "127.0.0.2", "localhost.example.org", "ocalhost"])
    func theWrongName(name: String) async throws {
        try await withServer { server in
            let tls = TLSClientConfiguration(caPath: server.certificates.caPath, serverName: name)
            let error = await errorOf {
                try await ClientConnection.connect(server.clientConfiguration(tls: tls), group: server.group)
            }
            #expect(kind(error) == .security(.certificate), "\(String(describing: error))")
        }
    }

    @Test func theWrongAuthority() async throws {
        try await withServer { server in
            let other = try TemporaryFolder()
            let stranger = try DevCertificates.ensure(in: other.path)
            let tls = TLSClientConfiguration(caPath: stranger.caPath)
            let error = await errorOf {
                try await ClientConnection.connect(server.clientConfiguration(tls: tls), group: server.group)
            }
            #expect(kind(error) == .security(.certificate))
            #expect((error as? TransportError)?.message.contains("certificate") == true)
            #expect(await server.service.eventually { $0.closed.count == 1 })
        }
    }

    enum Wrong: CaseIterable, Sendable { case expired, notYetValid, otherHost, clientOnly }

    @Test(arguments: Wrong.allCases) func unusableServerCertificates(wrong: Wrong) async throws {
        let folder = try TemporaryFolder()
        let authority = try CertificateAuthority(name: "Test CA")
        let issued =
            switch wrong {
            case .expired:
                try authority.issue(
                    name: "x", usage: .server(hosts: ["127.0.0.1"]), validFrom: -3 * 86_400, days: 1)
            case .notYetValid:
                try authority.issue(name: "x", usage: .server(hosts: ["127.0.0.1"]), validFrom: 86_400)
            case .otherHost: try authority.issue(name: "127.0.0.1", usage: .server(hosts: ["10.0.0.1"]))
            case .clientOnly: try authority.issue(name: "127.0.0.1", usage: .client)
            }
        try folder.write("ca.pem", authority.certificatePEM)
        try folder.write("server.pem", issued.certificatePEM)
        try folder.write("key.pem", issued.privateKeyPEM)
        try await withServer {
            $0.security = .tls(
                TLSServerConfiguration(
                    certificateChainPath: folder.path + "/server.pem", privateKeyPath: folder.path + "/key.pem"))
        } _: { server in
            let tls = TLSClientConfiguration(caPath: folder.path + "/ca.pem")
            let error = await errorOf {
                try await ClientConnection.connect(server.clientConfiguration(tls: tls), group: server.group)
            }
            #expect(kind(error) == .security(.certificate), "\(String(describing: error))")
        }
    }

    @Test func clientCertificates() async throws {
        try await withServer(clientCertificates: true) { server in
            let own = try server.certificates.issueClient(name: "worker-7")
            let good = TLSClientConfiguration(
                caPath: server.certificates.caPath, certificateChainPath: own.certificate, privateKeyPath: own.key)
            let connection = try await ClientConnection.connect(
                server.clientConfiguration(tls: good), group: server.group)
            #expect(try await connection.call(method: TestMethod.whoami, body: []) == Array("worker-7".utf8))

            // None at all, one of a stranger, and one that is for servers.
            let other = try TemporaryFolder()
            let stranger = try DevCertificates.ensure(in: other.path).issueClient(name: "worker-7")
            for (certificate, key) in [
                (nil, nil), (stranger.certificate, stranger.key),
                (server.certificates.serverPath, server.certificates.serverKeyPath),
            ] {
                let bad = TLSClientConfiguration(
                    caPath: server.certificates.caPath, certificateChainPath: certificate, privateKeyPath: key)
                let error = await errorOf {
                    try await ClientConnection.connect(server.clientConfiguration(tls: bad), group: server.group)
                }
                guard case .security = kind(error) else {
                    Issue.record("\(String(describing: certificate)): \(String(describing: error))")
                    continue
                }
            }
            #expect(await server.service.eventually { $0.closed.count == 3 })
        }
    }

    @Test func reloadedCertificatesHoldForNewConnections() async throws {
        try await withServer { server in
            let old = try await server.connect()
            let folder = try TemporaryFolder()
            let fresh = try DevCertificates.ensure(in: folder.path)
            try server.listener.reload(TLSServerConfiguration(fresh))
            #expect(try await old.call(method: TestMethod.echo, body: [1]) == [1])
            #expect(kind(await errorOf { try await server.connect() }) == .security(.certificate))
            let tls = TLSClientConfiguration(caPath: fresh.caPath)
            let new = try await ClientConnection.connect(server.clientConfiguration(tls: tls), group: server.group)
            #expect(try await new.call(method: TestMethod.echo, body: [2]) == [2])
            #expect(throws: TLSError.self) {
                try server.listener.reload(
                    TLSServerConfiguration(certificateChainPath: "/nonexistent", privateKeyPath: "/nonexistent"))
            }
            let again = try await ClientConnection.connect(server.clientConfiguration(tls: tls), group: server.group)
            #expect(try await again.call(method: TestMethod.echo, body: [3]) == [3])
        }
    }

    @Test func tls12IsRefused() async throws {
        try await withServer { server in
            let port = server.port
            let error = await errorOf {
                try await onThread {
                    var options = RawClient.Options()
                    options.maxVersion = TLS1_2_VERSION
                    _ = try RawClient(port: port, options: options)
                }
            }
            #expect("\(String(describing: error))".contains("protocol version"), "\(String(describing: error))")
            #expect(await server.service.eventually { $0.closed.count == 1 })
        }
    }

    @Test(arguments: [nil, [2] + Array("h2".utf8), [6] + Array("saga/2".utf8)] as [[UInt8]?])
    func withoutOurProtocol(alpn: [UInt8]?) async throws {
        try await withServer { server in
            let port = server.port
            let error = await errorOf {
                try await onThread {
                    var options = RawClient.Options()
                    options.alpn = alpn
                    _ = try RawClient(port: port, options: options)
                }
            }
            #expect("\(String(describing: error))".contains("no application protocol"), "\(String(describing: error))")
        }
    }

    /// A request in the segment of the client's Finished: the hang of `network.md`.
    @Test func finishedAndFramesInOneSegment() async throws {
        try await withServer { server in
            let port = server.port
            for _ in 0..<20 {
                try await onThread {
                    let client = try RawSegmentClient(port: port)
                    try client.handshakeWithData(
                        FrameHeader.frame(kind: .hello, stream: 0)
                            + FrameHeader.frame(kind: .request, method: TestMethod.echo, stream: 1, body: [5]))
                    let answers = try client.plaintext(atLeast: 12 + 7 + 12 + 1)
                    #expect(answers.suffix(1) == [5])
                }
            }
        }
    }

    @Test func oneByteAtATime() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawSegmentClient(port: port)
                client.dripping = true
                try client.handshakeWithData(
                    FrameHeader.frame(kind: .hello, stream: 0)
                        + FrameHeader.frame(kind: .request, method: TestMethod.echo, stream: 1, body: [6]))
                #expect(try client.plaintext(atLeast: 12 + 7 + 12 + 1).suffix(1) == [6])
            }
        }
    }

    @Test func goodbyeWithinAFrame() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                try client.write(
                    Array(FrameHeader.frame(kind: .request, method: 1, stream: 1, body: [1, 2]).prefix(13)))
                client.goodbye()
                #expect(try client.read() == [])
            }
            #expect(await server.service.eventually { $0.closed == [.peerClosed] && $0.requests == 0 })
        }
    }

    @Test func aCutIsNotAGoodbye() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                shutdown(client.descriptor, Int32(SHUT_WR))
            }
            #expect(
                await server.service.eventually { log in
                    if case .lost = log.closed.first { true } else { false }
                })
        }
    }

    @Test func keyUpdates() async throws {
        try await withServer { server in
            let port = server.port
            try await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                for stream in 1...10 as ClosedRange<UInt32> {
                    try client.updateKeys()
                    try client.write(FrameHeader.frame(kind: .request, method: 1, stream: stream, body: [8]))
                    #expect(try client.frame()?.body == [8])
                }
            }
        }
    }

    @Test func aFloodOfKeyUpdates() async throws {
        try await withServer { server in
            let port = server.port
            _ = try? await onThread {
                let client = try RawClient(port: port)
                try client.hello()
                for _ in 0..<40 { try client.updateKeys() }
                while try client.frame() != nil {}
            }
            #expect(await server.service.eventually { $0.closed == [.security("too many KeyUpdate messages")] })
        }
    }

    @Test func noTLSAtAll() async throws {
        try await withServer { server in
            let port = server.port
            let answer = try await onThread {
                var options = RawClient.Options()
                options.tls = false
                let client = try RawClient(port: port, options: options)
                try client.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                return (try? client.read()) ?? []
            }
            // At most an alert record.
            #expect(answer.isEmpty || answer.first == 21)
            #expect(await server.service.eventually { $0.closed.count == 1 })
        }
    }
}
