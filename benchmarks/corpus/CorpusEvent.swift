import SagaCodec

/// One event of the benchmark corpus, field by field that of the Rust model that made the golden data.
///
/// Not the product's event: figures of it can be compared with those of the Rust crates. It cannot be copied by accident,
/// which alone makes it a third faster to encode.
@frozen
public struct CorpusEvent: ~Copyable, Sendable {
    public var eventID: UInt64
    public var sagaID: CorpusSagaID
    public var type: CorpusEventType
    public var category: CorpusCategory
    public var timestampMicros: Int64
    public var attributes: CorpusAttributes
    public var version: UInt32
    public var isResetPoint: Bool
    public var traceID: String?

    @inlinable @inline(__always)
    init(
        eventID: UInt64, sagaID: CorpusSagaID, type: CorpusEventType, category: CorpusCategory, timestampMicros: Int64,
        attributes: consuming CorpusAttributes, version: UInt32, isResetPoint: Bool, traceID: String?
    ) {
        self.eventID = eventID
        self.sagaID = sagaID
        self.type = type
        self.category = category
        self.timestampMicros = timestampMicros
        self.attributes = attributes
        self.version = version
        self.isResetPoint = isResetPoint
        self.traceID = traceID
    }
}

@frozen
public enum CorpusAttributes: ~Copyable, Sendable {
    case workflowStarted(Corpus.WorkflowStarted)
    case workflowCompleted(Corpus.WorkflowCompleted)
    case workflowFailed(Corpus.Failure)
    case activityScheduled(Corpus.ActivityScheduled)
    case activityStarted(Corpus.ActivityStarted)
    case activityCompleted(Corpus.ActivityCompleted)
    case activityFailed(Corpus.ActivityFailed)
    case timerCreated(Corpus.TimerCreated)
    case timerFired(Corpus.TimerFired)
    case signalReceived(Corpus.SignalReceived)
    case compensationStarted(Corpus.CompensationStarted)
    case compensationCompleted(Corpus.CompensationCompleted)
    case markerRecorded(Corpus.MarkerRecorded)
    case snapshotCreated(Corpus.SnapshotCreated)
}

/// The same event as a plain `Codable` value: what the bridge, JSON and property lists are measured on.
public struct CorpusRecord: Codable, Equatable, Sendable {
    public var eventID: UInt64
    public var sagaID: CorpusSagaID
    public var type: CorpusEventType
    public var category: CorpusCategory
    public var timestampMicros: Int64
    public var attributes: Attributes
    public var version: UInt32
    public var isResetPoint: Bool
    public var traceID: String?

    public enum Attributes: Codable, Equatable, Sendable {
        case workflowStarted(Corpus.WorkflowStarted)
        case workflowCompleted(Corpus.WorkflowCompleted)
        case workflowFailed(Corpus.Failure)
        case activityScheduled(Corpus.ActivityScheduled)
        case activityStarted(Corpus.ActivityStarted)
        case activityCompleted(Corpus.ActivityCompleted)
        case activityFailed(Corpus.ActivityFailed)
        case timerCreated(Corpus.TimerCreated)
        case timerFired(Corpus.TimerFired)
        case signalReceived(Corpus.SignalReceived)
        case compensationStarted(Corpus.CompensationStarted)
        case compensationCompleted(Corpus.CompensationCompleted)
        case markerRecorded(Corpus.MarkerRecorded)
        case snapshotCreated(Corpus.SnapshotCreated)

        // Integer keys: the bridge writes them as the variant's index, which is what the Rust crates do.
        enum CodingKeys: Int, CodingKey {
            case workflowStarted
            case workflowCompleted
            case workflowFailed
            case activityScheduled
            case activityStarted
            case activityCompleted
            case activityFailed
            case timerCreated
            case timerFired
            case signalReceived
            case compensationStarted
            case compensationCompleted
            case markerRecorded
            case snapshotCreated
        }

        public func encode(to encoder: any Encoder) throws {
            switch self {
            case .workflowStarted(let value): try encoder.encodeVariant(CodingKeys.workflowStarted, value)
            case .workflowCompleted(let value): try encoder.encodeVariant(CodingKeys.workflowCompleted, value)
            case .workflowFailed(let value): try encoder.encodeVariant(CodingKeys.workflowFailed, value)
            case .activityScheduled(let value): try encoder.encodeVariant(CodingKeys.activityScheduled, value)
            case .activityStarted(let value): try encoder.encodeVariant(CodingKeys.activityStarted, value)
            case .activityCompleted(let value): try encoder.encodeVariant(CodingKeys.activityCompleted, value)
            case .activityFailed(let value): try encoder.encodeVariant(CodingKeys.activityFailed, value)
            case .timerCreated(let value): try encoder.encodeVariant(CodingKeys.timerCreated, value)
            case .timerFired(let value): try encoder.encodeVariant(CodingKeys.timerFired, value)
            case .signalReceived(let value): try encoder.encodeVariant(CodingKeys.signalReceived, value)
            case .compensationStarted(let value): try encoder.encodeVariant(CodingKeys.compensationStarted, value)
            case .compensationCompleted(let value): try encoder.encodeVariant(CodingKeys.compensationCompleted, value)
            case .markerRecorded(let value): try encoder.encodeVariant(CodingKeys.markerRecorded, value)
            case .snapshotCreated(let value): try encoder.encodeVariant(CodingKeys.snapshotCreated, value)
            }
        }

