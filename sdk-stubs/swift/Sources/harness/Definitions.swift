import SagaCore

/// The definitions of VERB_REGISTER.
func declared(_ which: String, _ name: String, _ queue: String) -> SagaDefinition {
    switch which {
    case "everything":
        let undo = UndoSpec(
            activityType: "refund", taskQueue: "desk", undoFailedStep: .always, probeActivityType: "paid")
        let pay = ActivityStep(
            activityType: "charge", taskQueue: "bank", input: .template(#"["${input.n}",true]"#),
            retry: RetryPolicy(maximumAttempts: 5), timeouts: ActivityTimeouts(startToCloseMicros: 2_500_000),
            undo: undo,
            undoInput: #"{"who":"${input.who}"}"#, pivot: true)
        let conditions = [
            StepCondition(path: "input.n", .greaterOrEqual, value: "2"),
            StepCondition(path: "input.who", .notEqual, value: #""nobody""#),
            StepCondition(path: "input.mail", .exists),
        ]
        return SagaDefinition(
            name: name, taskQueue: queue,
            steps: [
                StepDefinition(id: "pay", conditions: conditions, kind: .activity(pay)),
                StepDefinition(id: "ok", kind: .signal(SignalStep(name: "go", timeoutMicros: 1_500_000))),
                StepDefinition(
                    id: "rest", conditions: [StepCondition(path: "input.n", .less, value: "9")],
                    kind: .timer(delayMicros: 20_000)),
                StepDefinition(
                    id: "sub", kind: .child(ChildStep(workflowType: "other", taskQueue: "else", input: .startInput))),
                StepDefinition(id: "end", kind: .activity(ActivityStep(activityType: "tidy"))),
            ], output: .template(#""${steps.end.output}""#), executionTimeoutMicros: 600_000_000,
            description: "all of it")
    case "wrong":
        let step = ActivityStep(activityType: "echo", input: .template(#""${steps.nobody.output}""#))
        return SagaDefinition(name: name, taskQueue: queue, steps: [StepDefinition(id: "a", kind: .activity(step))])
    default:
        func echo(_ template: String?) -> StepDefinition.Kind {
            .activity(ActivityStep(activityType: "echo", input: template.map { .template($0) }))
        }
        return SagaDefinition(
            name: name, taskQueue: queue,
            steps: [
                StepDefinition(id: "a", kind: echo(#"{"n":"${input.n}"}"#)),
                StepDefinition(id: "b", group: "parallel 1", kind: echo(#"{"got":"${steps.a.output.n}"}"#)),
                StepDefinition(
                    id: "c", group: "parallel 1",
                    conditions: [StepCondition(path: "input.n", .greater, value: "3")], kind: echo(nil)),
            ],
            output: .template(
                #"{"a":"${steps.a.output.n}","b":"${steps.b.output.got}","c":"${steps.c.output.n ?? 0}"}"#))
    }
}
