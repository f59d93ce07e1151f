internal import SagaCore

/// What stands outside, how it changed, and by whose doing.
struct FactLog {
    private(set) var initial: [String] = []
    private(set) var present: [String] = []
    /// The step that last brought a fact about, and the one that last took it away.
    private var broughtBy: [String: String] = [:]
    private var takenBy: [String: String] = [:]
    private var succeededKeys: Set<String> = []
    private var undoneKeys: Set<String> = []

    mutating func begin(with facts: [String]) {
        initial = facts.sorted()
        present = initial
    }

    /// Takes what stands now.
    /// - Returns: What changed, in words; nil if nothing did.
    mutating func note(_ facts: [String], by step: String) -> String? {
        let now = facts.sorted()
        let (more, less) = (Self.difference(now, present), Self.difference(present, now))
        present = now
        if more.isEmpty && less.isEmpty { return nil }
        for fact in more { broughtBy[fact] = step }
        for fact in less { takenBy[fact] = step }
        return Self.words(more: more, less: less)
    }

    mutating func succeeded(_ key: String) { succeededKeys.insert(key) }
    func hasSucceeded(_ key: String) -> Bool { succeededKeys.contains(key) }
    mutating func undone(_ stepKey: String) { undoneKeys.insert(stepKey) }
    func isUndone(_ stepKey: String) -> Bool { undoneKeys.contains(stepKey) }

    /// What is not as it was at the beginning, and by whose doing.
    func remains() -> [(step: String, what: String)] {
        Self.difference(present, initial).map { (broughtBy[$0] ?? "", "\($0) stands") }
            + Self.difference(initial, present).map { (takenBy[$0] ?? "", "\($0) is gone") }
    }

    /// Lines of `left` that `right` has not, as often as they are missing; both are sorted.
    static func difference(_ left: [String], _ right: [String]) -> [String] {
        var missing: [String] = []
        var index = 0
        for line in left {
            while index < right.count && right[index] < line { index += 1 }
            if index < right.count && right[index] == line { index += 1 } else { missing.append(line) }
        }
        return missing
    }

    static func words(more: [String], less: [String]) -> String {
        (more.map { "now there is \($0)" } + less.map { "\($0) is gone" }).joined(separator: ", ")
    }
}

/// The steps' names: the step id, with a number if the saga has several of the same.
struct StepNames {
    private var names: [TaskKey: String] = [:]
    private var counts: [String: Int] = [:]
    private var keys: [(key: String, name: String)] = []

    private struct TaskKey: Hashable {
        var sagaID: SagaID
        var eventID: EventID
    }

    mutating func name(of task: ActivityTask) -> String {
        let key = TaskKey(sagaID: task.reference.sagaID, eventID: task.reference.eventID)
        if let name = names[key] { return name }
        let count = counts[task.stepID, default: 0] + 1
        counts[task.stepID] = count
        let name = count == 1 ? task.stepID : "\(task.stepID)#\(count)"
        names[key] = name
        keys.append((task.undo?.stepKey ?? task.idempotencyKey, name))
        // The longest first: one key may begin with another.
        keys.sort { $0.key.utf8.count > $1.key.utf8.count }
        return name
    }

    /// The name of the step that an event scheduled; nil if it was never handed out.
    func name(_ sagaID: SagaID, _ eventID: EventID) -> String? { names[TaskKey(sagaID: sagaID, eventID: eventID)] }

    /// The text with names in place of idempotency keys.
    func readable(_ text: String) -> String {
        var text = text
        for (key, name) in keys {
            var result = ""
            var rest = text[...]
            while let range = rest.firstRange(of: key) {
                result.append(contentsOf: rest[..<range.lowerBound])
                result += "<\(name)>"
                rest = rest[range.upperBound...]
            }
            result.append(contentsOf: rest)
            text = result
        }
        return text
    }
}
