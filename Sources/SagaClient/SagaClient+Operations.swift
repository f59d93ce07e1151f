public import SagaCore
internal import SagaWire

extension SagaClient {
    /// Hands out nothing of a run until it is resumed: its code gets no events, its steps no workers.
    public func pause(_ id: String, sagaID: SagaID? = nil, reason: String = "") async throws(SagaClientError) {
        _ = try await call(Wire.Workflows.Pause.self) { header in
            Wire.PauseWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), reason: reason)
        }
    }

    /// Lets a paused run go on.
    public func resume(_ id: String, sagaID: SagaID? = nil, reason: String = "") async throws(SagaClientError) {
        _ = try await call(Wire.Workflows.Resume.self) { header in
            Wire.ResumeWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), reason: reason)
        }
    }

    /// What a reset does with the undo entries of steps after its event.
    public enum ResetUndo: Sendable {
        /// They are undone first: the default.
        case undo
        /// They move to the new run.
        case keep
        /// They are forgotten.
        case drop
    }

    /// Goes on from an earlier event in a new run; the run ends as terminated.
    /// - Parameters:
    ///   - event: The last event that is kept.
    ///   - undo: What becomes of what was done after it.
    /// - Returns: The new run.
    @discardableResult
    public func reset(
        _ id: String, sagaID: SagaID? = nil, to event: EventID, undo: ResetUndo = .undo, reason: String = "",
        deadline: Duration? = nil
    ) async throws(SagaClientError) -> SagaID {
        let wireUndo: Wire.ResetUndo =
            switch undo {
            case .undo: .undo
            case .keep: .keep
            case .drop: .drop
            }
        let response = try await call(Wire.Workflows.Reset.self, deadline: deadline) { header in
            Wire.ResetWorkflowRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), eventID: event,
                undo: wireUndo, reason: reason)
        }
        return try response.sagaID.orMissing()
    }

    /// Removes a closed run and its history for good.
    @discardableResult
    public func delete(_ id: String, sagaID: SagaID? = nil) async throws(SagaClientError) -> SagaID {
        let response = try await call(Wire.Workflows.Delete.self) { header in
            Wire.DeleteWorkflowRequest(header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID))
        }
        return try response.sagaID.orMissing()
    }

    /// How many runs match. Exact to 10,000; beyond it perhaps an estimate, which ``runCount(type:statuses:idPrefix:where:)``
    /// tells.
    public func count(
        type: String = "", statuses: [ExecutionStatus] = [], idPrefix: String = "",
        where attributes: [AttributeCondition] = []
    ) async throws(SagaClientError) -> UInt64 {
        UInt64(
            clamping: try await runCount(type: type, statuses: statuses, idPrefix: idPrefix, where: attributes).count)
    }

    /// How many runs match, and whether that is an estimate: it is exact to 10,000.
    public func runCount(
        type: String = "", statuses: [ExecutionStatus] = [], idPrefix: String = "",
        where attributes: [AttributeCondition] = []
    ) async throws(SagaClientError) -> RunCount {
        let filter = Wire.WorkflowFilter(
            type: type, statuses: statuses, idPrefix: idPrefix, attributes: attributes)
        let response = try await call(Wire.Workflows.Count.self) { header in
            Wire.CountWorkflowsRequest(header: header, filter: filter)
        }
        return RunCount(count: Int(clamping: response.count), isEstimate: response.estimated)
    }
}

extension Wire.WorkflowFilter {
    init(type: String, statuses: [ExecutionStatus], idPrefix: String, attributes: [AttributeCondition]) {
        self.init(
            workflowTypes: type.isEmpty ? [] : [type], attributes: attributes.map { Wire.AttributeFilter($0) },
            workflowIDPrefix: idPrefix)
        var wanted: Set<Int32> = []
        for status in statuses where wanted.insert(Wire.WorkflowStatus(listing: status).rawValue).inserted {
            self.statuses.append(Wire.WorkflowStatus(listing: status))
        }
        onlyBlocked = statuses == [.blocked]
    }
}

extension Wire.AttributeFilter {
    init(_ condition: AttributeCondition) {
        let op: Wire.CompareOp =
            switch condition.comparison {
            case .equal: .equal
            case .notEqual: .notEqual
            case .less: .less
            case .lessOrEqual: .lessOrEqual
            case .greater: .greater
            case .greaterOrEqual: .greaterOrEqual
            case .prefix: .prefix
            }
        self.init(name: condition.name, op: op, value: Wire.Payload(condition.value.payload))
    }
}
