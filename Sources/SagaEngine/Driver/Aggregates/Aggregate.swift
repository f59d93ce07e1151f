internal import SagaCore

/// A thing of the user's own domain whose state is what its events make of it (manual, section 5.4).
///
/// ```swift
/// struct Account: Aggregate {
///     static let typeName = "account"
///     var balance = 0
///     mutating func apply(_ event: AccountEvent) {
///         switch event {
///         case .opened(let opened): balance = opened.deposit
///         case .moved(let moved): balance += moved.amount
///         }
///     }
/// }
/// ```
public protocol Aggregate: Codable, Sendable {
    /// Its events, usually an enum.
    associatedtype Event: DomainEventSet
    /// Its name in the store: 1 to 100 bytes, never changed.
    static var typeName: String { get }
    /// The version of the fields that a snapshot holds: count it up when they, or what events do to them, change. Default 1.
    static var snapshotVersion: UInt16 { get }
    /// What it is before its first event.
    init()
    /// What an event makes of it. It has happened: there is nothing to refuse.
    mutating func apply(_ event: Event)
}

extension Aggregate {
    public static var snapshotVersion: UInt16 { 1 }
}

/// All kinds of events of an aggregate, with the names and versions under which they are stored.
public protocol DomainEventSet: Sendable {
    static var catalog: DomainEventCatalog<Self> { get }
}

/// How the events of an aggregate are stored, and how older forms of them become today's.
///
/// ```swift
/// static let catalog = DomainEventCatalog<AccountEvent>()
///     .event("opened", as: Opened.self, { .opened($0) }) { if case .opened(let value) = $0 { value } else { nil } }
///     .event("moved", version: 2, as: Moved.self, { .moved($0) }) { if case .moved(let value) = $0 { value } else { nil } }
///     .upcast("moved", from: 1) { (old: MovedV1) in Moved(amount: old.cents, by: "unknown") }
/// ```
public struct DomainEventCatalog<Event: Sendable>: Sendable {
    private struct Kind: Sendable {
        var name: String
        var version: UInt32
        var encode: @Sendable (Event, any PayloadConverter) throws -> Payload?
        var decode: @Sendable (Payload, any PayloadConverter) throws -> Event
        var upcasters: [UInt32: @Sendable (Payload, any PayloadConverter) throws -> Payload] = [:]
    }

    private var kinds: [Kind] = []

    public init() {}

    /// Adds a kind of event.
    /// - Parameters:
    ///   - name: Its name in the store: 1 to 255 bytes, never changed.
    ///   - version: The version of its present form, from 1.
    ///   - type: Its data.
    ///   - wrap: The event of some data.
    ///   - unwrap: The data of an event; nil if it is of another kind.
    public func event<Value: Codable & Sendable>(
        _ name: String, version: UInt32 = 1, as type: Value.Type, _ wrap: @escaping @Sendable (Value) -> Event,
        _ unwrap: @escaping @Sendable (Event) -> Value?
    ) -> Self {
        var copy = self
        copy.kinds.removeAll { $0.name == name }
        copy.kinds.append(
            Kind(
                name: name, version: version,
                encode: { event, converter in try unwrap(event).map { try converter.encode($0) } },
                decode: { payload, converter in wrap(try converter.decode(Value.self, from: payload)) }))
        return copy
    }

    /// Adds the step from one version of a kind to the next.
    public func upcast<Old: Decodable & SendableMetatype, New: Encodable & SendableMetatype>(
        _ name: String, from version: UInt32, _ change: @escaping @Sendable (Old) throws -> New
    ) -> Self {
        var copy = self
        guard let index = copy.kinds.firstIndex(where: { $0.name == name }) else { return copy }
        copy.kinds[index].upcasters[version] = { payload, converter in
            try converter.encode(try change(try converter.decode(Old.self, from: payload)))
        }
        return copy
    }

    /// The stored form of an event.
    func encode(_ event: Event, _ converter: any PayloadConverter) throws -> DomainEvent {
        for kind in kinds {
            guard let payload = try kind.encode(event, converter) else { continue }
            return DomainEvent(typeName: kind.name, typeVersion: kind.version, payload: payload)
        }
        throw SagaError(kind: .validation, message: "the catalog of \(Event.self) has no kind for \(event)")
    }

    /// The event of a stored form. One that is not known is an error, never left out (semantics, section 10).
    func decode(_ stored: DomainEvent, _ converter: any PayloadConverter) throws -> Event {
        guard let kind = kinds.first(where: { $0.name == stored.typeName }) else {
            throw SagaError(
                kind: .replay, message: "the catalog of \(Event.self) has no event \(stored.typeName)",
                isNonRetryable: true)
        }
        guard stored.typeVersion <= kind.version, stored.typeVersion > 0 else {
            throw SagaError(
                kind: .replay,
                message:
                    "event \(stored.typeName) has version \(stored.typeVersion); this program knows \(kind.version)",
                isNonRetryable: true)
        }
        var payload = stored.payload
        for version in stored.typeVersion..<kind.version {
            guard let upcast = kind.upcasters[version] else {
                throw SagaError(
                    kind: .replay, message: "event \(stored.typeName): nothing leads from version \(version) on",
                    isNonRetryable: true)
            }
            payload = try upcast(payload, converter)
        }
        return try kind.decode(payload, converter)
    }
}

/// Somebody else has appended meanwhile.
public struct AggregateConflict: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which aggregate.
    public var id: String
    /// How many events it was expected to have.
    public var expected: UInt64

    public var description: String { "\(id) no longer has \(expected) events: load it again and decide anew" }
}
