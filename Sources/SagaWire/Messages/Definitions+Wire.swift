package import SagaCore

// Definitions of declarative sagas, between the core and the wire. What is missing or out of range is a `WireError` that names
// the field; what a definition means is checked by the core.

extension Wire.SagaDefinition {
    package init(_ definition: SagaDefinition) {
        self.init(
            name: definition.name, version: definition.version, taskQueue: definition.taskQueue,
            steps: definition.steps.map { Wire.StepDefinition($0) },
            output: definition.output.map { Wire.InputTemplate($0) },
            executionTimeoutMicros: definition.executionTimeoutMicros,
            continueOnUndoError: definition.continueOnUndoError, description: definition.description)
    }
}

extension SagaDefinition {
    package init(_ wire: Wire.SagaDefinition) throws(WireError) {
        var steps: [StepDefinition] = []
        for (index, step) in wire.steps.enumerated() {
            do throws(WireError) { steps.append(try StepDefinition(step)) } catch {
                throw error.within("definition.steps", index: index)
            }
        }
        self.init(
            name: wire.name, version: wire.version, taskQueue: wire.taskQueue, steps: steps,
            output: try InputTemplate.optional(wire.output, "definition.output"),
            executionTimeoutMicros: wire.executionTimeoutMicros, continueOnUndoError: wire.continueOnUndoError,
            description: wire.description)
    }
}

extension Wire.StepDefinition {
    init(_ step: StepDefinition) {
        self.init(
            id: step.id, group: step.group, conditions: step.conditions.map { Wire.Condition($0) },
            kind: Kind(step.kind), line: step.line)
    }
}

extension Wire.StepDefinition.Kind {
    init(_ kind: StepDefinition.Kind) {
        switch kind {
        case .activity(let step):
            self = .activity(
                Wire.ActivityStep(
                    activityType: step.activityType, taskQueue: step.taskQueue,
                    input: step.input.map { Wire.InputTemplate($0) }, retry: Wire.RetryPolicy(step.retry),
                    timeouts: Wire.ActivityTimeouts(step.timeouts), undo: step.undo.map { Wire.UndoSpec($0) },
                    pivot: step.pivot, undoInput: step.undoInput, priority: step.priority))
        case .signal(let step):
            self = .signal(Wire.SignalStep(name: step.name, timeoutMicros: step.timeoutMicros))
        case .timer(let delay): self = .timer(Wire.TimerStep(delayMicros: delay))
        case .child(let step):
            self = .child(
                Wire.ChildStep(
                    workflowType: step.workflowType, taskQueue: step.taskQueue,
                    input: step.input.map { Wire.InputTemplate($0) },
                    parentClosePolicy: Wire.ParentClosePolicy(step.parentClosePolicy),
                    executionTimeoutMicros: step.executionTimeoutMicros))
        }
    }
}

extension StepDefinition {
    init(_ wire: Wire.StepDefinition) throws(WireError) {
        var conditions: [StepCondition] = []
        for (index, condition) in wire.conditions.enumerated() {
            do throws(WireError) { conditions.append(try StepCondition(condition)) } catch {
                throw error.within("conditions", index: index)
            }
        }
        let kind: Kind
        switch wire.kind {
        case .activity(let step)?: kind = .activity(try ActivityStep(step))
        case .signal(let step)?: kind = .signal(SignalStep(name: step.name, timeoutMicros: step.timeoutMicros))
        case .timer(let step)?: kind = .timer(delayMicros: step.delayMicros)
        case .child(let step)?:
            let policy: ParentClosePolicy =
                step.parentClosePolicy == .unspecified
                ? .cancel : try ParentClosePolicy(step.parentClosePolicy, "child.parent_close_policy")
            kind = .child(
                ChildStep(
                    workflowType: step.workflowType, taskQueue: step.taskQueue,
                    input: try InputTemplate.optional(step.input, "child.input"), parentClosePolicy: policy,
                    executionTimeoutMicros: step.executionTimeoutMicros))
        case nil: throw WireError(field: "kind", reason: .missing)
        }
        self.init(id: wire.id, group: wire.group, conditions: conditions, kind: kind, line: wire.line)
    }
}

extension ActivityStep {
    init(_ wire: Wire.ActivityStep) throws(WireError) {
        self.init(
            activityType: wire.activityType, taskQueue: wire.taskQueue,
            input: try InputTemplate.optional(wire.input, "activity.input"),
            retry: try RetryPolicy(wire.retry, "activity.retry", default: .standard),
            timeouts: try ActivityTimeouts(wire.timeouts, "activity.timeouts"),
            undo: try UndoSpec.optional(wire.undo, "activity.undo"), undoInput: wire.undoInput, pivot: wire.pivot,
            priority: wire.priority)
    }
}

extension Wire.InputTemplate {
    init(_ template: InputTemplate) {
        switch template {
        case .template(let text): self.init(source: .template(text))
        case .outputOfStep(let id): self.init(source: .outputOfStep(id))
        case .startInput: self.init(source: .startInput(true))
        case .constant(let payload): self.init(source: .constant(Wire.Payload(payload)))
        }
    }
}

extension InputTemplate {
    static func optional(_ wire: Wire.InputTemplate?, _ field: String) throws(WireError) -> InputTemplate? {
        guard let wire else { return nil }
        switch wire.source {
        case .template(let text)?: return .template(text)
        case .outputOfStep(let id)?: return .outputOfStep(id)
        case .startInput(true)?: return .startInput
        case .startInput(false)?:
            throw WireError(field: "\(field).start_input", reason: .invalid("must be true"))
        case .constant(let payload)?: return .constant(Payload(payload))
        case nil: throw WireError(field: "\(field).source", reason: .missing)
        }
    }
}

extension Wire.Condition {
    init(_ condition: StepCondition) {
        self.init(
            path: condition.path, op: Wire.ConditionOp(rawValue: Int32(condition.comparison.rawValue)),
            value: condition.value)
    }
}

extension StepCondition {
    init(_ wire: Wire.Condition) throws(WireError) {
        guard let raw = UInt8(exactly: wire.op.rawValue), let comparison = Comparison(rawValue: raw) else {
            throw .enumeration(wire.op.rawValue, "op")
        }
        self.init(path: wire.path, comparison, value: wire.value)
    }
}

extension Wire.DefinitionProblem {
    package init(_ problem: DefinitionProblem) {
        let message = problem.field.isEmpty ? problem.message : "\(problem.field): \(problem.message)"
        self.init(line: problem.line, stepID: problem.stepID, message: message)
    }
}

extension DefinitionProblem {
    package init(_ wire: Wire.DefinitionProblem) {
        self.init(line: wire.line, stepID: wire.stepID, message: wire.message)
    }
}
