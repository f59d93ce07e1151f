internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga schedule`
struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Sagas that start by the clock.",
        subcommands: [
            Create.self, Update.self, List.self, Describe.self, Pause.self, Resume.self, Trigger.self, Delete.self,
        ])

    /// Everything that defines a schedule.
    struct Flags: ParsableArguments {
        @Argument(help: "Its name.")
        var id: String
        @Option(help: "Five cron fields (minute hour day month weekday), @daily and its like, or \"@every 90s\".")
        var cron: String
        @Option(help: "IANA time zone, such as Europe/Zurich. Default: UTC.")
        var timeZone = ""
        @Option(help: "The workflow type to start.")
        var type: String
        @Option(help: "The workflow id, to which the due time is appended. Default: the schedule's name.")
        var workflowID = ""
        @OptionGroup var data: InputFlags
        @Option(help: "When the run before is still open: skip, buffer-one, cancel-other or allow.")
        var overlap = OverlapOption.skip
        @Option(help: "How late a missed run is still started. Default: 60s.")
        var catchUp: DurationOption?
        @Option(help: "Queue whose workers run the workflow code. Default: the server's.")
        var queue: String?
        @Option(help: "Unwind and close each run after this time.")
        var executionTimeout: DurationOption?
        @Flag(help: "Start nothing but by a trigger.")
        var paused = false

        func schedule() throws -> Schedule {
            let input = try data.bytes().map { Payload(encoding: "json", data: try StartCommand.checked($0)) } ?? .empty
            var schedule = Schedule(id: id, cron: cron, workflowType: type, workflowID: workflowID, input: input)
            schedule.timeZone = timeZone
            schedule.overlap = overlap.value
            if let catchUp { schedule.catchupWindow = catchUp.value }
            schedule.options.taskQueue = queue ?? ""
            schedule.options.executionTimeout = executionTimeout?.value
            schedule.isPaused = paused
            return schedule
        }
    }

    struct OverlapOption: ExpressibleByArgument, Sendable {
        var value: Schedule.Overlap

        static let skip = OverlapOption(value: .skip)

        init(value: Schedule.Overlap) { self.value = value }

        init?(argument: String) {
            guard let value = Schedule.Overlap(rawValue: argument) else { return nil }
            self.value = value
        }

        var defaultValueDescription: String { value.rawValue }
        static var allValueStrings: [String] { Schedule.Overlap.allCases.map(\.rawValue) }
    }

    /// `saga schedule create`
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create a schedule.")

        @OptionGroup var flags: Flags
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let schedule = try flags.schedule()
            let next = try await connection.withClient { client in try await client.createSchedule(schedule) }
            ScheduleCommand.report("created", flags.id, next, output.format)
        }
    }

    /// `saga schedule update`
    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace a schedule, whole.", discussion: "What was due before is not made up for.")

        @OptionGroup var flags: Flags
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let schedule = try flags.schedule()
            let next = try await connection.withClient { client in try await client.updateSchedule(schedule) }
            ScheduleCommand.report("updated", flags.id, next, output.format)
        }
    }

    /// `saga schedule list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the schedules of the namespace.")

        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await connection.withClient { client in try await client.listSchedules() }
            switch output.format {
            case .json: for schedule in found { Terminal.print(ScheduleCommand.json(schedule)) }
            case .text:
                if found.isEmpty { return Terminal.printError("no schedules") }
                let lines = TextColumns.table(
                    ["schedule", "cron", "zone", "next", "last start", "started", "left out", ""],
                    found.map { info in
                        [
                            Wording.safe(info.schedule.id), Wording.safe(info.schedule.cron),
                            info.schedule.timeZone.isEmpty ? "UTC" : Wording.safe(info.schedule.timeZone),
                            info.nextDue.map { Wording.time($0) } ?? "-",
                            info.lastStart.map { Wording.time($0) } ?? "-", String(info.started),
                            String(info.skipped), info.schedule.isPaused ? "paused" : "",
                        ]
                    })
                for line in lines { Terminal.print(line) }
            }
        }
    }

    /// `saga schedule describe`
    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a schedule, and when it is due next.")

        @Argument(help: "Its name.")
        var id: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let info = try await connection.withClient { client in try await client.describeSchedule(id) }
            if output.format == .json { return Terminal.print(ScheduleCommand.json(info)) }
            let schedule = info.schedule
            var lines = [
                (
                    "cron",
                    "\(Wording.safe(schedule.cron)) (\(schedule.timeZone.isEmpty ? "UTC" : Wording.safe(schedule.timeZone)))"
                ),
                ("starts", "\(Wording.safe(schedule.workflowType)) as \(Wording.safe(schedule.workflowID))-TIME"),
                ("overlap", schedule.overlap.rawValue),
                ("catch-up", Wording.duration(micros: schedule.catchupWindow.wholeMicroseconds)),
                ("started", String(info.started)), ("left out", String(info.skipped)),
            ]
            if let last = info.lastStart { lines.append(("last start", Wording.time(last))) }
            if info.isBuffered { lines.append(("waiting", "one run, for the one before to close")) }
            if !info.lastError.isEmpty { lines.append(("last error", Wording.safe(info.lastError))) }
            if schedule.isPaused { lines.append(("paused", "yes")) }
            for (index, time) in info.upcoming.prefix(5).enumerated() {
                lines.append((index == 0 ? "next" : "", Wording.time(time)))
            }
            for (name, text) in lines {
                Terminal.print(name + String(repeating: " ", count: max(1, 12 - name.count)) + text)
            }
        }
    }

    /// `saga schedule pause`
    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start nothing but by a trigger.")

        @Argument(help: "Its name.")
        var id: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            _ = try await connection.withClient { client in try await client.pauseSchedule(id) }
            ScheduleCommand.report("paused", id, nil, output.format)
        }
    }

    /// `saga schedule resume`
    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a paused schedule go on.", discussion: "What was due in between is left out.")

        @Argument(help: "Its name.")
        var id: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let next = try await connection.withClient { client in try await client.pauseSchedule(id, false) }
            ScheduleCommand.report("resumed", id, next, output.format)
        }
    }

    /// `saga schedule trigger`
    struct Trigger: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start a run now, under the schedule's overlap policy.")

        @Argument(help: "Its name.")
        var id: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (workflowID, sagaID) = try await connection.withClient { client in
                try await client.triggerSchedule(id)
            }
            switch output.format {
            case .json:
                var object: [String: JSONValue] = ["workflow_id": .string(workflowID), "started": .bool(sagaID != nil)]
                if let sagaID { object["saga_id"] = .string(sagaID.description) }
                Terminal.print(JSONValue.object(object))
            case .text:
                Terminal.print(
                    sagaID.map { "\(Wording.safe(workflowID))  run \($0)" }
                        ?? "not started now: the run before is open")
            }
        }
    }

    /// `saga schedule delete`
    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a schedule.", discussion: "The runs that it started go on.")

        @Argument(help: "Its name.")
        var id: String
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let wasThere = try await connection.withClient { client in try await client.deleteSchedule(id) }
            guard wasThere else { throw Failure(.notFound, "there is no schedule \(Wording.safe(id))") }
            ScheduleCommand.report("deleted", id, nil, output.format)
        }
    }

    fileprivate static func report(_ what: String, _ id: String, _ next: Timestamp?, _ format: OutputFormat) {
        switch format {
        case .json:
            var object: [String: JSONValue] = ["schedule_id": .string(id), "result": .string(what)]
            if let next { object["next_due"] = .string(next.description) }
            Terminal.print(JSONValue.object(object))
        case .text:
            Terminal.print("\(Wording.safe(id))  \(what)\(next.map { ", next due \(Wording.time($0))" } ?? "")")
        }
    }

    fileprivate static func json(_ info: ScheduleDescription) -> JSONValue {
        let schedule = info.schedule
        var object: [String: JSONValue] = [
            "schedule_id": .string(schedule.id), "cron": .string(schedule.cron),
            "time_zone": .string(schedule.timeZone.isEmpty ? "UTC" : schedule.timeZone),
            "workflow_type": .string(schedule.workflowType), "workflow_id": .string(schedule.workflowID),
            "overlap": .string(schedule.overlap.rawValue), "paused": .bool(schedule.isPaused),
            "started": JSONValue(info.started), "skipped": JSONValue(info.skipped),
            "buffered": .bool(info.isBuffered),
        ]
        if let next = info.nextDue { object["next_due"] = .string(next.description) }
        if let last = info.lastStart { object["last_start"] = .string(last.description) }
        if let sagaID = info.lastSagaID { object["last_saga_id"] = .string(sagaID.description) }
        if !info.lastError.isEmpty { object["last_error"] = .string(info.lastError) }
        if !info.upcoming.isEmpty { object["upcoming"] = .array(info.upcoming.map { .string($0.description) }) }
        return .object(object)
    }
}
