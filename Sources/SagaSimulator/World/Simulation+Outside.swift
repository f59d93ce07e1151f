internal import SagaCore
internal import SagaEngine

/// An attempt that goes on outside of its worker: whoever does it has the token, and knows nothing of workers and servers.
struct OutsideWork {
    var run: Int
    var task: ActivityTask
    var later: RunPlan.Behavior.Later
    var isOver = false
    var signs = 0
}

extension Simulation {
    /// An activity gives its work away; what becomes of its worker does not matter from now on.
    func goesOutside(_ task: ActivityTask, _ later: RunPlan.Behavior.Later, _ run: Int) {
        coverage.hit(.stepCompletesLater)
        outside.append(OutsideWork(run: run, task: task, later: later))
        let index = outside.count - 1
        put(.outsideEnds(index), after: later.micros)
        if later.givesSigns { put(.outsideSign(index), after: signInterval(task)) }
    }

    func outsideEnds(_ index: Int) {
        guard !outside[index].isOver else { return }
        outside[index].isOver = true
        let work = outside[index]
        switch work.later.end {
        case .success, .unknown, .silence(happened: true):
            checker.ledger.perform(work.task.idempotencyKey)
            note("outside performs \(work.task.idempotencyKey)")
        case .noEffect, .stopped, .silence(happened: false): break
        }
        if case .silence = work.later.end { return }
        report(work, index)
    }

    private func report(_ work: OutsideWork, _ index: Int) {
        let reference = work.task.reference
        checker.workerReports(reference, work.later.end.result(reference))
        let operation = ClientOperation(
            run: work.run, kind: .report(reference, work.later.end), requestID: "outside-\(index)",
            sagaID: reference.sagaID)
        add(operation, after: 0)
    }

    func outsideSign(_ index: Int) {
        guard !outside[index].isOver else { return }
        let work = outside[index]
        outside[index].signs += 1
        let operation = ClientOperation(
            run: work.run, kind: .sign(work.task.reference, index), requestID: "sign-\(index)-\(work.signs)",
            sagaID: work.task.reference.sagaID)
        add(operation, after: 0)
        put(.outsideSign(index), after: signInterval(work.task))
    }

    /// Where no signs are asked for, they are given all the same: the answer tells whether to stop.
    private func signInterval(_ task: ActivityTask) -> Int64 {
        task.timeouts.heartbeatMicros > 0 ? task.timeouts.heartbeatMicros / 3 : 200_000
    }

    /// A sign of life is answered: some listen when they are asked to stop.
    func outsideAnswered(_ index: Int, isCurrent: Bool, isCancelRequested: Bool) {
        guard outside.indices.contains(index), !outside[index].isOver else { return }
        if isCancelRequested, isCurrent, index % 2 == 0 {
            coverage.hit(.laterStopped)
            outside[index].isOver = true
            outside[index].later.end = .stopped
            report(outside[index], index)
        }
    }

    /// A server gets a call about such an attempt.
    func heardFromOutside(_ input: ShardInput) {
        guard case .call(_, let call) = input else { return }
        switch call {
        case .reportActivity(let report):
            checker.arrived(report.reference)
            // A sign of life that comes after it need not count, durable or not.
            reportedAttempts.insert(report.reference)
        case .heartbeatActivity(let sign): checker.ledger.signs.insert(sign.reference)
        default: break
        }
    }
}

extension RunPlan.OutsideEnd {
    /// What is reported.
    func result(_ reference: TaskReference) -> ActivityResult {
        switch self {
        case .success: .completed(output: .json("\(reference.eventID)"), undoData: nil)
        case .noEffect: .failed(SagaError(kind: .activityExecution, message: "outside: nothing"), outcome: .noEffect)
        case .unknown, .silence:
            .failed(SagaError(kind: .activityExecution, message: "outside: broken"), outcome: .unknown)
        case .stopped: .canceled(outcome: .noEffect, details: nil)
        }
    }
}
