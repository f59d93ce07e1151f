internal import SagaCore

/// A timeline as lines of text: the forward path downwards, each undo beside its step, numbered in the order they ran.
struct TimelineText {
    /// Marks and the sign before an undo.
    struct Symbols {
        var done: String
        var failed: String
        var running: String
        var waiting: String
        var skipped: String
        var note: String
        var undo: String

        static let unicode = Symbols(
            done: "✓", failed: "✗", running: "▶", waiting: "…", skipped: "–", note: "·", undo: "↩")
        static let ascii = Symbols(
            done: "+", failed: "x", running: ">", waiting: "~", skipped: "-", note: ".", undo: "<-")

        func of(_ mark: Timeline.Mark) -> String {
            switch mark {
            case .done: done
            case .failed: failed
            case .running: running
            case .waiting: waiting
            case .skipped: skipped
            case .note: note
            }
        }
    }

    var symbols = Symbols.unicode
    /// Widest forward column before the undo column moves to its own line.
    var forwardLimit = 76

    func lines(_ timeline: Timeline) -> [String] {
        var lines = header(timeline)
        lines.append("")
        let cells = timeline.rows.map { forward($0) }
        let undoCells = timeline.rows.map { undo($0, timeline) }
        let withUndo = zip(cells, undoCells).filter { !$0.1.isEmpty }.map { TextColumns.width($0.0) }
        let width = min(forwardLimit, withUndo.max() ?? 0)
        let idWidth = max(5, timeline.rows.map { String($0.eventID).count }.max() ?? 0)
        let offsets = timeline.rows.map { timeline.offset($0.time) }
        let timeWidth = max(4, offsets.map(\.count).max() ?? 0)
        let indent = String(repeating: " ", count: idWidth + timeWidth + 6)
        let hasUndo = !withUndo.isEmpty
        let head = TextColumns.right("event", idWidth) + "  " + TextColumns.right("time", timeWidth) + "  "
        lines.append(head + (hasUndo ? TextColumns.left("  done", width) + "  undone (read upwards)" : "  done"))
        for (index, row) in timeline.rows.enumerated() {
            let start =
                TextColumns.right(String(row.eventID), idWidth) + "  "
                + TextColumns.right(offsets[index], timeWidth) + "  "
            let cell = cells[index]
            if undoCells[index].isEmpty {
                lines.append(start + cell)
            } else if TextColumns.width(cell) <= width {
                lines.append(start + TextColumns.left(cell, width) + "  " + undoCells[index])
            } else {
                lines.append(start + cell)
                lines.append(indent + String(repeating: " ", count: width) + undoCells[index])
            }
            for note in row.notes { lines.append(indent + note) }
            for note in row.undo?.notes ?? [] { lines.append(indent + "\(symbols.undo) \(note)") }
        }
        return lines
    }

    private func header(_ timeline: Timeline) -> [String] {
        let version = timeline.workflowVersion == 0 ? "" : " v\(timeline.workflowVersion)"
        let run = timeline.sagaID.map { "  run \($0)" } ?? ""
        var lines = ["\(Wording.safe(timeline.workflowID))  \(Wording.safe(timeline.workflowType))\(version)\(run)"]
        let took = Wording.duration(micros: timeline.lastAt.microseconds(since: timeline.startedAt))
        let state: String
        if let closing = timeline.closing {
            state = "\(closing) after \(took)"
        } else if timeline.isBlocked {
            state = "Blocked, open since \(Wording.time(timeline.startedAt))"
        } else {
            state = "\(timeline.isUnwinding ? "Compensating" : "Running") since \(Wording.time(timeline.startedAt))"
        }
        let compensation = timeline.compensation.map { " · \(Wording.summary($0))" } ?? ""
        lines.append(state + compensation)
        if let error = timeline.error { lines.append(Wording.error(error)) }
        return lines
    }

    private func forward(_ row: Timeline.Row) -> String {
        let took = row.took.map { "  \(Wording.duration(micros: $0))" } ?? ""
        let detail = row.detail.isEmpty ? "" : "  \(row.detail)"
        return "\(symbols.of(row.mark)) \(row.title)\(detail)\(took)"
    }

    private func undo(_ row: Timeline.Row, _ timeline: Timeline) -> String {
        guard let undo = row.undo else { return row.undoNote.isEmpty ? "" : "\(symbols.skipped) \(row.undoNote)" }
        let order = undo.order == 0 ? "" : "\(undo.order). "
        let took = undo.endedAt.map { "  \(Wording.duration(micros: $0.microseconds(since: undo.startedAt)))" } ?? ""
        return "\(symbols.of(undo.mark)) \(order)\(Wording.safe(undo.activityType))\(took)"
            + "  at \(timeline.offset(undo.startedAt))"
    }
}

/// Text in columns.
enum TextColumns {
    /// Columns that a terminal needs; wide characters are rare here and count as one.
    static func width(_ text: String) -> Int { text.count }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - Self.width(text)))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - Self.width(text))) + text
    }

    /// Rows under a head, each column as wide as its widest cell.
    static func table(_ head: [String], _ rows: [[String]]) -> [String] {
        let all = [head] + rows
        let widths = head.indices.map { column in
            all.map { $0.indices.contains(column) ? width($0[column]) : 0 }.max() ?? 0
        }
        return all.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : left(cell, widths.indices.contains(index) ? widths[index] : 0)
            }.joined(separator: "  ")
        }
    }
}
