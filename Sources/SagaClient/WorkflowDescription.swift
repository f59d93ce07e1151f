public import SagaCore
internal import SagaWire

/// One run in short.
public struct WorkflowSummary: Hashable, Sendable {
    public var workflowID: String
    public var sagaID: SagaID
    public var workflowType: String
    /// 0 if it is not decided, or not told.
    public var workflowVersion: UInt32
    /// May be empty in listings.
    public var taskQueue: String
    public var status: ExecutionStatus
    public var startedAt: Timestamp
    /// Nil while it is open.
    public var closedAt: Timestamp?
    /// Events so far.
    public var historyLength: UInt64
    /// Attributes that listings filter by.
    public var searchAttributes: [NamedPayload] = []
}

/// Everything about one run.
public struct WorkflowDescription: Sendable {
    public var summary: WorkflowSummary
    /// What an open run waits for.
    public var waitingFor: [Waiting]
    /// Steps that are scheduled and not closed.
    public var pendingSteps: [PendingStep]
    /// The undo log, oldest entry first.
    public var undoLog: [UndoLogEntry]
    /// Why it failed or is blocked.
    public var error: SagaError?
    /// What it returned, if it completed.
    public var output: Payload?
    /// When it times out; nil if it does not, or not any more.
    public var executionDeadline: Timestamp?
    /// Successes that were reported after their undo had begun or the run was closed, at most 1,000; see `lateEffects`.
    public var lateEffects: UInt32
    /// Outputs by name: of a past state, those of its steps so far.
    public var stepOutputs: [NamedPayload] = []
    /// Notes that were given at the start.
    public var memo: [NamedPayload] = []
    /// What the clock of its namespace shows, if that is virtual.
    public var virtualTime: Timestamp?
    /// For a past state, its last event.
    public var asOfEvent: EventID?

    /// One thing that an open run waits for.
    public struct Waiting: Hashable, Sendable {
        /// `signal`, `timer`, `activity`, `no_worker`, `retry`, `blocked`, `child`, `workflow_task`, `paused`,
        /// `external_signal`, or `unknown` if a newer server says something else.
        public var kind: String
        /// For people.
        public var text: String
        public var since: Timestamp?
        public var until: Timestamp?
        /// The event that began it.
        public var eventID: EventID?
    }

    /// A step that is not closed.
    public struct PendingStep: Sendable {
        public var eventID: EventID
        public var stepID: String
        public var activityType: String
        public var taskQueue: String
        public var attempt: UInt32
        /// Whether a worker has it.
        public var isRunning: Bool
        public var isCancelRequested: Bool
        /// When the next attempt may begin, if one is planned.
        public var nextAttemptAt: Timestamp?
        public var lastFailure: SagaError?
        /// The worker that has it; may be empty.
        public var worker: String
        /// When the attempt that runs gave its last sign of life.
        public var lastHeartbeatAt: Timestamp?
    }

    /// One undo.
    public struct UndoLogEntry: Sendable {
        /// How far it is.
        public enum State: String, Sendable {
            case open, running, undone, blocked, skipped, resolved
            case givenUp = "given_up"
            case committed, failed, dormant, unknown
        }

        public var stepEventID: EventID
        public var stepID: String
        public var undoActivityType: String
        public var state: State
        public var attempt: UInt32
        public var lastFailure: SagaError?
    }
}

/// What a server says of itself.
public struct ServerHealth: Sendable {
    /// Of the server's clock.
    public var serverTime: Timestamp
    /// From the question to the answer.
    public var roundTrip: Duration
    /// What the question carried.
    public var echo: [UInt8] = []
}

