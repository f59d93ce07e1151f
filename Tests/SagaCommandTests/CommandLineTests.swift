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
        ["start", "t", "--input", "{"],
    ])
    func aWrongCommandLineIsStatus2(arguments: [String]) async {
        #expect(await Main.run(arguments) == .usage)
    }

    @Test func anUnknownPageIsNotFound() async {
        #expect(await Main.run(["explain", "SE9999"]) == .notFound)
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
