internal import SagaCodec
internal import SagaCore
internal import Yams

/// Makes a definition of a parsed file, and notes what does not fit and where everything stands.
struct DefinitionReader {
    private(set) var problems: [DefinitionProblem] = []
    private(set) var lines = FieldLines()
    private var nodes = 0
    /// The id and line of the step that is read.
    private var stepID = ""
    private var stepLine: UInt32 = 0

    private mutating func report(_ node: Node, _ field: String, _ message: String) {
        guard problems.count < 100 else { return }
        problems.append(DefinitionProblem(line: line(node), stepID: stepID, field: field, message: message))
    }

    private func line(_ node: Node) -> UInt32 { UInt32(clamping: node.mark?.line ?? 0) }

    // MARK: The file

    mutating func definition(_ root: Node) -> SagaDefinition {
        var definition = SagaDefinition(name: "", steps: [])
        guard case .mapping(let mapping) = root else {
            report(root, "", "a definition is a mapping with name and steps")
            return definition
        }
        for (key, value) in mapping {
            let name = text(key, "")
            lines.note(0, name, line(value), "")
            switch name {
            case "name": definition.name = text(value, name)
            case "version": definition.version = UInt32(clamping: whole(value, name, 0...Int64(UInt32.max)))
            case "queue": definition.taskQueue = text(value, name)
            case "timeout": definition.executionTimeoutMicros = duration(value, name)
            case "continue_on_undo_error": definition.continueOnUndoError = flag(value, name)
            case "description": definition.description = text(value, name)
            case "output": definition.output = template(value, name)
            case "steps": definition.steps = steps(value)
            default:
                report(
                    key, "",
                    "unknown key \(name); a definition has name, version, queue, timeout, continue_on_undo_error,"
                        + " description, steps, output")
            }
        }
        if definition.name.isEmpty, problems.isEmpty { report(root, "name", "the definition has no name") }
        return definition
    }

    private mutating func steps(_ node: Node) -> [StepDefinition] {
        guard case .sequence(let sequence) = node else {
            report(node, "steps", "steps are a list; begin each with \"- id:\"")
            return []
        }
        var steps: [StepDefinition] = []
        for item in sequence {
            guard steps.count <= 1_000 else { break }
            if case .mapping(let mapping) = item,
                let (key, value) = mapping.first(where: { $0.key.scalar?.string == "parallel" })
            {
                steps += group(mapping, value, line(key))
            } else {
                steps.append(step(item, group: ""))
            }
        }
        stepID = ""
        stepLine = 0
        return steps
    }

    private mutating func group(_ mapping: Node.Mapping, _ list: Node, _ line: UInt32) -> [StepDefinition] {
        var name = "parallel, line \(line)"
        for (key, value) in mapping where key.scalar?.string != "parallel" {
            if key.scalar?.string == "group" {
                name = text(value, "group")
            } else {
                report(key, "parallel", "beside parallel there may be only group")
            }
        }
        guard case .sequence(let sequence) = list else {
            report(list, "parallel", "parallel has a list of steps")
            return []
        }
        return sequence.prefix(1_000).map { step($0, group: name) }
    }

    // MARK: One step

    private mutating func step(_ node: Node, group: String) -> StepDefinition {
        stepID = ""
        stepLine = line(node)
        var step = StepDefinition(id: "", group: group, kind: .timer(delayMicros: 1), line: stepLine)
        guard case .mapping(let mapping) = node else {
            report(node, "", "a step is a mapping with id, and activity, signal, timer or child")
            return step
        }
        if let id = mapping.first(where: { $0.key.scalar?.string == "id" })?.value.scalar?.string { stepID = id }
        step.id = stepID
        if stepID.isEmpty { report(node, "id", "the step has no id") }
        var fields: [(key: Node, name: String, value: Node)] = []
        for (key, value) in mapping { fields.append((key, text(key, ""), value)) }
        let kinds = fields.filter { ["activity", "signal", "timer", "child"].contains($0.name) }
        guard let kind = kinds.first, kinds.count == 1 else {
            report(node, "", "a step has one of activity, signal, timer and child")
            return step
        }
        for field in fields {
            lines.note(stepLine, field.name, line(field.value), "")
            if field.name == "if" { step.conditions = conditions(field.value) }
        }
        let rest = fields.filter { !["id", "if", kind.name].contains($0.name) }
        switch kind.name {
        case "activity": step.kind = .activity(activity(kind.value, rest))
        case "signal": step.kind = .signal(signal(kind.value, rest))
        case "child": step.kind = .child(child(kind.value, rest))
        default:
            step.kind = .timer(delayMicros: duration(kind.value, "timer"))
            for field in rest { refuse(field, of: "timer", "id, if, timer") }
        }
        return step
    }

