public import SagaCodec

/// The corpus' own catalogue, by variant index.
@frozen
public enum CorpusEventType: UInt8, Codable, CaseIterable, Sendable, BitwiseCopyable, PostcardCodable, BincodeCodable {
    case workflowExecutionStarted, workflowExecutionCompleted, workflowExecutionFailed, workflowExecutionTimedOut
    case workflowExecutionCanceled, workflowExecutionTerminated, workflowExecutionContinuedAsNew,
        workflowExecutionCancelRequested
    case workflowTaskScheduled, workflowTaskStarted, workflowTaskCompleted, workflowTaskFailed
    case workflowTaskTimedOut, workflowPropertiesModified, activityTaskScheduled, activityTaskStarted
    case activityTaskCompleted, activityTaskFailed, activityTaskTimedOut, activityTaskCanceled
    case activityTaskCancelRequested, activityTaskHeartbeat, activityTaskRetried, timerCreated
    case timerFired, timerCanceled, signalReceived, signalExternalInitiated
    case signalExternalFailed, signalExternalCompleted, compensationStarted, compensationStepStarted
    case compensationStepCompleted, compensationStepFailed, compensationCompleted, compensationFailed
    case markerRecorded, sideEffectRecorded, versionMarkerRecorded, localActivityMarker
    case snapshotCreated, snapshotRestored, snapshotDeleted, childWorkflowInitiated
    case childWorkflowStarted, childWorkflowCompleted, childWorkflowFailed, childWorkflowTimedOut
    case childWorkflowCanceled, childWorkflowTerminated, updateAccepted, updateRejected
    case updateCompleted, queryReceived, queryAnswered, searchAttributesUpserted
    case memoUpserted, resetPointCreated, leaseAcquired, leaseLost
    case taskQueueChanged, retryScheduled, rateLimited, custom

    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRawByte(rawValue) }

    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.writeTag(UInt32(rawValue))
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        try self.init(tag: try reader.readTag(), reader.input)
    }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        try self.init(tag: try reader.readTag(), reader)
    }

    @inlinable @inline(__always)
    init(tag: UInt32, _ reader: PostcardReader) throws(CodecError) {
        guard tag < 64 else { throw reader.failure(.badTag) }
        // The cases are numbered from 0 without a gap.
        self = unsafeBitCast(UInt8(truncatingIfNeeded: tag), to: CorpusEventType.self)
    }
}

/// What an event is about, by variant index.
@frozen
public enum CorpusCategory: UInt8, Codable, CaseIterable, Sendable, BitwiseCopyable, PostcardCodable, BincodeCodable {
    case workflow, activity, timer, signal, marker, snapshot, compensation, command

    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRawByte(rawValue) }

    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.writeTag(UInt32(rawValue))
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        try self.init(tag: try reader.readTag(), reader.input)
    }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        try self.init(tag: try reader.readTag(), reader)
    }

    @inlinable @inline(__always)
    init(tag: UInt32, _ reader: PostcardReader) throws(CodecError) {
        guard tag < 8 else { throw reader.failure(.badTag) }
        // The cases are numbered from 0 without a gap.
        self = unsafeBitCast(UInt8(truncatingIfNeeded: tag), to: CorpusCategory.self)
    }
}
