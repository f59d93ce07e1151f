internal import SagaCore

/// A declared run as the checker understands it: which of its steps are over, and whether the next one may be there.
struct DeclaredModel {
    let plan: DeclaredPlan
    private var scheduled: [EventID: String] = [:]
    private var timers: [EventID: String] = [:]
    private var outputs: [String: String] = [:]
    /// Parts that are over.
    private var over: Set<String> = []
    private var signals = 0

    init(_ plan: DeclaredPlan) { self.plan = plan }

    /// Steps that its conditions left out.
    var hasLeftOut: Bool { plan.stages.joined().contains { !$0.runs(plan.input) } }

    private func isOver(_ part: DeclaredPlan.Part) -> Bool {
        if !part.runs(plan.input) { return true }
        if case .signal = part.item { return signals > 0 }
        return over.contains(part.id)
    }

    mutating func judge(_ event: HistoryEvent) throws(Violation) {
        func check(_ holds: Bool, _ message: @autoclosure () -> String) throws(Violation) {
            if !holds { throw Violation("declared", "\(event.sagaID): \(message())") }
        }
        switch event.attributes {
        case .activityTaskScheduled(let value):
            guard let (stage, part) = plan.part(value.stepID) else {
                throw Violation("declared", "\(event.sagaID): step \(value.stepID) is not in this version")
            }
            try check(part.runs(plan.input), "step \(value.stepID) runs, and its condition does not hold")
            try check(!scheduled.values.contains(value.stepID), "step \(value.stepID) is scheduled twice")
            for earlier in plan.stages.prefix(stage).joined() {
                try check(isOver(earlier), "step \(value.stepID) begins before \(earlier.id) is over")
            }
            let expected = plan.expectedInput(part, outputs)
            try check(
                expected.map { Array($0.utf8) } == value.input.data,
                "step \(value.stepID) gets \(String(decoding: value.input.data, as: UTF8.self)), expected \(expected ?? "-")"
            )
            scheduled[event.eventID] = value.stepID
        case .activityTaskCompleted(let value):
            guard let id = scheduled[value.scheduledEventID] else { return }
            over.insert(id)
            outputs[id] = String(decoding: value.output.data, as: UTF8.self)
        case .timerCreated(let value): timers[event.eventID] = value.timerID
        case .timerFired(let value): if let id = timers[value.createdEventID] { over.insert(id) }
        case .signalReceived(let value): if value.name == SimulatedWorkflows.signalName { signals += 1 }
        case .workflowExecutionCompleted(let value):
            for part in plan.stages.joined() { try check(isOver(part), "completed, and \(part.id) is not over") }
            try check(
                value.output.data == Array(#"{"first":\#(outputs["s1"] ?? "?")}"#.utf8), "completed with another output"
            )
        default: break
        }
    }

    /// What the undo of a step is told: what its definition says, or what a person has put in its place.
    func judgeUndo(_ task: ActivityTask) throws(Violation) {
        guard let undo = task.undo, task.reference.attempt > 0 else { return }
        let output = undo.output.map { String(decoding: $0.data, as: UTF8.self) }
        let expected = plan.expectedUndoInput(outcome: undo.outcome.name, key: undo.stepKey, output: output)
        let data = undo.data.map { String(decoding: $0.data, as: UTF8.self) }
        if data != expected && data != "\"edited\"" {
            throw Violation(
                "declared", "\(task.reference.sagaID): the undo of \(task.stepID) gets \(data ?? "nothing")")
        }
    }
}
