internal import SagaCore
internal import Synchronization

/// Runs local activities as Swift tasks, with all of their attempts.
final class LocalRunner: Sendable {
    private let activities: ActivityRegistry

    init(activities: ActivityRegistry) { self.activities = activities }

    /// - Parameter completion: Called once, from any thread.
    func run(
        _ work: LocalActivityWork, of task: WorkflowTask, completion: @escaping @Sendable (LocalActivityEnd) -> Void
    ) {
        guard let definition = activities.definition(work.activityType) else {
            let error = SagaError(
                kind: .configuration,
                message:
                    "this worker does not serve activity type \(work.activityType), which its workflow runs locally;"
                    + " it serves \(listing(activities.types))", isNonRetryable: true)
            return completion(.failed(error, .noEffect))
        }
        let once = Once(completion)
        let running = Task.detached { once.finish(await Self.attempts(work, task, definition)) }
        Task.detached {
            try? await Task.sleep(for: work.options.timeout)
            // Whatever it does from now on, nobody will hear of it.
            once.finish(.timedOut(.unknown))
            running.cancel()
        }
    }

    private static func attempts(
        _ work: LocalActivityWork, _ task: WorkflowTask, _ definition: ActivityDefinition
    ) async -> LocalActivityEnd {
        var isUnknown = false
        var attempt: UInt32 = 1
        while true {
            let reference = TaskReference(
                sagaID: task.sagaID, eventID: work.scheduledEventID ?? EventID(work.number), attempt: attempt,
                isUndo: false)
            let activity = ActivityTask(
                reference: reference, namespace: task.namespace, workflowID: task.workflowID,
                workflowType: task.workflowType, stepID: work.stepID, activityType: work.activityType,
                taskQueue: task.taskQueue, input: work.input, idempotencyKey: work.idempotencyKey,
                timeouts: ActivityTimeouts(startToCloseMicros: work.options.timeout.wholeMicroseconds), taskToken: [])
            do {
                let result = try await definition.execute(
                    work.input, ActivityContext(task: activity, reporter: NoHeartbeat()))
                return .completed(result.output)
            } catch let error as ActivityInputError {
                let cause = SagaError(describing: error.reason, kind: .codec)
                return .failed(
                    SagaError(kind: .codec, message: "the input does not decode: \(cause.message)"),
                    isUnknown ? .unknown : .noEffect)
            } catch is CancellationError {
                return .canceled(.unknown)
            } catch is ActivityCompletesLater {
                let error = SagaError(
                    kind: .configuration, message: "local activity \(work.activityType) cannot complete later",
                    isNonRetryable: true)
                return .failed(error, .unknown)
            } catch {
                let said = error as? NoEffect
                let described = SagaError(describing: said?.cause ?? error, kind: .activityExecution)
                isUnknown = isUnknown || (said == nil && described.impliedOutcome == .unknown)
                guard described.isRetryable, attempt < work.options.maximumAttempts else {
                    return .failed(described, isUnknown ? .unknown : .noEffect)
                }
                attempt += 1
                try? await Task.sleep(for: work.options.pause)
            }
        }
    }
}

/// Calls back the first time only.
private final class Once: Sendable {
    private let completion: Mutex<(@Sendable (LocalActivityEnd) -> Void)?>

    init(_ completion: @escaping @Sendable (LocalActivityEnd) -> Void) { self.completion = Mutex(completion) }

    func finish(_ end: LocalActivityEnd) {
        let completion = completion.withLock { completion in
            defer { completion = nil }
            return completion
        }
        completion?(end)
    }
}

/// A local activity is as alive as its worker.
private struct NoHeartbeat: HeartbeatReporter {
    var isCancelRequested: Bool { Task.isCancelled }
    func heartbeat(_ details: Payload?) {}
    func setUndoData(_ data: Payload) {}
}