    private typealias Field = (key: Node, name: String, value: Node)

    private mutating func refuse(_ field: Field, of kind: String, _ known: String) {
        report(field.key, "", "unknown key \(field.name); a \(kind) step has \(known)")
    }

    private mutating func activity(_ name: Node, _ fields: [Field]) -> ActivityStep {
        var step = ActivityStep(activityType: text(name, "activity"))
        for field in fields {
            switch field.name {
            case "queue": step.taskQueue = text(field.value, "queue")
            case "input": step.input = template(field.value, "input")
            case "retry": step.retry = retry(field.value, "retry", .standard)
            case "timeout": step.timeouts.startToCloseMicros = duration(field.value, "timeout")
            case "timeouts": step.timeouts = timeouts(field.value, "timeouts")
            case "undo": undo(field.value, &step)
            case "pivot": step.pivot = flag(field.value, "pivot")
            case "priority":
                step.priority = Int32(clamping: whole(field.value, "priority", Int64(Int32.min)...Int64(Int32.max)))
            default:
                refuse(
                    field, of: "activity",
                    "id, if, activity, queue, input, retry, timeout, timeouts, undo, pivot, priority")
            }
        }
        return step
    }

    private mutating func signal(_ name: Node, _ fields: [Field]) -> SignalStep {
        var step = SignalStep(name: text(name, "signal"))
        for field in fields {
            if field.name == "within" {
                step.timeoutMicros = duration(field.value, "within")
            } else {
                refuse(field, of: "signal", "id, if, signal, within")
            }
        }
        return step
    }

    private mutating func child(_ name: Node, _ fields: [Field]) -> ChildStep {
        var step = ChildStep(workflowType: text(name, "child"))
        for field in fields {
            switch field.name {
            case "queue": step.taskQueue = text(field.value, "queue")
            case "input": step.input = template(field.value, "input")
            case "timeout": step.executionTimeoutMicros = duration(field.value, "timeout")
            case "when_closed":
                switch text(field.value, "when_closed") {
                case "cancel": step.parentClosePolicy = .cancel
                case "abandon": step.parentClosePolicy = .abandon
                case "terminate": step.parentClosePolicy = .terminate
                default: report(field.value, "when_closed", "it is cancel, abandon or terminate")
                }
            default: refuse(field, of: "child", "id, if, child, queue, input, timeout, when_closed")
            }
        }
        return step
    }

    private mutating func undo(_ node: Node, _ step: inout ActivityStep) {
        guard case .mapping(let mapping) = node else {
            step.undo = UndoSpec(activityType: text(node, "undo"))
            return
        }
        var undo = UndoSpec(activityType: "")
        for (key, value) in mapping {
            let name = text(key, "undo")
            lines.note(stepLine, "undo.\(name)", line(value), "")
            switch name {
            case "activity": undo.activityType = text(value, "undo.activity")
            case "queue": undo.taskQueue = text(value, "undo.queue")
            case "probe": undo.probeActivityType = text(value, "undo.probe")
            case "retry": undo.retry = retry(value, "undo.retry", .undo)
            case "timeout": undo.timeouts.startToCloseMicros = duration(value, "undo.timeout")
            case "input": step.undoInput = json(value, "undo.input")
            case "failed_step":
                switch text(value, "undo.failed_step") {
                case "never": undo.undoFailedStep = .never
                case "if_unknown": undo.undoFailedStep = .ifUnknown
                case "always": undo.undoFailedStep = .always
                default: report(value, "undo.failed_step", "it is never, if_unknown or always")
                }
            default:
                report(
                    key, "undo",
                    "unknown key \(name); an undo has activity, queue, input, failed_step, probe, retry, timeout")
            }
        }
        if undo.activityType.isEmpty { report(node, "undo", "an undo names its activity") }
        step.undo = undo
    }

