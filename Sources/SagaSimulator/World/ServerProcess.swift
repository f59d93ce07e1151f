internal import SagaCore
internal import SagaEngine

/// A server process, from its start to its death.
///
/// Two may live at once: the owner of the shard, and one that was the owner and does not know yet that it no longer is.
final class ServerProcess {
    let incarnation: UInt32
    let shard: Shard
    var isFlushDue = false
    var wakeAt: Int64 = .max
    var isRecovering = true
    /// Runs that were small records after the last flush.
    var parkedRuns = 0
    /// How many events each run had when its state was last compared with its history.
    var compared: [SagaID: EventID] = [:]
    /// How often it has read its state.
    var recoveries = 0
    /// Whether another process has come to take the shard over. Known to the world, not to the process.
    var isZombie = false

    init(_ incarnation: UInt32, _ shard: Shard) {
        self.incarnation = incarnation
        self.shard = shard
    }
}
