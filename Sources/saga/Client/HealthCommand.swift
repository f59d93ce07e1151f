internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga health`
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Does the server answer, and how fast?",
        discussion: """
            Exit status 0 if it does, 3 if it cannot be reached: fit for a probe. With --ready also 3 if it cannot do its
            work, because its store does not answer for example.
            """)

    @Flag(help: "Fail if a part of the server is not ready.")
    var ready = false
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let address = try connection.settings().address
        let (health, info, readiness, namespaces) = try await connection.withClient { client in
            (
                try await client.health(), try await client.serverInfo(), try await client.readiness(),
                try await client.namespaces()
            )
        }
        let virtual = namespaces.filter(\.isVirtual)
        let micros = health.roundTrip.wholeMicroseconds
        switch output.format {
        case .text:
            Terminal.print("\(address) answers in \(Wording.duration(micros: micros))")
            let blocked = info.blockedSagas == 0 ? "" : ", \(info.blockedSagas) blocked (saga blocked list)"
            Terminal.print("  \(info.openSagas) open sagas\(blocked), \(info.workers) workers")
            for part in readiness.parts where !part.isReady {
                Terminal.print("  NOT READY: \(part.name): \(Wording.safe(part.message))")
            }
            if info.lateEffects > 0 {
                Terminal.print("  \(info.lateEffects) late effects since the start (saga late-effects)")
            }
            for namespace in virtual {
                Terminal.print("  namespace \(Wording.safe(namespace.name)): \(NamespaceCommand.clock(namespace))")
            }
            if info.alertsWaiting > 0 {
                Terminal.print("  \(info.alertsWaiting) alerts wait, \(info.alertsFailed) deliveries failed")
            }
        case .json:
            Terminal.print([
                "address": .string(address.description), "healthy": true, "ready": .bool(readiness.isReady),
                "round_trip_us": .integer(micros),
                "server_time": .string(health.serverTime.description), "version": .string(info.version),
                "open_sagas": JSONValue(info.openSagas), "blocked_sagas": JSONValue(info.blockedSagas),
                "blocks": JSONValue(info.blocks), "late_effects": JSONValue(info.lateEffects),
                "alerts_delivered": JSONValue(info.alertsDelivered), "alerts_failed": JSONValue(info.alertsFailed),
                "alerts_waiting": JSONValue(info.alertsWaiting), "workers": .integer(Int64(info.workers)),
                "virtual_clocks": .array(
                    virtual.map { ["namespace": .string($0.name), "time": .string($0.time.description)] }),
                "parts": .array(
                    readiness.parts.map {
                        ["name": .string($0.name), "ready": .bool($0.isReady), "message": .string($0.message)]
                    }),
            ])
        }
        if ready && !readiness.isReady {
            throw Failure(.unreachable, "the server answers, but is not ready")
        }
    }
}
