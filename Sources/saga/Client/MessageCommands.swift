internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga query`
struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask a saga's code something; it changes nothing.",
        discussion: "Open and closed sagas answer; a worker that serves the code must be connected.")

    @OptionGroup var target: SagaTarget
    @Argument(help: "Name of the query handler.")
    var name: String
    @OptionGroup var data: InputFlags
    @OptionGroup var connection: ConnectionFlags

    func run() async throws {
        let sagaID = try target.sagaID()
        let argument = try payload(data)
        let answer = try await connection.withClient { client in
            try await client.query(target.id, sagaID: sagaID, name, argument)
        }
        printPayload(answer)
    }
}

/// `saga update`
struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Ask a saga's code to do something, and wait for its answer.",
        discussion: "The code may refuse it, or begin it and roll it back; both are said, and exit with a failure.")

    @OptionGroup var target: SagaTarget
    @Argument(help: "Name of the update handler.")
    var name: String
    @OptionGroup var data: InputFlags
    @Option(help: "The same update id twice is one update. Default: a new one.")
    var updateID: String = ""
    @OptionGroup var connection: ConnectionFlags

    func run() async throws {
        let sagaID = try target.sagaID()
        let argument = try payload(data)
        let answer = try await connection.withClient { client in
            do {
                return try await client.update(target.id, sagaID: sagaID, name, argument, updateID: updateID)
            } catch let failure as UpdateFailure {
                throw Failure(.sagaFailed, failure.description, error: failure.error)
            }
        }
        printPayload(answer)
    }
}

private func payload(_ data: InputFlags) throws -> Payload {
    guard let bytes = try data.bytes() else { return .empty }
    return Payload(encoding: "json", data: try StartCommand.checked(bytes))
}

private func printPayload(_ payload: Payload) {
    Terminal.print(
        payload.encoding == "json" ? String(decoding: payload.data, as: UTF8.self) : Wording.payload(payload))
}