extension SagaClient {
    /// How a run stands.
    public func describe(_ id: String, sagaID: SagaID? = nil) async throws(SagaClientError) -> WorkflowDescription {
        let response = try await call(Wire.Workflows.Describe.self) { header in
            Wire.DescribeWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID))
        }
        return try WorkflowDescription(response)
    }

    /// How a run stood after an event.
    /// - Returns: What `describe` would have said then, with the outputs of the steps so far (the newest 256).
    /// - Throws: `notFound` if the run has no such event.
    public func describe(
        _ id: String, sagaID: SagaID? = nil, at event: EventID
    ) async throws(SagaClientError) -> WorkflowDescription {
        try await describe(id, sagaID: sagaID, at: .eventID(event))
    }

    /// How a run stood at a time.
    public func describe(
        _ id: String, sagaID: SagaID? = nil, at time: Timestamp
    ) async throws(SagaClientError) -> WorkflowDescription {
        try await describe(id, sagaID: sagaID, at: .timeMicros(time.microseconds))
    }

    private func describe(
        _ id: String, sagaID: SagaID?, at: Wire.StateAtRequest.At
    ) async throws(SagaClientError) -> WorkflowDescription {
        let response = try await call(Wire.Workflows.StateAt.self) { header in
            Wire.StateAtRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), at: at)
        }
        guard let state = response.state else {
            throw SagaClientError(.internal, "the server's answer has no state")
        }
        var description = try WorkflowDescription(state)
        description.asOfEvent = response.eventID
        return description
    }

    /// A page of runs, newest first.
    /// - Parameters:
    ///   - type: Only this type; empty for all.
    ///   - statuses: Only these; empty for all.
    ///   - idPrefix: Only workflow ids that begin with this.
    ///   - attributes: Conditions on search attributes; all must hold.
    ///   - limit: 1 to 1,000.
    ///   - after: From the page before; nil for the first.
    /// - Returns: The runs, and where the next page begins; nil at the end.
    public func list(
        type: String = "", statuses: [ExecutionStatus] = [], idPrefix: String = "",
        where attributes: [AttributeCondition] = [], limit: Int = 100, after: ListPosition? = nil
    ) async throws(SagaClientError) -> (runs: [WorkflowSummary], next: ListPosition?) {
        let request = Wire.WorkflowFilter(
            type: type, statuses: statuses, idPrefix: idPrefix, attributes: attributes)
        let response = try await call(Wire.Workflows.List.self) { header in
            Wire.ListWorkflowsRequest(
                header: header, filter: request, pageSize: UInt32(clamping: max(1, limit)),
                pageToken: after?.token ?? [])
        }
        var runs: [WorkflowSummary] = []
        for info in response.workflows {
            let summary = try WorkflowSummary(info)
            // The wire tells running, compensating and paused apart only in the answer.
            if statuses.isEmpty || statuses.contains(summary.status) { runs.append(summary) }
        }
        return (runs, response.nextPageToken.isEmpty ? nil : ListPosition(token: response.nextPageToken))
    }

    /// Whether the server answers, and how fast.
    /// - Parameter echo: Comes back in the answer; 64 KiB at most.
    public func health(echo: [UInt8] = []) async throws(SagaClientError) -> ServerHealth {
        let begin = ContinuousClock.now
        let response = try await call(Wire.Admin.Health.self) { Wire.HealthRequest(header: $0, echo: echo) }
        return ServerHealth(
            serverTime: Timestamp(microseconds: response.serverTimeMicros), roundTrip: begin.duration(to: .now),
            echo: response.echo)
    }

    /// Whether the server can do its work: whether its store answers, its engine is ready, and it takes connections.
    public func readiness() async throws(SagaClientError) -> ServerReadiness {
        let response = try await call(Wire.Admin.Readiness.self) { Wire.ReadinessRequest(header: $0) }
        return ServerReadiness(
            isReady: response.ready,
            parts: response.components.map {
                ServerReadiness.Part(name: $0.name, isReady: $0.ready, message: $0.message)
            })
    }
}

/// Whether a server can do its work.
public struct ServerReadiness: Hashable, Sendable {
    /// One part of a server.
    public struct Part: Hashable, Sendable {
        /// `store`, `engine` or `listener`.
        public var name: String
        public var isReady: Bool
        /// How it stands, for people.
        public var message: String
    }

    /// Whether all parts are ready.
    public var isReady: Bool
    /// Its parts.
    public var parts: [Part]
}

/// Where a listing goes on.
public struct ListPosition: Hashable, Sendable {
    let token: [UInt8]
}

extension WorkflowSummary {
    init(_ info: Wire.WorkflowInfo?) throws(SagaClientError) {
        guard let info else { throw SagaClientError(.internal, "the server's answer names no run") }
        var status = ExecutionStatus(info.status)
        if status == .running {
            if info.blocked {
                status = .blocked
            } else if info.paused {
                status = .paused
            } else if info.compensation == .compensating {
                status = .compensating
            }
        }
        self.init(
            workflowID: info.workflowID, sagaID: try info.sagaID.orMissing(), workflowType: info.workflowType,
            workflowVersion: info.workflowVersion, taskQueue: info.taskQueue, status: status,
            startedAt: Timestamp(microseconds: info.startedMicros),
            closedAt: info.closedMicros == 0 ? nil : Timestamp(microseconds: info.closedMicros),
            historyLength: info.historyLength, searchAttributes: info.searchAttributes.map { NamedPayload($0) })
    }
}

