import SagaCodec

/// The deterministic corpus: a linear congruential generator with seed 42, whose draws happen in the order of the
/// statements here, so that other languages make the same events.
public struct CorpusGenerator: ~Copyable {
    private var state: UInt64 = 42
    private var timestamp: Int64 = 1_700_000_000_000_000
    private var sagaID = CorpusSagaID((0, 0))
    private var index = 0

    public init() {}

    /// SHA-256 of ``framed(_:)`` for ``referenceCount`` events, as the Rust crates made it.
    public static let referenceDigest = "bcc76130cf133526d21e1222da58dd4259a091f8092d2856bcf6e7769e474341"
    public static let referenceCount = 100_000

    public static func records(_ count: Int) -> [CorpusRecord] {
        var generator = CorpusGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    /// The number of events, then each with its length in front, lengths as four bytes, least significant first.
    public static func framed(_ records: [CorpusRecord]) -> [UInt8] {
        var writer = PostcardWriter(capacity: 32 << 20)
        var event = PostcardWriter(capacity: 4096)
        writer.writeRaw4(UInt32(truncatingIfNeeded: records.count))
        for record in records {
            event.reset()
            record.event.encode(into: &event)
            writer.writeRaw4(UInt32(truncatingIfNeeded: event.count))
            event.withBytes { writer.writeRaw($0) }
        }
        return writer.array()
    }

    // MARK: Draws

    private mutating func draw() -> UInt32 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt32(truncatingIfNeeded: state >> 33)
    }

    private mutating func below(_ limit: UInt32) -> UInt32 { draw() % limit }
    private mutating func below64(_ limit: UInt32) -> UInt64 { UInt64(below(limit)) }
    private mutating func chance(_ limit: UInt32) -> Bool { below(limit) == 0 }
    private mutating func pick(_ words: [String]) -> String { words[Int(below(UInt32(words.count)))] }

