import CCorpusProto
import CodecCorpus

// protobuf-c over the same corpus: the library alone, from and to its own C structs. A Swift program would still have to copy every
// text and byte array of them into its own values.
extension CodecSuite {
    func protobuf(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        guard context.wants("protobuf-c/encode") || context.wants("protobuf-c/decode") else { return }
        var encoded = EncodedEvents()
        for record in corpus.records { encoded.append(ProtobufForm.of(record)) }
        var events: [UnsafeMutablePointer<Corpus__Event>] = []
        defer { for event in events { corpus__event__free_unpacked(event, nil) } }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        try encoded.forEach { (input) throws(BenchFailure) in
            guard let event = unpacked(input) else { throw BenchFailure("protobuf-c does not read its own form") }
            events.append(event)
            let size = corpus__event__get_packed_size(event)
            guard size == input.count, corpus__event__pack(event, &buffer) == size, input.elementsEqual(buffer[..<size])
            else { throw BenchFailure("protobuf-c writes another form") }
        }
        func bench(_ part: String) -> BenchCase {
            BenchCase(
                name: "protobuf-c/\(part)", operations: corpus.count, bytes: encoded.bytes, clock: .cpu, reference: nil)
        }
        try context.measure(bench("encode")) {
            var total: UInt64 = 0
            for event in events { total &+= UInt64(corpus__event__pack(event, &buffer)) }
            return total
        }
        try context.measure(bench("decode")) {
            var total: UInt64 = 0
            try encoded.forEach { (input) throws(BenchFailure) in
                guard let event = unpacked(input) else { throw BenchFailure("protobuf-c does not read its own form") }
                total &+= event.pointee.event_id
                corpus__event__free_unpacked(event, nil)
            }
            return total
        }
    }

    private func unpacked(_ input: UnsafeRawBufferPointer) -> UnsafeMutablePointer<Corpus__Event>? {
        corpus__event__unpack(nil, input.count, input.bindMemory(to: UInt8.self).baseAddress)
    }
}

/// The corpus' events in protobuf's form, by hand: fields in order, and what is zero or empty left out.
private struct ProtobufForm {
    private(set) var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func number(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        varint(field << 3)
        varint(value)
    }

    private mutating func number(_ field: UInt64, _ value: UInt32) { number(field, UInt64(value)) }
    private mutating func number(_ field: UInt64, _ value: Int64) { number(field, UInt64(bitPattern: value)) }
    private mutating func number(_ field: UInt64, _ value: Bool) { number(field, value ? 1 : 0 as UInt64) }

    private mutating func double(_ field: UInt64, _ value: Double) {
        varint(field << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
        }
    }

    /// Text, bytes or a message that is there, even if it is empty.
    private mutating func block(_ field: UInt64, _ value: some Collection<UInt8>) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func text(_ field: UInt64, _ value: String) { if !value.isEmpty { block(field, value.utf8) } }
    private mutating func present(_ field: UInt64, _ value: String?) { if let value { block(field, value.utf8) } }
    private mutating func data(_ field: UInt64, _ value: CorpusPayload) {
        if !value.bytes.isEmpty { block(field, value.bytes) }
    }

    private static func message(_ fill: (inout ProtobufForm) -> Void) -> [UInt8] {
        var form = ProtobufForm()
        fill(&form)
        return form.bytes
    }

    private mutating func pairs(_ field: UInt64, _ map: CorpusMap) {
        for pair in map.pairs {
            block(
                field,
                Self.message { form in
                    form.text(1, pair.key)
                    form.text(2, pair.value)
                })
        }
    }

    static func of(_ record: CorpusRecord) -> [UInt8] {
        message { form in
            form.number(1, record.eventID)
            form.block(2, withUnsafeBytes(of: (record.sagaID.first, record.sagaID.second)) { Array($0) })
            form.number(3, UInt64(record.type.rawValue))
            form.number(4, UInt64(record.category.rawValue))
            form.number(5, record.timestampMicros)
            let (field, attributes) = attributes(record.attributes)
            form.block(field, attributes)
            form.number(20, record.version)
            form.number(21, record.isResetPoint)
            form.present(22, record.traceID)
        }
    }

