// The parts of a corpus event, in the declaration order of the Rust model that made the golden data. Plain Codable structs:
// only the event itself has a static form, so that the Codable bridge is measured on types that know nothing of it.

public enum Corpus {
    @frozen
    public struct WorkflowStarted: Codable, Equatable, Sendable {
        public var workflowType: String
        public var workflowID: String
        public var taskQueue: String
        public var input: CorpusPayload
        public var runTimeoutMs: UInt64
        public var attempt: UInt32
        public var parent: String?

        @inlinable @inline(__always)
        public init(
            workflowType: String, workflowID: String, taskQueue: String, input: CorpusPayload, runTimeoutMs: UInt64,
            attempt: UInt32, parent: String?
        ) {
            self.workflowType = workflowType
            self.workflowID = workflowID
            self.taskQueue = taskQueue
            self.input = input
            self.runTimeoutMs = runTimeoutMs
            self.attempt = attempt
            self.parent = parent
        }
    }

    @frozen
    public struct WorkflowCompleted: Codable, Equatable, Sendable {
        public var result: CorpusPayload
        public var durationMs: UInt64

        @inlinable @inline(__always)
        public init(result: CorpusPayload, durationMs: UInt64) {
            self.result = result
            self.durationMs = durationMs
        }
    }

    @frozen
    public struct ActivityScheduled: Codable, Equatable, Sendable {
        public var activityID: UInt64
        public var activityType: String
        public var taskQueue: String
        public var input: CorpusPayload
        public var scheduleToCloseMs: UInt64
        public var startToCloseMs: UInt64
        public var heartbeatMs: UInt64?
        public var retry: RetryPolicy

        @inlinable @inline(__always)
        public init(
            activityID: UInt64, activityType: String, taskQueue: String, input: CorpusPayload,
            scheduleToCloseMs: UInt64, startToCloseMs: UInt64, heartbeatMs: UInt64?, retry: RetryPolicy
        ) {
            self.activityID = activityID
            self.activityType = activityType
            self.taskQueue = taskQueue
            self.input = input
            self.scheduleToCloseMs = scheduleToCloseMs
            self.startToCloseMs = startToCloseMs
            self.heartbeatMs = heartbeatMs
            self.retry = retry
        }
    }

    @frozen
    public struct ActivityStarted: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var worker: String
        public var attempt: UInt32

        @inlinable @inline(__always)
        public init(scheduledEventID: UInt64, worker: String, attempt: UInt32) {
            self.scheduledEventID = scheduledEventID
            self.worker = worker
            self.attempt = attempt
        }
    }

    @frozen
    public struct ActivityCompleted: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var result: CorpusPayload

        @inlinable @inline(__always)
        public init(scheduledEventID: UInt64, startedEventID: UInt64, result: CorpusPayload) {
            self.scheduledEventID = scheduledEventID
            self.startedEventID = startedEventID
            self.result = result
        }
    }

    @frozen
    public struct ActivityFailed: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var failure: Failure
        public var attempt: UInt32

        @inlinable @inline(__always)
        public init(scheduledEventID: UInt64, startedEventID: UInt64, failure: Failure, attempt: UInt32) {
            self.scheduledEventID = scheduledEventID
            self.startedEventID = startedEventID
            self.failure = failure
            self.attempt = attempt
        }
    }

    @frozen
    public struct TimerCreated: Codable, Equatable, Sendable {
        public var timerID: String
        public var fireAtMicros: Int64

        @inlinable @inline(__always)
        public init(timerID: String, fireAtMicros: Int64) {
            self.timerID = timerID
            self.fireAtMicros = fireAtMicros
        }
    }

    @frozen
    public struct TimerFired: Codable, Equatable, Sendable {
        public var timerID: String
        public var startedEventID: UInt64

        @inlinable @inline(__always)
        public init(timerID: String, startedEventID: UInt64) {
            self.timerID = timerID
            self.startedEventID = startedEventID
        }
    }

    @frozen
    public struct SignalReceived: Codable, Equatable, Sendable {
        public var name: String
        public var identity: String?
        public var input: CorpusPayload

        @inlinable @inline(__always)
        public init(name: String, identity: String?, input: CorpusPayload) {
            self.name = name
            self.identity = identity
            self.input = input
        }
    }

    @frozen
    public struct CompensationStarted: Codable, Equatable, Sendable {
        public var step: String
        public var targetEventID: UInt64
        public var reason: String

        @inlinable @inline(__always)
        public init(step: String, targetEventID: UInt64, reason: String) {
            self.step = step
            self.targetEventID = targetEventID
            self.reason = reason
        }
    }

    @frozen
    public struct CompensationCompleted: Codable, Equatable, Sendable {
        public var step: String
        public var targetEventID: UInt64
        public var result: CorpusPayload?
        public var ok: Bool

        @inlinable @inline(__always)
        public init(step: String, targetEventID: UInt64, result: CorpusPayload?, ok: Bool) {
            self.step = step
            self.targetEventID = targetEventID
            self.result = result
            self.ok = ok
        }
    }

    @frozen
    public struct MarkerRecorded: Codable, Equatable, Sendable {
        public var name: String
        public var details: CorpusMap

        @inlinable @inline(__always)
        public init(name: String, details: CorpusMap) {
            self.name = name
            self.details = details
        }
    }

    @frozen
    public struct SnapshotCreated: Codable, Equatable, Sendable {
        public var lastEventID: UInt64
        public var state: CorpusPayload
        public var checksum: UInt32

        @inlinable @inline(__always)
        public init(lastEventID: UInt64, state: CorpusPayload, checksum: UInt32) {
            self.lastEventID = lastEventID
            self.state = state
            self.checksum = checksum
        }
    }

    @frozen
    public struct Failure: Codable, Equatable, Sendable {
        public var message: String
        public var kind: String
        public var retryable: Bool
        public var context: CorpusMap
        public var cause: String?

        @inlinable @inline(__always)
        public init(message: String, kind: String, retryable: Bool, context: CorpusMap, cause: String?) {
            self.message = message
            self.kind = kind
            self.retryable = retryable
            self.context = context
            self.cause = cause
        }
    }

    @frozen
    public struct RetryPolicy: Codable, Equatable, Sendable {
        public var initialIntervalMs: UInt64
        public var backoff: Double
        public var maxIntervalMs: UInt64
        public var maxAttempts: UInt32
        public var nonRetryable: [String]

        @inlinable @inline(__always)
        public init(
            initialIntervalMs: UInt64, backoff: Double, maxIntervalMs: UInt64, maxAttempts: UInt32,
            nonRetryable: [String]
        ) {
            self.initialIntervalMs = initialIntervalMs
            self.backoff = backoff
            self.maxIntervalMs = maxIntervalMs
            self.maxAttempts = maxAttempts
            self.nonRetryable = nonRetryable
        }
    }

}
