internal import ArgumentParser
internal import SagaCodec
internal import SagaCore
internal import SagaServer

/// `saga token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make tokens for callers and workers.", subcommands: [TokenNew.self])
}

/// `saga token new`
struct TokenNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a token, and add its entry to a tokens file.",
        discussion: """
            The token is printed once and kept nowhere: the file holds its SHA-256. A running server reads the file
            again on SIGHUP. Roles: \(Permissions.roleNames.joined(separator: ", ")).
            """)

    @Option(help: "Who the token stands for: a name for logs and histories.")
    var principal: String
    @Option(name: .customLong("role"), help: "What it may do; may be repeated.")
    var roles: [String]
    @Option(name: .customLong("namespace"), help: "Where it may do it, * for everywhere; may be repeated.")
    var namespaces: [String] = ["default"]
    @Option(help: "When it ends: 2027-01-01T00:00:00Z. Default: never.")
    var expires: String?
    @Option(help: "The key id. Default: the principal.")
    var id: String?
    @Option(help: "The tokens file to add to; it is made if it is not there. Without it the entry is printed.")
    var file: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let issued: (token: String, entry: TokenFile.Entry)
        do {
            issued = try TokenFile.issue(
                id: id ?? principal, principal: principal, namespaces: namespaces, roles: roles, expires: expires)
        } catch {
            throw Failure(.usage, error.message)
        }
        let entry = try JSONCoding.parse(try JSONCoding.encode(issued.entry))
        if let file { try Self.add(entry, to: file) }
        switch output.format {
        case .json: Terminal.print(["token": .string(issued.token), "entry": entry])
        case .text:
            Terminal.print(issued.token)
            if file == nil { Terminal.printError("entry for the tokens file: \(entry.compactText())") }
        }
    }

    /// Adds an entry to `{"tokens": […]}` and checks the whole before it is written.
    private static func add(_ entry: JSONValue, to path: String) throws {
        var tokens: [JSONValue] = []
        if Files.exists(path) {
            guard let old = try? JSONCoding.parse(try Files.read(path)), let list = old["tokens"]?.arrayValue else {
                throw Failure(.usage, "\(path) is not a tokens file")
            }
            tokens = list
        }
        let bytes = try JSONCoding.serialize(["tokens": .array(tokens + [entry])])
        do { _ = try TokenFile(json: bytes) } catch { throw Failure(.conflict, "\(path): \(error.message)") }
        try Files.write(String(decoding: bytes, as: UTF8.self) + "\n", to: path, mode: 0o600)
    }
}
