// Admin.Health through the whole session layer and nothing behind it: what the network path itself costs.
//
// usage: health-echo PORT CERTIFICATE KEY
// benchmarks/peers/c-echo/run -- .build/release/health-echo @PORT@ @CERT@ @KEY@
import Glibc
import Logging
import SagaTransport
import SagaWire

final class HealthService: SessionService {
    func makeConnection(_ context: ConnectionContext) -> HealthConnection { HealthConnection() }
}

final class HealthConnection: ServerSessionDelegate {
    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision {
        let welcome = Wire.Welcome(serverVersion: "health-echo", maxFrame: 65_536, maxMessage: 4 << 20, maxStreams: 256)
        guard (try? Wire.Hello(decoding: body)) != nil, let bytes = try? welcome.serialized() else {
            return .reject(status: WireStatus(.invalidArgument, "not a hello"))
        }
        return .accept(welcome: bytes)
    }

    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer) {
        guard method == Wire.Method.adminHealth.rawValue else {
            session.fail(stream, WireStatus(.unimplemented, "only Admin.Health"))
            return
        }
        do {
            let request = try Wire.HealthRequest(decoding: body)
            let response = Wire.HealthResponse(serverTimeMicros: WallClock.micros(), echo: request.echo)
            try response.withPacked { packed in
                _ = session.respond(stream, capacity: packed.count) { packed.write(to: $0) }
            }
        } catch {
            session.fail(stream, WireStatus(.invalidArgument, "\(error)"))
        }
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {}
    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) {}
    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {}
    func closed(_ session: SessionCore, reason: SessionCloseReason) {}
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = Int(arguments[1]) else {
    print("usage: health-echo PORT CERTIFICATE KEY")
    exit(2)
}
// The main thread sleeps rather than become Dispatch's: callgrind cannot follow a main thread that ends before its process.
let group = TransportGroup(threads: 1)
Task.detached {
    let listener = try await SagaListener.start(
        ListenerConfiguration(
            address: .tcp(host: "127.0.0.1", port: port),
            security: .tls(TLSServerConfiguration(certificateChainPath: arguments[2], privateKeyPath: arguments[3]))),
        group: group, service: HealthService(), logger: Logger(label: "health-echo"))
    print("listening on \(listener.address)")
}
while true { sleep(3_600) }