    private mutating func retry(_ node: Node, _ field: String, _ standard: RetryPolicy) -> RetryPolicy {
        var retry = standard
        guard case .mapping(let mapping) = node else {
            retry.maximumAttempts = UInt32(clamping: whole(node, field, 0...1_000_000))
            return retry
        }
        for (key, value) in mapping {
            switch text(key, field) {
            case "attempts": retry.maximumAttempts = UInt32(clamping: whole(value, field, 0...1_000_000))
            case "first": retry.initialIntervalMicros = duration(value, field)
            case "most": retry.maximumIntervalMicros = duration(value, field)
            case "factor": retry.backoffCoefficient = number(value, field)
            case "jitter": retry.jitter = number(value, field)
            case "not_for": retry.nonRetryableKinds = kinds(value, field)
            default: report(key, field, "unknown key; a retry has attempts, first, factor, most, jitter, not_for")
            }
        }
        return retry
    }

    private mutating func kinds(_ node: Node, _ field: String) -> [ErrorKind] {
        guard case .sequence(let sequence) = node else {
            report(node, field, "not_for is a list of error kinds")
            return []
        }
        return sequence.prefix(64).compactMap { item in
            let name = text(item, field)
            let kind = ErrorKind.table.first { $0.name == name }?.kind
            if kind == nil {
                report(
                    item, field,
                    "there is no error kind \(name); kinds are \(ErrorKind.table.map(\.name).joined(separator: ", "))")
            }
            return kind
        }
    }

    private mutating func timeouts(_ node: Node, _ field: String) -> ActivityTimeouts {
        var timeouts = ActivityTimeouts.standard
        guard case .mapping(let mapping) = node else {
            report(node, field, "time-outs are a mapping; a single one is timeout: 30s")
            return timeouts
        }
        for (key, value) in mapping {
            switch text(key, field) {
            case "schedule_to_start": timeouts.scheduleToStartMicros = duration(value, field)
            case "start_to_close": timeouts.startToCloseMicros = duration(value, field)
            case "schedule_to_close": timeouts.scheduleToCloseMicros = duration(value, field)
            case "heartbeat": timeouts.heartbeatMicros = duration(value, field)
            default:
                report(
                    key, field,
                    "unknown key; time-outs are schedule_to_start, start_to_close, schedule_to_close, heartbeat")
            }
        }
        return timeouts
    }

    // MARK: Values

    /// A template: one reference to a whole payload is that payload, in any encoding.
    private mutating func template(_ node: Node, _ field: String) -> InputTemplate {
        if case .scalar(let scalar) = node {
            if scalar.string == "${input}" { return .startInput }
            let parts = scalar.string.split(separator: ".", omittingEmptySubsequences: false)
            if parts.count == 3, parts[0] == "${steps", parts[2] == "output}" {
                lines.note(stepLine, field, line(node), scalar.string)
                return .outputOfStep(String(parts[1]))
            }
        }
        return .template(json(node, field))
    }

