internal import SagaCore
internal import SagaEngine

/// Snapshots: kept late, lost, or damaged on disk; and the recovery that meets them.
extension Simulation {
    /// The shard hands a state out. It is judged at once; its write takes its time, and may outlive the process.
    func takeSnapshot(_ state: ExecutionState, _ program: DefinitionRunState?, _ server: ServerProcess) {
        coverage.hit(.snapshotTaken)
        guard let stored = checker.judge(snapshot: state, program, at: wall) else { return }
        if isFaulty, snapshotChance.happens(options.faults.lostSnapshot) { return coverage.hit(.snapshotLost) }
        pendingSnapshots[nextSnapshot] = (server.incarnation, stored)
        put(.keepSnapshot(nextSnapshot), after: snapshotChance.draw(1...2_000) * 100)
        nextSnapshot += 1
    }

    func keepSnapshot(_ number: Int) {
        guard let (incarnation, stored) = pendingSnapshots.removeValue(forKey: number) else { return }
        let server = server(incarnation)
        if server == nil {
            if snapshotChance.happens(500_000) { return }
            coverage.hit(.snapshotOfDeadServer)
        }
        var own = snapshots[stored.sagaID, default: []].filter { $0.nextEventID != stored.nextEventID }
        own.append(stored)
        own.sort { $0.nextEventID < $1.nextEventID }
        snapshots[stored.sagaID] = own.suffix(2)
        hash.add(stored.bytes)
        guard let server else { return }
        let created = SnapshotCreated(
            uptoEventID: stored.nextEventID - 1, sizeBytes: UInt64(stored.bytes.count), checksum: stored.checksum)
        give(.snapshotKept(stored.sagaID, created), to: server)
    }

    /// What a server finds of a run: a snapshot and the tail, or the whole history.
    func recovered(_ sagaID: SagaID) throws(StoreError) -> RecoveredRun? {
        let events = try allEvents(of: sagaID)
        checker.run(sagaID)?.recoveredEvents = EventID(events.count)
        for stored in (snapshots[sagaID] ?? []).reversed() {
            let read = damaged(stored)
            do throws(Snapshot.Problem) {
                let (state, program) = try Snapshot.decodeWhole(read)
                if read != stored {
                    checker.report(Violation("snapshot", "\(sagaID): a damaged snapshot was taken for a good one"))
                }
                coverage.hit(.snapshotUsed)
                if program != nil { coverage.hit(.programResumed) }
                return try goOn(state, program, events)
            } catch {
                coverage.hit(.snapshotSkipped)
                if read == stored { checker.report(Violation("snapshot", "\(sagaID): \(error)")) }
            }
        }
        guard !events.isEmpty else { return nil }
        var state = ExecutionState(sagaID: sagaID)
        do throws(SagaError) { try fold(events, into: &state) } catch {
            checker.report(Violation("replay", "\(sagaID): the durable history does not replay: \(error)"))
            return nil
        }
        checker.compare(state)
        return RecoveredRun(state: state)
    }

    /// What recovery does: it reads stored rows, and decodes only what the state keeps. Rows of one to four events, in two
    /// pages; those that the state has seen are passed over.
    private func fold(_ events: [HistoryEvent], into state: inout ExecutionState) throws(SagaError) {
        var rows: [[HistoryEvent]] = []
        var at = 0
        while at < events.count {
            let end = min(events.count, at + 1 + (at &* 7 + events.count) % 4)
            rows.append(Array(events[at..<end]))
            at = end
        }
        var fold = HistoryFold()
        for page in [rows.prefix(rows.count / 2), rows.suffix(rows.count - rows.count / 2)] {
            guard let packed = try? PackedHistory(of: state.sagaID, Array(page)) else {
                throw SagaError(kind: .replay, message: "the history is too long")
            }
            try fold.apply(packed, to: &state)
        }
    }

    /// The tail after a snapshot; the state must be that of the full replay.
    private func goOn(_ state: ExecutionState, _ program: DefinitionRunState?, _ events: [HistoryEvent]) throws(Snapshot
        .Problem) -> RecoveredRun
    {
        let snapshotAt = state.nextEventID
        guard snapshotAt <= EventID(events.count) else { throw .beyondHistory(nextEventID: snapshotAt) }
        var state = state
        do throws(SagaError) {
            try fold(events, into: &state)
        } catch {
            throw .misfit(error.message)
        }
        checker.compare(state)
        return RecoveredRun(state: state, snapshotAt: snapshotAt, program: program)
    }

    /// What the disk gives back: now and then a byte of it is another one.
    private func damaged(_ stored: StoredSnapshot) -> StoredSnapshot {
        guard isFaulty, snapshotChance.happens(options.faults.damagedSnapshot) else { return stored }
        var copy = stored
        let place = snapshotChance.pick(0...(copy.bytes.count - 1))
        copy.bytes[place] ^= UInt8(1 << snapshotChance.pick(0...7))
        return copy
    }
}
