internal import SagaCodec
public import SagaCore

/// Runs recorded histories against today's code: whether the code still asks for what was recorded, command by command
/// (docs/snapshots.md, "Replay in CI"). No activity runs, nothing is written.
///
/// A history is given in pages, so that a long one needs no more memory than its code does. Of a run that has made checkpoints
/// the verdict is on the code from the last one on, as a worker would run it.
public struct WorkflowReplayer {
    private let workflows: WorkflowRegistry
    private let converter: any PayloadConverter
    private var instance: WorkflowInstance?
    private var task: WorkflowTask?
    private var verdict: ReplayVerdict?
    private var events: UInt64 = 0
    private var last: HistoryEvent?
    private var first: HistoryEvent?
    private var definition: WorkflowDefinition?
    /// Of runs that resets have made: in which run their first event happened.
    private var firstRuns: [SagaID: SagaID] = [:]

    /// - Parameters:
    ///   - workflows: Today's code.
    ///   - converter: How its inputs and outputs become payloads. Default JSON.
    public init(_ workflows: WorkflowRegistry, converter: any PayloadConverter = .json) {
        self.workflows = workflows
        self.converter = converter
    }

    /// Replays a whole history.
    public static func replay(
        _ events: [HistoryEvent], _ workflows: WorkflowRegistry, converter: any PayloadConverter = .json
    ) -> ReplayVerdict? {
        var replayer = WorkflowReplayer(workflows, converter: converter)
        let finished = replayer.add(events)
        return replayer.finish() ?? finished.last
    }

    /// Looks at events that will be given later. A run that a reset made comes to the same random numbers as the run that was
    /// reset, and that it was made so is said behind the events that it took over: whoever gives histories in pages lets them all
    /// be looked at first. What one call of ``add(_:)`` is given it looks at by itself.
    public mutating func lookAhead(_ events: [HistoryEvent]) {
        for event in events {
            if case .workflowExecutionReset(let reset) = event.attributes {
                firstRuns[event.sagaID] = reset.origins.first?.sagaID ?? firstRuns[event.sagaID] ?? reset.baseSagaID
            }
        }
    }

    /// Gives the next events: the first of a run ends the run before it.
    /// - Returns: The verdicts on runs that are over.
    public mutating func add(_ events: [HistoryEvent]) -> [ReplayVerdict] {
        lookAhead(events)
        var verdicts: [ReplayVerdict] = []
        var rest = events[...]
        while let first = rest.first {
            let page = Array(rest.prefix { $0.sagaID == first.sagaID })
            rest = rest.dropFirst(page.count)
            if task?.sagaID != first.sagaID {
                if let verdict = finish() { verdicts.append(verdict) }
                begin(first)
            }
            give(page)
        }
        return verdicts
    }

    /// The run has no more events.
    /// - Returns: The verdict on it; nil if there is none.
    public mutating func finish() -> ReplayVerdict? {
        guard var verdict else { return nil }
        if verdict.problem == nil, let instance, var task {
            task.firstEventID = EventID(events)
            task.events = []
            task.more = false
            verdict.problem = problem(instance.activate(task))
        }
        verdict.events = events
        instance?.evict()
        instance = nil
        task = nil
        self.verdict = nil
        return verdict
    }

    private mutating func begin(_ first: HistoryEvent) {
        events = 0
        self.first = first
        definition = nil
        guard case .workflowExecutionStarted(let started) = first.attributes else {
            verdict = ReplayVerdict(sagaID: first.sagaID, workflowID: "", workflowType: "")
            verdict?.problem = ReplayProblem(
                eventID: first.eventID, recorded: first.eventType.name,
                message: "a history begins with WorkflowExecutionStarted, this one with \(first.eventType.name)")
            return task = WorkflowTask(
                sagaID: first.sagaID, generation: 0, namespace: "", workflowID: "", workflowType: "",
                workflowVersion: 0,
                taskQueue: "", firstEventID: 0, events: [], more: true)
        }
        var task = WorkflowTask(
            sagaID: first.sagaID, generation: 0, namespace: started.namespace, workflowID: started.workflowID,
            workflowType: started.workflowType, workflowVersion: started.workflowVersion, taskQueue: started.taskQueue,
            firstEventID: 0, events: [], more: true)
        task.firstRun = firstRuns[first.sagaID]
        self.task = task
        verdict = ReplayVerdict(
            sagaID: first.sagaID, workflowID: started.workflowID, workflowType: started.workflowType)
        guard let definition = workflows.definition(started.workflowType, version: started.workflowVersion) else {
            let version = started.workflowVersion == 0 ? "" : " in version \(started.workflowVersion)"
            verdict?.problem = ReplayProblem(
                eventID: 0, recorded: first.eventType.name,
                message: "no code is registered for workflow type \(started.workflowType)\(version)")
            return
        }
        self.definition = definition
        instance = WorkflowInstance(task: task, definition: definition, converter: converter)
    }

