internal import SagaCore

/// Counts what the callers of namespaces with limits use (operations, "Limits of namespaces").
struct NamespaceQuotas {
    private struct Bucket {
        var tokens: Double
        /// Microseconds of the monotonic clock.
        var filledAt: Int64
    }

    private let options: [String: NamespaceOptions]
    private var open: [String: Int] = [:]
    private var buckets: [String: Bucket] = [:]
    /// Advice to those who are refused because of open sagas: nobody knows when one ends.
    private static let openRetryMicros: Int64 = 1_000_000

    init(_ options: [String: NamespaceOptions]) { self.options = options }

    var isEmpty: Bool { options.isEmpty }

    mutating func began(_ namespace: String) { if !isEmpty { open[namespace, default: 0] += 1 } }

    mutating func ended(_ namespace: String) {
        guard !isEmpty, let count = open[namespace] else { return }
        open[namespace] = count > 1 ? count - 1 : nil
    }

    mutating func forgetRuns() { open = [:] }

    /// Takes the right to start one saga.
    /// - Returns: Why there is none.
    mutating func start(in namespace: String, now: Int64) -> CallFailure? {
        if isEmpty { return nil }
        let limits = options[options: namespace].limits
        if limits.maximumOpenSagas > 0, open[namespace, default: 0] >= limits.maximumOpenSagas {
            return CallFailure(
                .resourceExhausted,
                "namespace \(namespace) has \(limits.maximumOpenSagas) open sagas, which is its limit (max-open-sagas)",
                retryAfterMicros: Self.openRetryMicros)
        }
        guard limits.startsPerSecond > 0 else { return nil }
        let burst = Double(limits.startBurst > 0 ? limits.startBurst : max(1, Int(min(limits.startsPerSecond, 1e6))))
        var bucket = buckets[namespace] ?? Bucket(tokens: burst, filledAt: now)
        let passed = Double(max(0, now - bucket.filledAt)) / 1_000_000
        bucket.tokens = min(burst, bucket.tokens + passed * limits.startsPerSecond)
        bucket.filledAt = now
        defer { buckets[namespace] = bucket }
        guard bucket.tokens < 1 else {
            bucket.tokens -= 1
            return nil
        }
        let wait = (1 - bucket.tokens) / limits.startsPerSecond * 1_000_000
        return CallFailure(
            .resourceExhausted,
            "namespace \(namespace) starts \(limits.startsPerSecond) sagas a second at most (starts-per-second)",
            retryAfterMicros: max(1_000, Int64(min(wait.rounded(.up), 3.6e9))))
    }

    /// What is wrong with the size of what a caller brings; nil if nothing is.
    func problem(_ call: Call) -> String? {
        if isEmpty || call.target.namespace.hasPrefix(ScheduleDesk.reservedPrefix) { return nil }
        let limit = options[options: call.target.namespace].limits.maximumPayloadBytes
        guard limit > 0 else { return nil }
        for payload in call.payloads where payload.data.count > limit {
            return "a payload has \(payload.data.count) bytes; namespace \(call.target.namespace) allows \(limit)"
                + " (max-payload): keep large data elsewhere, and pass where it is"
        }
        return nil
    }
}

extension Call {
    /// What callers bring that is kept.
    fileprivate var payloads: [Payload] {
        switch self {
        case .start(let start): [start.input] + start.memo.map(\.payload) + start.searchAttributes.map(\.payload)
        case .signal(let signal): [signal.payload]
        case .signalWithStart(let start, let signal):
            [start.input, signal.payload] + start.memo.map(\.payload) + start.searchAttributes.map(\.payload)
        case .update(let update): [update.payload]
        case .query(let query): [query.payload]
        default: []
        }
    }
}

extension Shard {
    /// Refuses a start beyond the limits of its namespace. What runs start for each other is never refused: it would only
    /// keep them from ending.
    /// - Returns: Whether it was refused.
    func refuse(_ id: CallID, _ start: StartCall) -> Bool {
        guard !quotas.isEmpty, id < Self.firstInternalCall, !start.namespace.hasPrefix(ScheduleDesk.reservedPrefix),
            let failure = quotas.start(in: start.namespace, now: time.monotonic)
        else { return false }
        answer(id, .failure(failure))
        return true
    }

    /// Open sagas by the namespace of their callers.
    package var openSagas: [String: Int] {
        var counts: [String: Int] = [:]
        // By their names: most runs are parked.
        for key in openRuns.keys where !key.namespace.hasPrefix(Self.definitionNamespace) {
            if !key.namespace.hasPrefix(ScheduleDesk.reservedPrefix) { counts[key.namespace, default: 0] += 1 }
        }
        return counts
    }
}