    /// A value as JSON text.
    private mutating func json(_ node: Node, _ field: String) -> String {
        var bytes: [UInt8] = []
        write(node, field, 0, &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func write(_ node: Node, _ field: String, _ depth: Int, _ bytes: inout [UInt8]) {
        nodes += 1
        guard nodes <= DefinitionFile.maximumNodes, depth <= DefinitionFile.maximumDepth else {
            if nodes == DefinitionFile.maximumNodes + 1 || depth == DefinitionFile.maximumDepth + 1 {
                report(node, field, "the value is too deep or too large")
            }
            return bytes += Array("null".utf8)
        }
        switch node {
        case .scalar(let scalar):
            lines.note(stepLine, field, line(node), scalar.string)
            bytes += Self.json(scalar)
        case .sequence(let sequence):
            bytes.append(UInt8(ascii: "["))
            for (index, item) in sequence.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(item, field, depth + 1, &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .mapping(let mapping):
            bytes.append(UInt8(ascii: "{"))
            for (index, pair) in mapping.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += Self.quoted(text(pair.key, field)) + [UInt8(ascii: ":")]
                write(pair.value, field, depth + 1, &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        case .alias: report(node, field, "an alias leads nowhere")
        }
    }

    /// Plain scalars that are JSON are that; every other is a text. (YAML 1.2's core, without `yes`, `0x10` and dates.)
    private static func json(_ scalar: Node.Scalar) -> [UInt8] {
        let bytes = Array(scalar.string.utf8)
        guard scalar.style == .plain || scalar.style == .any else { return quoted(scalar.string) }
        if bytes.isEmpty || scalar.string == "~" { return Array("null".utf8) }
        switch try? JSONCoding.parse(bytes) {
        case .null?, .bool?, .integer?, .unsigned?, .number?: return bytes
        default: return quoted(scalar.string)
        }
    }

    private static func quoted(_ text: String) -> [UInt8] {
        (try? JSONCoding.serialize(.string(text))) ?? Array("\"\"".utf8)
    }

    private mutating func text(_ node: Node, _ field: String) -> String {
        guard case .scalar(let scalar) = node else {
            report(node, field, "a text belongs here")
            return ""
        }
        return scalar.string
    }

    private mutating func flag(_ node: Node, _ field: String) -> Bool {
        switch node.scalar?.string {
        case "true": return true
        case "false": return false
        default:
            report(node, field, "it is true or false")
            return false
        }
    }

    private mutating func whole(_ node: Node, _ field: String, _ range: ClosedRange<Int64>) -> Int64 {
        guard let value = node.scalar.flatMap({ Int64($0.string) }), range.contains(value) else {
            report(node, field, "a whole number from \(range.lowerBound) to \(range.upperBound) belongs here")
            return range.lowerBound
        }
        return value
    }

    private mutating func number(_ node: Node, _ field: String) -> Double {
        guard let value = node.scalar.flatMap({ Double($0.string) }), value.isFinite else {
            report(node, field, "a number belongs here")
            return 1
        }
        return value
    }

    /// `500ms`, `30s`, `5m`, `2h`, `1d`.
    private mutating func duration(_ node: Node, _ field: String) -> Int64 {
        let units: [(String, Int64)] = [
            ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
        ]
        let text = node.scalar?.string ?? ""
        let digits = text.prefix { ("0"..."9").contains($0) }
        if let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })?.1, let count = Int64(digits) {
            let (micros, overflow) = count.multipliedReportingOverflow(by: unit)
            if !overflow { return micros }
        }
        report(node, field, "a time belongs here: 500ms, 30s, 5m, 2h or 1d")
        return 1
    }

    // MARK: Conditions

    private mutating func conditions(_ node: Node) -> [StepCondition] {
        if case .sequence(let sequence) = node {
            return sequence.prefix(17).enumerated().compactMap { condition($1, $0 + 1) }
        }
        return condition(node, 1).map { [$0] } ?? []
    }

    /// `input.amount > 100`, `steps.pay.output.state == paid`, `input.code exists`.
    private mutating func condition(_ node: Node, _ number: Int) -> StepCondition? {
        let text = text(node, "if")
        lines.note(stepLine, "if \(number)", line(node), text)
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        if words.count == 2, words[1] == "exists" { return StepCondition(path: String(words[0]), .exists) }
        let signs: [(String, StepCondition.Comparison)] = [
            ("==", .equal), ("!=", .notEqual), ("<", .less), ("<=", .lessOrEqual), (">", .greater),
            (">=", .greaterOrEqual),
        ]
        guard words.count == 3, let comparison = signs.first(where: { $0.0 == words[1] })?.1 else {
            report(node, "if", "write PATH == VALUE (or !=, <, <=, >, >=), or PATH exists")
            return nil
        }
        var value = String(words[2])
        while value.last == " " { value.removeLast() }
        if (try? JSONCoding.parse(Array(value.utf8))) == nil {
            value = String(decoding: Self.quoted(value), as: UTF8.self)
        }
        return StepCondition(path: String(words[0]), comparison, value: value)
    }
}
