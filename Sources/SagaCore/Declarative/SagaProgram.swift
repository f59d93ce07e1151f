/// A definition that was found valid, with its templates and conditions taken apart: what a run of it goes by.
package final class SagaProgram: Sendable {
    /// Where an input comes from.
    enum Input: Hashable, Sendable {
        case template(Template)
        case output(of: Int)
        case start
        case constant(Payload)
    }

    /// One step, ready to run.
    struct Step: Sendable {
        var definition: StepDefinition
        var conditions: [ReadyCondition]
        var input: Input
        var undoInput: Template?
    }

    /// As it was registered.
    package let definition: SagaDefinition
    let steps: [Step]
    /// Steps that run together, in order.
    let stages: [Range<Int>]
    let output: Input?
    private let indexOfID: [String: Int]

    /// Checks a definition as a whole.
    /// - Throws: Everything that is wrong with it.
    package init(_ definition: SagaDefinition) throws(InvalidDefinition) {
        var check = DefinitionCheck(definition)
        check.run()
        guard check.problems.isEmpty else { throw InvalidDefinition(problems: check.problems) }
        self.definition = definition
        steps = check.steps
        stages = check.stages
        output = check.output
        indexOfID = check.indexOfID
    }

    private init(_ program: SagaProgram, _ definition: SagaDefinition) {
        self.definition = definition
        steps = program.steps
        stages = program.stages
        output = program.output
        indexOfID = program.indexOfID
    }

    /// The same under the number that its registration gave it: that changes nothing of what was checked.
    package func numbered(_ version: UInt32) -> SagaProgram {
        var definition = definition
        definition.version = version
        return SagaProgram(self, definition)
    }

    func index(of id: String) -> Int? { indexOfID[id] }

    /// The queue of steps that name none.
    var taskQueue: String { definition.taskQueue.isEmpty ? "default" : definition.taskQueue }
}

/// A definition that cannot run.
public struct InvalidDefinition: Error, Hashable, Sendable {
    /// Everything that is wrong, at most 1,000, in the order of the steps.
    public var problems: [DefinitionProblem]

    public init(problems: [DefinitionProblem]) { self.problems = problems }
}

extension InvalidDefinition: CustomStringConvertible {
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension SagaDefinition {
    /// Everything that is wrong with the definition, at most 1,000, in the order of its steps; empty = it is valid.
    public var problems: [DefinitionProblem] {
        var check = DefinitionCheck(self)
        check.run()
        return check.problems
    }

    /// Whether another definition means the same: lines do not count, nor who gave the version.
    package func means(_ other: SagaDefinition) -> Bool {
        func plain(_ definition: SagaDefinition) -> SagaDefinition {
            var copy = definition
            copy.version = 0
            for index in copy.steps.indices { copy.steps[index].line = 0 }
            return copy
        }
        return plain(self) == plain(other)
    }
}
