import SagaCodec

// A sum that depends on every field, so that a measured decoder cannot leave one out: numbers by value, text and bytes by
// length. The owned and the borrowed form of an event have the same sum.

protocol CorpusWeighted: ~Copyable {
    var weight: UInt64 { get }
}

extension String: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(truncatingIfNeeded: utf8.count) }
}

extension CorpusPayload: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(truncatingIfNeeded: bytes.count) }
}

extension CorpusMap: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(truncatingIfNeeded: pairs.count) }
}

extension [String]: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(truncatingIfNeeded: count) }
}

extension FrameRange: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(count) }
}

extension OptionalFrameRange: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { range.weight }
}

extension CorpusView.Items: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(count) }
}

extension UInt64: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { self }
}

extension UInt32: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(self) }
}

extension Int64: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { UInt64(bitPattern: self) }
}

extension Double: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { bitPattern }
}

extension Bool: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { self ? 1 : 0 }
}

extension Optional where Wrapped: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { self.map { 1 &+ $0.weight } ?? 0 }
}

extension Corpus.WorkflowStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        workflowType.weight &+ workflowID.weight &+ taskQueue.weight &+ input.weight &+ runTimeoutMs.weight
            &+ attempt.weight &+ parent.weight
    }
}

extension Corpus.WorkflowCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { result.weight &+ durationMs.weight }
}

extension Corpus.ActivityScheduled: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        activityID.weight &+ activityType.weight &+ taskQueue.weight &+ input.weight &+ scheduleToCloseMs.weight
            &+ startToCloseMs.weight &+ heartbeatMs.weight &+ retry.weight
    }
}

extension Corpus.ActivityStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ worker.weight &+ attempt.weight }
}

extension Corpus.ActivityCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ startedEventID.weight &+ result.weight }
}

extension Corpus.ActivityFailed: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ startedEventID.weight &+ failure.weight &+ attempt.weight }
}

extension Corpus.TimerCreated: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { timerID.weight &+ fireAtMicros.weight }
}

extension Corpus.TimerFired: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { timerID.weight &+ startedEventID.weight }
}

extension Corpus.SignalReceived: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { name.weight &+ identity.weight &+ input.weight }
}

extension Corpus.CompensationStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { step.weight &+ targetEventID.weight &+ reason.weight }
}

extension Corpus.CompensationCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { step.weight &+ targetEventID.weight &+ result.weight &+ ok.weight }
}

extension Corpus.MarkerRecorded: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { name.weight &+ details.weight }
}

extension Corpus.SnapshotCreated: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { lastEventID.weight &+ state.weight &+ checksum.weight }
}

extension Corpus.Failure: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { message.weight &+ kind.weight &+ retryable.weight &+ context.weight &+ cause.weight }
}

extension Corpus.RetryPolicy: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        initialIntervalMs.weight &+ backoff.weight &+ maxIntervalMs.weight &+ maxAttempts.weight &+ nonRetryable.weight
    }
}

extension CorpusView.WorkflowStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        workflowType.weight &+ workflowID.weight &+ taskQueue.weight &+ input.weight &+ runTimeoutMs.weight
            &+ attempt.weight &+ parent.weight
    }
}

extension CorpusView.WorkflowCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { result.weight &+ durationMs.weight }
}

extension CorpusView.ActivityScheduled: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        activityID.weight &+ activityType.weight &+ taskQueue.weight &+ input.weight &+ scheduleToCloseMs.weight
            &+ startToCloseMs.weight &+ heartbeatMs.weight &+ retry.weight
    }
}

extension CorpusView.ActivityStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ worker.weight &+ attempt.weight }
}

extension CorpusView.ActivityCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ startedEventID.weight &+ result.weight }
}

extension CorpusView.ActivityFailed: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { scheduledEventID.weight &+ startedEventID.weight &+ failure.weight &+ attempt.weight }
}

extension CorpusView.TimerCreated: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { timerID.weight &+ fireAtMicros.weight }
}

extension CorpusView.TimerFired: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { timerID.weight &+ startedEventID.weight }
}

extension CorpusView.SignalReceived: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { name.weight &+ identity.weight &+ input.weight }
}

extension CorpusView.CompensationStarted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { step.weight &+ targetEventID.weight &+ reason.weight }
}

extension CorpusView.CompensationCompleted: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { step.weight &+ targetEventID.weight &+ result.weight &+ ok.weight }
}

extension CorpusView.MarkerRecorded: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { name.weight &+ details.weight }
}

extension CorpusView.SnapshotCreated: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { lastEventID.weight &+ state.weight &+ checksum.weight }
}

extension CorpusView.Failure: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 { message.weight &+ kind.weight &+ retryable.weight &+ context.weight &+ cause.weight }
}

extension CorpusView.RetryPolicy: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        initialIntervalMs.weight &+ backoff.weight &+ maxIntervalMs.weight &+ maxAttempts.weight &+ nonRetryable.weight
    }
}

extension CorpusAttributes: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        switch self {
        case .workflowStarted(let value): 0 &+ value.weight
        case .workflowCompleted(let value): 1 &+ value.weight
        case .workflowFailed(let value): 2 &+ value.weight
        case .activityScheduled(let value): 3 &+ value.weight
        case .activityStarted(let value): 4 &+ value.weight
        case .activityCompleted(let value): 5 &+ value.weight
        case .activityFailed(let value): 6 &+ value.weight
        case .timerCreated(let value): 7 &+ value.weight
        case .timerFired(let value): 8 &+ value.weight
        case .signalReceived(let value): 9 &+ value.weight
        case .compensationStarted(let value): 10 &+ value.weight
        case .compensationCompleted(let value): 11 &+ value.weight
        case .markerRecorded(let value): 12 &+ value.weight
        case .snapshotCreated(let value): 13 &+ value.weight
        }
    }
}

extension CorpusView.Attributes: CorpusWeighted {
    @inline(__always)
    var weight: UInt64 {
        switch self {
        case .workflowStarted(let value): 0 &+ value.weight
        case .workflowCompleted(let value): 1 &+ value.weight
        case .workflowFailed(let value): 2 &+ value.weight
        case .activityScheduled(let value): 3 &+ value.weight
        case .activityStarted(let value): 4 &+ value.weight
        case .activityCompleted(let value): 5 &+ value.weight
        case .activityFailed(let value): 6 &+ value.weight
        case .timerCreated(let value): 7 &+ value.weight
        case .timerFired(let value): 8 &+ value.weight
        case .signalReceived(let value): 9 &+ value.weight
        case .compensationStarted(let value): 10 &+ value.weight
        case .compensationCompleted(let value): 11 &+ value.weight
        case .markerRecorded(let value): 12 &+ value.weight
        case .snapshotCreated(let value): 13 &+ value.weight
        }
    }
}

extension CorpusEvent {
    @inline(__always)
    public var checksum: UInt64 {
        eventID &+ sagaID.first &+ sagaID.second &+ UInt64(type.rawValue) &+ UInt64(category.rawValue)
            &+ timestampMicros.weight &+ attributes.weight &+ version.weight &+ isResetPoint.weight &+ traceID.weight
    }
}

extension CorpusView {
    @inline(__always)
    public var checksum: UInt64 {
        eventID &+ sagaID.first &+ sagaID.second &+ UInt64(type.rawValue) &+ UInt64(category.rawValue)
            &+ timestampMicros.weight &+ attributes.weight &+ version.weight &+ isResetPoint.weight &+ traceID.weight
    }
}
