internal import SagaCodec
internal import SagaCore

/// Events as JSON for programs: names of the catalogue, snake-case keys, `_us` for microseconds.
///
/// A command line may be slow where a server may not: the 60 kinds of attributes are read by reflection.
enum EventJSON {
    static func event(_ event: HistoryEvent) -> JSONValue {
        var object: [String: JSONValue] = [
            "event_id": JSONValue(event.eventID), "saga_id": .string(event.sagaID.description),
            "event_type": .string(event.eventType.name), "event_code": .integer(Int64(event.eventType.rawValue)),
            "category": .string(snakeCase("\(event.category)")),
            "timestamp": .string(event.timestamp.description), "timestamp_us": .integer(event.timestamp.microseconds),
            "event_version": .integer(Int64(event.eventVersion)), "attributes": attributes(of: event),
        ]
        if event.isResetPoint { object["is_reset_point"] = true }
        if event.isRetry { object["is_retry"] = true }
        if let parent = event.parentEventID { object["parent_event_id"] = JSONValue(parent) }
        if let queue = event.taskQueue { object["task_queue"] = .string(queue) }
        if let trace = event.traceID { object["trace_id"] = .string(trace) }
        return .object(object)
    }

    static func attributes(of event: HistoryEvent) -> JSONValue {
        // The enum has one case per event type, with one associated value: its attributes.
        guard let value = Mirror(reflecting: event.attributes).children.first?.value else { return [:] }
        return json(value)
    }

    static func error(_ error: SagaError) -> JSONValue {
        var object: [String: JSONValue] = [
            "kind": .string(error.kind.name), "category": .string("\(error.kind.category)"),
            "message": .string(error.message),
        ]
        if !error.code.isEmpty { object["code"] = .string(error.code) }
        if !error.context.isEmpty {
            object["context"] = .array(error.context.map { ["key": .string($0.key), "value": .string($0.value)] })
        }
        if !error.causes.isEmpty {
            object["causes"] = .array(
                error.causes.map { ["kind": .string($0.kind.name), "message": .string($0.message)] })
        }
        if error.timestamp.microseconds != 0 { object["timestamp"] = .string(error.timestamp.description) }
        if error.isNonRetryable { object["non_retryable"] = true }
        if let details = error.details { object["details"] = payload(details) }
        return .object(object)
    }

    /// JSON data as it is under `data`, other data under `base64`.
    static func payload(_ payload: Payload) -> JSONValue {
        if payload.isEmpty { return nil }
        var object: [String: JSONValue] = ["encoding": .string(payload.encoding)]
        if payload.encoding == "json", let value = try? JSONCoding.parse(payload.data) {
            object["data"] = value
        } else {
            object["base64"] = .string(Base64.encode(payload.data))
        }
        if !payload.metadata.isEmpty {
            object["metadata"] = .array(
                payload.metadata.map { ["key": .string($0.key), "value": .string($0.value)] })
        }
        return .object(object)
    }

    /// Any value of the event model.
    static func json(_ value: Any) -> JSONValue {
        switch value {
        case let value as String: return .string(value)
        case let value as Bool: return .bool(value)
        case let value as Double: return .number(value)
        case let value as any BinaryInteger:
            return Int64(exactly: value).map(JSONValue.integer) ?? JSONValue(UInt64(truncatingIfNeeded: value))
        case let value as Payload: return payload(value)
        case let value as SagaError: return error(value)
        case let value as SagaID: return .string(value.description)
        case let value as Timestamp: return .string(value.description)
        default: break
        }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional: return mirror.children.first.map { json($0.value) } ?? nil
        case .collection: return .array(mirror.children.map { json($0.value) })
        case .enum: return .string(snakeCase("\(value)"))
        default:
            var object: [String: JSONValue] = [:]
            for child in mirror.children {
                if let label = child.label { object[snakeCase(label)] = json(child.value) }
            }
            return .object(object)
        }
    }

    /// `scheduledEventID` → `scheduled_event_id`, `startToCloseMicros` → `start_to_close_us`.
    static func snakeCase(_ name: String) -> String {
        var result = ""
        var previousIsUpper = true
        for character in name {
            let isUpper = character.isUppercase
            if isUpper && !previousIsUpper { result += "_" }
            result += character.lowercased()
            previousIsUpper = isUpper
        }
        return result.hasSuffix("_micros") ? result.dropLast(6) + "us" : result
    }
}

extension JSONValue {
    /// The text in one line; at most `limit` characters if that is given.
    func compactText(limit: Int? = nil) -> String {
        let text = (try? JSONCoding.serialize(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        return limit.map { Wording.shortened(Wording.safe(text), $0) } ?? text
    }
}
