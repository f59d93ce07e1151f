package import SagaCore

// Values that events, commands and tasks share, between the core and the wire. From core to wire everything passes; from
// wire to core what is missing or out of range is a `WireError` that names the field.

/// A field that the meaning needs.
func required<Value>(_ value: Value?, _ field: String) throws(WireError) -> Value {
    guard let value else { throw WireError(field: field, reason: .missing) }
    return value
}

/// A duration or interval in microseconds. The field's name is made only if it is needed: this is done for each step.
@inline(__always)
func duration(_ value: Int64, _ field: @autoclosure () -> String) throws(WireError) -> Int64 {
    guard value >= 0 else { throw WireError(field: field(), reason: .invalid("is negative")) }
    return value
}

// MARK: - Payloads

extension Wire.Payload {
    package init(_ payload: Payload) {
        self.init(
            encoding: payload.encoding, data: payload.data, metadata: payload.metadata.map { Wire.MetadataEntry($0) })
    }
}

extension Payload {
    package init(_ wire: Wire.Payload) {
        self.init(
            encoding: wire.encoding, data: wire.data,
            metadata: wire.metadata.map { MetadataEntry(key: $0.key, value: $0.value) })
    }

    /// An absent payload is no data.
    package init(orEmpty wire: Wire.Payload?) {
        self = wire.map { Payload($0) } ?? .empty
    }
}

extension Wire.MetadataEntry {
    package init(_ entry: MetadataEntry) { self.init(key: entry.key, value: entry.value) }
}

extension Wire.NamedPayload {
    package init(_ value: NamedPayload) { self.init(name: value.name, payload: Wire.Payload(value.payload)) }
}

extension NamedPayload {
    package init(_ wire: Wire.NamedPayload) { self.init(name: wire.name, payload: Payload(orEmpty: wire.payload)) }
}

// MARK: - Errors

extension Wire.SagaError {
    /// The error as it goes over the wire. NULs in its texts become U+FFFD: an error must always get through.
    package init(_ error: SagaError) {
        self.init(
            kind: Wire.ErrorKind(error.kind),
            category: Wire.ErrorCategory(rawValue: Int32(error.kind.category.rawValue)),
            message: withoutNUL(error.message), code: withoutNUL(error.code),
            context: error.context.map {
                Wire.MetadataEntry(key: withoutNUL($0.key), value: withoutNUL($0.value))
            },
            causes: error.causes.map {
                Wire.ErrorCause(kind: Wire.ErrorKind($0.kind), message: withoutNUL($0.message))
            },
            timestampMicros: error.timestamp.microseconds, nonRetryable: error.isNonRetryable,
            details: error.details.map { Wire.Payload($0) })
    }
}

extension SagaError {
    /// The error that came over the wire. A kind of a newer peer reads as unknown.
    package init(_ wire: Wire.SagaError) {
        self.init(
            kind: ErrorKind(wire.kind), message: wire.message, code: wire.code,
            context: wire.context.map { MetadataEntry(key: $0.key, value: $0.value) },
            causes: wire.causes.map { ErrorCause(kind: ErrorKind($0.kind), message: $0.message) },
            timestamp: Timestamp(microseconds: wire.timestampMicros), isNonRetryable: wire.nonRetryable,
            details: wire.details.map { Payload($0) })
    }
}

extension Wire.ErrorKind {
    package init(_ kind: ErrorKind) { self.init(rawValue: Int32(kind.rawValue)) }
}

extension ErrorKind {
    package init(_ wire: Wire.ErrorKind) {
        self = UInt8(exactly: wire.rawValue).flatMap { ErrorKind(rawValue: $0) } ?? .unknown
    }
}

private func withoutNUL(_ text: String) -> String {
    guard text.utf8.contains(0) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
}

// MARK: - Policies

extension Wire.RetryPolicy {
    package init(_ policy: RetryPolicy) {
        self.init(
            maximumAttempts: policy.maximumAttempts, initialIntervalMicros: policy.initialIntervalMicros,
            backoffCoefficient: policy.backoffCoefficient, maximumIntervalMicros: policy.maximumIntervalMicros,
            jitter: policy.jitter, nonRetryableKinds: policy.nonRetryableKinds.map { Wire.ErrorKind($0) })
    }
}

