import SagaCodec
import SagaCore
import Testing

/// Definitions: what is refused, what templates and conditions make of values, and the stored form.
@Suite struct DefinitionTests {
    private static func step(
        _ id: String, _ line: UInt32, input: String? = nil, undo: UndoSpec? = nil, undoInput: String = "",
        group: String = "", conditions: [StepCondition] = []
    ) -> StepDefinition {
        StepDefinition(
            id: id, group: group, conditions: conditions,
            kind: .activity(
                ActivityStep(
                    activityType: "do", input: input.map { .template($0) }, undo: undo, undoInput: undoInput)),
            line: line)
    }

    private static func definition(_ steps: StepDefinition...) -> SagaDefinition {
        SagaDefinition(name: "trip", steps: steps)
    }

    private static let undo = UndoSpec(activityType: "undo")
    private static let rich = StepCondition(path: "input.price", .greater, value: "100")

    struct Case: CustomTestStringConvertible, Sendable {
        var what: String
        var definition: SagaDefinition
        /// Of the first problem.
        var line: UInt32
        var words: String

        var testDescription: String { what }
    }

    static let refused: [Case] = [
        Case(what: "no step", definition: definition(), line: 0, words: "no step"),
        Case(
            what: "two of one id", definition: definition(step("a", 1), step("a", 4)), line: 4,
            words: "used before, in line 1"),
        Case(what: "an id with a dot", definition: definition(step("a.b", 2)), line: 2, words: "letters, digits"),
        Case(
            what: "an unknown step", definition: definition(step("a", 7, input: #"["${steps.b.output}"]"#)), line: 7,
            words: "there is no step b"),
        Case(
            what: "itself", definition: definition(step("a", 3, input: #"["${steps.a.output}"]"#)), line: 3,
            words: "its own output"),
        Case(
            what: "a later step", definition: definition(step("a", 2, input: #"["${steps.b.output}"]"#), step("b", 3)),
            line: 2, words: "runs later"),
        Case(
            what: "a cycle",
            definition: definition(
                step("a", 2, input: #"["${steps.b.output}"]"#), step("b", 5, input: #"["${steps.a.output}"]"#)),
            line: 2,
            words: "a cycle: step a needs b, which needs a"),
        Case(
            what: "a sibling",
            definition: definition(
                step("a", 1, group: "g"), step("b", 2, input: #"["${steps.a.output}"]"#, group: "g")),
            line: 2, words: "runs at the same time, in group g"),
        Case(
            what: "a group that is interrupted",
            definition: definition(step("a", 1, group: "g"), step("b", 2), step("c", 3, group: "g")), line: 3,
            words: "interrupted"),
        Case(
            what: "a step that may be left out",
            definition: definition(step("a", 1, conditions: [rich]), step("b", 2, input: #"["${steps.a.output}"]"#)),
            line: 2, words: "may be left out"),
        Case(
            what: "an undo without data",
            definition: definition(step("a", 9, undo: undo, undoInput: #"{"id":"${output.id}"}"#)), line: 9,
            words: "give a default"),
        Case(
            what: "output outside an undo", definition: definition(step("a", 1, input: #"["${output}"]"#)), line: 1,
            words: "for the input of an undo"),
        Case(what: "no JSON", definition: definition(step("a", 1, input: "{")), line: 1, words: "not JSON"),
        Case(
            what: "no end", definition: definition(step("a", 1, input: #"["${input"]"#)), line: 1,
            words: "has no end"),
        Case(
            what: "a name of a member", definition: definition(step("a", 1, input: #"{"${input.k}":1}"#)), line: 1,
            words: "name of a member"),
        Case(
            what: "an unknown root", definition: definition(step("a", 1, input: #"["${env.HOME}"]"#)), line: 1,
            words: "begins with env"),
        Case(
            what: "a condition on no scalar",
            definition: definition(step("a", 1, conditions: [StepCondition(path: "input", .equal, value: "[1]")])),
            line: 1, words: "must be a number"),
        Case(
            what: "a timer without end",
            definition: definition(StepDefinition(id: "t", kind: .timer(delayMicros: 0), line: 5)), line: 5,
            words: "1 µs to a year"),
        Case(
            what: "the engine's queue",
            definition: SagaDefinition(name: "x", taskQueue: "saga.engine", steps: [step("a", 1)]), line: 0,
            words: "engine's own"),
    ]

    @Test(arguments: refused) func isRefusedWithItsLine(_ wrong: Case) throws {
        let first = try #require(wrong.definition.problems.first)
        #expect(first.line == wrong.line)
        #expect(first.message.contains(wrong.words), "\(first)")
    }

    @Test func everyProblemIsTold() {
        let definition = Self.definition(
            Self.step("a", 1, input: "{"), Self.step("b", 2, input: #"["${steps.x.output}"]"#), Self.step("b", 3))
        #expect(definition.problems.map(\.line).sorted() == [1, 2, 3])
    }

    @Test func anOutputIsThereUnderTheSameConditions() {
        let definition = Self.definition(
            Self.step("a", 1, conditions: [Self.rich]),
            Self.step("b", 2, input: #"["${steps.a.output}"]"#, conditions: [Self.rich]),
            Self.step("c", 3, input: #"["${steps.a.output ?? null}"]"#),
            Self.step("d", 4, undo: Self.undo, undoInput: #"{"id":"${output.id ?? none}","of":"${key}"}"#))
        #expect(definition.problems == [])
    }

    @Test func aThousandStepsAreCheckedAndOneMoreIsRefused() {
        var steps = (0..<1_000).map { Self.step("s\($0)", UInt32($0), input: #"["${steps.s999.output}"]"#) }
        // Many forward references: the search for cycles must not take for ever.
        #expect(SagaDefinition(name: "x", steps: steps).problems.count == 1_000)
        steps.append(Self.step("more", 1_001))
        #expect(SagaDefinition(name: "x", steps: steps).problems.map(\.field) == ["steps"])
    }

    @Test func theStoredFormIsTheDefinition() throws {
        let definition = SagaDefinition(
            name: "trip", version: 3, taskQueue: "q",
            steps: [
                Self.step("a", 1, input: #"{"x":"${input.x}"}"#, undo: Self.undo, conditions: [Self.rich]),
                StepDefinition(id: "w", kind: .signal(SignalStep(name: "go", timeoutMicros: 5))),
                StepDefinition(id: "t", kind: .timer(delayMicros: 6)),
                StepDefinition(id: "c", kind: .child(ChildStep(workflowType: "child", input: .outputOfStep("a")))),
            ], output: .constant(.json("1")), executionTimeoutMicros: 7, continueOnUndoError: true, description: "d")
        let bytes = Postcard.encode(definition)
        #expect(try Postcard.decodeStrict(SagaDefinition.self, from: bytes) == definition)
        for count in 0..<bytes.count {
            // Cut anywhere it is an error, never a trap.
            #expect(throws: CodecError.self) {
                try Postcard.decodeStrict(SagaDefinition.self, from: Array(bytes.prefix(count)))
            }
        }
    }
}
