import SagaCodec
import SagaCore
import Testing

@testable import saga

/// The commands as the shell runs them, as far as they need no server.
@Suite struct CommandLineTests {
    @Test(arguments: [
        [], ["--help"], ["--version"], ["start", "--help"], ["server", "--help"], ["explain"], ["explain", "se0100"],
        ["help", "history"],
    ])
    func helpAndTheLikeAreNoErrors(arguments: [String]) async {
        #expect(await Main.run(arguments) == .ok)
    }

    @Test(arguments: [
        ["nonsense"], ["start"], ["start", "t", "--reuse", "perhaps"], ["list", "--status", "fine"],
        ["terminate", "id"], ["terminate", "id", "--compensate", "--no-compensate"], ["server", "--threads", "many"],
        ["start", "t", "--input", "1", "--input-file", "f"], ["history", "id", "--timeout", "0s"],
        ["certs", "client", "../evil"], ["server", "--config", "/nonexistent/saga.conf"],
        ["start", "t", "--input", "{"], ["events", "follow", "--types", "NoSuchEvent"],
        ["events", "follow", "--position", "AAAA", "--from-beginning"], ["events", "follow", "--position", "%"],
    ])
    func aWrongCommandLineIsStatus2(arguments: [String]) async {
        #expect(await Main.run(arguments) == .usage)
    }

    @Test func anUnknownPageIsNotFound() async {
        #expect(await Main.run(["explain", "SE9999"]) == .notFound)
    }

    @Test func theExamplesBearTorture() async {
        #expect(await Main.run(["torture", "payment"]) == .ok)
        #expect(await Main.run(["torture", "travel", "--output", "json"]) == .ok)
        #expect(await Main.run(["torture", "nobody"]) == .notFound)
        #expect(await Main.run(["torture", "--run", "/nowhere/at/all"]) == .usage)
    }

    @Test func withoutAServerTheStatusIs3() async {
        // Port 1 of loopback: nobody listens there.
        let arguments = ["health", "--address", "127.0.0.1:1", "--insecure", "--timeout", "300ms"]
        #expect(await Main.run(arguments) == .unreachable)
    }

    @Test func everyPageHasItsCodeAndATitle() {
        #expect(!ErrorPages.all.isEmpty)
        for page in ErrorPages.all { #expect(page.text.hasPrefix("# \(page.code): "), "\(page.code)") }
        #expect(ErrorPages.all.map(\.code) == ErrorPages.all.map(\.code).sorted())
    }
}

/// Section 8 on the command line: the same structure, with the names of the table.
@Suite struct ErrorJSONTests {
    @Test(arguments: ErrorKind.allCases)
    func anErrorKeepsItsStructure(_ kind: ErrorKind) throws {
        let error = SagaError(
            kind: kind, message: "it is so", code: "E-1", context: [MetadataEntry(key: "where", value: "there")],
            causes: [ErrorCause(kind: .timeout, message: "before it")])
        let json = EventJSON.error(error)
        let row = try #require(ErrorKind.table.first { $0.kind == kind })
        #expect(json["kind"] == .string(row.name))
        #expect(json["category"] == .string("\(row.category)"))
        #expect(json["message"] == "it is so")
        #expect(json["code"] == "E-1")
        let text = json.compactText()
        #expect(text.contains("there") && text.contains("before it"), "\(text)")
    }
}