    private mutating func hex8() -> String {
        let digits = String(draw(), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private mutating func payload(_ size: Int) -> CorpusPayload {
        var text = "{\"id\":\"" + hex8()
        text += "\",\"amount\":" + String(below(100_000))
        text += ",\"status\":\"" + pick(Words.status)
        text += "\",\"note\":\""
        while text.utf8.count < size - 2 { text += pick(Words.note) + " " }
        return CorpusPayload(bytes: Array(text.utf8.prefix(size - 2)) + Array("\"}".utf8))
    }

    private mutating func context() -> CorpusMap {
        let count = 2 + Int(below(3))
        var pairs: [CorpusMap.Pair] = []
        for index in 0..<count {
            pairs.append(.init(key: Words.contextKeys[index], value: Words.contextValues[index] + "-\(below(1000))"))
        }
        return CorpusMap(pairs: pairs)
    }

    private mutating func failure() -> Corpus.Failure {
        let message = pick(Words.messages)
        let kind = pick(Words.kinds)
        let retryable = chance(2)
        let context = context()
        let cause = chance(3) ? pick(Words.messages) : nil
        return .init(message: message, kind: kind, retryable: retryable, context: context, cause: cause)
    }

    private mutating func worker() -> String {
        let number = below(32)
        return "worker-\(number)@host-\(below(256))"
    }

    // MARK: Events

    public mutating func next() -> CorpusRecord {
        if index.isMultiple(of: 100) {
            var bytes: [UInt8] = []
            for _ in 0..<16 { bytes.append(UInt8(below(256))) }
            sagaID = CorpusSagaID(bytes)
        }
        let roll = below(100)
        timestamp += 1 + Int64(below(50_000))
        var traceID: String?
        if chance(2) { traceID = hex8() + hex8() + hex8() + hex8() }
        let version = chance(10) ? 2 + below(3) : 1
        let reset = chance(50)
        let (type, category, attributes) = body(roll)
        defer { index += 1 }
        return CorpusRecord(
            eventID: UInt64(index % 100), sagaID: sagaID, type: type, category: category, timestampMicros: timestamp,
            attributes: attributes, version: version, isResetPoint: roll == 99 || reset, traceID: traceID)
    }

    private mutating func body(_ roll: UInt32) -> (CorpusEventType, CorpusCategory, CorpusRecord.Attributes) {
        switch roll {
        case ..<4: return (.workflowExecutionStarted, .workflow, .workflowStarted(workflowStarted()))
        case ..<26: return (.activityTaskScheduled, .activity, .activityScheduled(activityScheduled()))
        case ..<48:
            let scheduled = below64(100)
            let worker = worker()
            return (
                .activityTaskStarted, .activity,
                .activityStarted(.init(scheduledEventID: scheduled, worker: worker, attempt: 1 + below(3)))
            )
        case ..<68:
            let scheduled = below64(100)
            let started = below64(100)
            return (
                .activityTaskCompleted, .activity,
                .activityCompleted(
                    .init(scheduledEventID: scheduled, startedEventID: started, result: payload(120)))
            )
        case ..<72:
            let scheduled = below64(100)
            let started = below64(100)
            let failure = failure()
            return (
                .activityTaskFailed, .activity,
                .activityFailed(
                    .init(
                        scheduledEventID: scheduled, startedEventID: started, failure: failure, attempt: 1 + below(3)))
            )
        case ..<78:
            let id = "timer-\(below(100_000))"
            let due = timestamp + 1_000_000 * (1 + Int64(below(3600)))
            return (.timerCreated, .timer, .timerCreated(.init(timerID: id, fireAtMicros: due)))
        case ..<83:
            let id = "timer-\(below(100_000))"
            return (.timerFired, .timer, .timerFired(.init(timerID: id, startedEventID: below64(100))))
        case ..<88:
            let name = pick(Words.signals)
            let identity = chance(2) ? worker() : nil
            let size = 64 + Int(below(64))
            return (
                .signalReceived, .signal,
                .signalReceived(.init(name: name, identity: identity, input: payload(size)))
            )
        case ..<91:
            let size = 64 + Int(below(128))
            let result = payload(size)
            return (
                .workflowExecutionCompleted, .workflow,
                .workflowCompleted(.init(result: result, durationMs: below64(10_000_000)))
            )
        case ..<92: return (.workflowExecutionFailed, .workflow, .workflowFailed(failure()))
        case ..<94:
            let step = pick(Words.activities)
            let target = below64(100)
            return (
                .compensationStepStarted, .compensation,
                .compensationStarted(.init(step: step, targetEventID: target, reason: pick(Words.messages)))
            )
        case ..<96: return (.compensationStepCompleted, .compensation, compensationCompleted())
        case ..<99:
            let name = pick(Words.markers)
            return (.markerRecorded, .marker, .markerRecorded(.init(name: name, details: context())))
        default:
            let last = below64(100)
            let size = 512 + Int(below(512))
            let state = payload(size)
            return (
                .snapshotCreated, .snapshot,
                .snapshotCreated(.init(lastEventID: last, state: state, checksum: draw()))
            )
        }
    }

    private mutating func workflowStarted() -> Corpus.WorkflowStarted {
        let type = pick(Words.workflows)
        let id = "order-" + hex8()
        let queue = pick(Words.queues)
        let size = 64 + Int(below(192))
        let input = payload(size)
        let timeout = 60_000 * (1 + below64(60))
        let attempt = 1 + below(3)
        let parent = chance(4) ? "order-" + hex8() : nil
        return .init(
            workflowType: type, workflowID: id, taskQueue: queue, input: input, runTimeoutMs: timeout,
            attempt: attempt, parent: parent)
    }

    private mutating func activityScheduled() -> Corpus.ActivityScheduled {
        let id = below64(1000)
        let type = pick(Words.activities)
        let queue = pick(Words.queues)
        let size = 64 + Int(below(96))
        let input = payload(size)
        let scheduleToClose = 1000 * (1 + below64(600))
        let startToClose = 1000 * (1 + below64(300))
        let heartbeat = chance(3) ? 1000 * (1 + below64(30)) : nil
        let initial = 100 * (1 + below64(50))
        let backoff = 1.0 + Double(below(8)) * 0.25
        let attempts = 1 + below(10)
        let kinds = Array(Words.kinds.prefix(Int(below(3))))
        return .init(
            activityID: id, activityType: type, taskQueue: queue, input: input, scheduleToCloseMs: scheduleToClose,
            startToCloseMs: startToClose, heartbeatMs: heartbeat,
            retry: .init(
                initialIntervalMs: initial, backoff: backoff, maxIntervalMs: 60_000, maxAttempts: attempts,
                nonRetryable: kinds))
    }

    private mutating func compensationCompleted() -> CorpusRecord.Attributes {
        let step = pick(Words.activities)
        let target = below64(100)
        var result: CorpusPayload?
        if chance(2) {
            let size = 64 + Int(below(32))
            result = payload(size)
        }
        return .compensationCompleted(.init(step: step, targetEventID: target, result: result, ok: below(10) != 0))
    }
}

private enum Words {
    static let workflows = [
        "OrderWorkflow", "PaymentWorkflow", "CustomerOnboardingWorkflow", "RefundWorkflow",
        "SubscriptionRenewalWorkflow", "ShipmentTrackingWorkflow", "KycReview", "InvoiceSettlementWorkflow",
    ]
    static let activities = [
        "reserve_inventory", "charge_payment", "send_email", "create_shipment", "release_inventory", "refund_payment",
        "notify_customer_by_sms", "update_ledger", "validate_address", "verify_identity_document",
    ]
    static let queues = ["default", "payments-high", "orders", "shipping-eu-west-1", "notifications-bulk", "kyc"]
    static let signals = [
        "approve", "cancel_requested", "payment_received", "address_changed", "retry", "customer_confirmed_delivery",
    ]
    static let markers = ["version", "side_effect", "local_activity", "deprecated-change-2026-03"]
    static let kinds = ["Timeout", "ApplicationError", "ConnectionRefused", "ValidationError", "Throttled"]
    static let messages = [
        "connection refused by peer", "card declined: insufficient funds",
        "deadline exceeded after 30s while waiting for the inventory service", "invalid postal code",
        "rate limit exceeded", "délai dépassé: café n°7", "タイムアウトしました (注文サービス)",
        "unexpected HTTP status 503 from upstream gateway",
    ]
    static let contextKeys = ["attempt", "endpoint", "host", "region"]
    static let contextValues = ["try", "https://api.internal/v2/orders", "ip-10-0-3", "eu-west"]
    static let status = ["pending", "approved", "rejected", "shipped", "delivered", "refunded"]
    static let note = [
        "alpha", "order", "customer", "warehouse", "gold", "priority", "fragile", "gift", "express", "invoice", "north",
        "blue", "retail", "batch", "line", "unit",
    ]
}
