import CodecCorpus
import SagaCodec
import SagaCore

/// The corpus' payloads, texts and mix of event types as the product's own events: runs of 100 events each, which the state accepts.
///
/// What cannot happen in a run as it stands becomes the nearest thing that can: a completion without an open step schedules one,
/// a closing inside of a run becomes a side effect with the same payload.
struct HistoryWorkload {
    /// Events of one run, as one append would store them.
    struct Run {
        var sagaID: SagaID
        var events: [HistoryEvent]
        var packed: [UInt8]
    }

    static let eventsPerRun = 100

    let runs: [Run]
    let count: Int
    let bytes: Int

    init(_ records: [CorpusRecord]) throws {
        var runs: [Run] = []
        var bytes = 0
        for start in stride(from: 0, to: records.count, by: Self.eventsPerRun) {
            var maker = RunMaker(records[start].sagaID)
            for record in records[start..<min(start + Self.eventsPerRun, records.count)] { maker.add(record) }
            let packed = PackedEvents.encode(maker.events)
            bytes += packed.count
            // Checked before anything is measured: what comes back is what went in, and it is a history. The events that are encoded
            // later lie in memory as the decoder leaves them, like those of the corpus.
            let events = try PackedEvents.decode(packed, sagaID: maker.sagaID, firstEventID: 0)
            guard events == maker.events else {
                throw BenchFailure("the events of run \(maker.sagaID) do not come back")
            }
            var state = ExecutionState(sagaID: maker.sagaID)
            for event in events { try state.apply(event) }
            runs.append(Run(sagaID: maker.sagaID, events: events, packed: packed))
        }
        self.runs = runs
        self.bytes = bytes
        count = records.count
    }
}

private struct RunMaker {
    let sagaID: SagaID
    private(set) var events: [HistoryEvent] = []
    private var commands: CommandNumber = 0
    private var openSteps: [EventID] = []
    private var startedSteps: [EventID] = []
    private var openTimers: [EventID] = []

    init(_ id: CorpusSagaID) {
        sagaID = SagaID(high: id.first, low: id.second)
    }

    private var nextID: EventID { EventID(events.count) }

    private mutating func command() -> CommandNumber {
        defer { commands += 1 }
        return commands
    }

    mutating func add(_ record: CorpusRecord) {
        let attributes = events.isEmpty ? started(record) : later(record)
        events.append(
            HistoryEvent(
                eventID: nextID, sagaID: sagaID, timestamp: Timestamp(microseconds: record.timestampMicros),
                attributes: attributes, isResetPoint: record.isResetPoint, traceID: record.traceID))
    }

    private func payload(_ record: CorpusRecord) -> Payload {
        let bytes: [UInt8]
        switch record.attributes {
        case .workflowStarted(let value): bytes = value.input.bytes
        case .workflowCompleted(let value): bytes = value.result.bytes
        case .activityScheduled(let value): bytes = value.input.bytes
        case .activityCompleted(let value): bytes = value.result.bytes
        case .signalReceived(let value): bytes = value.input.bytes
        case .compensationCompleted(let value): bytes = value.result?.bytes ?? []
        case .snapshotCreated(let value): bytes = value.state.bytes
        default: bytes = []
        }
        return Payload(encoding: "json", data: bytes)
    }

    private func started(_ record: CorpusRecord) -> EventAttributes {
        .workflowExecutionStarted(
            WorkflowExecutionStarted(
                namespace: "default", workflowID: "order-\(sagaID)", workflowType: "order", workflowVersion: 1,
                taskQueue: "default", input: payload(record), requestID: "start-1", executionTimeoutMicros: 0,
                cancelGraceMicros: 60_000_000, identity: "bench"))
    }

    private mutating func later(_ record: CorpusRecord) -> EventAttributes {
        switch record.attributes {
        case .activityScheduled(let value): return scheduled(value.activityType, value.taskQueue, payload(record))
        case .activityStarted(let value):
            guard let step = openSteps.first(where: { !startedSteps.contains($0) }) else {
                return scheduled("step", "default", payload(record))
            }
            startedSteps.append(step)
            return .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: step, attempt: 1, identity: value.worker,
                    startedAt: Timestamp(microseconds: record.timestampMicros)))
        case .activityCompleted:
            guard !openSteps.isEmpty else { return scheduled("step", "default", payload(record)) }
            return .activityTaskCompleted(
                ActivityTaskCompleted(scheduledEventID: openSteps.removeFirst(), attempt: 1, output: payload(record)))
        case .activityFailed(let value):
            guard !openSteps.isEmpty else { return scheduled("step", "default", payload(record)) }
            let error = SagaError(
                kind: .activityExecution, message: value.failure.message,
                context: value.failure.context.pairs.map { MetadataEntry(key: $0.key, value: $0.value) })
            return .activityTaskFailed(
                ActivityTaskFailed(
                    scheduledEventID: openSteps.removeFirst(), attempt: 1, error: error, outcome: .unknown))
        case .timerCreated(let value): return timer(value.timerID, value.fireAtMicros)
        case .timerFired(let value):
            guard !openTimers.isEmpty else { return timer(value.timerID, record.timestampMicros) }
            return .timerFired(TimerFired(createdEventID: openTimers.removeFirst()))
        case .signalReceived(let value):
            return .signalReceived(
                SignalReceived(name: value.name, payload: payload(record), signalID: "signal-\(nextID)"))
        case .markerRecorded(let value):
            let details = Payload(
                encoding: "json", data: [],
                metadata: value.details.pairs.map { MetadataEntry(key: $0.key, value: $0.value) })
            return .markerRecorded(
                MarkerRecorded(commandNumber: command(), kind: .note, name: value.name, details: details))
        default: return .sideEffectRecorded(SideEffectRecorded(commandNumber: command(), value: payload(record)))
        }
    }

    private mutating func scheduled(_ type: String, _ queue: String, _ input: Payload) -> EventAttributes {
        let number = command()
        openSteps.append(nextID)
        return .activityTaskScheduled(
            ActivityTaskScheduled(
                commandNumber: number, stepID: "\(type)#\(number)", activityType: type, taskQueue: queue, input: input,
                retry: RetryPolicy(), timeouts: .standard, idempotencyKey: "\(sagaID)/\(nextID)"))
    }

    private mutating func timer(_ name: String, _ due: Int64) -> EventAttributes {
        openTimers.append(nextID)
        return .timerCreated(
            TimerCreated(commandNumber: command(), timerID: name, dueAt: Timestamp(microseconds: due)))
    }
}
