public import SagaCodec

/// An event decoded in place: every field is read and every text checked, and text and bytes stay in the input as ranges.
@frozen
public struct CorpusView: PostcardDecodable, BitwiseCopyable, Sendable {
    public var eventID: UInt64
    public var sagaID: CorpusSagaID
    public var type: CorpusEventType
    public var category: CorpusCategory
    public var timestampMicros: Int64
    public var attributes: Attributes
    public var version: UInt32
    public var isResetPoint: Bool
    public var traceID: OptionalFrameRange

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        eventID = try reader.readVarint64()
        sagaID = CorpusSagaID(try reader.readRaw16())
        type = try CorpusEventType(from: &reader)
        category = try CorpusCategory(from: &reader)
        timestampMicros = try reader.readZigzag()
        attributes = try Attributes(from: &reader)
        version = try reader.readVarint32()
        isResetPoint = try reader.readBool()
        traceID = try reader.readOptionalTextRange()
    }

    /// Writes the event again; `source` is the input that it was decoded from.
    public func encode(into writer: inout PostcardWriter, source: UnsafeRawBufferPointer) {
        writer.writeVarint(eventID)
        writer.writeRaw16(sagaID.first, sagaID.second)
        writer.writeRawByte(type.rawValue)
        writer.writeRawByte(category.rawValue)
        writer.writeZigzag(timestampMicros)
        attributes.encode(into: &writer, source)
        writer.writeVarint(UInt64(version))
        writer.writeBool(isResetPoint)
        writer.writeRange(traceID, of: source)
    }

    @frozen
    public enum Attributes: BitwiseCopyable, Sendable {
        case workflowStarted(WorkflowStarted)
        case workflowCompleted(WorkflowCompleted)
        case workflowFailed(Failure)
        case activityScheduled(ActivityScheduled)
        case activityStarted(ActivityStarted)
        case activityCompleted(ActivityCompleted)
        case activityFailed(ActivityFailed)
        case timerCreated(TimerCreated)
        case timerFired(TimerFired)
        case signalReceived(SignalReceived)
        case compensationStarted(CompensationStarted)
        case compensationCompleted(CompensationCompleted)
        case markerRecorded(MarkerRecorded)
        case snapshotCreated(SnapshotCreated)

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            switch try reader.readTag() {
            case 0: self = .workflowStarted(try WorkflowStarted(from: &reader))
            case 1: self = .workflowCompleted(try WorkflowCompleted(from: &reader))
            case 2: self = .workflowFailed(try Failure(from: &reader))
            case 3: self = .activityScheduled(try ActivityScheduled(from: &reader))
            case 4: self = .activityStarted(try ActivityStarted(from: &reader))
            case 5: self = .activityCompleted(try ActivityCompleted(from: &reader))
            case 6: self = .activityFailed(try ActivityFailed(from: &reader))
            case 7: self = .timerCreated(try TimerCreated(from: &reader))
            case 8: self = .timerFired(try TimerFired(from: &reader))
            case 9: self = .signalReceived(try SignalReceived(from: &reader))
            case 10: self = .compensationStarted(try CompensationStarted(from: &reader))
            case 11: self = .compensationCompleted(try CompensationCompleted(from: &reader))
            case 12: self = .markerRecorded(try MarkerRecorded(from: &reader))
            case 13: self = .snapshotCreated(try SnapshotCreated(from: &reader))
            default: throw reader.failure(.badTag)
            }
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            switch self {
            case .workflowStarted(let value):
                writer.writeRawByte(0)
                value.encode(into: &writer, source)
            case .workflowCompleted(let value):
                writer.writeRawByte(1)
                value.encode(into: &writer, source)
            case .workflowFailed(let value):
                writer.writeRawByte(2)
                value.encode(into: &writer, source)
            case .activityScheduled(let value):
                writer.writeRawByte(3)
                value.encode(into: &writer, source)
            case .activityStarted(let value):
                writer.writeRawByte(4)
                value.encode(into: &writer, source)
            case .activityCompleted(let value):
                writer.writeRawByte(5)
                value.encode(into: &writer, source)
            case .activityFailed(let value):
                writer.writeRawByte(6)
                value.encode(into: &writer, source)
            case .timerCreated(let value):
                writer.writeRawByte(7)
                value.encode(into: &writer, source)
            case .timerFired(let value):
                writer.writeRawByte(8)
                value.encode(into: &writer, source)
            case .signalReceived(let value):
                writer.writeRawByte(9)
                value.encode(into: &writer, source)
            case .compensationStarted(let value):
                writer.writeRawByte(10)
                value.encode(into: &writer, source)
            case .compensationCompleted(let value):
                writer.writeRawByte(11)
                value.encode(into: &writer, source)
            case .markerRecorded(let value):
                writer.writeRawByte(12)
                value.encode(into: &writer, source)
            case .snapshotCreated(let value):
                writer.writeRawByte(13)
                value.encode(into: &writer, source)
            }
        }
    }

    @frozen
    public struct WorkflowStarted: BitwiseCopyable, Sendable {
        public var workflowType: FrameRange
        public var workflowID: FrameRange
        public var taskQueue: FrameRange
        public var input: FrameRange
        public var runTimeoutMs: UInt64
        public var attempt: UInt32
        public var parent: OptionalFrameRange

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            workflowType = try reader.readTextRange()
            workflowID = try reader.readTextRange()
            taskQueue = try reader.readTextRange()
            input = try reader.readBytesRange()
            runTimeoutMs = try reader.readVarint64()
            attempt = try reader.readVarint32()
            parent = try reader.readOptionalTextRange()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(workflowType, of: source)
            writer.writeRange(workflowID, of: source)
            writer.writeRange(taskQueue, of: source)
            writer.writeRange(input, of: source)
            writer.writeVarint(runTimeoutMs)
            writer.writeVarint(UInt64(attempt))
            writer.writeRange(parent, of: source)
        }
    }

    @frozen
    public struct WorkflowCompleted: BitwiseCopyable, Sendable {
        public var result: FrameRange
        public var durationMs: UInt64

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            result = try reader.readBytesRange()
            durationMs = try reader.readVarint64()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(result, of: source)
            writer.writeVarint(durationMs)
        }
    }

    @frozen
    public struct ActivityScheduled: BitwiseCopyable, Sendable {
        public var activityID: UInt64
        public var activityType: FrameRange
        public var taskQueue: FrameRange
        public var input: FrameRange
        public var scheduleToCloseMs: UInt64
        public var startToCloseMs: UInt64
        public var heartbeatMs: UInt64?
        public var retry: RetryPolicy

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            activityID = try reader.readVarint64()
            activityType = try reader.readTextRange()
            taskQueue = try reader.readTextRange()
            input = try reader.readBytesRange()
            scheduleToCloseMs = try reader.readVarint64()
            startToCloseMs = try reader.readVarint64()
            heartbeatMs = try reader.read()
            retry = try RetryPolicy(from: &reader)
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(activityID)
            writer.writeRange(activityType, of: source)
            writer.writeRange(taskQueue, of: source)
            writer.writeRange(input, of: source)
            writer.writeVarint(scheduleToCloseMs)
            writer.writeVarint(startToCloseMs)
            writer.write(heartbeatMs)
            retry.encode(into: &writer, source)
        }
    }

    @frozen
    public struct ActivityStarted: BitwiseCopyable, Sendable {
        public var scheduledEventID: UInt64
        public var worker: FrameRange
        public var attempt: UInt32

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            scheduledEventID = try reader.readVarint64()
            worker = try reader.readTextRange()
            attempt = try reader.readVarint32()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(scheduledEventID)
            writer.writeRange(worker, of: source)
            writer.writeVarint(UInt64(attempt))
        }
    }

    @frozen
    public struct ActivityCompleted: BitwiseCopyable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var result: FrameRange

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            scheduledEventID = try reader.readVarint64()
            startedEventID = try reader.readVarint64()
            result = try reader.readBytesRange()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(scheduledEventID)
            writer.writeVarint(startedEventID)
            writer.writeRange(result, of: source)
        }
    }

    @frozen
    public struct ActivityFailed: BitwiseCopyable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var failure: Failure
        public var attempt: UInt32

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            scheduledEventID = try reader.readVarint64()
            startedEventID = try reader.readVarint64()
            failure = try Failure(from: &reader)
            attempt = try reader.readVarint32()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(scheduledEventID)
            writer.writeVarint(startedEventID)
            failure.encode(into: &writer, source)
            writer.writeVarint(UInt64(attempt))
        }
    }

    @frozen
    public struct TimerCreated: BitwiseCopyable, Sendable {
        public var timerID: FrameRange
        public var fireAtMicros: Int64

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            timerID = try reader.readTextRange()
            fireAtMicros = try reader.readZigzag()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(timerID, of: source)
            writer.writeZigzag(fireAtMicros)
        }
    }

    @frozen
    public struct TimerFired: BitwiseCopyable, Sendable {
        public var timerID: FrameRange
        public var startedEventID: UInt64

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            timerID = try reader.readTextRange()
            startedEventID = try reader.readVarint64()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(timerID, of: source)
            writer.writeVarint(startedEventID)
        }
    }

    @frozen
    public struct SignalReceived: BitwiseCopyable, Sendable {
        public var name: FrameRange
        public var identity: OptionalFrameRange
        public var input: FrameRange

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            name = try reader.readTextRange()
            identity = try reader.readOptionalTextRange()
            input = try reader.readBytesRange()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(name, of: source)
            writer.writeRange(identity, of: source)
            writer.writeRange(input, of: source)
        }
    }

    @frozen
    public struct CompensationStarted: BitwiseCopyable, Sendable {
        public var step: FrameRange
        public var targetEventID: UInt64
        public var reason: FrameRange

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            step = try reader.readTextRange()
            targetEventID = try reader.readVarint64()
            reason = try reader.readTextRange()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(step, of: source)
            writer.writeVarint(targetEventID)
            writer.writeRange(reason, of: source)
        }
    }

    @frozen
    public struct CompensationCompleted: BitwiseCopyable, Sendable {
        public var step: FrameRange
        public var targetEventID: UInt64
        public var result: OptionalFrameRange
        public var ok: Bool

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            step = try reader.readTextRange()
            targetEventID = try reader.readVarint64()
            result = try reader.readOptionalBytesRange()
            ok = try reader.readBool()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(step, of: source)
            writer.writeVarint(targetEventID)
            writer.writeRange(result, of: source)
            writer.writeBool(ok)
        }
    }

    @frozen
    public struct MarkerRecorded: BitwiseCopyable, Sendable {
        public var name: FrameRange
        public var details: Items

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            name = try reader.readTextRange()
            details = try Items(pairsFrom: &reader)
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(name, of: source)
            details.encode(into: &writer, source)
        }
    }

    @frozen
    public struct SnapshotCreated: BitwiseCopyable, Sendable {
        public var lastEventID: UInt64
        public var state: FrameRange
        public var checksum: UInt32

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            lastEventID = try reader.readVarint64()
            state = try reader.readBytesRange()
            checksum = try reader.readVarint32()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(lastEventID)
            writer.writeRange(state, of: source)
            writer.writeVarint(UInt64(checksum))
        }
    }

    @frozen
    public struct Failure: BitwiseCopyable, Sendable {
        public var message: FrameRange
        public var kind: FrameRange
        public var retryable: Bool
        public var context: Items
        public var cause: OptionalFrameRange

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            message = try reader.readTextRange()
            kind = try reader.readTextRange()
            retryable = try reader.readBool()
            context = try Items(pairsFrom: &reader)
            cause = try reader.readOptionalTextRange()
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeRange(message, of: source)
            writer.writeRange(kind, of: source)
            writer.writeBool(retryable)
            context.encode(into: &writer, source)
            writer.writeRange(cause, of: source)
        }
    }

    @frozen
    public struct RetryPolicy: BitwiseCopyable, Sendable {
        public var initialIntervalMs: UInt64
        public var backoff: Double
        public var maxIntervalMs: UInt64
        public var maxAttempts: UInt32
        public var nonRetryable: Items

        @inlinable @inline(__always)
        public init(from reader: inout PostcardReader) throws(CodecError) {
            initialIntervalMs = try reader.readVarint64()
            backoff = Double(bitPattern: try reader.readRaw8())
            maxIntervalMs = try reader.readVarint64()
            maxAttempts = try reader.readVarint32()
            nonRetryable = try Items(textsFrom: &reader)
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(initialIntervalMs)
            writer.writeRaw8(backoff.bitPattern)
            writer.writeVarint(maxIntervalMs)
            writer.writeVarint(UInt64(maxAttempts))
            nonRetryable.encode(into: &writer, source)
        }
    }

    /// A sequence left where it is, each of its texts checked: the number of elements and the bytes behind the count.
    @frozen
    public struct Items: BitwiseCopyable, Sendable {
        public var count: UInt32
        public var range: FrameRange

        @inlinable @inline(__always)
        public init(textsFrom reader: inout PostcardReader) throws(CodecError) { try self.init(1, from: &reader) }

        @inlinable @inline(__always)
        public init(pairsFrom reader: inout PostcardReader) throws(CodecError) { try self.init(2, from: &reader) }

        @inlinable @inline(__always)
        init(_ parts: Int, from reader: inout PostcardReader) throws(CodecError) {
            let total = try reader.readCount()
            let start = reader.offset
            var index = 0
            while index < total {
                for _ in 0..<parts { _ = try reader.readTextRange() }
                index &+= 1
            }
            count = UInt32(truncatingIfNeeded: total)
            range = FrameRange(
                offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: reader.offset - start))
        }

        @inlinable @inline(__always)
        public func encode(into writer: inout PostcardWriter, _ source: UnsafeRawBufferPointer) {
            writer.writeVarint(UInt64(count))
            let end = Int(range.offset) &+ Int(range.count)
            if end <= source.count, let start = source.baseAddress {
                writer.writeRaw(UnsafeRawBufferPointer(start: start + Int(range.offset), count: Int(range.count)))
            }
        }
    }
}