extension RetryPolicy {
    /// The policy that came over the wire; an absent one is `default`.
    package init(_ wire: Wire.RetryPolicy?, _ field: @autoclosure () -> String, default standard: RetryPolicy)
        throws(WireError)
    {
        guard let wire else {
            self = standard
            return
        }
        guard wire.backoffCoefficient.isFinite, wire.backoffCoefficient >= 0 else {
            throw WireError(
                field: "\(field()).backoff_coefficient", reason: .invalid("is no factor; give 1.0 to 100.0"))
        }
        guard wire.jitter >= 0, wire.jitter <= 1 else {
            throw WireError(field: "\(field()).jitter", reason: .invalid("is outside 0.0 to 1.0"))
        }
        self.init(
            maximumAttempts: wire.maximumAttempts,
            initialIntervalMicros: try duration(wire.initialIntervalMicros, "\(field()).initial_interval_us"),
            backoffCoefficient: wire.backoffCoefficient,
            maximumIntervalMicros: try duration(wire.maximumIntervalMicros, "\(field()).maximum_interval_us"),
            jitter: wire.jitter, nonRetryableKinds: wire.nonRetryableKinds.map { ErrorKind($0) })
    }
}

extension Wire.ActivityTimeouts {
    package init(_ timeouts: ActivityTimeouts) {
        self.init(
            scheduleToStartMicros: timeouts.scheduleToStartMicros, startToCloseMicros: timeouts.startToCloseMicros,
            scheduleToCloseMicros: timeouts.scheduleToCloseMicros, heartbeatMicros: timeouts.heartbeatMicros)
    }
}

extension ActivityTimeouts {
    /// The time-outs that came over the wire; absent ones are the standard.
    package init(_ wire: Wire.ActivityTimeouts?, _ field: @autoclosure () -> String) throws(WireError) {
        guard let wire else {
            self = .standard
            return
        }
        self.init(
            scheduleToStartMicros: try duration(wire.scheduleToStartMicros, "\(field()).schedule_to_start_us"),
            startToCloseMicros: try duration(wire.startToCloseMicros, "\(field()).start_to_close_us"),
            scheduleToCloseMicros: try duration(wire.scheduleToCloseMicros, "\(field()).schedule_to_close_us"),
            heartbeatMicros: try duration(wire.heartbeatMicros, "\(field()).heartbeat_us"))
    }
}

// MARK: - Undo

extension Wire.UndoSpec {
    package init(_ undo: UndoSpec) {
        self.init(
            activityType: undo.activityType, taskQueue: undo.taskQueue,
            undoFailedStep: Wire.UndoFailedStep(undo.undoFailedStep), retry: Wire.RetryPolicy(undo.retry),
            timeouts: Wire.ActivityTimeouts(undo.timeouts), probeActivityType: undo.probeActivityType)
    }
}

extension UndoSpec {
    package init(_ wire: Wire.UndoSpec, _ field: @autoclosure () -> String) throws(WireError) {
        self.init(
            activityType: wire.activityType, taskQueue: wire.taskQueue,
            undoFailedStep: try UndoFailedStep(wire.undoFailedStep, "\(field()).undo_failed_step"),
            retry: try RetryPolicy(wire.retry, "\(field()).retry", default: .undo),
            timeouts: try ActivityTimeouts(wire.timeouts, "\(field()).timeouts"),
            probeActivityType: wire.probeActivityType)
    }

    /// The spec, or nil if there is none.
    static func optional(_ wire: Wire.UndoSpec?, _ field: @autoclosure () -> String) throws(WireError) -> UndoSpec? {
        guard let wire else { return nil }
        return try UndoSpec(wire, field())
    }
}

extension Wire.CompensationSummary {
    package init(_ summary: CompensationSummary) {
        self.init(
            state: Wire.CompensationState(rawValue: Int32(summary.state.rawValue)), openEntries: summary.openEntries)
    }
}

