internal import SagaCore
internal import SagaEngine
internal import Synchronization

/// The user's activities, and what a worker would report of them.
enum ActivityCall {
    /// What an attempt said on its way.
    struct Report {
        var result: ActivityResult
        var heartbeats: [Payload?] = []
    }

    /// Runs the code of an activity.
    static func run(_ task: ActivityTask, _ activities: ActivityRegistry) async -> Report {
        guard let definition = activities.definition(task.activityType) else {
            let error = SagaError(kind: .configuration, message: "no activity type \(task.activityType)")
            return Report(result: .failed(error, outcome: .noEffect))
        }
        return await run(task) { reporter in
            let input = try activities.input(for: task)
            let result = try await definition.execute(input, ActivityContext(task: task, reporter: reporter))
            return (result.output, result.undoData)
        }
    }

    /// Runs something in the place of an activity.
    static func run(
        _ task: ActivityTask, _ body: (any HeartbeatReporter) async throws -> (output: Payload, undoData: Payload?)
    ) async -> Report {
        let reporter = KeepingReporter()
        var report = Report(result: .completesLater)
        do {
            let result = try await body(reporter)
            report.result = .completed(output: result.output, undoData: reporter.undoData ?? result.undoData)
        } catch {
            report.result = result(of: error, task)
        }
        report.heartbeats = reporter.heartbeats
        return report
    }

    /// What a worker reports of an error.
    static func result(of error: any Error, _ task: ActivityTask) -> ActivityResult {
        switch error {
        case is ActivityCompletesLater where !task.reference.isUndo: return .completesLater
        case let error as NoEffect:
            return .failed(SagaError(describing: error.cause, kind: .activityExecution), outcome: .noEffect)
        case let error as ActivityInputError:
            return .failed(SagaError(describing: error.reason, kind: .activityExecution), outcome: .noEffect)
        default:
            let described = SagaError(describing: error, kind: .activityExecution)
            return .failed(described, outcome: described.impliedOutcome)
        }
    }

    /// A local activity with all of its attempts, as a worker runs it; no time passes between them.
    /// - Parameter attempt: Runs one; nil if it never reports.
    static func runLocally(
        _ work: LocalActivityWork, of task: WorkflowTask,
        _ attempt: (ActivityTask) async throws -> ActivityResult?
    ) async throws -> LocalActivityEnd {
        var isUnknown = false
        var number: UInt32 = 1
        while true {
            let reference = TaskReference(
                sagaID: task.sagaID, eventID: work.scheduledEventID ?? EventID(work.number), attempt: number,
                isUndo: false)
            let activity = ActivityTask(
                reference: reference, namespace: task.namespace, workflowID: task.workflowID,
                workflowType: task.workflowType, stepID: work.stepID, activityType: work.activityType,
                taskQueue: task.taskQueue, input: work.input, idempotencyKey: work.idempotencyKey,
                timeouts: ActivityTimeouts(startToCloseMicros: work.options.timeout.wholeMicroseconds), taskToken: [])
            switch try await attempt(activity) {
            case .completed(let output, _): return .completed(output)
            case .canceled(let outcome, _): return .canceled(outcome)
            case nil: return .timedOut(.unknown)
            case .completesLater:
                let error = SagaError(
                    kind: .configuration, message: "local activity \(work.activityType) cannot complete later",
                    isNonRetryable: true)
                return .failed(error, .unknown)
            case .failed(let error, let outcome):
                isUnknown = isUnknown || outcome == .unknown
                guard error.isRetryable, number < work.options.maximumAttempts else {
                    return .failed(error, isUnknown ? .unknown : .noEffect)
                }
                number += 1
            }
        }
    }
}

/// Keeps signs of life until the attempt is over.
private final class KeepingReporter: HeartbeatReporter {
    private let state = Mutex<(heartbeats: [Payload?], undoData: Payload?)>(([], nil))

    var isCancelRequested: Bool { false }
    var heartbeats: [Payload?] { state.withLock { $0.heartbeats } }
    var undoData: Payload? { state.withLock { $0.undoData } }

    func heartbeat(_ details: Payload?) { state.withLock { $0.heartbeats.append(details) } }
    func setUndoData(_ data: Payload) { state.withLock { $0.undoData = data } }
}
