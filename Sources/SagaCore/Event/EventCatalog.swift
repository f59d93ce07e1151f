public import SagaCodec

/// The forms of every event type that this program reads: today's, and all older ones, which are brought up step by step.
///
/// Each stored event carries the version of its attributes' form. A version from the future is an error, like an unknown event
/// type (semantics, section 9): half-understood history is never replayed.
public struct EventCatalog: Sendable {
    /// The forms that this program writes, and the older ones that it reads.
    ///
    /// When the form of a type changes, its old struct is kept under a name with its version, and a line is added here:
    /// `catalog.register(AttributeHistory(TimerCreatedV1.self).upcast { … }, as: EventAttributes.timerCreated)`.
    public static let current: EventCatalog = {
        var catalog = EventCatalog()
        catalog.register(
            AttributeHistory(WorkflowExecutionStartedV1.self).upcast { $0.event },
            as: EventAttributes.workflowExecutionStarted)
        catalog.register(
            AttributeHistory(WorkflowExecutionResetV1.self).upcast { WorkflowExecutionResetV2($0) }.upcast { $0.event },
            as: EventAttributes.workflowExecutionReset)
        catalog.register(
            AttributeHistory(WorkflowExecutionTerminatedV1.self).upcast { WorkflowExecutionTerminated($0) },
            as: EventAttributes.workflowExecutionTerminated)
        return catalog
    }()

    private struct Entry: Sendable {
        var currentVersion: UInt32
        var decode: @Sendable (UInt32, inout PostcardReader) -> Result<EventAttributes, CodecError>
    }

    /// By the code of the type, as far as any type has changed.
    private var entries: [Entry?] = []
    /// Today's versions by the code of the type, so that nothing is copied to look at one.
    private var versions: [UInt32] = []

    /// Every type in its first form.
    public init() {}

    /// Adds the history of a type: `wrap` is its case of ``EventAttributes``.
    public mutating func register<Value: EventAttribute>(
        _ history: AttributeHistory<Value>, as wrap: @escaping @Sendable (Value) -> EventAttributes
    ) {
        let code = Int(Value.eventType.rawValue)
        while entries.count <= code {
            entries.append(nil)
            versions.append(1)
        }
        versions[code] = history.currentVersion
        if history.currentVersion > 1 { changed.insert(Value.eventType) }
        entries[code] = Entry(currentVersion: history.currentVersion) { version, reader in
            history.decode(version, from: &reader).map(wrap)
        }
    }

    /// The types that have other forms than the first.
    private(set) var changed = Types()

    /// A set of types without memory of its own, to be looked at for each event.
    struct Types {
        private var words = SIMD4<UInt64>()

        mutating func insert(_ type: EventType) {
            guard type.rawValue < 256 else { return }
            words[Int(type.rawValue >> 6)] |= 1 << UInt64(type.rawValue & 63)
        }

        @inline(__always)
        func contains(_ type: EventType) -> Bool {
            // A code beyond the words counts as changed: then it is looked up.
            type.rawValue > 255 || words[Int(type.rawValue >> 6 & 3)] >> UInt64(type.rawValue & 63) & 1 != 0
        }
    }

    /// The version in which this program writes a type.
    public func version(of type: EventType) -> UInt32 {
        let code = Int(type.rawValue)
        return code < versions.count ? versions[code] : 1
    }

    private func entry(of type: EventType) -> Entry? {
        let code = Int(type.rawValue)
        return code < entries.count ? entries[code] : nil
    }

    /// Today's attributes from a stored form.
    /// - Throws: ``CodecError/Reason/unsupportedVersion`` for a version that is not known here; what the decoder finds wrong.
    func decode(
        _ type: EventType, version: UInt32, from reader: inout PostcardReader
    ) throws(CodecError) -> EventAttributes {
        if version == self.version(of: type) {
            return try EventAttributes(type, from: &reader)
        }
        guard let entry = entry(of: type), version > 0, version < entry.currentVersion else {
            throw reader.failure(.unsupportedVersion)
        }
        return try entry.decode(version, &reader).get()
    }
}

/// How the attributes of one event type became what they are: a step from each version to the next, chained.
///
/// ```swift
/// AttributeHistory(TimerCreatedV1.self)
///     .upcast { TimerCreatedV2(name: $0.name, dueAt: $0.dueAt, group: "") }
///     .upcast { TimerCreated($0) }
/// ```
public struct AttributeHistory<Value: PostcardDecodable & Sendable & SendableMetatype>: Sendable {
    // A result, not an error that is thrown: old forms are rare.
    typealias Reader = @Sendable (inout PostcardReader) -> Result<Value, CodecError>

    /// The version of `Value`, counted from 1.
    public let currentVersion: UInt32
    /// By version, the first at 0.
    private let readers: [Reader]

    /// The first form.
    public init(_ first: Value.Type = Value.self) {
        currentVersion = 1
        readers = [Self.read]
    }

    private init(readers: [Reader]) {
        currentVersion = UInt32(readers.count)
        self.readers = readers
    }

    /// The history after one more change of form. `upcast` must be total: what was stored was valid once.
    public func upcast<Next: PostcardDecodable & Sendable & SendableMetatype>(
        to next: Next.Type = Next.self, _ upcast: @escaping @Sendable (Value) -> Next
    ) -> AttributeHistory<Next> {
        var chained: [AttributeHistory<Next>.Reader] = readers.map { reader in
            { reader(&$0).map(upcast) }
        }
        chained.append(AttributeHistory<Next>.read)
        return AttributeHistory<Next>(readers: chained)
    }

    /// - Parameter version: 1 to ``currentVersion``.
    func decode(_ version: UInt32, from reader: inout PostcardReader) -> Result<Value, CodecError> {
        guard version > 0, version <= currentVersion else { return .failure(reader.failure(.unsupportedVersion)) }
        return readers[Int(version) - 1](&reader)
    }

    @Sendable static func read(from reader: inout PostcardReader) -> Result<Value, CodecError> {
        do throws(CodecError) { return .success(try Value(from: &reader)) } catch { return .failure(error) }
    }
}

/// Events of a type that this program does not know, whose writer marked them as ignorable: they keep their place in the history,
/// change nothing, and are written again as they were. They are carried as domain events under a reserved name.
enum IgnoredEvent {
    static let prefix = "saga:ignored:"

    static func carrying(code: UInt16, version: UInt32, data: [UInt8]) -> DomainEvent {
        DomainEvent(
            typeName: prefix + String(code), typeVersion: version, payload: Payload(encoding: "", data: data))
    }

    /// The code of the event that a domain event carries; nil if it is a domain event in its own right.
    static func code(of event: DomainEvent) -> UInt16? {
        guard event.typeName.hasPrefix(prefix), event.payload.encoding.isEmpty, event.payload.metadata.isEmpty,
            let code = UInt16(event.typeName.dropFirst(prefix.count)), EventType(rawValue: code) == nil,
            // One name for one code: no sign and no leading zero.
            event.typeName == prefix + String(code)
        else { return nil }
        return code
    }
}
