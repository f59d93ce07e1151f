internal import SagaCore
package import SagaSchedules

/// Starts a scheduled run, once: which call comes next, by the answer to the one before. The activity of the server and the
/// simulator both move it.
package struct FiringMachine: Sendable {
    package enum Step: Sendable {
        case call(Call)
        case done(FiringResult)
        /// Not now; from the beginning, later.
        case again(String)
    }

    private enum Phase: Sendable {
        case begin
        case lookingAtLast
        case cancelling
        case starting
    }

    private let firing: Firing
    private var phase = Phase.begin

    package init(_ firing: Firing) { self.firing = firing }

    /// - Parameter answer: Of the call before; nil at the beginning.
    package mutating func next(_ answer: Result<CallReply, CallFailure>?) -> Step {
        switch (phase, answer) {
        case (.begin, _):
            guard firing.overlap != .allow, !firing.lastWorkflowID.isEmpty else { return start() }
            phase = .lookingAtLast
            return .call(.describe(last))
        case (.lookingAtLast, .success(.description(let description))?):
            if description.status.isClosed { return start() }
            guard firing.overlap == .cancelOther, description.status != .compensating else {
                return .done(FiringResult(.busy))
            }
            phase = .cancelling
            return .call(
                .cancel(
                    ControlCall(
                        target: last, reason: "the next run of schedule \(firing.scheduleID) is due",
                        requestID: "\(firing.workflowID)/cancel", identity: identity)))
        // It was removed.
        case (.lookingAtLast, .failure(let failure)?) where failure.code == .notFound: return start()
        case (.cancelling, .success?): return .done(FiringResult(.busy))
        // It has closed meanwhile.
        case (.cancelling, .failure(let failure)?) where failure.code == .failedPrecondition: return start()
        case (.starting, .success(.started(let sagaID, let alreadyStarted))?):
            if !alreadyStarted { return .done(FiringResult(.started, sagaID: sagaID.description)) }
            return .done(
                FiringResult(.refused, message: "workflow id \(firing.workflowID) is open, and not by this schedule"))
        case (.starting, .failure(let failure)?)
        where failure.code == .alreadyExists || failure.code == .invalidArgument:
            return .done(FiringResult(.refused, message: failure.message))
        case (_, .failure(let failure)?): return .again(failure.message)
        case (_, .success?), (_, nil): return .again("the engine gave another answer than was asked for")
        }
    }

    private mutating func start() -> Step {
        phase = .starting
        let start = firing.start
        return .call(
            .start(
                StartCall(
                    namespace: firing.namespace, workflowID: firing.workflowID, workflowType: start.workflowType,
                    workflowVersion: start.workflowVersion, taskQueue: start.taskQueue, input: start.input.payload,
                    // The same for every attempt at the same due time: it is one start.
                    requestID: "schedule/\(firing.workflowID)", identity: identity, reusePolicy: .reject,
                    executionTimeoutMicros: start.executionTimeoutMicros, cancelGraceMicros: start.cancelGraceMicros,
                    autoCompensate: start.autoCompensate, continueOnUndoError: start.continueOnUndoError,
                    memo: start.memo.map(\.named), searchAttributes: start.searchAttributes.map(\.named))))
    }

    private var last: RunTarget { RunTarget(namespace: firing.namespace, workflowID: firing.lastWorkflowID) }
    private var identity: String { "schedule \(firing.scheduleID)" }
}
