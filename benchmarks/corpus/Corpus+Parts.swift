// The parts of a corpus event, in the declaration order of the Rust model that made the golden data. Plain Codable structs:
// only the event itself has a static form, so that the Codable bridge is measured on types that know nothing of it.

public enum Corpus {
    public struct WorkflowStarted: Codable, Equatable, Sendable {
        public var workflowType: String
        public var workflowID: String
        public var taskQueue: String
        public var input: CorpusPayload
        public var runTimeoutMs: UInt64
        public var attempt: UInt32
        public var parent: String?
    }

    public struct WorkflowCompleted: Codable, Equatable, Sendable {
        public var result: CorpusPayload
        public var durationMs: UInt64
    }

    public struct ActivityScheduled: Codable, Equatable, Sendable {
        public var activityID: UInt64
        public var activityType: String
        public var taskQueue: String
        public var input: CorpusPayload
        public var scheduleToCloseMs: UInt64
        public var startToCloseMs: UInt64
        public var heartbeatMs: UInt64?
        public var retry: RetryPolicy
    }

    public struct ActivityStarted: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var worker: String
        public var attempt: UInt32
    }

    public struct ActivityCompleted: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var result: CorpusPayload
    }

    public struct ActivityFailed: Codable, Equatable, Sendable {
        public var scheduledEventID: UInt64
        public var startedEventID: UInt64
        public var failure: Failure
        public var attempt: UInt32
    }

    public struct TimerCreated: Codable, Equatable, Sendable {
        public var timerID: String
        public var fireAtMicros: Int64
    }

    public struct TimerFired: Codable, Equatable, Sendable {
        public var timerID: String
        public var startedEventID: UInt64
    }

    public struct SignalReceived: Codable, Equatable, Sendable {
        public var name: String
        public var identity: String?
        public var input: CorpusPayload
    }

    public struct CompensationStarted: Codable, Equatable, Sendable {
        public var step: String
        public var targetEventID: UInt64
        public var reason: String
    }

    public struct CompensationCompleted: Codable, Equatable, Sendable {
        public var step: String
        public var targetEventID: UInt64
        public var result: CorpusPayload?
        public var ok: Bool
    }

    public struct MarkerRecorded: Codable, Equatable, Sendable {
        public var name: String
        public var details: CorpusMap
    }

    public struct SnapshotCreated: Codable, Equatable, Sendable {
        public var lastEventID: UInt64
        public var state: CorpusPayload
        public var checksum: UInt32
    }

    public struct Failure: Codable, Equatable, Sendable {
        public var message: String
        public var kind: String
        public var retryable: Bool
        public var context: CorpusMap
        public var cause: String?
    }

    public struct RetryPolicy: Codable, Equatable, Sendable {
        public var initialIntervalMs: UInt64
        public var backoff: Double
        public var maxIntervalMs: UInt64
        public var maxAttempts: UInt32
        public var nonRetryable: [String]
    }

}
