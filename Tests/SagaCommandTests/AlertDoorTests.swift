import Foundation
import SagaCodec
import SagaCore
import SagaEngine
import Testing

@testable import saga

/// `--on-blocked`: what a command gets, and what counts as delivered.
@Suite(.timeLimit(.minutes(1))) struct AlertDoorTests {
    private let run = BlockedRun(
        sagaID: SagaID(high: 1, low: 2), namespace: "default", workflowID: "o'rder \"7\"", workflowType: "order",
        block: Block(
            cause: .undoFailed, message: String(repeating: "long ", count: 2_000),
            since: Timestamp(microseconds: 1_800_000_000_000_000), eventID: 12), isRepeated: true)

    private func file() -> String { FileManager.default.temporaryDirectory.path + "/saga-alert-\(UUID().uuidString)" }

    @Test func aCommandGetsTheAlertOnItsInputAndInItsEnvironment() async throws {
        let path = file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let door = try AlertDoor(
            "{ cat; echo \"$SAGA_ALERT_ID|$SAGA_ALERT_WORKFLOW_ID|$SAGA_ALERT_CAUSE\"; } > \(path)")
        try await door.deliver(run)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count == 2)
        let alert = try JSONCoding.parse(Array(lines[0].utf8))
        #expect(alert["workflow_id"] == "o'rder \"7\"")
        #expect(alert["cause"] == "undo_failed")
        #expect(alert["repeated"] == true)
        #expect(alert["id"] == .string(run.alertID))
        #expect(lines[1] == "\(run.alertID)|o'rder \"7\"|undo_failed")
    }

    @Test func anythingButStatusZeroIsAFailure() async throws {
        for command in ["exit 3", "kill -9 $$", "/nothing/is/there"] {
            let door = try AlertDoor(command)
            await #expect(throws: AlertFailure.self, "\(command)") { try await door.deliver(run) }
        }
        // A command that does not read what it is given has been told all the same.
        try await AlertDoor("true").deliver(run)
    }

    @Test func aCommandThatHangsIsKilledWithWhatItStarted() throws {
        let path = file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let failure = #expect(throws: AlertFailure.self) {
            try ChildProcess.run(
                ["/bin/sh", "-c", "sleep 1000 & echo $! > \(path); wait"], environment: [], input: [], seconds: 1)
        }
        #expect(failure?.description.contains("killed") == true)
        let child = try #require(pid_t(String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)))
        // Gone, or a zombie that its new parent has not looked at: it must not go on.
        func isAlive() -> Bool {
            let stat = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ") Z"
            return !stat.contains(") Z") && !stat.contains(") X")
        }
        // A killed process is gone in a moment; the test's time limit ends what is not.
        while isAlive() { usleep(1_000) }
    }

    @Test func aURLIsPostedTo() async throws {
        guard (try? AlertDoor("http://x")) != nil else { return }  // no curl here
        let server = try OneRequestServer()
        let door = try AlertDoor("http://127.0.0.1:\(server.port)/alerts")
        async let request = server.answer("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
        try await door.deliver(run)
        let text = try await request
        #expect(text.hasPrefix("POST /alerts HTTP/1.1\r\n"))
        #expect(text.lowercased().contains("content-type: application/json\r\n"))
        #expect(text.contains("\"alert\":\"saga.blocked\""))
        let failing = try OneRequestServer()
        let other = try AlertDoor("http://127.0.0.1:\(failing.port)/")
        async let refused = failing.answer("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
        await #expect(throws: AlertFailure.self) { try await other.deliver(run) }
        _ = try await refused
    }
}

/// Answers one HTTP request on a port of its own.
private final class OneRequestServer: Sendable {
    let port: UInt16
    private let listener: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 1) == 0
            }
        }
        let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
        }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        try #require(isBound && isNamed)
    }

    func answer(_ response: String) async throws -> String {
        await withCheckedContinuation { done in
            DispatchQueue(label: "one-request").async { [listener] in
                let peer = accept(listener, nil, nil)
                var bytes: [UInt8] = []
                var part = [UInt8](repeating: 0, count: 65_536)
                // The body is one JSON object and a line end.
                while !bytes.suffix(2).elementsEqual("}\n".utf8) {
                    let count = read(peer, &part, part.count)
                    guard count > 0 else { break }
                    bytes += part[..<count]
                }
                _ = Array(response.utf8).withUnsafeBytes { write(peer, $0.baseAddress, $0.count) }
                close(peer)
                close(listener)
                done.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