    private mutating func give(_ page: [HistoryEvent]) {
        let first = EventID(events)
        events += UInt64(page.count)
        last = page.last
        guard var task else { return }
        task.firstEventID = first
        task.events = page
        if let checkpoint = page.lastIndex(where: \.isCheckpoint), page[checkpoint].eventID > 0, let start = self.first,
            let definition
        {
            // Whatever was before is not run again, so that nothing there counts.
            instance?.evict()
            instance = WorkflowInstance(task: task, definition: definition, converter: converter)
            verdict?.problem = nil
            task.firstEventID = 0
            task.events = [start] + page[checkpoint...]
        }
        guard verdict?.problem == nil, let instance else { return }
        let problem = problem(instance.activate(task))
        verdict?.problem = problem
    }

    /// What an answer of the code says of the replay; nil if all is well so far.
    private func problem(_ answer: WorkflowTaskAnswer?) -> ReplayProblem? {
        switch answer {
        case .completed(_, let commands, _, _)?:
            // An open run may be about to record them. One that completed has recorded all it ever asked for.
            guard let last, case .workflowExecutionCompleted = last.attributes, let command = commands.first else {
                return nil
            }
            return ReplayProblem(
                eventID: last.eventID, recorded: last.eventType.name, asked: command.command.summary,
                message: "the code asks for \(command.command.summary) as command \(command.number), and the run"
                    + " completed without it")
        case .failed(_, let error)?: return ReplayProblem(error, last: last)
        case .needHistory?: return ReplayProblem(eventID: nil, message: "the history has a gap")
        case nil: return nil
        }
    }
}

/// What became of one history.
public struct ReplayVerdict: Sendable {
    public var sagaID: SagaID
    public var workflowID: String
    public var workflowType: String
    /// Events of the history.
    public var events: UInt64 = 0
    /// Why today's code does not fit it; nil if it does.
    public var problem: ReplayProblem?

    /// Whether today's code fits the history.
    public var fits: Bool { problem == nil }

    /// For people.
    public var text: String {
        let name = "\(workflowID) (\(workflowType), run \(sagaID))"
        guard let problem else { return "\(name): \(events) events, fits" }
        var lines = ["\(name): does not fit"]
        if let eventID = problem.eventID { lines.append("    event:     \(eventID)") }
        if !problem.recorded.isEmpty { lines.append("    recorded:  \(problem.recorded)") }
        if !problem.asked.isEmpty { lines.append("    asked for: \(problem.asked)") }
        if !problem.callSite.isEmpty { lines.append("    in:        \(problem.callSite)") }
        lines.append("    \(problem.message)")
        return lines.joined(separator: "\n")
    }

    /// For programs: one JSON object.
    public var json: String {
        var object: [String: JSONValue] = [
            "saga_id": .string(sagaID.description), "workflow_id": .string(workflowID),
            "workflow_type": .string(workflowType), "events": JSONValue(events), "fits": .bool(fits),
        ]
        if let problem {
            var entry: [String: JSONValue] = ["message": .string(problem.message)]
            if let eventID = problem.eventID { entry["event_id"] = JSONValue(eventID) }
            if !problem.recorded.isEmpty { entry["recorded"] = .string(problem.recorded) }
            if !problem.asked.isEmpty { entry["asked"] = .string(problem.asked) }
            if !problem.callSite.isEmpty { entry["call_site"] = .string(problem.callSite) }
            object["problem"] = .object(entry)
        }
        return (try? JSONCoding.serialize(.object(object))).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

/// Where a history and today's code part.
public struct ReplayProblem: Hashable, Sendable {
    /// The event; nil if none can be named.
    public var eventID: EventID?
    /// What the history has there.
    public var recorded = ""
    /// What the code asks for instead.
    public var asked = ""
    /// Where it does: file and line.
    public var callSite = ""
    /// All of it, for people.
    public var message: String

    init(eventID: EventID?, recorded: String = "", asked: String = "", message: String) {
        self.eventID = eventID
        self.recorded = recorded
        self.asked = asked
        self.message = message
    }

    init(_ error: SagaError, last: HistoryEvent?) {
        func value(_ key: String) -> String? { error.context.first { $0.key == key }?.value }
        eventID = value("event_id").flatMap { EventID($0) } ?? last?.eventID
        recorded = value("recorded") ?? ""
        asked = value("asked") ?? ""
        callSite = value("call_site") ?? ""
        message = error.message
    }
}
