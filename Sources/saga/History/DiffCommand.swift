internal import ArgumentParser
internal import SagaCodec
internal import SagaCore

/// `saga diff`
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare the histories of two files.",
        discussion: """
            Run by run, in the order of the files. Event ids, saga ids and times count for nothing: two runs of the same \
            saga that did the same are equal. Lines that only the first file has begin with -, those of the second with +.

            Exit status: 0 nothing differs, 1 something does.
            """)

    @Argument(help: "A file that saga export wrote.")
    var first: String
    @Argument(help: "Another one.")
    var second: String

    func run() async throws {
        let (old, new) = (try HistorySource.runs(first), try HistorySource.runs(second))
        var differences = 0
        for index in 0..<max(old.count, new.count) {
            let left = index < old.count ? old[index] : []
            let right = index < new.count ? new[index] : []
            let lines = Self.lines(left, right)
            if lines.isEmpty { continue }
            differences += lines.count
            let name = (right.first ?? left.first).map { "run \(index + 1): \($0.sagaID)" } ?? ""
            Terminal.print(name)
            for line in lines { Terminal.print(line) }
        }
        if differences > 0 { throw Failure(.sagaFailed, "the histories differ in \(differences) events") }
        Terminal.print("the histories are equal: \(old.count) \(old.count == 1 ? "run" : "runs")")
    }

    /// What differs between two runs.
    static func lines(_ left: [HistoryEvent], _ right: [HistoryEvent]) -> [String] {
        let difference = right.map(key).difference(from: left.map(key))
        var lines: [(offset: Int, text: String)] = []
        func line(_ sign: String, _ event: HistoryEvent, _ run: [HistoryEvent]) -> String {
            "\(sign) \(EventText.line(event, startedAt: run.first?.timestamp ?? event.timestamp))"
        }
        for change in difference {
            switch change {
            case .remove(let offset, _, _): lines.append((offset, line("-", left[offset], left)))
            case .insert(let offset, _, _): lines.append((offset, line("+", right[offset], right)))
            }
        }
        // Stable, so that what was removed stands before what came in its place.
        return lines.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }
            .map(\.element.text)
    }

    /// What an event says, without what differs from run to run.
    private static func key(_ event: HistoryEvent) -> String {
        let text = "\(event.eventType.name) \(plain(EventJSON.attributes(of: event)).compactText())"
        return text.split(separator: event.sagaID.description, omittingEmptySubsequences: false).joined(
            separator: "RUN")
    }

    private static func plain(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(plain))
        case .object(let members):
            var kept: [String: JSONValue] = [:]
            for (name, member) in members where !isVolatile(name) { kept[name] = plain(member) }
            return .object(kept)
        default: return value
        }
    }

    private static func isVolatile(_ name: String) -> Bool {
        name.hasSuffix("_event_id") || name.hasSuffix("_at") || name.hasSuffix("_at_us") || name == "timestamp"
            || name == "identity" || name == "request_id" || name == "idempotency_key"
    }
}
