internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga history`
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "What a saga did, and beside it how it was undone.",
        discussion: """
            The left column goes down the steps as they were done; beside each stands its undo, with the place in the
            order of undoing: last done, first undone. --events shows every event; --follow shows them as they come,
            until the saga closes. With --output json: one event a line; with --steps one step a line, its undo in it.
            """)

    @OptionGroup var target: SagaTarget
    @Flag(help: "Every event, one a line.")
    var events = false
    @Flag(help: "With --output json: the steps, each with its undo, instead of the events.")
    var steps = false
    @Flag(help: "Go on as the saga does, until it closes; implies --events.")
    var follow = false
    @Flag(help: "No characters beyond ASCII. Default: as the locale says.")
    var ascii = false
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !steps || (!events && !follow) else {
            throw ValidationError("--steps goes without --events and --follow")
        }
    }

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            let sequence =
                follow
                ? client.followHistory(target.id, sagaID: sagaID) : client.history(target.id, sagaID: sagaID)
            var all: [HistoryEvent] = []
            var startedAt: Timestamp?
            for try await event in sequence {
                let start = startedAt ?? event.timestamp
                startedAt = start
                switch (output.format, events || follow) {
                case (.json, _) where steps: all.append(event)
                case (.json, _): Terminal.print(EventJSON.event(event))
                case (.text, true): Terminal.print(EventText.line(event, startedAt: start))
                case (.text, false): all.append(event)
                }
            }
            if !all.isEmpty, output.format == .json {
                for row in TimelineJSON.rows(Timeline(all)) { Terminal.print(row) }
            } else if !all.isEmpty {
                var text = TimelineText()
                if ascii || !Terminal.isUnicode { text.symbols = .ascii }
                for line in text.lines(Timeline(all)) { Terminal.print(line) }
                let late = try await client.lateEffects(target.id, sagaID: all.first?.sagaID, limit: 1_000).effects
                if !late.isEmpty {
                    Terminal.print("")
                    Terminal.print("reported too late:")
                    for line in LateEffectsCommand.table(late) { Terminal.print(line) }
                }
            }
        }
    }
}
