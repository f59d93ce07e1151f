/// Checks a definition as a whole and takes it apart (semantics, section 7).
struct DefinitionCheck {
    /// Problems that are told at most.
    static let maximumProblems = 1_000
    static let maximumSteps = 1_000
    static let maximumConditions = 16
    /// A year in microseconds.
    static let longestWait: Int64 = 31_536_000_000_000

    private let definition: SagaDefinition
    private(set) var problems: [DefinitionProblem] = []
    private(set) var steps: [SagaProgram.Step] = []
    private(set) var stages: [Range<Int>] = []
    private(set) var output: SagaProgram.Input?
    private(set) var indexOfID: [String: Int] = [:]
    private var stageOf: [Int] = []
    /// Which steps a step needs, by place; found when a step is seen to need a later one, and only then.
    private var needs: [[Int]] = []
    /// Searches for a cycle that are still made: each may visit every step.
    private var cycleSearches = 16

    init(_ definition: SagaDefinition) { self.definition = definition }

    private mutating func report(_ step: Int?, _ field: String, _ message: String) {
        guard problems.count < Self.maximumProblems else { return }
        let about = step.map { definition.steps[$0] }
        // At most 255 and 1,024 bytes on the wire.
        problems.append(
            DefinitionProblem(
                line: about?.line ?? 0, stepID: Self.cut(about?.id ?? "", 250), field: field,
                message: Self.cut(message, 1_000)))
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self)
    }

    private mutating func check(name: String, _ step: Int?, _ field: String, _ what: String) {
        if let problem = Name.problem(with: name, what: what) { report(step, field, problem) }
    }

    private mutating func check(queue: String, _ step: Int?, _ field: String) {
        if queue.isEmpty { return }
        check(name: queue, step, field, "task queue")
        if queue == EngineQueue.name { report(step, field, "task queue \(queue) is the engine's own; name another") }
    }

    /// Fills `problems`, and what is made of the definition.
    mutating func run() {
        check(name: definition.name, nil, "name", "the name of the definition")
        check(queue: definition.taskQueue, nil, "queue")
        if definition.executionTimeoutMicros < 0 { report(nil, "timeout", "the time-out is negative; 0 means none") }
        if definition.description.utf8.count > 4_096 {
            report(nil, "description", "the description has more than 4096 bytes")
        }
        guard !definition.steps.isEmpty else { return report(nil, "steps", "there is no step; give one at least") }
        guard definition.steps.count <= Self.maximumSteps else {
            return report(nil, "steps", "\(definition.steps.count) steps; \(Self.maximumSteps) are allowed")
        }
        nameSteps()
        formStages()
        for index in definition.steps.indices { steps.append(check(index)) }
        if let wanted = definition.output { output = input(wanted, nil, "output") }
    }

    // MARK: The order of the steps

    private mutating func nameSteps() {
        for (index, step) in definition.steps.enumerated() {
            let isName = step.id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            if step.id.isEmpty || step.id.utf8.count > Name.maximumBytes || !isName {
                report(index, "id", "a step id has 1 to \(Name.maximumBytes) letters, digits, - and _")
            } else if let first = indexOfID[step.id] {
                let line = definition.steps[first].line
                report(index, "id", "the id is used before\(line > 0 ? ", in line \(line)" : ""); ids are unique")
            } else {
                indexOfID[step.id] = index
            }
        }
    }

    private mutating func formStages() {
        var seen: Set<String> = []
        var start = 0
        while start < definition.steps.count {
            let group = definition.steps[start].group
            var end = start + 1
            if !group.isEmpty {
                while end < definition.steps.count, definition.steps[end].group == group { end += 1 }
                check(name: group, start, "group", "group")
                if !seen.insert(group).inserted {
                    report(start, "group", "group \(group) is interrupted: its steps must stand in a row")
                }
            }
            stageOf += [Int](repeating: stages.count, count: end - start)
            stages.append(start..<end)
            start = end
        }
    }

    /// Every step that a step's templates and conditions name, as far as they can be read.
    private func collectNeeds(_ index: Int) -> [Int] {
        let step = definition.steps[index]
        var ids: [String] = []
        func collect(_ text: String) {
            guard let template = try? Template(text) else { return }
            for case .step(let id) in template.references.map(\.root) { ids.append(id) }
        }
        for condition in step.conditions.prefix(Self.maximumConditions) {
            if let reference = try? ValueReference(condition.path), case .step(let id) = reference.root {
                ids.append(id)
            }
        }
        let wanted: InputTemplate?
        switch step.kind {
        case .activity(let activity):
            wanted = activity.input
            if !activity.undoInput.isEmpty { collect(activity.undoInput) }
        case .child(let child): wanted = child.input
        case .signal, .timer: wanted = nil
        }
        switch wanted {
        case .template(let text)?: collect(text)
        case .outputOfStep(let id)?: ids.append(id)
        case .startInput?, .constant?, nil: break
        }
        return ids.compactMap { indexOfID[$0] }
    }

    /// Whether a step needs another, directly or through others.
    private mutating func isNeeded(_ wanted: Int, by start: Int) -> Bool {
        guard cycleSearches > 0 else { return false }
        cycleSearches -= 1
        if needs.isEmpty { needs = definition.steps.indices.map(collectNeeds) }
        var seen = [Bool](repeating: false, count: needs.count)
        var stack = [start]
        while let index = stack.popLast() {
            if index == wanted { return true }
            guard !seen[index] else { continue }
            seen[index] = true
            stack += needs[index]
        }
        return false
    }

    // MARK: One step

    private mutating func check(_ index: Int) -> SagaProgram.Step {
        let step = definition.steps[index]
        var ready = SagaProgram.Step(definition: step, conditions: [], input: .start)
        if step.conditions.count > Self.maximumConditions {
            report(index, "if", "\(step.conditions.count) conditions; \(Self.maximumConditions) are allowed")
        }
        for (number, condition) in step.conditions.prefix(Self.maximumConditions).enumerated() {
            let field = "if \(number + 1)"
            do {
                let condition = try ReadyCondition(condition)
                check(condition.reference, index, field, mayBeAbsent: true)
                ready.conditions.append(condition)
            } catch {
                report(index, field, error.message)
            }
        }
        switch step.kind {
        case .activity(let activity): check(activity, index, &ready)
        case .signal(let signal):
            check(name: signal.name, index, "signal", "the name of the signal")
            if signal.timeoutMicros < 0 || signal.timeoutMicros > Self.longestWait {
                report(index, "timeout", "a signal is waited for at most a year; 0 means without limit")
            }
        case .timer(let delay):
            if delay < 1 || delay > Self.longestWait { report(index, "timer", "a timer runs 1 µs to a year") }
        case .child(let child):
            check(name: child.workflowType, index, "child", "the workflow type")
            check(queue: child.taskQueue, index, "queue")
            if child.executionTimeoutMicros < 0 { report(index, "timeout", "the time-out is negative; 0 means none") }
            ready.input = input(child.input ?? .startInput, index, "input")
        }
        return ready
    }

    private mutating func check(_ activity: ActivityStep, _ index: Int, _ ready: inout SagaProgram.Step) {
        check(name: activity.activityType, index, "activity", "the activity type")
        check(queue: activity.taskQueue, index, "queue")
        check(activity.retry, activity.timeouts, index, "")
        ready.input = input(activity.input ?? .startInput, index, "input")
        guard let undo = activity.undo else {
            if !activity.undoInput.isEmpty {
                report(index, "undo.input", "there is an input for an undo, but no undo: name its activity")
            }
            return
        }
        check(name: undo.activityType, index, "undo", "the activity type of the undo")
        check(queue: undo.taskQueue, index, "undo.queue")
        if !undo.probeActivityType.isEmpty {
            check(name: undo.probeActivityType, index, "undo.probe", "the activity type of the probe")
        }
        check(undo.retry, undo.timeouts, index, "undo.")
        if !activity.undoInput.isEmpty { ready.undoInput = undoInput(activity.undoInput, undo, index) }
    }

    private mutating func check(_ retry: RetryPolicy, _ timeouts: ActivityTimeouts, _ index: Int, _ prefix: String) {
        if !retry.backoffCoefficient.isFinite || retry.backoffCoefficient < 1 {
            report(index, prefix + "retry", "the backoff coefficient is a number of at least 1")
        }
        if retry.initialIntervalMicros < 0 || retry.maximumIntervalMicros < 0 {
            report(index, prefix + "retry", "an interval between attempts is negative")
        }
        if !retry.jitter.isFinite || retry.jitter < 0 || retry.jitter > 1 {
            report(index, prefix + "retry", "jitter is a share from 0 to 1")
        }
        let all = [
            timeouts.scheduleToStartMicros, timeouts.startToCloseMicros, timeouts.scheduleToCloseMicros,
            timeouts.heartbeatMicros,
        ]
        if all.contains(where: { $0 < 0 }) {
            report(index, prefix + "timeouts", "a time-out is negative; 0 means none")
        }
    }

    // MARK: Values

    private mutating func input(_ wanted: InputTemplate, _ index: Int?, _ field: String) -> SagaProgram.Input {
        switch wanted {
        case .startInput: return .start
        case .constant(let payload): return .constant(payload)
        case .outputOfStep(let id):
            do {
                check(try ValueReference("steps.\(id).output"), index, field, mayBeAbsent: false)
            } catch {
                report(index, field, "\(id) is no step id")
            }
            return indexOfID[id].map { .output(of: $0) } ?? .start
        case .template(let text):
            do {
                let template = try Template(text)
                for reference in template.references {
                    check(reference, index, field, mayBeAbsent: reference.fallback != nil)
                }
                return .template(template)
            } catch {
                report(index, field, error.message)
                return .start
            }
        }
    }

    private mutating func undoInput(_ text: String, _ undo: UndoSpec, _ index: Int) -> Template? {
        let field = "undo.input"
        do {
            let template = try Template(text)
            for reference in template.references {
                if reference.root == .ownOutput, reference.fallback == nil, undo.undoFailedStep != .never {
                    report(
                        index, field,
                        "${\(reference.text)}: the step may be undone when nobody knows what it returned; give a default"
                            + " (${\(reference.text) ?? null}) or say that a failed step is never undone")
                }
                if !reference.root.isOwn {
                    check(reference, index, field, mayBeAbsent: reference.fallback != nil)
                }
            }
            return template
        } catch {
            report(index, field, error.message)
            return nil
        }
    }

    /// Whether the value is there when it is needed.
    /// - Parameter index: The step that needs it; nil for the saga's own output.
    private mutating func check(_ reference: ValueReference, _ index: Int?, _ field: String, mayBeAbsent: Bool) {
        let name = "${\(reference.text)}"
        if reference.root.isOwn {
            return report(index, field, "\(name): output, outcome and key are for the input of an undo")
        }
        guard case .step(let id) = reference.root else { return }
        guard let source = indexOfID[id] else { return report(index, field, "\(name): there is no step \(id)") }
        if case .timer = definition.steps[source].kind {
            return report(index, field, "\(name): a timer has no output")
        }
        if let index, stageOf[source] >= stageOf[index] {
            let message: String
            if source == index {
                message = "the step needs its own output"
            } else if stageOf[source] == stageOf[index] {
                message = "step \(id) runs at the same time, in group \(definition.steps[index].group)"
            } else if isNeeded(index, by: source) {
                message =
                    "a cycle: step \(definition.steps[index].id) needs \(id), which needs \(definition.steps[index].id)"
            } else {
                message = "step \(id) runs later; put it before this step"
            }
            return report(index, field, "\(name): \(message)")
        }
        let missing = definition.steps[source].conditions
        let own = index.map { definition.steps[$0].conditions } ?? []
        if !mayBeAbsent, !missing.allSatisfy(own.contains) {
            report(
                index, field,
                "\(name): step \(id) may be left out; give a default (${\(reference.text) ?? null}) or the same conditions"
            )
        }
    }
}

/// The queue that the engine itself serves: of runs that need no workflow worker.
package enum EngineQueue {
    package static let name = "saga.engine"
}
