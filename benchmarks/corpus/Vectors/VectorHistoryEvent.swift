import SagaCodec

/// A corpus event through its static forms, beside the JSON that serde prints for it.
struct VectorHistoryEvent: VectorValue {
    let record: CorpusRecord

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        record = try source.scalar(Form.self).record
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.scalar(Form(record: record)) }

    var rustDebug: String { (try? JSONCoding.serialize(json)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    struct Form: PostcardCodable, BincodeCodable {
        var record: CorpusRecord

        init(record: CorpusRecord) { self.record = record }
        func encode(into writer: inout PostcardWriter) { record.event.encode(into: &writer) }
        init(from reader: inout PostcardReader) throws(CodecError) { record = try CorpusEvent(from: &reader).record() }
        func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
            record.event.encode(into: &writer)
        }
        init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
            record = try CorpusEvent(from: &reader).record()
        }
    }

    /// Rust's names: types and variants begin with a capital.
    private func capital(_ name: String) -> String { name.prefix(1).uppercased() + name.dropFirst() }

    private var json: JSONValue {
        [
            "event_id": JSONValue(record.eventID), "saga_id": .string(record.sagaID.hex),
            "event_type": .string(capital("\(record.type)")), "category": .string(capital("\(record.category)")),
            "timestamp_micros": .integer(record.timestampMicros), "attributes": attributes,
            "event_version": JSONValue(UInt64(record.version)), "is_reset_point": .bool(record.isResetPoint),
            "trace_id": record.traceID.map(JSONValue.string) ?? .null,
        ]
    }

    private func text(_ payload: CorpusPayload) -> JSONValue { .string(String(decoding: payload.bytes, as: UTF8.self)) }

    private func map(_ map: CorpusMap) -> JSONValue {
        .object(Dictionary(map.pairs.map { ($0.key, .string($0.value)) }, uniquingKeysWith: { $1 }))
    }

    private func failure(_ value: Corpus.Failure) -> JSONValue {
        [
            "message": .string(value.message), "kind": .string(value.kind), "retryable": .bool(value.retryable),
            "context": map(value.context), "cause": value.cause.map(JSONValue.string) ?? .null,
        ]
    }

    private func retry(_ value: Corpus.RetryPolicy) -> JSONValue {
        [
            "initial_interval_ms": JSONValue(UInt64(value.initialIntervalMs)), "backoff": .number(value.backoff),
            "max_interval_ms": JSONValue(UInt64(value.maxIntervalMs)),
            "max_attempts": JSONValue(UInt64(value.maxAttempts)),
            "non_retryable": .array(value.nonRetryable.map(JSONValue.string)),
        ]
    }

    private var attributes: JSONValue {
        switch record.attributes {
        case .workflowStarted(let value):
            [
                "WorkflowStarted": [
                    "workflow_type": .string(value.workflowType), "workflow_id": .string(value.workflowID),
                    "task_queue": .string(value.taskQueue), "input": text(value.input),
                    "run_timeout_ms": JSONValue(UInt64(value.runTimeoutMs)),
                    "attempt": JSONValue(UInt64(value.attempt)), "parent": value.parent.map(JSONValue.string) ?? .null,
                ]
            ]
        case .workflowCompleted(let value):
            ["WorkflowCompleted": ["result": text(value.result), "duration_ms": JSONValue(UInt64(value.durationMs))]]
        case .workflowFailed(let value): ["WorkflowFailed": failure(value)]
        case .activityScheduled(let value):
            [
                "ActivityScheduled": [
                    "activity_id": JSONValue(UInt64(value.activityID)), "activity_type": .string(value.activityType),
                    "task_queue": .string(value.taskQueue), "input": text(value.input),
                    "schedule_to_close_ms": JSONValue(UInt64(value.scheduleToCloseMs)),
                    "start_to_close_ms": JSONValue(UInt64(value.startToCloseMs)),
                    "heartbeat_ms": value.heartbeatMs.map { JSONValue($0) } ?? .null, "retry": retry(value.retry),
                ]
            ]
        case .activityStarted(let value):
            [
                "ActivityStarted": [
                    "scheduled_event_id": JSONValue(UInt64(value.scheduledEventID)), "worker": .string(value.worker),
                    "attempt": JSONValue(UInt64(value.attempt)),
                ]
            ]
        case .activityCompleted(let value):
            [
                "ActivityCompleted": [
                    "scheduled_event_id": JSONValue(UInt64(value.scheduledEventID)),
                    "started_event_id": JSONValue(UInt64(value.startedEventID)), "result": text(value.result),
                ]
            ]
        case .activityFailed(let value):
            [
                "ActivityFailed": [
                    "scheduled_event_id": JSONValue(UInt64(value.scheduledEventID)),
                    "started_event_id": JSONValue(UInt64(value.startedEventID)), "failure": failure(value.failure),
                    "attempt": JSONValue(UInt64(value.attempt)),
                ]
            ]
        case .timerCreated(let value):
            ["TimerCreated": ["timer_id": .string(value.timerID), "fire_at_micros": .integer(value.fireAtMicros)]]
        case .timerFired(let value):
            [
                "TimerFired": [
                    "timer_id": .string(value.timerID), "started_event_id": JSONValue(UInt64(value.startedEventID)),
                ]
            ]
        case .signalReceived(let value):
            [
                "SignalReceived": [
                    "name": .string(value.name), "identity": value.identity.map(JSONValue.string) ?? .null,
                    "input": text(value.input),
                ]
            ]
        case .compensationStarted(let value):
            [
                "CompensationStarted": [
                    "step": .string(value.step), "target_event_id": JSONValue(UInt64(value.targetEventID)),
                    "reason": .string(value.reason),
                ]
            ]
        case .compensationCompleted(let value):
            [
                "CompensationCompleted": [
                    "step": .string(value.step), "target_event_id": JSONValue(UInt64(value.targetEventID)),
                    "result": value.result.map(text) ?? .null, "ok": .bool(value.ok),
                ]
            ]
        case .markerRecorded(let value):
            ["MarkerRecorded": ["name": .string(value.name), "details": map(value.details)]]
        case .snapshotCreated(let value):
            [
                "SnapshotCreated": [
                    "last_event_id": JSONValue(UInt64(value.lastEventID)), "state": text(value.state),
                    "checksum": JSONValue(UInt64(value.checksum)),
                ]
            ]
        }
    }
}
