import SagaCore
import SagaWire

/// The hot messages of the wire: guard, protobuf-c and the copy into values, and the way back.
struct WireSuite: BenchSuite {
    let name = "wire"
    let summary = "decode and encode of the hot messages (ns per message, CPU time)"

    private static let perSample = 20_000
    private static let run = SagaID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)
    private static let token = [UInt8](repeating: 9, count: 71)
    private static let payload = Payload.json(#"{"flight":"LH123","seat":"12A","price":199.5}"#)

    func run(_ context: BenchContext) throws {
        let header = Wire.RequestHeader(deadlineMillis: 5_000)
        try both(context, "health-request", Wire.HealthRequest(header: header, echo: [UInt8](repeating: 7, count: 128)))
        try both(
            context, "health-response",
            Wire.HealthResponse(serverTimeMicros: 1_769_599_680_000_000, echo: [UInt8](repeating: 7, count: 128)))
        try both(context, "activity-task", Wire.ServerItem(item: .activityTask(activityTask)))
        let completed = ActivityResult.completed(output: Self.payload, undoData: nil)
        try both(context, "activity-completed", Wire.WorkerItem(item: .init(completed, token: Self.token)))
        try both(
            context, "ack", Wire.ServerItem(item: .ack(Wire.Ack(taskToken: Self.token, result: .recorded))))
        try both(
            context, "workflow-task-3-events",
            Wire.ServerItem(item: .workflowTask(Wire.WorkflowTask(workflowTask, token: Self.token, isSticky: true))))
        let answer = WorkflowTaskAnswer.completed(
            seenEventID: 6, commands: [NumberedCommand(number: 4, command: .scheduleActivity(step))],
            unconsumedSignals: 0)
        try both(context, "workflow-task-completed", Wire.WorkerItem(item: .init(answer, token: Self.token)))
    }

    private func both<M: WireMessage>(_ context: BenchContext, _ name: String, _ message: M) throws {
        let bytes = try message.serialized()
        guard try M(decoding: bytes) == message else { throw WireError(field: name, reason: .malformed) }
        let count = Self.perSample
        func bench(_ way: String) -> BenchCase {
            BenchCase(
                name: "\(name)/\(way)", operations: count, bytes: bytes.count * count, operation: "message",
                clock: .cpu)
        }
        try context.measure(bench("decode")) {
            var total: UInt64 = 0
            for _ in 0..<count {
                let value = try bytes.withUnsafeBytes { try M(decoding: $0, limits: .request) }
                withExtendedLifetime(value) { total &+= 1 }
            }
            return total
        }
        var out = [UInt8](repeating: 0, count: bytes.count)
        try context.measure(bench("encode")) {
            var total: UInt64 = 0
            for _ in 0..<count {
                let written = try message.withPacked { packed in out.withUnsafeMutableBytes { packed.write(to: $0) } }
                total &+= UInt64(written)
            }
            return total
        }
    }

    private var step: ScheduleActivity {
        ScheduleActivity(
            stepID: "bookHotel", activityType: "bookHotel", input: Self.payload,
            undo: UndoSpec(activityType: "cancelHotel"))
    }

    private var activityTask: Wire.ActivityTask {
        Wire.ActivityTask(
            ActivityTask(
                reference: TaskReference(sagaID: Self.run, eventID: 5, attempt: 1, isUndo: false),
                namespace: "default", workflowID: "order-12345", workflowType: "TravelBooking", stepID: "bookFlight",
                activityType: "bookFlight", taskQueue: "travel", input: Self.payload,
                idempotencyKey: "\(Self.run)/5", timeouts: .standard), token: Self.token)
    }

    private var workflowTask: WorkflowTask {
        let scheduled = ActivityTaskScheduled(
            commandNumber: 3, stepID: "bookFlight", activityType: "bookFlight", taskQueue: "travel",
            input: Self.payload, retry: .standard, timeouts: .standard, undo: UndoSpec(activityType: "cancelFlight"),
            idempotencyKey: "\(Self.run)/5")
        let completed = ActivityTaskCompleted(scheduledEventID: 5, attempt: 1, output: Self.payload)
        let attributes: [EventAttributes] = [
            .activityTaskScheduled(scheduled), .activityTaskCompleted(completed), .activityTaskScheduled(scheduled),
        ]
        let events = attributes.enumerated().map { index, attributes in
            HistoryEvent(
                eventID: UInt64(4 + index), sagaID: Self.run,
                timestamp: Timestamp(microseconds: 1_769_599_680_000_000), attributes: attributes)
        }
        return WorkflowTask(
            sagaID: Self.run, generation: 0, namespace: "default", workflowID: "order-12345",
            workflowType: "TravelBooking", workflowVersion: 1, taskQueue: "travel", firstEventID: 4, events: events)
    }
}
