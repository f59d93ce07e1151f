/// What is done to the saga in one run.
struct TortureScenario {
    /// What becomes of an attempt of an activity.
    enum Action: Hashable {
        case runs
        /// Says no, and nothing happened.
        case refuses
        /// Fails without a word on its effect: before it, or after it.
        case failsBefore
        case failsAfter
        /// Never reports: before its effect, or after it.
        case hangsBefore
        case hangsAfter
        /// Runs twice, with the same key, and reports twice.
        case runsTwice
        /// Never reports, and takes effect after its undo.
        case isLate
    }

    /// For the report: `step hotel runs twice`.
    var title: String
    /// The step whose attempts are meddled with; empty for none.
    var step = ""
    var action = Action.runs
    /// The step whose undo is meddled with; empty for none.
    var undone = ""
    var undoAction = Action.runs
    /// Stops the saga, with compensation, when this step is completed; empty for not at all.
    var unwindAfter = ""
    /// Kills the process at this point; 0 for never.
    var crashAt = 0

    /// Attempts that are meddled with. A step that is repeated without limit comes through after them.
    static let attempts: UInt32 = 8

    /// What becomes of an attempt.
    func action(_ name: String, isUndo: Bool, attempt: UInt32, isHelped: Bool) -> Action {
        guard attempt > 0, attempt <= Self.attempts else { return .runs }
        if isUndo { return name == undone && !isHelped ? undoAction : .runs }
        return name == step ? action : .runs
    }

    /// Whether a run that ends well must leave the same world as one to which nothing was done.
    var mustEndTheSame: Bool { step.isEmpty && undone.isEmpty && unwindAfter.isEmpty || action == .runsTwice }

    /// Everything that can go wrong at the steps of a saga, but for crashes.
    static func all(steps: [(name: String, hasUndo: Bool)]) -> [TortureScenario] {
        var all: [TortureScenario] = []
        for (name, hasUndo) in steps {
            all.append(Self(title: "step \(name) runs twice", step: name, action: .runsTwice))
            all.append(Self(title: "step \(name) refuses", step: name, action: .refuses))
            all.append(Self(title: "step \(name) fails before its effect", step: name, action: .failsBefore))
            all.append(Self(title: "step \(name) fails after its effect", step: name, action: .failsAfter))
            all.append(Self(title: "step \(name) times out before its effect", step: name, action: .hangsBefore))
            all.append(Self(title: "step \(name) times out after its effect", step: name, action: .hangsAfter))
            all.append(Self(title: "the saga is stopped after step \(name)", unwindAfter: name))
            if hasUndo { all.append(Self(title: "step \(name) comes after its undo", step: name, action: .isLate)) }
        }
        guard let last = steps.last?.name else { return all }
        for (name, hasUndo) in steps where hasUndo {
            for (title, action) in [
                ("runs twice", Action.runsTwice), ("fails before its effect", .failsBefore),
                ("fails after its effect", .failsAfter), ("times out after its effect", .hangsAfter),
            ] {
                all.append(
                    Self(
                        title: "the undo of step \(name) \(title)", undone: name, undoAction: action, unwindAfter: last)
                )
            }
        }
        return all
    }

    /// The same, and the process dies at a point.
    func crashing(at point: Int) -> TortureScenario {
        var scenario = self
        scenario.crashAt = point
        scenario.title = (title.isEmpty ? "" : "\(title), and ") + "the process dies at point \(point)"
        return scenario
    }
}
