internal import ArgumentParser
internal import Glibc
internal import SagaCodec

/// `saga new`
struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a project: a saga, and a worker for it in a language of your choice.",
        discussion: """
            LANGUAGE is \(Scaffold.Language.list). The folder must be empty, or not there yet. What is made runs \
            as it is, against `saga dev`; its README.md says how.
            """)

    @Argument(help: "\(Scaffold.Language.list).")
    var language: Scaffold.Language
    @Argument(help: "Where to make it. Its last part is the name of project, saga and task queue.")
    var directory: String
    @Option(help: "Another name: a letter, then letters, digits and '-', 48 at most.")
    var name: String?
    @Option(
        help:
            "Folder of the SDKs, sdk-stubs of the source. Default: the one of the source that this program was built in."
    )
    var sdk: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let scaffold = Scaffold(language: language, name: try chosenName(), sdk: try sdkFolder())
        let root = Files.absolute(directory)
        try checkEmpty(root)
        try Self.makeFolders(root)
        for file in scaffold.files {
            if let slash = file.path.lastIndex(of: "/") { try Self.makeFolders("\(root)/\(file.path[..<slash])") }
            try Files.write(file.text, to: "\(root)/\(file.path)")
        }
        let paths = scaffold.files.map(\.path).sorted()
        switch output.format {
        case .text:
            for path in paths { Terminal.print("\(directory)/\(path)") }
            Terminal.print("")
            Terminal.print("Next:  cd \(directory)")
            for command in scaffold.commands { Terminal.print("       \(command)") }
            Terminal.print("       (README.md says more)")
        case .json:
            Terminal.print([
                "language": .string(language.rawValue), "name": .string(scaffold.name), "directory": .string(root),
                "files": .array(paths.map { .string($0) }),
                "next": .array(scaffold.commands.map { .string($0) }),
            ])
        }
    }

    private func chosenName() throws -> String {
        let path = Files.absolute(directory)
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        let name = name ?? last
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...48).contains(name.utf8.count), name.first?.isLetter == true else {
            throw Failure(
                .usage, "\(Wording.safe(name)) cannot be the name of a project",
                hint: "give another one: --name my-saga")
        }
        return name
    }

    /// The SDKs: a folder given, or the one in the source that this program stands in.
    private func sdkFolder() throws -> String {
        if let sdk {
            let path = Files.absolute(sdk)
            guard Files.exists("\(path)/\(language.rawValue)") else {
                throw Failure(.usage, "there is no SDK for \(language.rawValue) in \(sdk)")
            }
            return path
        }
        var place = Files.absolute(Self.ownPath)[...]
        while let slash = place.lastIndex(of: "/") {
            place = place[..<slash]
            let path = "\(place)/sdk-stubs"
            if Files.exists("\(path)/\(language.rawValue)/README.md") { return path }
        }
        throw Failure(
            .usage, "the SDKs are not beside this program", hint: "say where they are: --sdk PATH/sdk-stubs")
    }

    /// The file of this program.
    private static var ownPath: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        return count > 0 ? String(decoding: path, as: UTF8.self) : CommandLine.arguments.first ?? ""
    }

    /// Nothing that is there is written over.
    private func checkEmpty(_ path: String) throws {
        guard let folder = opendir(path) else {
            guard errno == ENOENT else {
                throw Failure(.usage, "cannot use \(directory): \(String(cString: strerror(errno)))")
            }
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name == "." || name == ".." else {
                throw Failure(
                    .conflict, "\(directory) is not empty",
                    hint: "a project is made in a new folder: saga new \(language.rawValue) \(directory)-2")
            }
        }
    }

    private static func makeFolders(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if !Files.exists(made) { try Files.makeFolder(made, mode: 0o755) }
        }
    }
}
