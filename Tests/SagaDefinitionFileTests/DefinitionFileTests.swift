import SagaCore
import SagaDefinitionFile
import Testing

/// YAML files of definitions: what they mean, and that everything wrong is said with its line.
@Suite struct DefinitionFileTests {
    @Test func everythingThatAFileCanSay() throws {
        let definition = try DefinitionFile.read(
            """
            name: all
            version: 4
            queue: main
            timeout: 2h
            continue_on_undo_error: true
            description: what it is
            steps:
              - id: a
                activity: do.a
                queue: other
                if: [input.n > 3, input.s == text, input.x exists, 'input.q == "a b"']
                input: {n: "${input.n}", list: [1, 2.5, true, ~, "3", no, 0x10], nested: {a: b}}
                retry: {attempts: 5, first: 100ms, most: 1m, factor: 1.5, jitter: 0, not_for: [Domain]}
                timeouts: {start_to_close: 10s, heartbeat: 500ms}
                undo: {activity: undo.a, input: {id: "${output.id ?? none}"}, failed_step: always, retry: 7, timeout: 3s}
                pivot: true
                priority: -2
              - parallel:
                  - {id: b, activity: do.b, input: "${input}", retry: 1}
                  - {id: c, activity: do.c, input: "${input.list}"}
                group: both
              - {id: w, signal: go, within: 1d}
              - {id: t, timer: 250us}
              - {id: k, child: inner, when_closed: abandon, timeout: 1h}
            """)
        #expect(definition.version == 4 && definition.taskQueue == "main" && definition.continueOnUndoError)
        #expect(definition.executionTimeoutMicros == 7_200_000_000)
        #expect(definition.steps.map(\.id) == ["a", "b", "c", "w", "t", "k"])
        #expect(definition.steps.map(\.group) == ["", "both", "both", "", "", ""])
        #expect(definition.steps[0].line == 8)
        #expect(
            definition.steps[0].conditions == [
                StepCondition(path: "input.n", .greater, value: "3"),
                StepCondition(path: "input.s", .equal, value: #""text""#),
                StepCondition(path: "input.x", .exists),
                StepCondition(path: "input.q", .equal, value: #""a b""#),
            ])
        guard case .activity(let step) = definition.steps[0].kind else { return #expect(Bool(false)) }
        #expect(
            step.input
                == .template(#"{"n":"${input.n}","list":[1,2.5,true,null,"3","no","0x10"],"nested":{"a":"b"}}"#))
        #expect(
            step.retry
                == RetryPolicy(
                    maximumAttempts: 5, initialIntervalMicros: 100_000, backoffCoefficient: 1.5,
                    maximumIntervalMicros: 60_000_000, jitter: 0, nonRetryableKinds: [.domain]))
        #expect(step.timeouts == ActivityTimeouts(startToCloseMicros: 10_000_000, heartbeatMicros: 500_000))
        #expect(step.undo?.undoFailedStep == .always && step.undo?.retry.maximumAttempts == 7)
        #expect(step.undoInput == #"{"id":"${output.id ?? none}"}"#)
        #expect(step.pivot && step.priority == -2)
        #expect(definition.steps[3].kind == .signal(SignalStep(name: "go", timeoutMicros: 86_400_000_000)))
        #expect(definition.steps[4].kind == .timer(delayMicros: 250))
        #expect(
            definition.steps[5].kind
                == .child(
                    ChildStep(
                        workflowType: "inner", parentClosePolicy: .abandon, executionTimeoutMicros: 3_600_000_000)))
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        var what: String
        var file: String
        var line: UInt32
        var words: String

        var testDescription: String { what }
    }

    static let wrong: [Wrong] = [
        Wrong(what: "no YAML", file: "name: x\nsteps: [", line: 3, words: "not YAML"),
        Wrong(what: "nothing", file: "", line: 1, words: "empty"),
        Wrong(what: "a list", file: "- a", line: 1, words: "mapping"),
        Wrong(what: "a key twice", file: "name: x\nname: y\n", line: 1, words: "twice"),
        Wrong(what: "an unknown key", file: "name: x\nstep: []\n", line: 2, words: "unknown key step"),
        Wrong(
            what: "an unknown key of a step", file: "name: x\nsteps:\n  - id: a\n    activity: a\n    inputs: 1\n",
            line: 5, words: "unknown key inputs"),
        Wrong(
            what: "two kinds", file: "name: x\nsteps:\n  - id: a\n    activity: a\n    signal: b\n", line: 3,
            words: "one of activity"),
        Wrong(what: "no name", file: "steps:\n  - {id: a, activity: a}\n", line: 1, words: "no name"),
        Wrong(
            what: "a time without unit", file: "name: x\nsteps:\n  - id: a\n    timer: 5\n", line: 4,
            words: "500ms"),
        Wrong(
            what: "a condition", file: "name: x\nsteps:\n  - id: a\n    activity: a\n    if: input.a = 3\n", line: 5,
            words: "write PATH"),
        Wrong(
            what: "an unknown step deep in an input",
            file:
                "name: x\nsteps:\n  - id: a\n    activity: a\n    input:\n      ok: 1\n      list:\n        - ${steps.b.output}\n",
            line: 8, words: "no step b"),
        Wrong(
            what: "the second condition",
            file:
                "name: x\nsteps:\n  - id: a\n    activity: a\n    if:\n      - input.a == 3\n      - steps.z.output > 1\n",
            line: 7, words: "no step z"),
        Wrong(
            what: "an undo without data",
            file:
                "name: x\nsteps:\n  - id: a\n    activity: a\n    undo:\n      activity: u\n      input:\n        id: ${output.id}\n",
            line: 8, words: "give a default"),
        Wrong(
            what: "a duplicate id", file: "name: x\nsteps:\n  - {id: a, activity: a}\n  - {id: a, activity: b}\n",
            line: 4, words: "used before, in line 3"),
        Wrong(
            what: "an error kind",
            file: "name: x\nsteps:\n  - id: a\n    activity: a\n    retry: {not_for: [Nothing]}\n", line: 5,
            words: "no error kind Nothing"),
    ]

    @Test(arguments: wrong) func isSaidWithItsLine(_ wrong: Wrong) throws {
        let invalid = #expect(throws: InvalidDefinition.self) { try DefinitionFile.read(wrong.file) }
        let first = try #require(invalid?.problems.first)
        #expect(first.line == wrong.line, "\(first)")
        #expect(first.message.contains(wrong.words), "\(first)")
    }

    @Test func hostileFilesEndInAnError() {
        var files: [String] = []
        // Aliases that would grow for ever, values in values, lines and files without end.
        files.append("a: &a [x, x]\n" + (0..<60).map { "b\($0): &b\($0) [*a, *a]\n" }.joined())
        files.append("name: x\nsteps:\n  - id: a\n    activity: a\n    input: " + String(repeating: "[", count: 5_000))
        files.append(String(repeating: "- ", count: 4_000) + "x")
        files.append("name: " + String(repeating: "x", count: 10_000))
        files.append(String(repeating: "a: b\n", count: 60_000))
        files.append("name: x\u{0}y")
        files.append("? {a: b}\n: c")
        files.append("name: *nowhere")
        let deep = (0..<200).map { String(repeating: " ", count: $0 + 6) + "k:\n" }.joined()
        files.append("name: x\nsteps:\n  - id: a\n    activity: a\n    input:\n" + deep)
        for file in files { #expect(throws: InvalidDefinition.self) { try DefinitionFile.read(file) } }
    }
}
