internal import SagaCodec
internal import SagaCore

/// A timeline for programs: one object a row, in the order of what was done, each with the undo beside it.
enum TimelineJSON {
    static func rows(_ timeline: Timeline) -> [JSONValue] { timeline.rows.map { row($0, timeline) } }

    private static func row(_ row: Timeline.Row, _ timeline: Timeline) -> JSONValue {
        var object: [String: JSONValue] = [
            "event_id": JSONValue(row.eventID), "time": .string(row.time.description), "state": .string(name(row.mark)),
            "title": .string(row.title), "detail": .string(row.detail),
            "notes": .array(row.notes.map { .string($0) }),
        ]
        if let took = row.took { object["took_us"] = .integer(took) }
        if let type = row.undoType { object["undo_activity_type"] = .string(type) }
        guard let undo = row.undo else {
            object["undo"] = nil
            return .object(object)
        }
        var entry: [String: JSONValue] = [
            "activity_type": .string(undo.activityType), "state": .string(name(undo.mark)),
            "order": .integer(Int64(undo.order)), "started_at": .string(undo.startedAt.description),
            "notes": .array(undo.notes.map { .string($0) }),
        ]
        if let ended = undo.endedAt { entry["ended_at"] = .string(ended.description) }
        object["undo"] = .object(entry)
        return .object(object)
    }

    private static func name(_ mark: Timeline.Mark) -> String { EventJSON.snakeCase("\(mark)") }
}
