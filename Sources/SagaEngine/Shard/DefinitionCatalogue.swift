internal import SagaCore

/// The registered definitions, as the events of their runs tell them: each name has one run that stays open, in a namespace of
/// the engine's own, and each version is an event of it. So definitions are durable, recovered and fenced like all else.
struct DefinitionCatalogue {
    /// Versions of a name at most.
    static let maximumVersions = 1_000
    /// Bytes of a stored version at most.
    static let maximumBytes = 1_048_576
    /// The type of the runs that hold definitions, and of the events in them.
    static let runType = "saga.definition"

    struct Key: Hashable, Comparable {
        var namespace: String
        var name: String

        static func < (left: Key, right: Key) -> Bool {
            (left.namespace, left.name) < (right.namespace, right.name)
        }
    }

    /// One registered version.
    struct Version {
        var definition: SagaDefinition
        var registeredAt: Timestamp
        var requestID: String
        /// The event that holds it; it counts once that is durable.
        var eventID: EventID
        var program: SagaProgram?
    }

    struct Entry {
        /// The run that holds the versions.
        var sagaID: SagaID
        /// In the order in which they were registered, their numbers ascending.
        var versions: [Version] = []
    }

    private(set) var entries: [Key: Entry] = [:]

    var count: Int { entries.count }

    func versions(_ key: Key) -> [Version] { entries[key]?.versions ?? [] }

    /// Takes the event of a definition's run.
    /// - Parameter program: What was made of the definition before it was recorded; nil if it comes from the store.
    mutating func take(_ event: HistoryEvent, _ key: Key, _ program: SagaProgram? = nil) {
        guard case .domainEvent(let value) = event.attributes, value.typeName == Self.runType,
            value.typeVersion == SagaDefinition.formatVersion,
            let stored = try? StoredDefinition.decode(value.payload.data)
        else { return }
        entries[key, default: Entry(sagaID: event.sagaID)].versions.append(
            Version(
                definition: stored.definition, registeredAt: event.timestamp, requestID: stored.requestID,
                eventID: event.eventID, program: program?.definition == stored.definition ? program : nil))
    }

    /// What a version is, ready to run; it is checked once.
    mutating func program(_ key: Key, version: UInt32) -> SagaProgram? {
        guard let index = entries.index(forKey: key),
            let place = entries.values[index].versions.firstIndex(where: { $0.definition.version == version })
        else { return nil }
        if let program = entries.values[index].versions[place].program { return program }
        let program = try? SagaProgram(entries.values[index].versions[place].definition)
        entries.values[index].versions[place].program = program
        return program
    }

    mutating func remove(_ key: Key) { entries[key] = nil }

    mutating func removeAll() { entries = [:] }
}