extension WorkflowDescription {
    fileprivate init(_ wire: Wire.DescribeWorkflowResponse) throws(SagaClientError) {
        self.init(
            summary: try WorkflowSummary(wire.info),
            waitingFor: wire.waitingFor.map { Waiting($0) },
            pendingSteps: wire.pendingSteps.map { step in
                PendingStep(
                    eventID: step.scheduledEventID, stepID: step.stepID, activityType: step.activityType,
                    taskQueue: step.taskQueue, attempt: step.attempt, isRunning: step.running,
                    isCancelRequested: step.cancelRequested,
                    nextAttemptAt: step.nextAttemptMicros == 0 ? nil : Timestamp(microseconds: step.nextAttemptMicros),
                    lastFailure: step.lastFailure.map { SagaError($0) }, worker: step.worker,
                    lastHeartbeatAt: step.lastHeartbeatMicros == 0
                        ? nil : Timestamp(microseconds: step.lastHeartbeatMicros))
            },
            undoLog: wire.undoLog.map { UndoLogEntry($0) },
            error: wire.error.map { SagaError($0) }, output: wire.output.map { Payload($0) },
            executionDeadline: wire.executionDeadlineMicros == 0
                ? nil : Timestamp(microseconds: wire.executionDeadlineMicros),
            lateEffects: wire.lateEffects, stepOutputs: wire.stepOutputs.map { NamedPayload($0) },
            memo: wire.memo.map { NamedPayload($0) },
            virtualTime: wire.virtualTimeMicros == 0 ? nil : Timestamp(microseconds: wire.virtualTimeMicros))
    }
}

extension WorkflowDescription.Waiting {
    fileprivate init(_ wire: Wire.WaitingFor) {
        let kind =
            switch wire.kind {
            case .signal: "signal"
            case .timer: "timer"
            case .activity: "activity"
            case .noWorker: "no_worker"
            case .retry: "retry"
            case .blocked: "blocked"
            case .child: "child"
            case .workflowTask: "workflow_task"
            case .paused: "paused"
            case .externalSignal: "external_signal"
            case .unspecified, .unrecognized: "unknown"
            }
        self.init(
            kind: kind, text: wire.text.isEmpty ? wire.name : wire.text,
            since: wire.sinceMicros == 0 ? nil : Timestamp(microseconds: wire.sinceMicros),
            until: wire.untilMicros == 0 ? nil : Timestamp(microseconds: wire.untilMicros),
            eventID: wire.eventID == 0 ? nil : wire.eventID)
    }
}

extension WorkflowDescription.UndoLogEntry {
    init(_ wire: Wire.UndoEntryInfo) {
        self.init(
            stepEventID: wire.stepEventID, stepID: wire.stepID, undoActivityType: wire.undoActivityType,
            state: State(wire.state), attempt: wire.attempt, lastFailure: wire.lastFailure.map { SagaError($0) })
    }
}

extension WorkflowDescription.UndoLogEntry.State {
    fileprivate init(_ wire: Wire.UndoEntryState) {
        self =
            switch wire {
            case .open: .open
            case .running: .running
            case .undone: .undone
            case .blocked: .blocked
            case .skipped: .skipped
            case .resolved: .resolved
            case .givenUp: .givenUp
            case .committed: .committed
            case .failed: .failed
            case .dormant: .dormant
            case .unspecified, .unrecognized: .unknown
            }
    }
}

extension ExecutionStatus {
    /// A status of the wire; one of a newer server reads as running.
    init(_ wire: Wire.WorkflowStatus) {
        self =
            switch wire {
            case .running, .unspecified, .unrecognized: .running
            case .completed: .completed
            case .failed: .failed
            case .canceled: .canceled
            case .timedOut: .timedOut
            case .terminated: .terminated
            case .continuedAsNew: .continuedAsNew
            }
    }
}

extension Wire.WorkflowStatus {
    /// The status of the wire that a status of a run is listed under.
    init(listing status: ExecutionStatus) {
        self =
            switch status {
            case .running, .compensating, .blocked, .paused: .running
            case .completed: .completed
            case .failed: .failed
            case .canceled: .canceled
            case .timedOut: .timedOut
            case .terminated: .terminated
            case .continuedAsNew: .continuedAsNew
            }
    }
}

extension CompensationSummary {
    /// What the wire says; nothing if it says nothing or something newer.
    init(orNone wire: Wire.CompensationSummary?) {
        let state = wire.flatMap { UInt8(exactly: $0.state.rawValue) }.flatMap { CompensationState(rawValue: $0) }
        self.init(state ?? .none, openEntries: wire?.openEntries ?? [])
    }
}
