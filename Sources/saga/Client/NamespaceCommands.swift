internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga namespace`
struct NamespaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "namespace", abstract: "Namespaces, their limits and their clocks.", subcommands: [List.self])

    /// `saga namespace list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the namespaces that the server knows of; without administrator's rights your own only.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await connection.withClient { client in try await client.namespaces() }
            switch output.format {
            case .json: for namespace in found { Terminal.print(NamespaceCommand.json(namespace)) }
            case .text:
                let lines = TextColumns.table(
                    ["namespace", "open", "of at most", "starts/s", "payload", "kept", "clock"],
                    found.map { namespace in
                        [
                            Wording.safe(namespace.name), String(namespace.openSagas),
                            namespace.maximumOpenSagas.map(String.init) ?? "-",
                            namespace.startsPerSecond.map { String($0) } ?? "-",
                            namespace.maximumPayloadBytes.map { "\($0) bytes" } ?? "-",
                            namespace.retention.map { Wording.duration(micros: $0.wholeMicroseconds) } ?? "for ever",
                            NamespaceCommand.clock(namespace),
                        ]
                    })
                for line in lines { Terminal.print(line) }
            }
        }
    }

    static func clock(_ namespace: NamespaceDescription) -> String {
        guard namespace.isVirtual else { return "real time" }
        return "virtual\(namespace.isClockHeld ? ", by hand" : ""): \(Wording.time(namespace.time))"
    }

    static func json(_ namespace: NamespaceDescription) -> JSONValue {
        var object: [String: JSONValue] = [
            "namespace": .string(namespace.name), "open_sagas": JSONValue(namespace.openSagas),
            "virtual_clock": .bool(namespace.isVirtual), "clock_held": .bool(namespace.isClockHeld),
            "time": .string(namespace.time.description),
        ]
        if let limit = namespace.maximumOpenSagas { object["max_open_sagas"] = JSONValue(limit) }
        if let limit = namespace.startsPerSecond { object["starts_per_second"] = .number(limit) }
        if let limit = namespace.maximumPayloadBytes { object["max_payload_bytes"] = JSONValue(limit) }
        if let time = namespace.retention { object["retention_us"] = .integer(time.wholeMicroseconds) }
        return .object(object)
    }
}

/// `saga clock`
struct ClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock", abstract: "The virtual clock of a namespace: see it, move it on, hold it.",
        discussion: """
            In a namespace with a virtual clock (saga dev --virtual-clock NAMESPACE) time stands still while anything is under \
            way, and jumps to what is due next for a saga when nothing is. Held, it moves by hand only.
            """,
        subcommands: [Show.self, Begin.self, Advance.self, Hold.self, Release.self], defaultSubcommand: Show.self)

    /// `saga clock show`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What the clock of the namespace shows.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let name = try connection.settings().namespace
            let wanted = name.isEmpty ? "default" : name
            let found = try await connection.withClient { client in try await client.namespaces() }
            guard let namespace = found.first(where: { $0.name == wanted }) else {
                throw Failure(.notFound, "the server does not tell of namespace \(Wording.safe(wanted))")
            }
            switch output.format {
            case .json: Terminal.print(NamespaceCommand.json(namespace))
            case .text: Terminal.print("\(Wording.safe(wanted))  \(NamespaceCommand.clock(namespace))")
            }
        }
    }

    /// `saga clock begin`
    struct Begin: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make time in the namespace virtual, for good; for a server that allows it, as saga dev does.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws { try await ClockCommand.set(connection, output) }
    }

    /// `saga clock advance`
    struct Advance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move the clock on, doing on the way what becomes due.")

        @Argument(help: "By how much: 90s, 12h, 30d.")
        var by: DurationOption
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (by, deadline) = (by.value.wholeMicroseconds, connection.timeout.value)
            try await ClockCommand.set(connection, output) { client in
                // Where it is to stand is named, so that a repeat does not move it twice.
                let now = try await client.setVirtualClock().time
                return try await client.setVirtualClock(advanceTo: now.adding(microseconds: by), deadline: deadline)
            }
        }
    }

    /// `saga clock hold`
    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "From now on the clock moves by hand only.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ClockCommand.set(connection, output) { try await $0.setVirtualClock(isHeld: true) }
        }
    }

    /// `saga clock release`
    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "From now on the clock moves by itself again, whenever nothing is under way.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ClockCommand.set(connection, output) { try await $0.setVirtualClock(isHeld: false) }
        }
    }

    private static func set(
        _ connection: ConnectionFlags, _ output: OutputOptions,
        _ body: (SagaClient) async throws -> VirtualTime = { try await $0.setVirtualClock() }
    ) async throws {
        let clock = try await connection.withClient(body)
        switch output.format {
        case .json: Terminal.print(["time": .string(clock.time.description), "held": .bool(clock.isHeld)])
        case .text: Terminal.print("virtual\(clock.isHeld ? ", by hand" : ""): \(Wording.time(clock.time))")
        }
    }
}
