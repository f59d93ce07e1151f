import Dispatch
import Foundation
import Glibc
import SagaTransport
import SagaWire
import Testing

/// The system's own `openssl` as the client: an implementation of TLS that is not our code.
@Suite struct InteropTests {
    /// Runs `openssl s_client`, gives it `input` a piece at a time, and returns what it printed.
    private func sClient(_ arguments: [String], input: [[UInt8]], until marker: [UInt8]? = nil) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "s_client"] + arguments
        let stdin = Pipe()
        let stdout = Pipe()
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stdout
        try process.run()
        // SIGKILL: a thread of Dispatch has every other signal blocked, and its children inherit that.
        let id = process.processIdentifier
        let watchdog = DispatchWorkItem { kill(id, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 20, execute: watchdog)
        for piece in input {
            try stdin.fileHandleForWriting.write(contentsOf: Data(piece))
            // s_client takes its one-letter commands from the start of a read of their own.
            usleep(300_000)
        }
        var output: [UInt8] = []
        while true {
            let more = stdout.fileHandleForReading.availableData
            if more.isEmpty { break }
            output += more
            if let marker, output.firstRange(of: marker) != nil { break }
        }
        try? stdin.fileHandleForWriting.close()
        watchdog.cancel()
        kill(id, SIGKILL)
        process.waitUntilExit()
        return output
    }

    private func hello() -> [UInt8] { FrameHeader.frame(kind: .hello, stream: 0, body: Array("hello".utf8)) }

    private func echo(_ stream: UInt32, _ text: String) -> [UInt8] {
        FrameHeader.frame(kind: .request, method: TestMethod.echo, stream: stream, body: Array(text.utf8))
    }

    @Test func quietClient() async throws {
        try await withServer { server in
            let arguments = [
                "-connect", "127.0.0.1:\(server.port)", "-CAfile", server.certificates.caPath, "-verify_return_error",
                "-verify_ip", "127.0.0.1", "-alpn", "saga/1", "-tls1_3", "-quiet",
            ]
            let (hello, echo) = (hello(), echo(1, "over s_client"))
            let output = try await onThread { [self] in
                try sClient(arguments, input: [hello + echo], until: Array("over s_client".utf8))
            }
            #expect(output.firstRange(of: Array("welcome".utf8)) != nil)
            #expect(output.firstRange(of: Array("over s_client".utf8)) != nil)
        }
    }

    /// Without -quiet, a line that begins with `k` or `K` makes s_client update its keys (`K`: and asks us to).
    @Test(arguments: ["k", "K"]) func keyUpdate(command: String) async throws {
        try await withServer { server in
            let arguments = [
                "-connect", "127.0.0.1:\(server.port)", "-CAfile", server.certificates.caPath, "-alpn", "saga/1",
            ]
            let (hello, first, second) = (hello(), echo(1, "first answer"), echo(2, "second answer"))
            let output = try await onThread { [self] in
                try sClient(
                    arguments, input: [hello, first, Array("\(command)\n".utf8), second],
                    until: Array("second answer".utf8))
            }
            #expect(output.firstRange(of: Array("KEYUPDATE".utf8)) != nil)
            #expect(output.firstRange(of: Array("second answer".utf8)) != nil)
        }
    }

    @Test func onlyTLS13() async throws {
        try await withServer { server in
            let base = ["-connect", "127.0.0.1:\(server.port)", "-CAfile", server.certificates.caPath]
            for (extra, expected) in [
                (["-tls1_2", "-alpn", "saga/1"], "alert protocol version"), ([], "alert no application protocol"),
                (["-alpn", "http/1.1"], "alert no application protocol"),
            ] {
                let output = try await onThread { [self] in try sClient(base + extra, input: []) }
                #expect(String(decoding: output, as: UTF8.self).contains(expected), "\(extra)")
            }
        }
    }
}
