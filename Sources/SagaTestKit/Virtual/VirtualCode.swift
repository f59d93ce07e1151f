internal import SagaCore

/// Live workflow code, run on the thread of whoever asks.
struct VirtualCode {
    var workflows: WorkflowRegistry
    let converter: any PayloadConverter
    /// The code is made anew of its history for every task, which shows code that does not do the same twice.
    let replaysEveryTask: Bool
    private var runs: [SagaID: WorkflowInstance] = [:]
    /// Runs whose history is being given in pages.
    private var paged: Set<SagaID> = []
    /// Code that is made for one query.
    private var queried: [UInt64: WorkflowInstance] = [:]

    init(workflows: WorkflowRegistry, converter: any PayloadConverter, replaysEveryTask: Bool) {
        self.workflows = workflows
        self.converter = converter
        self.replaysEveryTask = replaysEveryTask
    }

    /// Gives the code what a task brings, and runs the local activities that it asks for.
    /// - Returns: What it wants; nil if more of its history must come first.
    mutating func advance(
        _ task: WorkflowTask, local: (LocalActivityWork) async throws -> LocalActivityEnd
    ) async throws -> WorkflowTaskAnswer? {
        if task.firstEventID == 0 {
            evict(task.sagaID)
            guard let definition = workflows.definition(task.workflowType, version: task.workflowVersion) else {
                let error = SagaError(kind: .configuration, message: "no workflow type \(task.workflowType)")
                return task.more ? nil : .failed(.codeFailure, error)
            }
            runs[task.sagaID] = WorkflowInstance(task: task, definition: definition, converter: converter)
        } else if replaysEveryTask, !paged.contains(task.sagaID) {
            evict(task.sagaID)
        }
        if task.more { paged.insert(task.sagaID) } else { paged.remove(task.sagaID) }
        guard let instance = runs[task.sagaID] else { return .needHistory(from: 0) }
        let answer = instance.activate(task)
        guard case .completed(_, _, _, let verdicts)? = answer else { return answer }
        let work = instance.takeLocalWork()
        if work.isEmpty { return answer }
        for item in work { instance.localEnded(item.number, try await local(item)) }
        return instance.answer(verdicts)
    }

    /// Answers a question; nil if more of the history must come first.
    mutating func answer(_ task: QueryTask) -> QueryAnswer? {
        if task.isLive {
            guard let live = runs[task.run.sagaID], live.nextEventID == task.run.firstEventID else {
                return .needHistory
            }
            return live.answer(task.name, task.input)
        }
        if task.run.firstEventID == 0 {
            guard let definition = workflows.definition(task.run.workflowType, version: task.run.workflowVersion)
            else {
                let error = SagaError(kind: .configuration, message: "no workflow type \(task.run.workflowType)")
                return task.run.more ? nil : .failed(error)
            }
            queried[task.queryID] = WorkflowInstance(task: task.run, definition: definition, converter: converter)
        }
        guard let instance = queried[task.queryID] else { return task.run.more ? nil : .needHistory }
        if case .failed(_, let error)? = instance.activate(task.run) {
            queried[task.queryID] = nil
            return .failed(error)
        }
        if task.run.more { return nil }
        queried[task.queryID] = nil
        return instance.answer(task.name, task.input)
    }

    mutating func evict(_ sagaID: SagaID) { runs.removeValue(forKey: sagaID)?.evict() }

    mutating func evictAll() {
        for sagaID in runs.keys.sorted() { evict(sagaID) }
        paged = []
        queried = [:]
    }
}
