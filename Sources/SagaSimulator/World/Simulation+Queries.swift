internal import SagaCore
internal import SagaEngine

/// Questions to workflow code.
extension Simulation {
    func answer(_ task: QueryTask, _ index: Int, _ stream: WorkerID) {
        guard let answer = Outside.$current.withValue(outsideOfCode, operation: { answer(task, index) }) else { return }
        let input = ShardInput.queryAnswered(stream, queryID: task.queryID, answer)
        put(.workerSends(stream, input), after: network.draw(0...20) * 100)
    }

    private func answer(_ task: QueryTask, _ index: Int) -> QueryAnswer? {
        if task.isLive {
            guard let live = workers[index].code.first(where: { $0.sagaID == task.run.sagaID })?.instance,
                live.stands(at: task.run.firstEventID)
            else { return .needHistory }
            return live.answer(task.name, task.input)
        }
        if task.run.firstEventID == 0 {
            guard
                let definition = SimulatedWorkflows.registry.definition(
                    task.run.workflowType, version: task.run.workflowVersion)
            else { return .failed(SagaError(kind: .configuration, message: "unknown type")) }
            workers[index].queried[task.queryID] = WorkflowInstance(
                task: task.run, definition: definition, converter: .json)
        }
        guard let instance = workers[index].queried[task.queryID] else {
            return task.run.more ? nil : .needHistory
        }
        let result = instance.activate(task.run)
        if case .failed(_, let error)? = result {
            workers[index].queried[task.queryID] = nil
            return .failed(error)
        }
        if task.run.more { return nil }
        workers[index].queried[task.queryID] = nil
        defer { instance.evict() }
        return instance.answer(task.name, task.input)
    }
}
