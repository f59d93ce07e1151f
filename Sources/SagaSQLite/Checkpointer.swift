import CSQLite
import Dispatch
import SagaCore
import Synchronization

/// Moves the write-ahead log into the database, in the background, so that no commit waits for it.
///
/// A passive checkpoint copies while the writer goes on. But the log starts over (and is written in place, which is
/// faster than growing it) only when a commit finds it wholly copied. Under steady load the background pass is always a
/// few commits behind; so after each pass the writer copies that small rest itself, between two commits.
final class Checkpointer: @unchecked Sendable {
    // Safety: `connection` is used on `queue` only; the rest is behind the lock.
    private let connection: Connection
    private let queue = DispatchQueue(label: "saga.sqlite.checkpoint")
    private let thresholdPages: Int32
    private let state = Mutex(State())

    private struct State {
        var isRunning = false
        var restIsDue = false
    }

    init(_ connection: Connection, thresholdPages: Int32) {
        self.connection = connection
        self.thresholdPages = thresholdPages
    }

    /// To be called by the writer after each commit, outside of any transaction.
    /// - Parameters:
    ///   - pages: How many pages the log has.
    ///   - writer: The writer's connection.
    func committed(pages: Int32, writer: Connection) {
        guard pages >= thresholdPages else { return }
        let (start, finish) = state.withLock { state in
            if state.isRunning { return (false, false) }
            if state.restIsDue {
                state.restIsDue = false
                return (false, true)
            }
            state.isRunning = true
            return (true, false)
        }
        if finish { Self.passive(writer) }
        guard start else { return }
        queue.async { [self] in
            Self.passive(connection)
            state.withLock { state in
                state.isRunning = false
                state.restIsDue = true
            }
        }
    }

    /// Waits until no checkpoint runs.
    func wait() { queue.sync {} }

    /// A failure loses nothing (the log stays) and shows again at the next attempt, so it is not reported here: a full
    /// disk is reported by the append that finds it.
    private static func passive(_ connection: Connection) {
        sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    }
}
