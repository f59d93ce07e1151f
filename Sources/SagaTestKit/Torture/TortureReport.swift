internal import SagaCodec

/// Something that the saga does wrong.
public struct TortureFinding: Hashable, Sendable {
    /// What is wrong.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The step did more when it ran a second time with the same key.
        case stepNotIdempotent = "step_not_idempotent"
        /// The undo did more when it ran a second time with the same key.
        case undoNotIdempotent = "undo_not_idempotent"
        /// The step's effect stands after the saga ended badly.
        case notCompensated = "not_compensated"
        /// The undo fails by itself, for example because there is nothing to undo.
        case undoFails = "undo_fails"
        /// The step took effect although its undo had run under the same key.
        case lateEffect = "late_effect"
        /// The code does not fit its own history.
        case notDeterministic = "not_deterministic"
        /// After a repeat or a crash the saga ends well, and another world than without it stands.
        case endsDifferently = "ends_differently"
        /// The saga waits for something that never comes.
        case stuck
        /// The saga does not end well even if nothing goes wrong, so there is little to torture.
        case failsByItself = "fails_by_itself"
    }

    public var kind: Kind
    /// The step; empty if it is the whole saga.
    public var step: String
    /// What was done to the saga.
    public var scenario: String
    /// What was seen.
    public var detail: String
}

/// What came of torturing one saga.
public struct TortureReport: Sendable {
    /// The saga.
    public var saga: String
    /// Its steps, in the order in which they were handed out when nothing went wrong.
    public var steps: [String]
    /// How often it was run.
    public var scenarios = 0
    /// How often its process was killed.
    public var crashes = 0
    /// How often an activity ran.
    public var executions = 0
    /// What is wrong, each once, with the first scenario that showed it.
    public var findings: [TortureFinding] = []

    /// Whether nothing is wrong.
    public var isClean: Bool { findings.isEmpty }

    /// For people: what is wrong, then one line that sums up.
    public var text: String {
        var lines = findings.map { finding in
            let what = finding.step.isEmpty ? saga : "step \(finding.step)"
            return "\(what): \(finding.kind.meaning)\n    when \(finding.scenario): \(finding.detail)"
        }
        lines.append(
            "torture: \(saga): \(steps.count) steps, \(scenarios) scenarios, \(crashes) crashes,"
                + " \(executions) executions, \(findings.count) findings")
        return lines.joined(separator: "\n")
    }

    /// For programs: one JSON object.
    public var json: String {
        let value: JSONValue = [
            "saga": .string(saga), "steps": .array(steps.map { .string($0) }), "scenarios": .integer(Int64(scenarios)),
            "crashes": .integer(Int64(crashes)), "executions": .integer(Int64(executions)),
            "findings": .array(
                findings.map { finding -> JSONValue in
                    [
                        "kind": .string(finding.kind.rawValue), "step": .string(finding.step),
                        "scenario": .string(finding.scenario), "detail": .string(finding.detail),
                    ]
                }),
        ]
        return String(decoding: (try? JSONCoding.serialize(value)) ?? [], as: UTF8.self)
    }

    mutating func add(_ finding: TortureFinding) {
        guard !findings.contains(where: { $0.kind == finding.kind && $0.step == finding.step }) else { return }
        findings.append(finding)
    }
}

extension TortureFinding.Kind {
    /// In words.
    public var meaning: String {
        switch self {
        case .stepNotIdempotent: "is not idempotent"
        case .undoNotIdempotent: "its undo is not idempotent"
        case .notCompensated: "is not compensated"
        case .undoFails: "its undo fails"
        case .lateEffect: "took effect after its undo"
        case .notDeterministic: "the code is not deterministic"
        case .endsDifferently: "ends well, but differently"
        case .stuck: "never ends"
        case .failsByItself: "does not end well when nothing goes wrong"
        }
    }
}
