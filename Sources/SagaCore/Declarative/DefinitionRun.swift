/// A run of a definition: a pure state machine at the place where workflow code stands for code-first sagas (semantics,
/// section 6). Events come one at a time, commands go out, numbered in the order issued; undo log, retries, timers, signals and
/// recovery are the engine's, for both alike.
///
/// A class, because the run that it belongs to looks at it for each event: as a value it was copied for every look, seven hundred
/// counts of references for a saga of three steps. Nothing that it calls comes back to it.
package final class DefinitionRun {
    /// What it goes by.
    package let program: SagaProgram
    /// Where it stands: a value that a snapshot can hold.
    @exclusivity(unchecked) package private(set) var state: DefinitionRunState
    /// Commands that no event has recorded yet, with the steps that they are for.
    @exclusivity(unchecked) private var issued: [(command: NumberedCommand, step: Int)] = []

    /// A run that has seen no event.
    package init(_ program: SagaProgram, workflowID: String) {
        self.program = program
        state = DefinitionRunState(workflowID: workflowID, stepCount: program.steps.count)
    }

    /// A run as it was left, with everything that it had asked for recorded.
    /// - Returns: nil if the state is not of that program.
    package init?(_ program: SagaProgram, resuming state: DefinitionRunState) {
        guard state.steps.count == program.steps.count, state.outputs.count == program.steps.count else { return nil }
        self.program = program
        self.state = state
    }

    /// Another that stands where this one does.
    package init(_ other: DefinitionRun) {
        program = other.program
        state = other.state
        issued = other.issued
    }

    /// The event that it is to be given next.
    package var nextEventID: EventID { state.nextEventID }

    /// What it wants and no event has recorded.
    package var commands: [NumberedCommand] { issued.map(\.command) }

    /// Whether it wants anything that no event has recorded.
    package var hasCommands: Bool { !issued.isEmpty }

    /// Signals that nobody has taken.
    package var unconsumedSignals: UInt32 { UInt32(clamping: state.signals.count) }

    /// Signals that a step waits for now.
    package var awaitedSignals: [String] { present.compactMap(awaitedSignal) }

    private func awaitedSignal(_ index: Int) -> String? {
        guard state.steps[index] == .running, case .signal(let signal) = program.steps[index].definition.kind else {
            return nil
        }
        return signal.name
    }

    /// The steps of the present stage.
    private var present: Range<Int> {
        let stage = Int(state.stage)
        return state.isEnded || stage >= program.stages.count ? 0..<0 : program.stages[stage]
    }

    /// Takes the next event.
    /// - Returns: What does not fit, if the history is not that of this definition.
    package func take(_ event: HistoryEvent) -> SagaError? {
        if let mismatch = match(event) { return mismatch }
        state.nextEventID = event.eventID &+ 1
        guard !state.isEnded else {
            // Its end may still wait; what comes meanwhile is counted.
            if case .signalReceived(let signal) = event.attributes { keep(signal) }
            return nil
        }
        switch event.attributes {
        case .workflowExecutionStarted(let started):
            state.input = started.input
            state.stage = 0
            begin(0)
        case .workflowExecutionCancelRequested(let request): end(.cancel(reason: request.reason))
        case .activityTaskCompleted(let done): finish(done.scheduledEventID, done.output)
        case .activityTaskFailed(let failed): fail(failed.scheduledEventID, failed.error)
        case .activityTaskTimedOut(let late):
            let error = SagaError(
                kind: .timeout, message: "the step \(late.timeout.whatDidNotHappen)", timestamp: event.timestamp)
            fail(late.scheduledEventID, error)
        case .activityTaskCanceled(let ended):
            fail(ended.scheduledEventID, SagaError(kind: .cancelled, message: "the step was cancelled"))
        case .timerFired(let fired): timerFired(fired.createdEventID, event)
        case .timerCanceled(let ended): _ = state.close(ended.createdEventID)
        case .signalReceived(let signal): received(signal)
        case .childWorkflowExecutionCompleted(let child): finish(child.initiatedEventID, child.output)
        case .childWorkflowExecutionFailed(let child): fail(child.initiatedEventID, child.error)
        case .startChildWorkflowExecutionFailed(let child): fail(child.initiatedEventID, child.error)
        case .childWorkflowExecutionCanceled(let child):
            fail(child.initiatedEventID, childError(.cancelled, "was cancelled", event))
        case .childWorkflowExecutionTimedOut(let child):
            fail(child.initiatedEventID, childError(.timeout, "timed out", event))
        case .childWorkflowExecutionTerminated(let child):
            fail(child.initiatedEventID, childError(.workflowExecution, "was terminated", event))
        default: break
        }
        return nil
    }

    private func childError(_ kind: ErrorKind, _ how: String, _ event: HistoryEvent) -> SagaError {
        SagaError(kind: kind, message: "the child \(how)", timestamp: event.timestamp)
    }

    // MARK: Commands

    private func issue(_ command: WorkflowCommand, for step: Int) {
        issued.append((NumberedCommand(number: state.nextCommand, command: command), step))
        state.nextCommand &+= 1
    }

    /// Compares a recorded command with what was asked for.
    private func match(_ event: HistoryEvent) -> SagaError? {
        guard let number = event.attributes.commandNumber else { return nil }
        guard let index = issued.firstIndex(where: { $0.command.number == number }),
            event.attributes.isRecord(of: issued[index].command.command)
        else {
            let asked = issued.first { $0.command.number == number }?.command.command.summary ?? "nothing"
            let name = program.definition.name
            return SagaError(
                kind: .replay,
                message: "the definition does not fit the history: event \(event.eventID) recorded"
                    + " \(event.eventType.name) as command \(number), definition \(name) asks for \(asked)",
                code: "SE0100", isNonRetryable: true
            )
            .with("event_id", String(event.eventID)).with("recorded", event.eventType.name).with("asked", asked)
        }
        let entry = issued.remove(at: index)
        switch entry.command.command {
        case .scheduleActivity, .startChild, .startTimer: state.open(event.eventID, entry.step, number)
        default: break
        }
        return nil
    }

    private func end(_ command: WorkflowCommand) {
        state.isEnded = true
        issue(command, for: 0)
    }

    // MARK: Steps

    /// What references lead to now.
    private var values: ValueSource {
        // Outputs stand apart from what steps change while they begin, so that nothing is copied for this.
        let outputs = state.outputs
        let program = program
        return ValueSource(input: state.input) { id in program.index(of: id).flatMap { outputs[$0] } }
    }

    /// Begins a stage, and those after it as long as nothing of them is left to wait for.
    private func begin(_ first: Int) {
        var stage = first
        while stage < program.stages.count {
            state.stage = UInt32(truncatingIfNeeded: stage)
            var values = values
            for index in program.stages[stage] {
                do throws(SagaError) {
                    try begin(step: index, &values)
                } catch {
                    var error = error
                    error.message = "step \(program.steps[index].definition.id): \(error.message)"
                    return end(.fail(error))
                }
            }
            if program.stages[stage].contains(where: { state.steps[$0] == .running }) { return }
            stage += 1
        }
        state.stage = UInt32(truncatingIfNeeded: stage)
        do throws(SagaError) {
            end(.complete(try output()))
        } catch {
            var error = error
            error.message = "the output of the saga: \(error.message)"
            end(.fail(error))
        }
    }

    private func begin(step index: Int, _ values: inout ValueSource) throws(SagaError) {
        let step = program.steps[index]
        for condition in step.conditions {
            guard try condition.holds(&values) else {
                state.steps[index] = .leftOut
                return
            }
        }
        state.steps[index] = .running
        let id = step.definition.id
        switch step.definition.kind {
        case .activity(let activity):
            // Nobody but the definition says what an undo receives.
            var input = UndoBinding.stripped(try payload(step.input, &values))
            if let template = step.undoInput {
                input.metadata.append(
                    MetadataEntry(key: UndoBinding.key, value: try template.fillAllButOwn(&values)))
            }
            let queue = activity.taskQueue.isEmpty ? program.taskQueue : activity.taskQueue
            var undo = activity.undo
            // Said for certain: the run's own queue has no workers.
            if undo?.taskQueue.isEmpty == true { undo?.taskQueue = queue }
            issue(
                .scheduleActivity(
                    ScheduleActivity(
                        stepID: id, activityType: activity.activityType, taskQueue: queue, input: input,
                        retry: activity.retry, timeouts: activity.timeouts, undo: undo,
                        priority: activity.priority, pivot: activity.pivot)), for: index)
        case .signal(let signal):
            if let place = state.signals.firstIndex(where: { $0.name == signal.name }) {
                state.finish(index, state.signals.remove(at: place).payload)
            } else if signal.timeoutMicros > 0 {
                issue(
                    .startTimer(timerID: "\(id) deadline", durationMicros: signal.timeoutMicros, callback: nil),
                    for: index)
            }
        case .timer(let delay):
            issue(.startTimer(timerID: id, durationMicros: delay, callback: nil), for: index)
        case .child(let child):
            let queue = child.taskQueue.isEmpty ? program.taskQueue : child.taskQueue
            issue(
                .startChild(
                    StartChildCommand(
                        workflowID: "\(state.workflowID)/\(id)", workflowType: child.workflowType, taskQueue: queue,
                        input: try payload(step.input, &values), parentClosePolicy: child.parentClosePolicy,
                        executionTimeoutMicros: child.executionTimeoutMicros)), for: index)
        }
    }

    private func payload(_ input: SagaProgram.Input, _ values: inout ValueSource) throws(SagaError) -> Payload {
        switch input {
        case .start: return state.input
        case .constant(let payload): return payload
        case .output(let index):
            return state.outputs[index] ?? .empty
        case .template(let template): return Payload(encoding: "json", data: try template.fill(&values))
        }
    }

    /// What the saga returns: without a template the JSON outputs of its steps, by their ids.
    private func output() throws(SagaError) -> Payload {
        var values = values
        if let output = program.output { return try payload(output, &values) }
        var data: [UInt8] = [UInt8(ascii: "{")]
        for (index, step) in program.steps.enumerated() {
            guard let output = state.outputs[index], output.encoding == "json", !output.data.isEmpty else { continue }
            if data.count > 1 { data.append(UInt8(ascii: ",")) }
            data += JSONText.string(step.definition.id)
            data.append(UInt8(ascii: ":"))
            data += output.data
            guard data.count <= Template.maximumResult else {
                throw ValueSource.problem("the outputs of all steps have more than \(Template.maximumResult) bytes")
            }
        }
        return Payload(encoding: "json", data: data + [UInt8(ascii: "}")])
    }

    // MARK: What happens to them

    private func finish(_ eventID: EventID, _ output: Payload) {
        guard let open = state.close(eventID) else { return }
        finish(step: open.step, output)
    }

    private func finish(step index: Int, _ output: Payload) {
        state.finish(index, output)
        guard !present.contains(where: { state.steps[$0] == .running }) else { return }
        begin(Int(state.stage) + 1)
    }

    /// A step failed for good: the saga does. Its siblings are the unwinding's business.
    private func fail(_ eventID: EventID, _ error: SagaError) {
        guard state.close(eventID) != nil else { return }
        end(.fail(error))
    }

    private func timerFired(_ eventID: EventID, _ event: HistoryEvent) {
        // The timer of a signal that has come may fire before it is dropped.
        guard let open = state.close(eventID), state.steps[open.step] == .running else { return }
        let step = program.steps[open.step].definition
        guard case .signal(let signal) = step.kind else { return finish(step: open.step, .empty) }
        end(
            .fail(
                SagaError(
                    kind: .timeout, message: "step \(step.id): signal \(signal.name) did not come in time",
                    timestamp: event.timestamp, isNonRetryable: true)))
    }

    private func received(_ signal: SignalReceived) {
        guard let waiting = present.first(where: { awaitedSignal($0) == signal.name }) else { return keep(signal) }
        // Its deadline is known by the command that set it, recorded or not.
        let unrecorded = issued.first { entry in
            if case .startTimer = entry.command.command { entry.step == waiting } else { false }
        }
        if let timer = unrecorded?.command.number ?? state.command(of: waiting) {
            issue(.cancelTimer(timer), for: waiting)
        }
        finish(step: waiting, signal.payload)
    }

    private func keep(_ signal: SignalReceived) {
        state.signals.append(NamedPayload(name: signal.name, payload: signal.payload))
    }

    // MARK: Questions

    /// How the run stands, as JSON: `{"definition", "version", "steps": [{"id", "status", "output"?}]}`.
    package var summary: Payload {
        var data = Array(#"{"definition":"#.utf8) + JSONText.string(program.definition.name)
        data += Array(#","version":\#(program.definition.version),"steps":["#.utf8)
        for (index, step) in program.steps.enumerated() {
            if index > 0 { data.append(UInt8(ascii: ",")) }
            data += Array(#"{"id":"#.utf8) + JSONText.string(step.definition.id)
            data += Array(#","status":"\#(state.steps[index].name)""#.utf8)
            if let output = state.outputs[index], output.encoding == "json",
                data.count + output.data.count < Template.maximumResult
            {
                data += Array(#","output":"#.utf8) + (output.data.isEmpty ? Array("null".utf8) : output.data)
            }
            data.append(UInt8(ascii: "}"))
        }
        return Payload(encoding: "json", data: data + Array("]}".utf8))
    }
}
