public import SagaCore
internal import SagaWire

/// A run that needs a person.
public struct BlockedSaga: Sendable {
    public var summary: WorkflowSummary
    public var cause: BlockCause
    public var since: Timestamp
    /// What happened and which verbs help.
    public var message: String
    /// The undos that are not settled.
    public var undos: [WorkflowDescription.UndoLogEntry]
}

/// A success that was reported after its step's undo had begun, or after its run was closed.
public struct LateEffectSummary: Sendable {
    public var workflowID: String
    public var sagaID: SagaID
    /// The event that scheduled the step.
    public var scheduledEventID: EventID
    public var stepID: String
    /// The attempt that reported, from 1.
    public var attempt: UInt32
    /// May be empty.
    public var activityType: String
    /// Empty if the step has no undo.
    public var undoActivityType: String
    public var idempotencyKey: String
    public var reportedAt: Timestamp
    public var output: Payload
    /// Whether the undo was queued once more; if not, the run was closed, and the effect stands.
    public var isUndoneAgain: Bool
}

extension SagaClient {
    /// A page of the runs that need a person.
    /// - Parameters:
    ///   - limit: 1 to 1,000.
    ///   - after: From the page before; nil for the first.
    public func listBlocked(
        limit: Int = 100, after: ListPosition? = nil
    ) async throws(SagaClientError) -> (blocked: [BlockedSaga], next: ListPosition?) {
        let response = try await call(Wire.Compensation.ListBlocked.self) { header in
            Wire.ListBlockedRequest(
                header: header, pageSize: UInt32(clamping: max(1, limit)), pageToken: after?.token ?? [])
        }
        var blocked: [BlockedSaga] = []
        for wire in response.workflows {
            blocked.append(
                BlockedSaga(
                    summary: try WorkflowSummary(wire.info), cause: BlockCause(orUndo: wire.cause),
                    since: Timestamp(microseconds: wire.sinceMicros), message: wire.message,
                    undos: wire.openUndo.map { WorkflowDescription.UndoLogEntry($0) }))
        }
        return (blocked, response.nextPageToken.isEmpty ? nil : ListPosition(token: response.nextPageToken))
    }

    /// A page of late effects, oldest first.
    /// - Parameters:
    ///   - id: Only of this workflow id; nil for all of the namespace.
    ///   - sagaID: One run of it.
    ///   - limit: 1 to 1,000.
    ///   - after: From the page before; nil for the first.
    public func lateEffects(
        _ id: String? = nil, sagaID: SagaID? = nil, limit: Int = 100, after: ListPosition? = nil
    ) async throws(SagaClientError) -> (effects: [LateEffectSummary], next: ListPosition?) {
        let response = try await call(Wire.Compensation.ListLateEffects.self) { header in
            Wire.ListLateEffectsRequest(
                header: header, workflow: id.map { Wire.WorkflowRef(workflowID: $0, sagaID: sagaID) },
                pageSize: UInt32(clamping: max(1, limit)), pageToken: after?.token ?? [])
        }
        var effects: [LateEffectSummary] = []
        for wire in response.lateEffects {
            effects.append(
                LateEffectSummary(
                    workflowID: wire.workflowID, sagaID: try wire.sagaID.orMissing(),
                    scheduledEventID: wire.scheduledEventID, stepID: wire.stepID, attempt: wire.attempt,
                    activityType: wire.activityType, undoActivityType: wire.undoActivityType,
                    idempotencyKey: wire.idempotencyKey, reportedAt: Timestamp(microseconds: wire.reportedMicros),
                    output: Payload(orEmpty: wire.output), isUndoneAgain: wire.undoneAgain))
        }
        return (effects, response.nextPageToken.isEmpty ? nil : ListPosition(token: response.nextPageToken))
    }
}

extension BlockCause {
    /// A cause of the wire; one of a newer server reads as that of an undo.
    fileprivate init(orUndo wire: Wire.BlockCause) {
        self =
            switch wire {
            case .nondeterminism: .nondeterminism
            case .codeFailure: .codeFailure
            default: .undoFailed
            }
    }
}

/// How a server stands, in numbers.
public struct ServerInfo: Sendable {
    public var version: String
    public var store: String
    public var startedAt: Timestamp
    public var isDraining: Bool
    public var connections: UInt32
    public var workers: UInt32
    public var openSagas: UInt64
    /// Sagas that wait for a person now.
    public var blockedSagas: UInt64
    /// Since the start: times that a saga became blocked, late effects, alerts delivered, deliveries that failed.
    public var blocks: UInt64
    public var lateEffects: UInt64
    public var alertsDelivered: UInt64
    public var alertsFailed: UInt64
    /// Alerts that are not delivered yet.
    public var alertsWaiting: UInt64
}

extension SagaClient {
    /// How the server stands.
    public func serverInfo() async throws(SagaClientError) -> ServerInfo {
        let wire = try await call(Wire.Admin.ServerInfo.self) { Wire.ServerInfoRequest(header: $0) }
        return ServerInfo(
            version: wire.version, store: wire.store, startedAt: Timestamp(microseconds: wire.startedMicros),
            isDraining: wire.draining, connections: wire.connections, workers: wire.workers,
            openSagas: wire.openSagas, blockedSagas: wire.blockedSagas, blocks: wire.blocks,
            lateEffects: wire.lateEffects, alertsDelivered: wire.alertsDelivered, alertsFailed: wire.alertsFailed,
            alertsWaiting: wire.alertsWaiting)
    }
}
