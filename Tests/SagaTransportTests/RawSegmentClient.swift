import COpenSSL
import Glibc

/// A TLS client over memory BIOs, so that a test decides what goes into which segment.
final class RawSegmentClient {
    private let socket: RawClient
    private let context = SSL_CTX_new(TLS_client_method())
    private let ssl: OpaquePointer?
    private let incoming = BIO_new(BIO_s_mem())
    private let outgoing = BIO_new(BIO_s_mem())
    /// Send every byte by itself.
    var dripping = false

    init(port: Int) throws {
        var options = RawClient.Options()
        options.tls = false
        socket = try RawClient(port: port, options: options)
        ssl = SSL_new(context)
        let alpn = [6] + Array("saga/1".utf8)
        SSL_set_alpn_protos(ssl, alpn, UInt32(alpn.count))
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// Does the handshake; the client's last flight and `data` leave together.
    func handshakeWithData(_ data: [UInt8]) throws {
        while SSL_do_handshake(ssl) != 1 {
            try sendOutgoing()
            try receive()
        }
        guard SSL_write(ssl, data, Int32(data.count)) == Int32(data.count) else {
            throw RawClient.Failure(description: "write")
        }
        try sendOutgoing()
    }

    private func sendOutgoing() throws {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(outgoing))
        guard !bytes.isEmpty else { return }
        BIO_read(outgoing, &bytes, Int32(bytes.count))
        if dripping {
            for byte in bytes { try socket.write([byte]) }
        } else {
            try socket.write(bytes)
        }
    }

    private func receive() throws {
        let bytes = try socket.read()
        guard !bytes.isEmpty else { throw RawClient.Failure(description: "closed") }
        BIO_write(incoming, bytes, Int32(bytes.count))
    }

    func plaintext(atLeast count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while result.count < count {
            let got = SSL_read(ssl, &buffer, Int32(buffer.count))
            if got > 0 { result += buffer[..<Int(got)] } else { try receive() }
        }
        return result
    }
}
