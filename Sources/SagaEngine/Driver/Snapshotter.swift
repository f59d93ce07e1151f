internal import Dispatch
internal import Logging
internal import SagaCore
internal import Synchronization

/// Makes snapshots of states that the shard handed out: encodes and compresses them on a queue of its own, and keeps what
/// gathers meanwhile in one write. A snapshot that is lost costs a later start some time, nothing else; so while the store
/// is slow, states beyond a number are let go.
final class Snapshotter: Sendable {
    private let store: any SnapshotStore
    private let newest: Int
    private let logger: Logger
    private let queue = DispatchQueue(label: "saga.snapshots", qos: .utility)
    private let state = Mutex(State())

    private struct State {
        var waiting: [(state: ExecutionState, program: DefinitionRunState?)] = []
        var isAtWork = false
        var counts = SnapshotCounts()
        var kept: (@Sendable ([ShardInput]) -> Void)?
    }

    /// Most states that wait.
    private static let maximumWaiting = 1_024
    /// Most states in one write.
    private static let batch = 64

    init(_ store: any SnapshotStore, newest: Int, logger: Logger) {
        self.store = store
        self.newest = max(1, newest)
        self.logger = logger
    }

    /// Says whom to tell when snapshots are in the store.
    func attach(_ kept: @escaping @Sendable ([ShardInput]) -> Void) { state.withLock { $0.kept = kept } }

    var counts: SnapshotCounts { state.withLock(\.counts) }

    func skipped() { state.withLock { $0.counts.skipped += 1 } }

    func take(_ execution: ExecutionState, _ program: DefinitionRunState?) {
        let wake = state.withLock { state in
            // A newer state of the same run takes the place of one that nobody has come to yet.
            if let index = state.waiting.lastIndex(where: { $0.state.sagaID == execution.sagaID }) {
                state.waiting[index] = (execution, program)
                return false
            }
            guard state.waiting.count < Self.maximumWaiting else {
                state.counts.dropped += 1
                return false
            }
            state.waiting.append((execution, program))
            defer { state.isAtWork = true }
            return !state.isAtWork
        }
        if wake { work() }
    }

    private func work() {
        queue.async { [self] in
            let states = state.withLock { state in
                let states = Array(state.waiting.prefix(Self.batch))
                state.waiting.removeFirst(states.count)
                if states.isEmpty { state.isAtWork = false }
                return states
            }
            if states.isEmpty { return }
            let snapshots = states.compactMap { encode($0, $1) }
            Task {
                await keep(snapshots)
                work()
            }
        }
    }

    private func encode(_ execution: ExecutionState, _ program: DefinitionRunState?) -> StoredSnapshot? {
        do {
            // By the clock of its namespace, which may be virtual.
            return try Snapshot.encode(execution, program, at: execution.lastTimestamp)
        } catch {
            state.withLock { $0.counts.failed += 1 }
            logger.warning(
                "a snapshot cannot be made; the history serves",
                metadata: ["saga_id": "\(execution.sagaID)", "error": "\(error)"])
            return nil
        }
    }

    private func keep(_ snapshots: [StoredSnapshot]) async {
        guard !snapshots.isEmpty else { return }
        do throws(StoreError) {
            try await store.keep(snapshots, newest: newest)
            let tell = state.withLock { state in
                state.counts.kept += UInt64(snapshots.count)
                return state.kept
            }
            tell?(
                snapshots.map { snapshot in
                    .snapshotKept(
                        snapshot.sagaID,
                        SnapshotCreated(
                            uptoEventID: snapshot.nextEventID &- 1, sizeBytes: UInt64(snapshot.bytes.count),
                            checksum: snapshot.checksum))
                })
        } catch {
            state.withLock { $0.counts.failed += UInt64(snapshots.count) }
            if error.reason == .closed { return }
            logger.warning(
                "snapshots cannot be kept; the histories serve",
                metadata: ["count": "\(snapshots.count)", "error": "\(error.message)"])
        }
    }
}

/// Snapshots since the engine began.
package struct SnapshotCounts: Hashable, Sendable {
    /// In the store.
    package var kept: UInt64 = 0
    /// Could not be made or written.
    package var failed: UInt64 = 0
    /// Let go, because too many waited.
    package var dropped: UInt64 = 0
    /// Found damaged, missing or of another version, and not used.
    package var skipped: UInt64 = 0
}
