// What came before the code took it. Each inbox knows how many bytes it would take in the marker of a checkpoint, because that is asked
// with each message that comes at one.

/// Signals that came before the code asked for them.
struct SignalInbox {
    /// A signal, and the event that brought it; 0 for what an earlier pass of the code has handed on.
    struct Entry {
        var eventID: EventID
        var signal: CarriedSignal
    }

    /// In the order of arrival over all names. An array, because little waits, and continue-as-new needs the order.
    private var entries: [Entry]
    /// About how many bytes they take in a marker.
    private(set) var bytes: Int

    init(_ waiting: [CarriedSignal] = []) {
        entries = waiting.map { Entry(eventID: 0, signal: $0) }
        bytes = waiting.reduce(0) { $0 + $1.carriedBytes }
    }

    var count: UInt32 { UInt32(clamping: entries.count) }

    var waiting: [CarriedSignal] { entries.map(\.signal) }

    mutating func put(_ signal: SignalReceived, from eventID: EventID) {
        let signal = CarriedSignal(name: signal.name, payload: signal.payload, signalID: signal.signalID)
        entries.append(Entry(eventID: eventID, signal: signal))
        bytes += signal.carriedBytes
    }

    mutating func take(_ name: String) -> Payload? {
        guard let index = entries.firstIndex(where: { $0.signal.name == name }) else { return nil }
        let signal = entries.remove(at: index).signal
        bytes -= signal.carriedBytes
        return signal.payload
    }

    /// Takes all of certain names, in the order of arrival.
    mutating func takeAll(where isWanted: (_ name: String) -> Bool) -> [Entry] {
        let taken = entries.filter { isWanted($0.signal.name) }
        guard !taken.isEmpty else { return [] }
        entries.removeAll { isWanted($0.signal.name) }
        bytes -= taken.reduce(0) { $0 + $1.signal.carriedBytes }
        return taken
    }
}

/// Accepted updates that wait for the code to set their handlers.
struct UpdateInbox {
    /// In the order in which they were accepted.
    private(set) var waiting: [CodeCheckpoint.Update] = []
    /// About how many bytes they take in a marker.
    private(set) var bytes = 0

    mutating func put(_ update: CodeCheckpoint.Update) {
        waiting.append(update)
        bytes += update.carriedBytes
    }

    /// Takes all of certain names, in the order in which they were accepted.
    mutating func takeAll(where isWanted: (_ name: String) -> Bool) -> [CodeCheckpoint.Update] {
        let taken = waiting.filter { isWanted($0.name) }
        guard !taken.isEmpty else { return [] }
        waiting.removeAll { isWanted($0.name) }
        bytes -= taken.reduce(0) { $0 + $1.carriedBytes }
        return taken
    }
}

// The same for ever, like the limit that they count for: on replay the same checkpoint must be refused.

extension CarriedSignal {
    fileprivate var carriedBytes: Int { payload.carriedBytes + name.utf8.count + signalID.utf8.count }
}

extension CodeCheckpoint.Update {
    fileprivate var carriedBytes: Int { input.carriedBytes + name.utf8.count }
}

extension Payload {
    fileprivate var carriedBytes: Int {
        metadata.reduce(data.count + encoding.utf8.count + 16) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}
