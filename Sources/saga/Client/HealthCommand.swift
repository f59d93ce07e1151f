internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga health`
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Does the server answer, and how fast?",
        discussion: "Exit status 0 if it does, 3 if it cannot be reached: fit for a probe.")

    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let address = try connection.settings().address
        let health = try await connection.withClient { try await $0.health() }
        let micros = health.roundTrip.wholeMicroseconds
        switch output.format {
        case .text: Terminal.print("\(address) answers in \(Wording.duration(micros: micros))")
        case .json:
            Terminal.print([
                "address": .string(address.description), "healthy": true, "round_trip_us": .integer(micros),
                "server_time": .string(health.serverTime.description),
            ])
        }
    }
}
