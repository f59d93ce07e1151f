internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga describe`
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "How a saga stands: what it waits for, its open steps, its undo log.",
        discussion: """
            With --at N: how it stood after event N, with the outputs of its steps until then. Event numbers stand in: \
            saga history ID --events. With --at-time: after the last event that is not later, UTC, such as \
            2026-11-23T07:15:00Z.
            """)

    @OptionGroup var target: SagaTarget
    @Option(help: "As of this event.")
    var at: UInt64?
    @Option(
        help: "As of this time, UTC: 2026-11-23T07:15:00Z.",
        transform: { text in
            guard let time = TimeText.read(text) else {
                throw ValidationError("a time looks like this: 2026-11-23T07:15:00Z")
            }
            return time
        })
    var atTime: Timestamp?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard at == nil || atTime == nil else { throw ValidationError("give --at or --at-time, not both") }
    }

    func run() async throws {
        let sagaID = try target.sagaID()
        let description = try await connection.withClient { client in
            if let at { return try await client.describe(target.id, sagaID: sagaID, at: at) }
            if let atTime { return try await client.describe(target.id, sagaID: sagaID, at: atTime) }
            return try await client.describe(target.id, sagaID: sagaID)
        }
        switch output.format {
        case .text: for line in Self.lines(description) { Terminal.print(line) }
        case .json: Terminal.print(Self.json(description))
        }
    }

    static func lines(_ description: WorkflowDescription) -> [String] {
        let run = description.summary
        var lines = ["\(Wording.safe(run.workflowID))  \(run.status.name)"]
        func add(_ name: String, _ value: String) {
            if !value.isEmpty { lines.append("  \(TextColumns.left(name, 12))\(value)") }
        }
        add("type", Wording.safe(run.workflowType) + (run.workflowVersion == 0 ? "" : " v\(run.workflowVersion)"))
        add("run", run.sagaID.description)
        add("queue", Wording.safe(run.taskQueue))
        add("started", Wording.time(run.startedAt))
        if let closed = run.closedAt {
            let took = Wording.duration(micros: closed.microseconds(since: run.startedAt))
            add("closed", "\(Wording.time(closed)), after \(took)")
        }
        add("events", String(run.historyLength))
        if let time = description.virtualTime { add("clock", "virtual, shows \(Wording.time(time))") }
        for note in description.memo {
            add("memo", "\(Wording.safe(note.name)) = \(Wording.payload(note.payload, limit: 120))")
        }
        if let event = description.asOfEvent { add("as of", "event \(event)") }
        for waiting in description.waitingFor { add("waits for", Self.text(waiting)) }
        if description.lateEffects > 0 { add("late", "\(description.lateEffects) effects: saga late-effects") }
        if let error = description.error { add("error", Wording.error(error)) }
        if let payload = description.output { add("output", Wording.payload(payload, limit: 200)) }
        if !description.stepOutputs.isEmpty {
            lines.append("")
            lines += TextColumns.table(
                ["step", "output"],
                description.stepOutputs.map { [Wording.safe($0.name), Wording.payload($0.payload, limit: 120)] })
        }
        if !description.pendingSteps.isEmpty {
            lines.append("")
            lines += TextColumns.table(
                ["event", "open step", "activity", "queue", "attempt", "state"],
                description.pendingSteps.map { step in
                    [
                        String(step.eventID), Wording.safe(step.stepID), Wording.safe(step.activityType),
                        Wording.safe(step.taskQueue), String(step.attempt), state(step),
                    ]
                })
        }
        if !description.undoLog.isEmpty {
            lines.append("")
            lines += TextColumns.table(
                ["event", "undo log (oldest first)", "undone by", "state"],
                description.undoLog.map { entry in
                    [
                        String(entry.stepEventID), Wording.safe(entry.stepID), Wording.safe(entry.undoActivityType),
                        state(entry, run.status) + (entry.lastFailure.map { " · \(Wording.error($0))" } ?? ""),
                    ]
                })
        }
        if run.status == .blocked {
            lines += ["", "A person is needed: saga blocked --help, saga explain SE0102"]
        }
        return lines
    }

    private static func text(_ waiting: WorkflowDescription.Waiting) -> String {
        let since = waiting.since.map { ", since \(Wording.time($0))" } ?? ""
        return Wording.safe(waiting.text) + since
    }

    /// An entry of a saga that completed stays in the log, and nobody needs it.
    private static func state(_ entry: WorkflowDescription.UndoLogEntry, _ status: ExecutionStatus) -> String {
        entry.state == .open && status == .completed ? "not needed" : entry.state.rawValue
    }

    private static func state(_ step: WorkflowDescription.PendingStep) -> String {
        var text = step.isRunning ? "running" : "waiting"
        if step.isRunning, !step.worker.isEmpty { text += " on \(Wording.safe(step.worker))" }
        if let next = step.nextAttemptAt { text += " until \(Wording.time(next))" }
        if step.isCancelRequested { text += ", asked to stop" }
        if let failure = step.lastFailure { text += " · \(Wording.error(failure))" }
        return text
    }

    static func json(_ description: WorkflowDescription) -> JSONValue {
        var object = ListCommand.json(description.summary).objectValue ?? [:]
        object["waiting_for"] = .array(description.waitingFor.map { json($0) })
        object["late_effects"] = .integer(Int64(description.lateEffects))
        object["pending_steps"] = .array(
            description.pendingSteps.map { step in
                var entry: [String: JSONValue] = [
                    "event_id": JSONValue(step.eventID), "step_id": .string(step.stepID),
                    "activity_type": .string(step.activityType), "task_queue": .string(step.taskQueue),
                    "attempt": .integer(Int64(step.attempt)), "running": .bool(step.isRunning),
                    "cancel_requested": .bool(step.isCancelRequested),
                ]
                if let next = step.nextAttemptAt { entry["next_attempt_at"] = .string(next.description) }
                if let failure = step.lastFailure { entry["last_failure"] = EventJSON.error(failure) }
                if !step.worker.isEmpty { entry["worker"] = .string(step.worker) }
                return .object(entry)
            })
        object["undo_log"] = .array(description.undoLog.map { json($0) })
        if let time = description.virtualTime { object["virtual_time"] = .string(time.description) }
        if !description.memo.isEmpty {
            object["memo"] = .array(
                description.memo.map { ["name": .string($0.name), "value": EventJSON.payload($0.payload)] })
        }
        if let event = description.asOfEvent { object["as_of_event"] = JSONValue(event) }
        if !description.stepOutputs.isEmpty {
            object["step_outputs"] = .array(
                description.stepOutputs.map { ["name": .string($0.name), "value": EventJSON.payload($0.payload)] })
        }
        if let error = description.error { object["error"] = EventJSON.error(error) }
        if let output = description.output { object["output"] = EventJSON.payload(output) }
        return .object(object)
    }

    static func json(_ undo: WorkflowDescription.UndoLogEntry) -> JSONValue {
        var entry: [String: JSONValue] = [
            "step_event_id": JSONValue(undo.stepEventID), "step_id": .string(undo.stepID),
            "undo_activity_type": .string(undo.undoActivityType), "state": .string(undo.state.rawValue),
            "attempt": .integer(Int64(undo.attempt)),
        ]
        if let failure = undo.lastFailure { entry["last_failure"] = EventJSON.error(failure) }
        return .object(entry)
    }

    private static func json(_ waiting: WorkflowDescription.Waiting) -> JSONValue {
        var entry: [String: JSONValue] = ["kind": .string(waiting.kind), "text": .string(waiting.text)]
        if let since = waiting.since { entry["since"] = .string(since.description) }
        if let until = waiting.until { entry["until"] = .string(until.description) }
        if let eventID = waiting.eventID { entry["event_id"] = JSONValue(eventID) }
        return .object(entry)
    }
}