        public init(from decoder: any Decoder) throws {
            self = try decoder.decodeVariant(keyedBy: CodingKeys.self) { variant, decoder in
                switch variant {
                case .workflowStarted: .workflowStarted(try Corpus.WorkflowStarted(from: decoder))
                case .workflowCompleted: .workflowCompleted(try Corpus.WorkflowCompleted(from: decoder))
                case .workflowFailed: .workflowFailed(try Corpus.Failure(from: decoder))
                case .activityScheduled: .activityScheduled(try Corpus.ActivityScheduled(from: decoder))
                case .activityStarted: .activityStarted(try Corpus.ActivityStarted(from: decoder))
                case .activityCompleted: .activityCompleted(try Corpus.ActivityCompleted(from: decoder))
                case .activityFailed: .activityFailed(try Corpus.ActivityFailed(from: decoder))
                case .timerCreated: .timerCreated(try Corpus.TimerCreated(from: decoder))
                case .timerFired: .timerFired(try Corpus.TimerFired(from: decoder))
                case .signalReceived: .signalReceived(try Corpus.SignalReceived(from: decoder))
                case .compensationStarted: .compensationStarted(try Corpus.CompensationStarted(from: decoder))
                case .compensationCompleted: .compensationCompleted(try Corpus.CompensationCompleted(from: decoder))
                case .markerRecorded: .markerRecorded(try Corpus.MarkerRecorded(from: decoder))
                case .snapshotCreated: .snapshotCreated(try Corpus.SnapshotCreated(from: decoder))
                }
            }
        }
    }
}

extension CorpusRecord {
    public var event: CorpusEvent {
        CorpusEvent(
            eventID: eventID, sagaID: sagaID, type: type, category: category, timestampMicros: timestampMicros,
            attributes: attributes.moved, version: version, isResetPoint: isResetPoint, traceID: traceID)
    }
}

extension CorpusRecord.Attributes {
    var moved: CorpusAttributes {
        switch self {
        case .workflowStarted(let value): .workflowStarted(value)
        case .workflowCompleted(let value): .workflowCompleted(value)
        case .workflowFailed(let value): .workflowFailed(value)
        case .activityScheduled(let value): .activityScheduled(value)
        case .activityStarted(let value): .activityStarted(value)
        case .activityCompleted(let value): .activityCompleted(value)
        case .activityFailed(let value): .activityFailed(value)
        case .timerCreated(let value): .timerCreated(value)
        case .timerFired(let value): .timerFired(value)
        case .signalReceived(let value): .signalReceived(value)
        case .compensationStarted(let value): .compensationStarted(value)
        case .compensationCompleted(let value): .compensationCompleted(value)
        case .markerRecorded(let value): .markerRecorded(value)
        case .snapshotCreated(let value): .snapshotCreated(value)
        }
    }
}

extension CorpusEvent {
    public consuming func record() -> CorpusRecord {
        CorpusRecord(
            eventID: eventID, sagaID: sagaID, type: type, category: category, timestampMicros: timestampMicros,
            attributes: attributes.copied, version: version, isResetPoint: isResetPoint, traceID: traceID)
    }
}

extension CorpusAttributes {
    var copied: CorpusRecord.Attributes {
        switch self {
        case .workflowStarted(let value): .workflowStarted(copy value)
        case .workflowCompleted(let value): .workflowCompleted(copy value)
        case .workflowFailed(let value): .workflowFailed(copy value)
        case .activityScheduled(let value): .activityScheduled(copy value)
        case .activityStarted(let value): .activityStarted(copy value)
        case .activityCompleted(let value): .activityCompleted(copy value)
        case .activityFailed(let value): .activityFailed(copy value)
        case .timerCreated(let value): .timerCreated(copy value)
        case .timerFired(let value): .timerFired(copy value)
        case .signalReceived(let value): .signalReceived(copy value)
        case .compensationStarted(let value): .compensationStarted(copy value)
        case .compensationCompleted(let value): .compensationCompleted(copy value)
        case .markerRecorded(let value): .markerRecorded(copy value)
        case .snapshotCreated(let value): .snapshotCreated(copy value)
        }
    }
}
