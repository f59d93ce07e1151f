internal import SagaCore
internal import SagaEngine

/// The user's activities: run, run twice, or left to hang, and what they change in the world.
extension TortureRun {
    /// Does with an attempt what the scenario says.
    /// - Returns: What is reported, in this order; nothing if it never reports.
    func perform(_ task: ActivityTask, isHelped: Bool) async throws -> [ActivityResult] {
        let name = names.name(of: task)
        let broken = SagaError(kind: .activityExecution, message: "torture: the attempt broke")
        switch scenario.action(
            name, isUndo: task.reference.isUndo, attempt: task.reference.attempt, isHelped: isHelped)
        {
        case .runs: return [try await execute(task, name)]
        case .runsTwice: return [try await execute(task, name), try await execute(task, name)]
        case .refuses:
            return [.failed(SagaError(kind: .domain, message: "torture: refused"), outcome: .noEffect)]
        case .failsBefore: return [.failed(broken, outcome: .unknown)]
        case .failsAfter:
            // The first attempt takes effect; the others would only repeat it.
            if task.reference.attempt == 1 || task.reference.isUndo { _ = try await execute(task, name) }
            return [.failed(broken, outcome: .unknown)]
        case .hangsBefore: return []
        case .hangsAfter:
            _ = try await execute(task, name)
            return []
        case .isLate:
            lateTasks[name] = task
            return []
        }
    }

    private func execute(_ task: ActivityTask, _ name: String) async throws -> ActivityResult {
        executions += 1
        let result = await ActivityCall.run(task, world.activities).result
        let change = facts.note(try await world.observe(), by: name)
        let key = task.idempotencyKey
        if task.reference.isUndo, task.reference.attempt > 0 {
            if facts.hasSucceeded(key), let change { report(.undoNotIdempotent, name, change) }
            if case .failed(let error, _) = result { report(.undoFails, name, error.message) }
            if case .completed = result, let undo = task.undo { facts.undone(undo.stepKey) }
        } else if let change {
            if facts.isUndone(key) {
                report(.lateEffect, name, change)
            } else if facts.hasSucceeded(key) {
                report(.stepNotIdempotent, name, change)
            }
        }
        if case .completed = result { facts.succeeded(key) }
        if task.reference.isUndo, let late = lateTasks.removeValue(forKey: name) {
            // Its worker dies with it, so nobody ever hears of it.
            _ = try await execute(late, name)
        }
        return result
    }
}
