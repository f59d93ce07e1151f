public import SagaCodec

// The static bincode form, for both configurations.

extension CorpusEvent: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.write(eventID)
        writer.buffer.writeRaw16(sagaID.first, sagaID.second)
        writer.writeTag(UInt32(type.rawValue))
        writer.writeTag(UInt32(category.rawValue))
        writer.write(timestampMicros)
        attributes.encode(into: &writer)
        writer.write(version)
        writer.write(isResetPoint)
        writer.write(traceID)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let eventID: UInt64 = try reader.read()
        let sagaID = CorpusSagaID(try reader.input.readRaw16())
        let type = try CorpusEventType(tag: try reader.readTag(), reader.input)
        let category = try CorpusCategory(tag: try reader.readTag(), reader.input)
        let timestampMicros: Int64 = try reader.read()
        let attributes = try CorpusAttributes(from: &reader)
        let version: UInt32 = try reader.read()
        let isResetPoint: Bool = try reader.read()
        let traceID: String? = try reader.read()
        // At once: a value that cannot be copied must not be half there when an error is thrown.
        self.init(
            eventID: eventID, sagaID: sagaID, type: type, category: category, timestampMicros: timestampMicros,
            attributes: attributes, version: version, isResetPoint: isResetPoint, traceID: traceID)
    }
}

extension CorpusAttributes: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        switch self {
        case .workflowStarted(let value):
            writer.writeTag(0)
            Corpus.encode(value, into: &writer)
        case .workflowCompleted(let value):
            writer.writeTag(1)
            Corpus.encode(value, into: &writer)
        case .workflowFailed(let value):
            writer.writeTag(2)
            Corpus.encode(value, into: &writer)
        case .activityScheduled(let value):
            writer.writeTag(3)
            Corpus.encode(value, into: &writer)
        case .activityStarted(let value):
            writer.writeTag(4)
            Corpus.encode(value, into: &writer)
        case .activityCompleted(let value):
            writer.writeTag(5)
            Corpus.encode(value, into: &writer)
        case .activityFailed(let value):
            writer.writeTag(6)
            Corpus.encode(value, into: &writer)
        case .timerCreated(let value):
            writer.writeTag(7)
            Corpus.encode(value, into: &writer)
        case .timerFired(let value):
            writer.writeTag(8)
            Corpus.encode(value, into: &writer)
        case .signalReceived(let value):
            writer.writeTag(9)
            Corpus.encode(value, into: &writer)
        case .compensationStarted(let value):
            writer.writeTag(10)
            Corpus.encode(value, into: &writer)
        case .compensationCompleted(let value):
            writer.writeTag(11)
            Corpus.encode(value, into: &writer)
        case .markerRecorded(let value):
            writer.writeTag(12)
            Corpus.encode(value, into: &writer)
        case .snapshotCreated(let value):
            writer.writeTag(13)
            Corpus.encode(value, into: &writer)
        }
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        switch try reader.readTag() {
        case 0: self = .workflowStarted(try Corpus.decodeWorkflowStarted(from: &reader))
        case 1: self = .workflowCompleted(try Corpus.decodeWorkflowCompleted(from: &reader))
        case 2: self = .workflowFailed(try Corpus.decodeFailure(from: &reader))
        case 3: self = .activityScheduled(try Corpus.decodeActivityScheduled(from: &reader))
        case 4: self = .activityStarted(try Corpus.decodeActivityStarted(from: &reader))
        case 5: self = .activityCompleted(try Corpus.decodeActivityCompleted(from: &reader))
        case 6: self = .activityFailed(try Corpus.decodeActivityFailed(from: &reader))
        case 7: self = .timerCreated(try Corpus.decodeTimerCreated(from: &reader))
        case 8: self = .timerFired(try Corpus.decodeTimerFired(from: &reader))
        case 9: self = .signalReceived(try Corpus.decodeSignalReceived(from: &reader))
        case 10: self = .compensationStarted(try Corpus.decodeCompensationStarted(from: &reader))
        case 11: self = .compensationCompleted(try Corpus.decodeCompensationCompleted(from: &reader))
        case 12: self = .markerRecorded(try Corpus.decodeMarkerRecorded(from: &reader))
        case 13: self = .snapshotCreated(try Corpus.decodeSnapshotCreated(from: &reader))
        default: throw reader.input.failure(.badTag)
        }
    }
}

