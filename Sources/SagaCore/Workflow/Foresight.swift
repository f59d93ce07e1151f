/// What the history says about commands that the code has not issued yet: values that were computed once, and which side of
/// a patch was taken (semantics, section 6). On replay the code must be told before it comes to the event.
struct Foresight {
    /// Commands before this number are recorded: code that issues one of them is being replayed.
    private(set) var recorded: CommandNumber = 0
    private var values: [CommandNumber: Payload] = [:]
    private var versions: [CommandNumber: VersionMarkerRecorded] = [:]

    /// - Returns: How many of the events are records of commands.
    mutating func take(in events: [HistoryEvent]) -> Int {
        var count = 0
        // In their places: an event is large to copy.
        events.withUnsafeBufferPointer { events in
            guard let first = events.baseAddress else { return }
            for index in events.indices {
                guard let number = first[index].attributes.commandNumber else { continue }
                count += 1
                recorded = max(recorded, number &+ 1)
                switch first[index].attributes {
                case .sideEffectRecorded(let effect): values[number] = effect.value
                case .versionMarkerRecorded(let marker): versions[number] = marker
                default: break
                }
            }
        }
        return count
    }

    mutating func takeValue(_ number: CommandNumber) -> Payload? { values.removeValue(forKey: number) }

    /// The patch that the command of this number recorded.
    func version(_ number: CommandNumber) -> VersionMarkerRecorded? { versions[number] }
}
