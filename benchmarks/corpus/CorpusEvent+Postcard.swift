public import SagaCodec

// The static postcard form: what a generator would write for the types.

extension CorpusEvent: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        writer.writeVarint(eventID)
        writer.writeRaw16(sagaID.first, sagaID.second)
        writer.writeRawByte(type.rawValue)
        writer.writeRawByte(category.rawValue)
        writer.writeZigzag(timestampMicros)
        attributes.encode(into: &writer)
        writer.writeVarint(UInt64(version))
        writer.writeBool(isResetPoint)
        writer.write(traceID)
    }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let eventID = try reader.readVarint64()
        let sagaID = CorpusSagaID(try reader.readRaw16())
        let type = try CorpusEventType(from: &reader)
        let category = try CorpusCategory(from: &reader)
        let timestampMicros = try reader.readZigzag()
        let attributes = try CorpusAttributes(from: &reader)
        let version = try reader.readVarint32()
        let isResetPoint = try reader.readBool()
        let traceID: String? = try reader.read()
        // At once: a value that cannot be copied must not be half there when an error is thrown.
        self.init(
            eventID: eventID, sagaID: sagaID, type: type, category: category, timestampMicros: timestampMicros,
            attributes: attributes, version: version, isResetPoint: isResetPoint, traceID: traceID)
    }
}

extension CorpusAttributes: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .workflowStarted(let value):
            writer.writeRawByte(0)
            Corpus.encode(value, into: &writer)
        case .workflowCompleted(let value):
            writer.writeRawByte(1)
            Corpus.encode(value, into: &writer)
        case .workflowFailed(let value):
            writer.writeRawByte(2)
            Corpus.encode(value, into: &writer)
        case .activityScheduled(let value):
            writer.writeRawByte(3)
            Corpus.encode(value, into: &writer)
        case .activityStarted(let value):
            writer.writeRawByte(4)
            Corpus.encode(value, into: &writer)
        case .activityCompleted(let value):
            writer.writeRawByte(5)
            Corpus.encode(value, into: &writer)
        case .activityFailed(let value):
            writer.writeRawByte(6)
            Corpus.encode(value, into: &writer)
        case .timerCreated(let value):
            writer.writeRawByte(7)
            Corpus.encode(value, into: &writer)
        case .timerFired(let value):
            writer.writeRawByte(8)
            Corpus.encode(value, into: &writer)
        case .signalReceived(let value):
            writer.writeRawByte(9)
            Corpus.encode(value, into: &writer)
        case .compensationStarted(let value):
            writer.writeRawByte(10)
            Corpus.encode(value, into: &writer)
        case .compensationCompleted(let value):
            writer.writeRawByte(11)
            Corpus.encode(value, into: &writer)
        case .markerRecorded(let value):
            writer.writeRawByte(12)
            Corpus.encode(value, into: &writer)
        case .snapshotCreated(let value):
            writer.writeRawByte(13)
            Corpus.encode(value, into: &writer)
        }
    }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
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
        default: throw reader.failure(.badTag)
        }
    }
}

extension Corpus {
    @inlinable @inline(__always)
    static func encode(_ value: borrowing WorkflowStarted, into writer: inout PostcardWriter) {
        writer.writeString(value.workflowType)
        writer.writeString(value.workflowID)
        writer.writeString(value.taskQueue)
        value.input.bytes.withUnsafeBytes { writer.writeBytes($0) }
        writer.writeVarint(value.runTimeoutMs)
        writer.writeVarint(UInt64(value.attempt))
        writer.write(value.parent)
    }

