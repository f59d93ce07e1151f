import Foundation
import Glibc
import Logging
import SagaClient
import SagaCore
import Testing

/// A server that runs out of file descriptors: who is in goes on, who waits gets in later, and the server does not spin.
@Suite(.timeLimit(.minutes(2))) struct DescriptorTests {
    @Test func aServerWithoutDescriptorsServesThoseWhoAreIn() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("saga-fd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = Int.random(in: 20_000..<32_000)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "ulimit -n 60; exec \"$0\" server --insecure --listen 127.0.0.1:\(port) --store memory",
            try executable("saga").path,
        ]
        process.currentDirectoryURL = folder
        let log = folder.appendingPathComponent("log")
        #expect(FileManager.default.createFile(atPath: log.path, contents: nil))
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        var options = ConnectionOptions(host: "127.0.0.1", port: port, security: .insecure)
        options.deadline = .seconds(60)
        let client = try await SagaClient.connect(options, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
        _ = try await client.start(type: "nobody.serves.it", id: "before", input: .empty)

        // More than it has descriptors: the kernel takes the connections, the server cannot.
        let sockets = try (0..<120).map { _ in try socket(to: port) }
        func said() -> String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
        let limit = ContinuousClock.now + .seconds(30)
        while !said().contains("cannot accept connections"), ContinuousClock.now < limit {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(said().contains("cannot accept connections"), "\(said())")
        let (began, used) = (ContinuousClock.now, try processorTime(process.processIdentifier))
        for _ in 0..<20 {
            #expect(try await client.describe("before").summary.workflowID == "before")
            try await Task.sleep(for: .milliseconds(100))
        }
        // Two seconds of waiting for descriptors: a server that asks again and again uses both.
        let waited = Double((ContinuousClock.now - began) / .milliseconds(1)) / 1_000
        #expect(try processorTime(process.processIdentifier) - used < waited / 4)

        for socket in sockets { close(socket) }
        // There is room again.
        let second = try await SagaClient.connect(options, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
        _ = try await second.start(type: "nobody.serves.it", id: "after", input: .empty)
        #expect(try await client.describe("after").summary.workflowID == "after")
        await second.close()
        await client.close()
    }

    private func socket(to port: Int) throws -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        return descriptor
    }

    /// Seconds of CPU that a process has used.
    private func processorTime(_ pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text.suffix(from: text.lastIndex(of: ")") ?? text.startIndex).split(separator: " ")
        // After the name: state is the first, user and system time the 12th and 13th.
        let ticks = fields.dropFirst(12).prefix(2).compactMap { Double($0) }
        try #require(ticks.count == 2)
        return ticks.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// A program that was built beside these tests.
    private func executable(_ name: String) throws -> URL {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        if let bundle = CommandLine.arguments.first(where: { $0.contains(".xctest") }) {
            folder = URL(fileURLWithPath: bundle)
            while folder.path.contains(".xctest") { folder = folder.deletingLastPathComponent() }
        }
        let url = folder.appendingPathComponent(name)
        try #require(FileManager.default.isExecutableFile(atPath: url.path), "no \(name) in \(folder.path)")
        return url
    }
}