    private static func attributes(_ attributes: CorpusRecord.Attributes) -> (UInt64, [UInt8]) {
        switch attributes {
        case .workflowStarted(let value):
            (
                6,
                message { form in
                    form.text(1, value.workflowType)
                    form.text(2, value.workflowID)
                    form.text(3, value.taskQueue)
                    form.data(4, value.input)
                    form.number(5, value.runTimeoutMs)
                    form.number(6, value.attempt)
                    form.present(7, value.parent)
                }
            )
        case .workflowCompleted(let value):
            (
                7,
                message { form in
                    form.data(1, value.result)
                    form.number(2, value.durationMs)
                }
            )
        case .workflowFailed(let value): (8, failure(value))
        case .activityScheduled(let value):
            (
                9,
                message { form in
                    form.number(1, value.activityID)
                    form.text(2, value.activityType)
                    form.text(3, value.taskQueue)
                    form.data(4, value.input)
                    form.number(5, value.scheduleToCloseMs)
                    form.number(6, value.startToCloseMs)
                    if let heartbeat = value.heartbeatMs { form.number(7, heartbeat) }
                    form.block(8, retry(value.retry))
                }
            )
        case .activityStarted(let value):
            (
                10,
                message { form in
                    form.number(1, value.scheduledEventID)
                    form.text(2, value.worker)
                    form.number(3, value.attempt)
                }
            )
        case .activityCompleted(let value):
            (
                11,
                message { form in
                    form.number(1, value.scheduledEventID)
                    form.number(2, value.startedEventID)
                    form.data(3, value.result)
                }
            )
        case .activityFailed(let value):
            (
                12,
                message { form in
                    form.number(1, value.scheduledEventID)
                    form.number(2, value.startedEventID)
                    form.block(3, failure(value.failure))
                    form.number(4, value.attempt)
                }
            )
        case .timerCreated(let value):
            (
                13,
                message { form in
                    form.text(1, value.timerID)
                    form.number(2, value.fireAtMicros)
                }
            )
        case .timerFired(let value):
            (
                14,
                message { form in
                    form.text(1, value.timerID)
                    form.number(2, value.startedEventID)
                }
            )
        case .signalReceived(let value):
            (
                15,
                message { form in
                    form.text(1, value.name)
                    form.present(2, value.identity)
                    form.data(3, value.input)
                }
            )
        case .compensationStarted(let value):
            (
                16,
                message { form in
                    form.text(1, value.step)
                    form.number(2, value.targetEventID)
                    form.text(3, value.reason)
                }
            )
        case .compensationCompleted(let value):
            (
                17,
                message { form in
                    form.text(1, value.step)
                    form.number(2, value.targetEventID)
                    if let result = value.result { form.block(3, result.bytes) }
                    form.number(4, value.ok)
                }
            )
        case .markerRecorded(let value):
            (
                18,
                message { form in
                    form.text(1, value.name)
                    form.pairs(2, value.details)
                }
            )
        case .snapshotCreated(let value):
            (
                19,
                message { form in
                    form.number(1, value.lastEventID)
                    form.data(2, value.state)
                    form.number(3, value.checksum)
                }
            )
        }
    }

    private static func failure(_ value: Corpus.Failure) -> [UInt8] {
        message { form in
            form.text(1, value.message)
            form.text(2, value.kind)
            form.number(3, value.retryable)
            form.pairs(4, value.context)
            form.present(5, value.cause)
        }
    }

    private static func retry(_ value: Corpus.RetryPolicy) -> [UInt8] {
        message { form in
            form.number(1, value.initialIntervalMs)
            form.double(2, value.backoff)
            form.number(3, value.maxIntervalMs)
            form.number(4, value.maxAttempts)
            for kind in value.nonRetryable { form.block(5, kind.utf8) }
        }
    }
}