    @inlinable @inline(__always)
    static func decodeWorkflowStarted(from reader: inout PostcardReader) throws(CodecError) -> WorkflowStarted {
        WorkflowStarted(
            workflowType: try reader.readString(),
            workflowID: try reader.readString(),
            taskQueue: try reader.readString(),
            input: CorpusPayload(bytes: try reader.readBytes()),
            runTimeoutMs: try reader.readVarint64(),
            attempt: try reader.readVarint32(),
            parent: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing WorkflowCompleted, into writer: inout PostcardWriter) {
        value.result.bytes.withUnsafeBytes { writer.writeBytes($0) }
        writer.writeVarint(value.durationMs)
    }

    @inlinable @inline(__always)
    static func decodeWorkflowCompleted(from reader: inout PostcardReader) throws(CodecError) -> WorkflowCompleted {
        WorkflowCompleted(
            result: CorpusPayload(bytes: try reader.readBytes()),
            durationMs: try reader.readVarint64())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing ActivityScheduled, into writer: inout PostcardWriter) {
        writer.writeVarint(value.activityID)
        writer.writeString(value.activityType)
        writer.writeString(value.taskQueue)
        value.input.bytes.withUnsafeBytes { writer.writeBytes($0) }
        writer.writeVarint(value.scheduleToCloseMs)
        writer.writeVarint(value.startToCloseMs)
        writer.write(value.heartbeatMs)
        encode(value.retry, into: &writer)
    }

    @inlinable @inline(__always)
    static func decodeActivityScheduled(from reader: inout PostcardReader) throws(CodecError) -> ActivityScheduled {
        ActivityScheduled(
            activityID: try reader.readVarint64(),
            activityType: try reader.readString(),
            taskQueue: try reader.readString(),
            input: CorpusPayload(bytes: try reader.readBytes()),
            scheduleToCloseMs: try reader.readVarint64(),
            startToCloseMs: try reader.readVarint64(),
            heartbeatMs: try reader.read(),
            retry: try decodeRetryPolicy(from: &reader))
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing ActivityStarted, into writer: inout PostcardWriter) {
        writer.writeVarint(value.scheduledEventID)
        writer.writeString(value.worker)
        writer.writeVarint(UInt64(value.attempt))
    }

    @inlinable @inline(__always)
    static func decodeActivityStarted(from reader: inout PostcardReader) throws(CodecError) -> ActivityStarted {
        ActivityStarted(
            scheduledEventID: try reader.readVarint64(),
            worker: try reader.readString(),
            attempt: try reader.readVarint32())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing ActivityCompleted, into writer: inout PostcardWriter) {
        writer.writeVarint(value.scheduledEventID)
        writer.writeVarint(value.startedEventID)
        value.result.bytes.withUnsafeBytes { writer.writeBytes($0) }
    }

    @inlinable @inline(__always)
    static func decodeActivityCompleted(from reader: inout PostcardReader) throws(CodecError) -> ActivityCompleted {
        ActivityCompleted(
            scheduledEventID: try reader.readVarint64(),
            startedEventID: try reader.readVarint64(),
            result: CorpusPayload(bytes: try reader.readBytes()))
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing ActivityFailed, into writer: inout PostcardWriter) {
        writer.writeVarint(value.scheduledEventID)
        writer.writeVarint(value.startedEventID)
        encode(value.failure, into: &writer)
        writer.writeVarint(UInt64(value.attempt))
    }

    @inlinable @inline(__always)
    static func decodeActivityFailed(from reader: inout PostcardReader) throws(CodecError) -> ActivityFailed {
        ActivityFailed(
            scheduledEventID: try reader.readVarint64(),
            startedEventID: try reader.readVarint64(),
            failure: try decodeFailure(from: &reader),
            attempt: try reader.readVarint32())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing TimerCreated, into writer: inout PostcardWriter) {
        writer.writeString(value.timerID)
        writer.writeZigzag(value.fireAtMicros)
    }

    @inlinable @inline(__always)
    static func decodeTimerCreated(from reader: inout PostcardReader) throws(CodecError) -> TimerCreated {
        TimerCreated(
            timerID: try reader.readString(),
            fireAtMicros: try reader.readZigzag())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing TimerFired, into writer: inout PostcardWriter) {
        writer.writeString(value.timerID)
        writer.writeVarint(value.startedEventID)
    }

    @inlinable @inline(__always)
    static func decodeTimerFired(from reader: inout PostcardReader) throws(CodecError) -> TimerFired {
        TimerFired(
            timerID: try reader.readString(),
            startedEventID: try reader.readVarint64())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing SignalReceived, into writer: inout PostcardWriter) {
        writer.writeString(value.name)
        writer.write(value.identity)
        value.input.bytes.withUnsafeBytes { writer.writeBytes($0) }
    }

    @inlinable @inline(__always)
    static func decodeSignalReceived(from reader: inout PostcardReader) throws(CodecError) -> SignalReceived {
        SignalReceived(
            name: try reader.readString(),
            identity: try reader.read(),
            input: CorpusPayload(bytes: try reader.readBytes()))
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing CompensationStarted, into writer: inout PostcardWriter) {
        writer.writeString(value.step)
        writer.writeVarint(value.targetEventID)
        writer.writeString(value.reason)
    }

    @inlinable @inline(__always)
    static func decodeCompensationStarted(from reader: inout PostcardReader) throws(CodecError) -> CompensationStarted {
        CompensationStarted(
            step: try reader.readString(),
            targetEventID: try reader.readVarint64(),
            reason: try reader.readString())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing CompensationCompleted, into writer: inout PostcardWriter) {
        writer.writeString(value.step)
        writer.writeVarint(value.targetEventID)
        writer.write(value.result)
        writer.writeBool(value.ok)
    }

    @inlinable @inline(__always)
    static func decodeCompensationCompleted(from reader: inout PostcardReader) throws(CodecError)
        -> CompensationCompleted
    {
        CompensationCompleted(
            step: try reader.readString(),
            targetEventID: try reader.readVarint64(),
            result: try reader.read(),
            ok: try reader.readBool())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing MarkerRecorded, into writer: inout PostcardWriter) {
        writer.writeString(value.name)
        writer.write(value.details.pairs)
    }

    @inlinable @inline(__always)
    static func decodeMarkerRecorded(from reader: inout PostcardReader) throws(CodecError) -> MarkerRecorded {
        MarkerRecorded(
            name: try reader.readString(),
            details: CorpusMap(pairs: try reader.read()))
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing SnapshotCreated, into writer: inout PostcardWriter) {
        writer.writeVarint(value.lastEventID)
        value.state.bytes.withUnsafeBytes { writer.writeBytes($0) }
        writer.writeVarint(UInt64(value.checksum))
    }

    @inlinable @inline(__always)
    static func decodeSnapshotCreated(from reader: inout PostcardReader) throws(CodecError) -> SnapshotCreated {
        SnapshotCreated(
            lastEventID: try reader.readVarint64(),
            state: CorpusPayload(bytes: try reader.readBytes()),
            checksum: try reader.readVarint32())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing Failure, into writer: inout PostcardWriter) {
        writer.writeString(value.message)
        writer.writeString(value.kind)
        writer.writeBool(value.retryable)
        writer.write(value.context.pairs)
        writer.write(value.cause)
    }

    @inlinable @inline(__always)
    static func decodeFailure(from reader: inout PostcardReader) throws(CodecError) -> Failure {
        Failure(
            message: try reader.readString(),
            kind: try reader.readString(),
            retryable: try reader.readBool(),
            context: CorpusMap(pairs: try reader.read()),
            cause: try reader.read())
    }

    @inlinable @inline(__always)
    static func encode(_ value: borrowing RetryPolicy, into writer: inout PostcardWriter) {
        writer.writeVarint(value.initialIntervalMs)
        writer.writeRaw8(value.backoff.bitPattern)
        writer.writeVarint(value.maxIntervalMs)
        writer.writeVarint(UInt64(value.maxAttempts))
        writer.write(value.nonRetryable)
    }

    @inlinable @inline(__always)
    static func decodeRetryPolicy(from reader: inout PostcardReader) throws(CodecError) -> RetryPolicy {
        RetryPolicy(
            initialIntervalMs: try reader.readVarint64(),
            backoff: Double(bitPattern: try reader.readRaw8()),
            maxIntervalMs: try reader.readVarint64(),
            maxAttempts: try reader.readVarint32(),
            nonRetryable: try reader.read())
    }

}
