internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore
internal import SagaDefinitionFile

/// `saga run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a saga that is a YAML file: register it, start it, wait for its end.",
        discussion: """
            The server runs it by itself; only its activities need workers. A file that was registered before is not \
            registered again, a changed one becomes the next version. How files look: docs/declarative.md. Exit status 1 \
            if the saga did not complete, 2 if the file is wrong.
            """)

    @Argument(help: "The file; - is standard input.")
    var file: String
    @Option(help: "The workflow id. Default: a new one.")
    var id: String?
    @OptionGroup var data: InputFlags
    @Flag(help: "Do not wait for its end.")
    var detach = false
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let definition = try DefinitionFiles.read(file)
        let id = id ?? "\(definition.name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let input = try data.bytes().map { Payload(encoding: "json", data: try StartCommand.checked($0)) } ?? .empty
        try await connection.withClient { client in
            let version = try await client.register(definition).version
            var options = WorkflowOptions()
            options.version = version
            let started = try await client.start(type: definition.name, id: id, input: input, options: options)
            guard detach else {
                return try await ResultCommand.printResult(id, started.sagaID, nil, output.format, client)
            }
            switch output.format {
            case .text:
                Terminal.print("\(Wording.safe(id))  run \(started.sagaID)  version \(version)")
            case .json:
                Terminal.print([
                    "workflow_id": .string(id), "saga_id": .string(started.sagaID.description),
                    "version": .integer(Int64(version)), "already_started": .bool(started.alreadyStarted),
                ])
            }
        }
    }
}

/// `saga definition`
struct DefinitionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "definition", abstract: "Check, register, list and show sagas that are data.",
        subcommands: [Check.self, Register.self, List.self, Show.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Check a file; nothing is stored, and no server is needed.")

        @Argument(help: "The file; - is standard input.")
        var file: String
        @OptionGroup var output: OutputOptions

        func run() throws {
            let definition = try DefinitionFiles.read(file)
            report("valid, \(definition.steps.count) steps", definition.name, output.format)
        }
    }

    struct Register: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "register", abstract: "Register a file; a changed one becomes the next version.")

        @Argument(help: "The file; - is standard input.")
        var file: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let definition = try DefinitionFiles.read(file)
            let registered = try await connection.withClient { client in try await client.register(definition) }
            switch output.format {
            case .text:
                Terminal.print(
                    "\(Wording.safe(definition.name))  version \(registered.version)"
                        + (registered.unchanged ? "  (unchanged)" : ""))
            case .json:
                Terminal.print([
                    "name": .string(definition.name), "version": .integer(Int64(registered.version)),
                    "unchanged": .bool(registered.unchanged),
                ])
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the registered definitions.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let definitions = try await connection.withClient { client in try await client.definitions() }
            for definition in definitions {
                switch output.format {
                case .text:
                    Terminal.print(
                        "\(Wording.safe(definition.name))  version \(definition.version)  \(definition.stepCount) steps"
                            + "  \(definition.registeredAt)")
                case .json:
                    Terminal.print([
                        "name": .string(definition.name), "version": .integer(Int64(definition.version)),
                        "steps": .integer(Int64(definition.stepCount)),
                        "registered_at": .string("\(definition.registeredAt)"),
                    ])
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the steps of a definition.")

        @Argument(help: "The name.")
        var name: String
        @Option(help: "The version; 0 is the newest.")
        var version: UInt32 = 0
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await connection.withClient { client in
                try await client.definition(name, version: version)
            }
            let definition = found.definition
            switch output.format {
            case .text:
                Terminal.print(
                    "\(Wording.safe(definition.name))  version \(definition.version)  registered \(found.registeredAt)")
                for step in definition.steps { Terminal.print("  \(step.id)  \(step.what)") }
            case .json:
                Terminal.print([
                    "name": .string(definition.name), "version": .integer(Int64(definition.version)),
                    "registered_at": .string("\(found.registeredAt)"),
                    "steps": .array(
                        definition.steps.map { step in
                            .object([
                                "id": .string(step.id), "kind": .string(step.kindName),
                                "group": .string(step.group), "line": .integer(Int64(step.line)),
                            ])
                        }),
                ])
            }
        }
    }
}

/// Definitions in files.
enum DefinitionFiles {
    /// Reads and checks a file; what is wrong is said as compilers do, `FILE:LINE: …`.
    static func read(_ path: String) throws(Failure) -> SagaDefinition {
        let bytes = try Files.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.usage, "\(path) is not UTF-8")
        }
        do throws(InvalidDefinition) {
            return try DefinitionFile.read(text)
        } catch {
            let lines = error.problems.map { problem in
                var plain = problem
                plain.line = 0
                return "\(path)\(problem.line > 0 ? ":\(problem.line)" : ""): \(Wording.safe(plain.description))"
            }
            throw Failure(.usage, lines.joined(separator: "\n"))
        }
    }
}

extension StepDefinition {
    fileprivate var kindName: String {
        switch kind {
        case .activity: "activity"
        case .signal: "signal"
        case .timer: "timer"
        case .child: "child"
        }
    }

    /// What the step does, in a line.
    fileprivate var what: String {
        var text: String
        switch kind {
        case .activity(let step):
            text = "activity \(step.activityType)"
            if let undo = step.undo { text += ", undone by \(undo.activityType)" }
            if step.pivot { text += ", pivot" }
        case .signal(let step): text = "signal \(step.name)"
        case .timer(let delay): text = "timer \(Wording.duration(micros: delay))"
        case .child(let step): text = "child \(step.workflowType)"
        }
        if !group.isEmpty { text += ", with group \(group)" }
        if !conditions.isEmpty { text += ", on \(conditions.count) conditions" }
        return Wording.safe(text)
    }
}
