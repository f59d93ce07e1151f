public import SagaCodec

/// How failed attempts are repeated (semantics, section 5).
public struct RetryPolicy: Hashable, Sendable {
    /// Attempts in all; 0 means without limit.
    public var maximumAttempts: UInt32
    /// Microseconds before the second attempt.
    public var initialIntervalMicros: Int64
    /// Factor from one interval to the next.
    public var backoffCoefficient: Double
    /// Longest interval in microseconds.
    public var maximumIntervalMicros: Int64
    /// Share of the interval, 0 to 1, by which it may be shortened at random.
    public var jitter: Double
    /// Error kinds that end the step at once.
    public var nonRetryableKinds: [ErrorKind]

    public init(
        maximumAttempts: UInt32 = 3, initialIntervalMicros: Int64 = 1_000_000, backoffCoefficient: Double = 2,
        maximumIntervalMicros: Int64 = 60_000_000, jitter: Double = 0.1, nonRetryableKinds: [ErrorKind] = []
    ) {
        self.maximumAttempts = maximumAttempts
        self.initialIntervalMicros = initialIntervalMicros
        self.backoffCoefficient = backoffCoefficient
        self.maximumIntervalMicros = maximumIntervalMicros
        self.jitter = jitter
        self.nonRetryableKinds = nonRetryableKinds
    }

    /// 3 attempts, 1 s × 2ⁿ, at most 60 s between.
    public static let standard = RetryPolicy()
    /// One attempt.
    public static let never = RetryPolicy(maximumAttempts: 1)
    /// 3 attempts, 2 s × 2ⁿ, at most 60 s between: what an undo gets unless its step says otherwise (section 4).
    public static let undo = RetryPolicy(initialIntervalMicros: 2_000_000, jitter: 0)

    /// Microseconds to wait before the attempt after `attempt`.
    /// - Parameters:
    ///   - attempt: The attempt that failed, from 1.
    ///   - random: A draw from 0 to 1 for the jitter.
    public func interval(after attempt: UInt32, random: Double) -> Int64 {
        var interval = Double(max(0, initialIntervalMicros))
        let limit = Double(max(0, maximumIntervalMicros))
        let factor = backoffCoefficient.isFinite ? max(1, backoffCoefficient) : 1
        // factor ^ (attempt − 1) by squaring: a huge attempt number costs 32 steps at most, whatever the factor.
        var power = factor
        var rest = attempt == 0 ? 0 : attempt - 1
        while rest > 0 && interval > 0 && interval < limit {
            if rest & 1 == 1 { interval *= power }
            power *= power
            rest >>= 1
        }
        interval = min(interval, limit)
        let share = jitter.isFinite ? min(1, max(0, jitter)) : 0
        let shortened = interval * (1 - share * min(1, max(0, random)))
        return shortened.isFinite ? Int64(min(shortened, 9e15)) : 0
    }

    /// Whether a further attempt follows after this error.
    public func allowsRetry(after attempt: UInt32, error: SagaError) -> Bool {
        guard error.isRetryable, !nonRetryableKinds.contains(error.kind) else { return false }
        return maximumAttempts == 0 || attempt < maximumAttempts
    }
}

/// The time-outs of a step, in microseconds; 0 means none (semantics, section 5).
public struct ActivityTimeouts: Hashable, Sendable {
    /// From scheduled to handed out.
    public var scheduleToStartMicros: Int64
    /// From handed out to reported, for each attempt. Default 300 s.
    public var startToCloseMicros: Int64
    /// From scheduled to closed, over all attempts.
    public var scheduleToCloseMicros: Int64
    /// Between two heartbeats.
    public var heartbeatMicros: Int64

    public init(
        scheduleToStartMicros: Int64 = 0, startToCloseMicros: Int64 = 300_000_000, scheduleToCloseMicros: Int64 = 0,
        heartbeatMicros: Int64 = 0
    ) {
        self.scheduleToStartMicros = scheduleToStartMicros
        self.startToCloseMicros = startToCloseMicros
        self.scheduleToCloseMicros = scheduleToCloseMicros
        self.heartbeatMicros = heartbeatMicros
    }

    /// 300 s from handed out to reported; nothing else.
    public static let standard = ActivityTimeouts()
}

/// Which of a step's time-outs passed.
public enum TimeoutKind: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    case scheduleToStart = 0
    case startToClose = 1
    case scheduleToClose = 2
    case heartbeat = 3
}

/// What is known about the effect of a step (semantics, section 4).
public enum StepOutcome: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    /// It succeeded.
    case completed = 0
    /// It reported that nothing happened.
    case noEffect = 1
    /// It may have had an effect.
    case unknown = 2
}

extension RetryPolicy: PostcardCodable {
    @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        maximumAttempts = try reader.read()
        initialIntervalMicros = try reader.read()
        backoffCoefficient = try reader.read()
        maximumIntervalMicros = try reader.read()
        jitter = try reader.read()
        nonRetryableKinds = try reader.read()
    }

    @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(maximumAttempts)
        writer.write(initialIntervalMicros)
        writer.write(backoffCoefficient)
        writer.write(maximumIntervalMicros)
        writer.write(jitter)
        writer.write(nonRetryableKinds)
    }
}

extension ActivityTimeouts: PostcardCodable {
    @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        scheduleToStartMicros = try reader.read()
        startToCloseMicros = try reader.read()
        scheduleToCloseMicros = try reader.read()
        heartbeatMicros = try reader.read()
    }

    @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduleToStartMicros)
        writer.write(startToCloseMicros)
        writer.write(scheduleToCloseMicros)
        writer.write(heartbeatMicros)
    }
}
