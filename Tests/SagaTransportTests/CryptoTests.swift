import COpenSSL
import Glibc
import SagaTransport
import Testing

@Suite struct CryptoTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = Array("0123456789abcdef")
            return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }.joined()
    }

    /// FIPS 180-2 and RFC 4231 vectors.
    @Test func knownDigests() {
        #expect(
            hex(Crypto.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(Crypto.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        let key = HMACKey(Array("Jefe".utf8))
        #expect(hex(key.tag(of: Array("what do ya want ".utf8)[...], "for nothing?")) == expected)
        // The same key again, and the message cut elsewhere.
        #expect(hex(key.tag(of: [], "what do ya want for nothing?")) == expected)
        #expect(hex(key.tag(of: Array("what do ya want for nothing?".utf8)[...], "")) == expected)
        // A key that is longer than a block (RFC 4231, case 6), and none.
        #expect(
            hex(
                HMACKey([UInt8](repeating: 0xaa, count: 131)).tag(
                    of: [], "Test Using Larger Than Block-Size Key - Hash Key First"))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(
            hex(HMACKey([]).tag(of: [], "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func comparison() {
        #expect(Crypto.constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!Crypto.constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!Crypto.constantTimeEquals([1, 2, 3], [1, 2]))
        #expect(Crypto.constantTimeEquals([], []))
    }

    @Test func randomness() {
        let draws = (0..<100).map { _ in Crypto.randomBytes(16) }
        #expect(Set(draws).count == 100)
        #expect(Crypto.randomBytes(0).isEmpty)
    }

    @Test func aKeyIsNotPrinted() {
        let key = HMACKey(Array("hunter2".utf8))
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!"\(key) \(String(reflecting: key)) \(dumped)".contains("hunter2"))
    }
}

@Suite struct DevCertificatesTests {
    @Test func filesAndTheirRights() throws {
        let folder = try TemporaryFolder()
        let made = try DevCertificates.ensure(in: folder.path + "/certs")
        let client = try made.issueClient(name: "worker-1")
        for (path, mode) in [
            (made.caPath, 0o644), (made.caKeyPath, 0o600), (made.serverPath, 0o644), (made.serverKeyPath, 0o600),
            (client.certificate, 0o644), (client.key, 0o600),
        ] {
            var info = stat()
            #expect(stat(path, &info) == 0, "\(path)")
            #expect(Int(info.st_mode & 0o777) & ~mode == 0, "\(path)")
        }
    }

    @Test func asecondCallChangesNothing() throws {
        let folder = try TemporaryFolder()
        let first = try DevCertificates.ensure(in: folder.path)
        let before = try folder.read("server.pem")
        _ = try DevCertificates.ensure(in: folder.path)
        #expect(try folder.read("server.pem") == before)
        // A lost server key is made again by the same CA.
        unlink(first.serverKeyPath)
        let authority = try folder.read("ca.pem")
        _ = try DevCertificates.ensure(in: folder.path)
        #expect(try folder.read("server.pem") != before)
        #expect(try folder.read("ca.pem") == authority)
    }

    @Test(arguments: ["../x", "a/b", "", "a b", ".hidden", String(repeating: "x", count: 65)])
    func badClientNames(name: String) throws {
        let folder = try TemporaryFolder()
        let made = try DevCertificates.ensure(in: folder.path)
        #expect(throws: TLSError.self) { try made.issueClient(name: name) }
    }

    @Test func badHosts() throws {
        let authority = try CertificateAuthority(name: "Test")
        #expect(throws: TLSError.self) {
            try authority.issue(name: "x", usage: .server(hosts: ["a,DNS:evil.example"]))
        }
        #expect(throws: TLSError.self) { try authority.issue(name: "x", usage: .server(hosts: [])) }
    }

    @Test func aDamagedAuthorityIsAnErrorNotATrap() {
        #expect(throws: TLSError.self) { try CertificateAuthority(certificatePEM: "", privateKeyPEM: "") }
        #expect(throws: TLSError.self) {
            try CertificateAuthority(certificatePEM: "-----BEGIN CERTIFICATE-----\nAA\n", privateKeyPEM: "x")
        }
    }
}
