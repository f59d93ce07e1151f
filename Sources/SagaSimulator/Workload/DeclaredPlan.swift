internal import SagaCore

/// A declarative saga of the simulation, as a shape of its own: the engine gets a definition made of it, the checker goes by the
/// shape itself.
struct DeclaredPlan: Hashable {
    enum Item: Hashable {
        /// An activity; with what an earlier step returned, if one is named.
        case step(Int, after: String?)
        /// An activity whose input needs a value that is not there: the saga fails.
        case broken
        /// A wait for a signal, so many microseconds at most.
        case signal(Int64)
        case timer(Int64)
    }

    struct Part: Hashable {
        var id: String
        var item: Item
        /// Runs only if the first number of the input is greater.
        var above: Int?

        func runs(_ input: [Int]) -> Bool { above.map { (input.first ?? 0) > $0 } ?? true }
    }

    /// Parts that run together, in order.
    var stages: [[Part]]
    var input: [Int]

    private var variant: Int { input.count > 2 ? input[2] : 0 }

    /// The versions of a plan's definition, the first one first.
    static func versions(_ input: [Int]) -> [DeclaredPlan] {
        let variant = input.count > 2 ? input[2] : 0
        var stages: [[Part]] = [
            [Part(id: "s1", item: .step(1, after: nil))],
            [Part(id: "s2", item: .step(2, after: "s1")), Part(id: "s3", item: .step(3, after: nil))],
            [Part(id: "s4", item: .step(4, after: nil), above: 3)],
        ]
        if variant % 3 == 0 { stages.append([Part(id: "go", item: .signal(700_000 + Int64(variant) * 100))]) }
        if variant % 2 == 1 { stages.append([Part(id: "pause", item: .timer(30_000 + Int64(variant) * 10))]) }
        stages.append([Part(id: "s5", item: .step(5, after: "s4"))])
        if input.count > 1, input[1] > 0 { stages.append([Part(id: "broken", item: .broken)]) }
        stages.append([Part(id: "s6", item: .step(6, after: "s2"))])
        let second: [[Part]] = [
            [Part(id: "s1", item: .step(1, after: nil))], [Part(id: "s5", item: .step(5, after: "s1"))],
        ]
        return [DeclaredPlan(stages: stages, input: input), DeclaredPlan(stages: second, input: input)]
    }

    /// Six steps in a row, as `RunPlan.sixSteps`.
    static func sixSteps(_ input: [Int]) -> [DeclaredPlan] {
        [DeclaredPlan(stages: (1...6).map { [Part(id: "s\($0)", item: .step($0, after: nil))] }, input: input)]
    }

    // MARK: What the engine gets

    func definition(_ name: String) -> SagaDefinition {
        var steps: [StepDefinition] = []
        for (number, stage) in stages.enumerated() {
            for part in stage {
                let group = stage.count > 1 ? "group \(number)" : ""
                let conditions = part.above.map { [StepCondition(path: "input[0]", .greater, value: "\($0)")] } ?? []
                steps.append(
                    StepDefinition(
                        id: part.id, group: group, conditions: conditions, kind: kind(part),
                        line: UInt32(steps.count + 1)))
            }
        }
        return SagaDefinition(name: name, steps: steps, output: .template(#"{"first":"${steps.s1.output}"}"#))
    }

    private func kind(_ part: Part) -> StepDefinition.Kind {
        switch part.item {
        case .step(let number, let after):
            let policy = StepPolicy(number, variant)
            let reference = after.map { "\"${steps.\($0).output ?? null}\"" } ?? "null"
            return .activity(
                ActivityStep(
                    activityType: SimulatedWorkflows.stepType,
                    input: .template(#"{"n":\#(number),"after":\#(reference),"of":"${input}"}"#), retry: policy.retry,
                    timeouts: policy.timeouts, undo: policy.undo,
                    undoInput: policy.undo == nil
                        ? "" : #"{"n":"${input[2]}","how":"${outcome}","of":"${key}","out":"${output ?? null}"}"#,
                    priority: policy.priority))
        case .broken:
            return .activity(
                ActivityStep(activityType: SimulatedWorkflows.stepType, input: .template(#"["${input[9].nothing}"]"#)))
        case .signal(let timeout):
            return .signal(SignalStep(name: SimulatedWorkflows.signalName, timeoutMicros: timeout))
        case .timer(let delay): return .timer(delayMicros: delay)
        }
    }

    // MARK: What the checker expects

    func part(_ id: String) -> (stage: Int, part: Part)? {
        for (number, stage) in stages.enumerated() {
            if let part = stage.first(where: { $0.id == id }) { return (number, part) }
        }
        return nil
    }

    /// What a step receives, given what steps before it returned.
    func expectedInput(_ part: Part, _ outputs: [String: String]) -> String? {
        guard case .step(let number, let after) = part.item else { return nil }
        let value = after.flatMap { outputs[$0] } ?? "null"
        return #"{"n":\#(number),"after":\#(value),"of":[\#(input.map(String.init).joined(separator: ","))]}"#
    }

    /// What the undo of a step receives.
    func expectedUndoInput(outcome: String, key: String, output: String?) -> String {
        #"{"n":\#(variant),"how":"\#(outcome)","of":"\#(key)","out":\#(output ?? "null")}"#
    }
}
