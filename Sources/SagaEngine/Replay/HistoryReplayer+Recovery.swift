package import SagaCore

extension HistoryReplayer {
    /// Open runs that are read at once.
    package static let runsAtOnce = 1_000
    /// Runs with fewer events are replayed from the first: as fast, and one question less to the store.
    private static let shortHistory: EventID = 128
    /// Events of one run that are read together with others; what is left of a run is read by itself.
    private static let pageOfOne = 1_024
    /// Runs whose snapshots are read at once: they may be large.
    private static let snapshotsAtOnce = 64

    /// An open run, for recovery.
    package func recover(_ row: ExecutionRow) async throws(ReplayFailure) -> RecoveredRun? {
        let start: Start = row.nextEventID < Self.shortHistory ? .beginning : .snapshot
        // Nobody else writes while a shard recovers, so the row tells where the history ends.
        guard let run = try await replay(row.sagaID, end: row.nextEventID, from: start, needsEvents: false, { _ in })
        else {
            return nil
        }
        return RecoveredRun(state: run.state, snapshotAt: run.snapshotAt, program: run.program)
    }

    /// Reads what the recovery of many open runs needs, in few questions.
    package func recoveryPage(of rows: [ExecutionRow]) async throws(StoreError) -> RecoveryPage {
        var page = RecoveryPage(rows: rows)
        page.histories.reserveCapacity(rows.count)
        let short = rows.filter { $0.nextEventID < Self.shortHistory }
        try await read(short.map { HistoryPlace($0.sagaID, from: 0) }, into: &page)
        guard let snapshots else { return page }
        var long = rows.filter { $0.nextEventID >= Self.shortHistory }[...]
        while !long.isEmpty {
            let part = long.prefix(Self.snapshotsAtOnce)
            long = long.dropFirst(part.count)
            let stored = try await snapshots.newestSnapshots(of: part.map(\.sagaID)).filter { $0.nextEventID > 0 }
            for snapshot in stored { page.snapshots[snapshot.sagaID] = snapshot }
            // The event that a snapshot ends with is read again: see `tail`.
            try await read(stored.map { HistoryPlace($0.sagaID, from: $0.nextEventID - 1) }, into: &page)
        }
        return page
    }

    private func read(_ places: [HistoryPlace], into page: inout RecoveryPage) async throws(StoreError) {
        var rest = places[...]
        while !rest.isEmpty {
            let found = try await store.packedEvents(of: Array(rest), limit: Self.pageOfOne)
            for history in found { page.histories[history.sagaID] = history }
            rest = rest.dropFirst(max(1, found.count))
        }
    }

    /// An open run of a page. Whatever is not as it should be there is read again by itself, which says what is wrong.
    /// - Parameter fold: Used for one run after the other.
    package func recover(
        _ row: ExecutionRow, in page: RecoveryPage, with fold: inout HistoryFold
    ) async throws(ReplayFailure) -> RecoveredRun? {
        guard let history = page.histories[row.sagaID] else { return try await recover(row) }
        if let stored = page.snapshots[row.sagaID] {
            guard let events = try? history.events() else { return try await recover(row) }
            let first = events.drop { $0.eventID + 1 < stored.nextEventID }
            let result = try await tail(
                of: stored, end: row.nextEventID, false, firstPage: Array(first), { _ in })
            guard case .success(let run) = result, run.state.nextEventID == row.nextEventID else {
                return try await recover(row)
            }
            reportMissing(run, end: row.nextEventID, [])
            return RecoveredRun(state: run.state, snapshotAt: run.snapshotAt, program: run.program)
        }
        var state = ExecutionState(sagaID: row.sagaID)
        fold.recordedSnapshot = nil
        do throws(SagaError) { try fold.apply(history, to: &state) } catch { return try await recover(row) }
        guard state.nextEventID == row.nextEventID else { return try await recover(row) }
        return RecoveredRun(state: state, snapshotAt: 0)
    }
}

/// What was read of many open runs at once.
package struct RecoveryPage: Sendable {
    /// The runs.
    package var rows: [ExecutionRow]
    /// Their events: from the first on, or from the last one that is in the snapshot.
    var histories: [SagaID: PackedHistory] = [:]
    /// The newest snapshots of those that have long histories.
    var snapshots: [SagaID: StoredSnapshot] = [:]
}