extension CompensationSummary {
    package init(_ wire: Wire.CompensationSummary?, _ field: String) throws(WireError) {
        let wire = try required(wire, field)
        guard let raw = UInt8(exactly: wire.state.rawValue), let state = CompensationState(rawValue: raw) else {
            throw WireError(field: "\(field).state", reason: .unknownEnumValue(wire.state.rawValue))
        }
        self.init(state, openEntries: wire.openEntries)
    }
}

extension Wire.CarriedMessage {
    package init(_ message: CarriedMessage) {
        let kind: Wire.MessageKind =
            switch message.kind {
            case .request: .request
            case .signal: .signal
            case .update: .update
            }
        self.init(kind: kind, id: message.id, sagaID: message.sagaID)
    }
}

extension CarriedMessage {
    package init(_ wire: Wire.CarriedMessage) throws(WireError) {
        let kind: Kind =
            switch wire.kind {
            case .request: .request
            case .signal: .signal
            case .update: .update
            default: throw WireError(field: "kind", reason: .unknownEnumValue(wire.kind.rawValue))
            }
        self.init(kind: kind, id: wire.id, sagaID: try required(wire.sagaID, "saga_id"))
    }

    static func list(_ wire: [Wire.CarriedMessage], _ field: String) throws(WireError) -> [CarriedMessage] {
        var messages: [CarriedMessage] = []
        for (index, message) in wire.enumerated() {
            do throws(WireError) { messages.append(try CarriedMessage(message)) } catch {
                throw error.within(field, index: index)
            }
        }
        return messages
    }
}

extension Wire.RunOrigin {
    package init(_ origin: RunOrigin) { self.init(sagaID: origin.sagaID, upToEventID: origin.upTo) }
}

extension RunOrigin {
    static func list(_ wire: [Wire.RunOrigin], _ field: String) throws(WireError) -> [RunOrigin] {
        var origins: [RunOrigin] = []
        for (index, origin) in wire.enumerated() {
            do throws(WireError) {
                origins.append(
                    RunOrigin(sagaID: try required(origin.sagaID, "saga_id"), upTo: origin.upToEventID))
            } catch {
                throw error.within(field, index: index)
            }
        }
        return origins
    }
}

extension Wire.CarriedUndo {
    package init(_ entry: CarriedUndo) {
        self.init(
            sourceSagaID: entry.sourceSagaID, sourceEventID: entry.sourceEventID, stepID: entry.stepID,
            undo: Wire.UndoSpec(entry.undo), input: Wire.Payload(entry.input),
            output: entry.output.map { Wire.Payload($0) }, outcome: Wire.StepOutcome(entry.outcome),
            idempotencyKey: entry.idempotencyKey, data: entry.data.map { Wire.Payload($0) },
            undoGroup: entry.undoGroup,
            child: entry.child.map { Wire.ChildUndo(workflowID: $0.workflowID, sagaID: $0.sagaID) })
    }
}

extension ChildUndo {
    init(_ wire: Wire.ChildUndo) throws(WireError) {
        self.init(workflowID: wire.workflowID, sagaID: try required(wire.sagaID, "child.saga_id"))
    }
}

extension CarriedUndo {
    package init(_ wire: Wire.CarriedUndo) throws(WireError) {
        var child: ChildUndo?
        if let wireChild = wire.child { child = try ChildUndo(wireChild) }
        self.init(
            sourceSagaID: try required(wire.sourceSagaID, "source_saga_id"), sourceEventID: wire.sourceEventID,
            stepID: wire.stepID, undo: try UndoSpec(try required(wire.undo, "undo"), "undo"),
            input: Payload(orEmpty: wire.input), output: wire.output.map { Payload($0) },
            outcome: try StepOutcome(wire.outcome, "outcome"), idempotencyKey: wire.idempotencyKey,
            data: wire.data.map { Payload($0) }, undoGroup: wire.undoGroup, child: child)
    }

    static func list(_ wire: [Wire.CarriedUndo], _ field: String) throws(WireError) -> [CarriedUndo] {
        var entries: [CarriedUndo] = []
        for (index, entry) in wire.enumerated() {
            do throws(WireError) { entries.append(try CarriedUndo(entry)) } catch {
                throw error.within(field, index: index)
            }
        }
        return entries
    }
}
