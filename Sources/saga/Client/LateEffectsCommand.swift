internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga late-effects`
struct LateEffectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "late-effects", abstract: "Steps that succeeded when their saga had given them up.",
        discussion: """
            A worker that was thought dead may report a success after the step's undo had begun: then the undo runs once
            more. If the saga was closed by then, nothing undoes it any more: a person must look at it.
            """)

    @Argument(help: "Only of this workflow id. Default: all.")
    var id: String?
    @Option(help: "One run of it, by its saga id. Default: the open one, else the newest.")
    var run: String?
    @OptionGroup var page: PageFlags
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard run == nil || id != nil else { throw ValidationError("--run needs the workflow id, too") }
    }

    func run() async throws {
        let sagaID = try id.flatMap { id throws(Failure) in
            var target = SagaTarget()
            target.id = id
            target.run = run
            return try target.sagaID()
        }
        let effects = try await connection.withClient { client in
            try await page.collect { limit, after in
                let answer = try await client.lateEffects(id, sagaID: sagaID, limit: limit, after: after)
                return (answer.effects, answer.next)
            }
        }
        switch output.format {
        case .json: for effect in effects { Terminal.print(Self.json(effect)) }
        case .text:
            if effects.isEmpty {
                Terminal.printError("no late effects")
                return
            }
            for line in Self.table(effects) { Terminal.print(line) }
        }
    }

    static func table(_ effects: [LateEffectSummary]) -> [String] {
        TextColumns.table(
            ["reported", "workflow id", "event", "step", "attempt", "what became of it", "key"],
            effects.map { effect in
                [
                    Wording.time(effect.reportedAt), Wording.safe(effect.workflowID), String(effect.scheduledEventID),
                    Wording.safe(effect.stepID), String(effect.attempt), fate(effect),
                    Wording.safe(effect.idempotencyKey),
                ]
            })
    }

    static func fate(_ effect: LateEffectSummary) -> String {
        if effect.isUndoneAgain { return "undone once more" }
        return effect.undoActivityType.isEmpty
            ? "stands; the step has no undo"
            : "stands; \(Wording.safe(effect.undoActivityType)) would undo it"
    }

    static func json(_ effect: LateEffectSummary) -> JSONValue {
        .object([
            "workflow_id": .string(effect.workflowID), "saga_id": .string(effect.sagaID.description),
            "scheduled_event_id": JSONValue(effect.scheduledEventID), "step_id": .string(effect.stepID),
            "attempt": .integer(Int64(effect.attempt)), "activity_type": .string(effect.activityType),
            "undo_activity_type": .string(effect.undoActivityType),
            "idempotency_key": .string(effect.idempotencyKey), "reported_at": .string(effect.reportedAt.description),
            "undone_again": .bool(effect.isUndoneAgain), "output": EventJSON.payload(effect.output),
        ])
    }
}
