internal import SagaCore
internal import SagaEngine

/// What can happen in a simulated world.
enum SimulationEvent {
    // The servers; each carries the incarnation of the process that it is meant for.
    case serverStart
    case rivalStarts
    case zombieEnds(UInt32)
    // What is large stands outside the event: events are moved several times on their way through the queue.
    indirect case toServer(UInt32, ShardInput)
    case flush(UInt32)
    case wake(UInt32)
    case takeOver(UInt32)
    case readOpenRuns(UInt32, epoch: UInt64)
    indirect case load(UInt32, ShardEffect)
    /// The store comes to an append; the process that sent it may be dead.
    case applyAppend(Int)
    case keepSnapshot(Int)

    // Workers.
    case workerConnect(Int, life: UInt32)
    indirect case fromWorker(WorkerID, ShardInput)
    indirect case toWorker(WorkerID, WorkerMessage)
    case streamLost(WorkerID)
    case performEffect(Int, activity: UInt64)
    case activityEnds(Int, activity: UInt64)
    case heartbeat(Int, activity: UInt64)
    /// A thread of the worker has something to send.
    indirect case workerSends(WorkerID, ShardInput)
    case workerResumes(Int)
    case workerDies(Int)

    /// What goes on outside of a worker comes to its end, or gives a sign of life.
    case outsideEnds(Int)
    case outsideSign(Int)

    // Clients.
    case clientStart(Int)
    case sendOperation(Int)
    indirect case toClient(CallID, Result<CallReply, CallFailure>)
    case operate(SagaID)

    // The world.
    case clockJump
    case faultsEnd
    case compare
    /// A new release of the workflow code is out.
    case release

    /// A number of its kind, for the trace hash.
    var code: UInt64 {
        switch self {
        case .serverStart: 1
        case .toServer: 2
        case .flush: 3
        case .wake: 4
        case .takeOver: 5
        case .readOpenRuns: 6
        case .load: 7
        case .applyAppend: 8
        case .workerConnect: 9
        case .fromWorker: 10
        case .toWorker: 11
        case .streamLost: 12
        case .performEffect: 13
        case .activityEnds: 14
        case .heartbeat: 15
        case .workerSends: 16
        case .workerResumes: 17
        case .workerDies: 18
        case .clientStart: 19
        case .sendOperation: 20
        case .toClient: 21
        case .operate: 22
        case .clockJump: 23
        case .faultsEnd: 24
        case .compare: 25
        case .rivalStarts: 26
        case .zombieEnds: 27
        case .keepSnapshot: 28
        case .outsideEnds: 29
        case .outsideSign: 30
        case .release: 31
        }
    }
}

/// An append on its way to the store.
struct PendingAppend {
    var incarnation: UInt32
    var id: BatchID
    var batch: AppendBatch
    /// The answer that is given although, or because, nothing happened.
    var fault: Fault?

    enum Fault {
        case unavailable
        /// Not applied, and the caller is not told so.
        case lostUnapplied
        /// Applied, and the caller is not told so; the answer may come before the store comes to it.
        case lostApplied
    }
}