extension Corpus {
    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing WorkflowStarted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.workflowType)
        writer.writeString(value.workflowID)
        writer.writeString(value.taskQueue)
        writer.write(value.input)
        writer.write(value.runTimeoutMs)
        writer.write(value.attempt)
        writer.write(value.parent)
    }

    @inlinable @inline(__always)
    static func decodeWorkflowStarted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> WorkflowStarted
    {
        WorkflowStarted(
            workflowType: try reader.readString(),
            workflowID: try reader.readString(),
            taskQueue: try reader.readString(),
            input: try reader.read(),
            runTimeoutMs: try reader.read(),
            attempt: try reader.read(),
            parent: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing WorkflowCompleted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.result)
        writer.write(value.durationMs)
    }

    @inlinable @inline(__always)
    static func decodeWorkflowCompleted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> WorkflowCompleted
    {
        WorkflowCompleted(
            result: try reader.read(),
            durationMs: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing ActivityScheduled, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.activityID)
        writer.writeString(value.activityType)
        writer.writeString(value.taskQueue)
        writer.write(value.input)
        writer.write(value.scheduleToCloseMs)
        writer.write(value.startToCloseMs)
        writer.write(value.heartbeatMs)
        encode(value.retry, into: &writer)
    }

    @inlinable @inline(__always)
    static func decodeActivityScheduled<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> ActivityScheduled
    {
        ActivityScheduled(
            activityID: try reader.read(),
            activityType: try reader.readString(),
            taskQueue: try reader.readString(),
            input: try reader.read(),
            scheduleToCloseMs: try reader.read(),
            startToCloseMs: try reader.read(),
            heartbeatMs: try reader.read(),
            retry: try decodeRetryPolicy(from: &reader))
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing ActivityStarted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.scheduledEventID)
        writer.writeString(value.worker)
        writer.write(value.attempt)
    }

    @inlinable @inline(__always)
    static func decodeActivityStarted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> ActivityStarted
    {
        ActivityStarted(
            scheduledEventID: try reader.read(),
            worker: try reader.readString(),
            attempt: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing ActivityCompleted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.scheduledEventID)
        writer.write(value.startedEventID)
        writer.write(value.result)
    }

    @inlinable @inline(__always)
    static func decodeActivityCompleted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> ActivityCompleted
    {
        ActivityCompleted(
            scheduledEventID: try reader.read(),
            startedEventID: try reader.read(),
            result: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing ActivityFailed, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.scheduledEventID)
        writer.write(value.startedEventID)
        encode(value.failure, into: &writer)
        writer.write(value.attempt)
    }

    @inlinable @inline(__always)
    static func decodeActivityFailed<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> ActivityFailed
    {
        ActivityFailed(
            scheduledEventID: try reader.read(),
            startedEventID: try reader.read(),
            failure: try decodeFailure(from: &reader),
            attempt: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing TimerCreated, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.timerID)
        writer.write(value.fireAtMicros)
    }

    @inlinable @inline(__always)
    static func decodeTimerCreated<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> TimerCreated
    {
        TimerCreated(
            timerID: try reader.readString(),
            fireAtMicros: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing TimerFired, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.timerID)
        writer.write(value.startedEventID)
    }

    @inlinable @inline(__always)
    static func decodeTimerFired<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> TimerFired
    {
        TimerFired(
            timerID: try reader.readString(),
            startedEventID: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing SignalReceived, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.name)
        writer.write(value.identity)
        writer.write(value.input)
    }

    @inlinable @inline(__always)
    static func decodeSignalReceived<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> SignalReceived
    {
        SignalReceived(
            name: try reader.readString(),
            identity: try reader.read(),
            input: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing CompensationStarted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.step)
        writer.write(value.targetEventID)
        writer.writeString(value.reason)
    }

    @inlinable @inline(__always)
    static func decodeCompensationStarted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> CompensationStarted
    {
        CompensationStarted(
            step: try reader.readString(),
            targetEventID: try reader.read(),
            reason: try reader.readString())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing CompensationCompleted, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.step)
        writer.write(value.targetEventID)
        writer.write(value.result)
        writer.write(value.ok)
    }

    @inlinable @inline(__always)
    static func decodeCompensationCompleted<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> CompensationCompleted
    {
        CompensationCompleted(
            step: try reader.readString(),
            targetEventID: try reader.read(),
            result: try reader.read(),
            ok: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing MarkerRecorded, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.name)
        writer.write(value.details.pairs)
    }

    @inlinable @inline(__always)
    static func decodeMarkerRecorded<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> MarkerRecorded
    {
        MarkerRecorded(
            name: try reader.readString(),
            details: CorpusMap(pairs: try reader.read()))
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing SnapshotCreated, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.lastEventID)
        writer.write(value.state)
        writer.write(value.checksum)
    }

    @inlinable @inline(__always)
    static func decodeSnapshotCreated<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> SnapshotCreated
    {
        SnapshotCreated(
            lastEventID: try reader.read(),
            state: try reader.read(),
            checksum: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing Failure, into writer: inout BincodeWriter<Integers>
    ) {
        writer.writeString(value.message)
        writer.writeString(value.kind)
        writer.write(value.retryable)
        writer.write(value.context.pairs)
        writer.write(value.cause)
    }

    @inlinable @inline(__always)
    static func decodeFailure<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError)
        -> Failure
    {
        Failure(
            message: try reader.readString(),
            kind: try reader.readString(),
            retryable: try reader.read(),
            context: CorpusMap(pairs: try reader.read()),
            cause: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode<Integers: BincodeIntegers>(
        _ value: borrowing RetryPolicy, into writer: inout BincodeWriter<Integers>
    ) {
        writer.write(value.initialIntervalMs)
        writer.write(value.backoff)
        writer.write(value.maxIntervalMs)
        writer.write(value.maxAttempts)
        writer.write(value.nonRetryable)
    }

    @inlinable @inline(__always)
    static func decodeRetryPolicy<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>)
        throws(CodecError) -> RetryPolicy
    {
        RetryPolicy(
            initialIntervalMs: try reader.read(),
            backoff: try reader.read(),
            maxIntervalMs: try reader.read(),
            maxAttempts: try reader.read(),
            nonRetryable: try reader.read())
    }

}

// Not generic, so that other modules call the specialised code.
extension CorpusEvent {
    @inlinable @inline(__always)
    public func encodeFixed(into writer: inout BincodeWriter<BincodeFixed>) { encode(into: &writer) }
    @inlinable @inline(__always)
    public func encodeVarint(into writer: inout BincodeWriter<BincodeVarint>) { encode(into: &writer) }

    @inlinable @inline(__always)
    public init(fixed reader: inout BincodeReader<BincodeFixed>) throws(CodecError) { try self.init(from: &reader) }
    @inlinable @inline(__always)
    public init(varint reader: inout BincodeReader<BincodeVarint>) throws(CodecError) { try self.init(from: &reader) }
}
