internal import SagaCodec
internal import SagaCore

/// Promise 11: a snapshot and the tail are the full replay, byte for byte.
extension Checker {
    /// The engine hands out a state to be kept: it must be that of durable events.
    /// - Returns: What is stored; nil if a promise is broken.
    mutating func judge(snapshot state: ExecutionState, _ program: DefinitionRunState?, at wall: Timestamp)
        -> StoredSnapshot?
    {
        let history = histories[state.sagaID] ?? []
        guard state.nextEventID <= EventID(history.count) else {
            report(
                Violation(
                    "snapshot",
                    "\(state.sagaID): a snapshot has \(state.nextEventID) events, durable are \(history.count)"))
            return nil
        }
        // From where the last comparison stopped, if that is not later.
        let before = replays[state.sagaID].flatMap { $0.nextEventID <= state.nextEventID ? $0 : nil }
        let end = Int(state.nextEventID)
        guard let replayed = replay(history[Int(before?.nextEventID ?? 0)..<end], from: before) else { return nil }
        if replayed != state {
            report(Violation("snapshot", "\(state.sagaID): a snapshot is not the replay of its events"))
        }
        do {
            // Read back when the next owner takes it, and in `judgeSnapshots`.
            return try Snapshot.encode(state, program, at: wall)
        } catch {
            report(Violation("snapshot", "\(state.sagaID): a snapshot is not written: \(error)"))
            return nil
        }
    }

    /// At the end: for every prefix of every history, a snapshot there and the rest of the events give what all events give.
    mutating func judgeSnapshots() {
        for sagaID in order {
            let history = histories[sagaID] ?? []
            guard let whole = replay(history[...]) else { continue }
            let end = Postcard.encode(whole)
            var state = ExecutionState(sagaID: sagaID)
            var carried = state
            for (index, event) in history.enumerated() {
                do throws(SagaError) {
                    try state.apply(event)
                    // One that was written down and read again at every single event.
                    try carried.apply(event)
                } catch {
                    return report(Violation("snapshot", "\(sagaID): event \(index) after a snapshot: \(error)"))
                }
                guard let stored = reread(carried, at: event.timestamp) else { return }
                carried = stored.state
                if carried != state {
                    return report(Violation("snapshot", "\(sagaID): snapshots up to event \(index) are not its replay"))
                }
                // What follows from an equal state is equal; the whole tail from here, now and then, holds `==` to that.
                guard index % 8 == 0 else { continue }
                guard let rest = replay(history[(index + 1)...], from: stored.state) else { return }
                if Postcard.encode(rest) != end {
                    return report(
                        Violation("snapshot", "\(sagaID): a snapshot at event \(index) and the tail are not the replay")
                    )
                }
            }
        }
    }

    private mutating func replay(_ events: ArraySlice<HistoryEvent>, from state: ExecutionState? = nil)
        -> ExecutionState?
    {
        guard var state = state ?? events.first.map({ ExecutionState(sagaID: $0.sagaID) }) else { return nil }
        do throws(SagaError) {
            for event in events { try state.apply(event) }
            return state
        } catch {
            report(Violation("replay", "\(state.sagaID): \(error)"))
            return nil
        }
    }

    private mutating func reread(
        _ state: ExecutionState, at wall: Timestamp
    ) -> (stored: StoredSnapshot, state: ExecutionState)? {
        do {
            let stored = try Snapshot.encode(state, at: wall)
            let again = try Snapshot.decode(stored)
            if again != state {
                report(Violation("snapshot", "\(state.sagaID): a snapshot is read back as another state"))
            }
            return (stored, again)
        } catch {
            report(Violation("snapshot", "\(state.sagaID): a snapshot is not read back: \(error)"))
            return nil
        }
    }
}
