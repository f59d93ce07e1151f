internal import SagaCore
internal import SagaEngine

/// A worker process: workflow code by the real runtime, activities as a plan says.
struct SimulatedWorker {
    /// An activity that runs. An object, for its task is large and looked at often.
    final class Running {
        /// Names this execution; the reference may run twice at once, in two workers.
        let id: UInt64
        let task: ActivityTask
        var failure: RunPlan.Behavior.Failure?
        /// Whether and how it goes on outside of the worker.
        var later: RunPlan.Behavior.Later?
        /// What it returns, where that is not the simulator's own.
        var output: Payload?
        var signs = 0
        var isEffectDone = false
        var isCancelled = false

        init(id: UInt64, task: ActivityTask, failure: RunPlan.Behavior.Failure?) {
            self.id = id
            self.task = task
            self.failure = failure
        }
    }

    struct Report {
        var reference: TaskReference
        var result: ActivityResult
        /// What the run's code here has made of it.
        var advance: StepAdvance?
        var timesSent = 0
        /// Whether the attempt ran here before, and was reported then, too: an answer may be meant for either report.
        var isSecond = false
    }

    var index: Int
    /// How often the process has been started.
    var life: UInt32 = 0
    var stream: WorkerID?
    var running: [Running] = []
    /// Ends of activities that the server has not acknowledged.
    var reports: [Report] = []
    /// Attempts whose end was reported from here.
    var reported: Set<TaskReference> = []
    /// Live code, the oldest first.
    var code: [(sagaID: SagaID, instance: WorkflowInstance, isLoading: Bool)] = []
    /// Workflow tasks whose answers have not left, of a worker that takes a number of them at a time.
    var answering: [SagaID: UInt64] = [:]
    /// Code that is made for one question.
    var queried: [UInt64: WorkflowInstance] = [:]
    var isPaused = false
    /// Takes no new task, and ends when it has none.
    var isDraining = false
    var hasBadCodeUntil: Int64 = 0
    /// What happened to it while it stood still.
    var backlog: [SimulationEvent] = []
    static let slots = 4

    func position(of activity: UInt64) -> Int? { running.firstIndex { $0.id == activity } }
}

/// A worker's connection to one server process: ordered both ways, until it breaks. An object, for it changes with every message.
final class WorkerStream {
    let worker: Int
    let incarnation: UInt32
    var isOpenAtServer = true
    var isOpenAtWorker = true
    /// Tasks that the server has given it and had no report of.
    var out: Set<TaskReference> = []
    /// Workflow tasks that the server has given it and had no answer of, by their runs.
    var codeOut: [SagaID: UInt64] = [:]
    /// When the server learned that the worker takes no new task.
    var drainedAt: Int64?
    var lastToServer: Int64 = 0
    var lastToWorker: Int64 = 0

    init(worker: Int, incarnation: UInt32) {
        self.worker = worker
        self.incarnation = incarnation
    }
}
