import Foundation
import SagaClient

/// A TLS that is not the package's own: the program `openssl s_client`, with bytes through its pipes. With
/// `SAGA_HARNESS_TLS=foreign` the suite runs over it.
struct ForeignTLS: Transport {
    let ca: String

    func connect(to address: ConnectionOptions.Address) async throws -> any TransportConnection {
        guard case .tcp(let host, let port) = address else {
            throw SagaClientError(.invalidArgument, "only TCP here, not \(address)")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_client", "-quiet", "-connect", "\(host):\(port)", "-CAfile", ca, "-verify_return_error",
            "-verify_hostname", host, "-servername", host, "-tls1_3", "-alpn", "saga/1",
        ]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return ForeignConnection(
            process: process, input: input.fileHandleForWriting, output: output.fileHandleForReading)
    }
}

private final class ForeignConnection: TransportConnection, @unchecked Sendable {
    private let process: Process
    private let input: FileHandle
    private let output: FileHandle

    init(process: Process, input: FileHandle, output: FileHandle) {
        self.process = process
        self.input = input
        self.output = output
    }

    func receive() async throws -> [UInt8] {
        let descriptor = output.fileDescriptor
        return await withCheckedContinuation { given in
            Thread.detachNewThread {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = read(descriptor, &bytes, bytes.count)
                given.resume(returning: count > 0 ? Array(bytes[..<count]) : [])
            }
        }
    }

    func send(_ bytes: [UInt8]) async throws {
        let input = input
        try await withCheckedThrowingContinuation { (given: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { given.resume(with: Result { try input.write(contentsOf: Data(bytes)) }) }
        }
    }

    func close() async {
        // Its end is the end of both pipes.
        process.terminate()
    }
}
