import COpenSSL
import Dispatch
import Glibc
import SagaWire

/// A client that speaks TLS by OpenSSL over a blocking socket and otherwise sends whatever it is told: no frame code of
/// ours between it and the server.
final class RawClient: @unchecked Sendable {
    struct Options: Sendable {
        var maxVersion = TLS1_3_VERSION
        var alpn: [UInt8]? = [6] + Array("saga/1".utf8)
        var receiveBuffer: Int32?
        var tls = true
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    let descriptor: Int32
    private var context: OpaquePointer?
    private var ssl: OpaquePointer?

    /// Connects and does the handshake (unless `options.tls` is off).
    init(port: Int, options: Options = Options()) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var time = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if var size = options.receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: \(errno)") }
        guard options.tls else { return }
        context = SSL_CTX_new(TLS_client_method())
        ssl = SSL_new(context)
        // SSL_set_max_proto_version is a macro.
        SSL_ctrl(ssl, 124, Int(options.maxVersion), nil)
        if let alpn = options.alpn { SSL_set_alpn_protos(ssl, alpn, UInt32(alpn.count)) }
        SSL_set_fd(ssl, descriptor)
        ERR_clear_error()
        guard SSL_connect(ssl) == 1 else {
            throw Failure(description: "handshake: \(Self.queue())")
        }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        close(descriptor)
    }

    static func queue() -> String {
        guard let text = ERR_reason_error_string(ERR_peek_error()) else { return "closed" }
        return String(cString: text)
    }

    func write(_ bytes: [UInt8]) throws {
        ERR_clear_error()
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { rest in
                ssl == nil
                    ? Int32(send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL)))
                    : SSL_write(ssl, rest.baseAddress, Int32(rest.count))
            }
            guard count > 0 else { throw Failure(description: "write: \(Self.queue())") }
            sent += Int(count)
        }
    }

    func read(upTo size: Int = 16_384) throws -> [UInt8] {
        ERR_clear_error()
        var buffer = [UInt8](repeating: 0, count: size)
        let count = ssl == nil ? Int32(recv(descriptor, &buffer, size, 0)) : SSL_read(ssl, &buffer, Int32(size))
        if count > 0 { return Array(buffer[..<Int(count)]) }
        if ssl != nil, SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN { return [] }
        if ssl == nil, count == 0 { return [] }
        throw Failure(description: "read: \(Self.queue())")
    }

    struct Answer {
        let kind: UInt8
        let stream: UInt32
        let body: [UInt8]
        var status: WireStatus? { kind == 5 ? body.withUnsafeBytes { WireStatus(decoding: $0) } : nil }
    }

    private var unread: [UInt8] = []

    /// The next frame; nil if the server has said goodbye.
    func frame() throws -> Answer? {
        while true {
            if unread.count >= 12 {
                let length = unread[..<4].reduce(0) { $0 << 8 | Int($1) }
                if unread.count >= 4 + length {
                    let stream = unread[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
                    let answer = Answer(kind: unread[4], stream: stream, body: Array(unread[12..<4 + length]))
                    unread.removeFirst(4 + length)
                    return answer
                }
            }
            let more = try read()
            if more.isEmpty { return nil }
            unread += more
        }
    }

    /// Every frame until the server closes in order.
    func framesUntilClose() throws -> [Answer] {
        var frames: [Answer] = []
        while let next = try frame() { frames.append(next) }
        return frames
    }

    /// HELLO and WELCOME.
    func hello() throws {
        try write(FrameHeader.frame(kind: .hello, stream: 0, body: Array("hello".utf8)))
        guard try frame()?.kind == FrameKind.welcome.rawValue else { throw Failure(description: "no welcome") }
    }

    func goodbye() { SSL_shutdown(ssl) }

    func updateKeys() throws {
        ERR_clear_error()
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, SSL_do_handshake(ssl) == 1 else {
            throw Failure(description: "key update: \(Self.queue())")
        }
    }
}

/// Runs blocking code on a thread of its own, so that it holds up no other test.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
}
