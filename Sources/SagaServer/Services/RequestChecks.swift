internal import SagaCore
internal import SagaEngine
internal import SagaWire

/// Checks of what a request says; each failure is INVALID_ARGUMENT and names the field (wire.md, "What bad input gets").
enum Check {
    /// Most bytes of a payload's data.
    static let maximumPayload = 2 << 20

    static func invalid(_ field: String, _ problem: String) -> WireStatus {
        WireStatus(.invalidArgument, "field \(field) \(problem)")
    }

    /// A name of 1 to 255 bytes.
    static func name(_ value: String, _ field: @autoclosure () -> String) throws(WireStatus) {
        if let problem = Name.problem(with: value, what: "field \(field())") {
            throw WireStatus(.invalidArgument, problem)
        }
    }

    /// A name that may be empty.
    static func optionalName(_ value: String, _ field: @autoclosure () -> String) throws(WireStatus) {
        if !value.isEmpty { try name(value, field()) }
    }

    /// A text of at most so many bytes.
    static func text(_ value: String, _ field: @autoclosure () -> String, atMost limit: Int) throws(WireStatus) {
        guard value.utf8.count <= limit else {
            throw invalid(field(), "has \(value.utf8.count) bytes; \(limit) are allowed")
        }
    }

    static func range<Value: Comparable>(
        _ value: Value, _ field: @autoclosure () -> String, _ range: ClosedRange<Value>
    )
        throws(WireStatus)
    {
        guard range.contains(value) else {
            throw invalid(field(), "is \(value); \(range.lowerBound) to \(range.upperBound) are allowed")
        }
    }

    static func count(_ value: Int, _ field: @autoclosure () -> String, atMost limit: Int) throws(WireStatus) {
        guard value <= limit else { throw invalid(field(), "has \(value) elements; \(limit) are allowed") }
    }

    /// A field that the meaning needs.
    static func required<Value>(_ value: Value?, _ field: String) throws(WireStatus) -> Value {
        guard let value else { throw invalid(field, "is missing") }
        return value
    }

    static func payload(_ wire: Wire.Payload?, _ field: @autoclosure () -> String) throws(WireStatus) -> Payload {
        guard let wire else { return .empty }
        guard wire.data.count <= maximumPayload else {
            throw invalid("\(field()).data", "has \(wire.data.count) bytes; \(maximumPayload) are allowed")
        }
        try text(wire.encoding, "\(field()).encoding", atMost: Name.maximumBytes)
        if wire.encoding.isEmpty, !wire.data.isEmpty { throw invalid("\(field()).encoding", "is missing") }
        try count(wire.metadata.count, "\(field()).metadata", atMost: 64)
        return Payload(wire)
    }

    static func namedPayloads(_ wire: [Wire.NamedPayload], _ field: String) throws(WireStatus) -> [NamedPayload] {
        try count(wire.count, field, atMost: 64)
        var seen: Set<String> = []
        var values: [NamedPayload] = []
        for (index, entry) in wire.enumerated() {
            try name(entry.name, "\(field)[\(index)].name")
            guard seen.insert(entry.name).inserted else { throw invalid("\(field)[\(index)].name", "is there twice") }
            values.append(
                NamedPayload(name: entry.name, payload: try payload(entry.payload, "\(field)[\(index)].payload")))
        }
        return values
    }
}

/// A request's header after its checks.
struct CallHeader {
    /// Bytes of a request id at most.
    static let maximumRequestID = 128
    /// A day in milliseconds.
    static let maximumDeadline: UInt64 = 86_400_000

    var requestID: String
    var traceID: String?
    /// How long the caller waits, in nanoseconds.
    var deadline: UInt64

    /// - Parameter standard: Nanoseconds where the header gives none; nil for streams, which then have no deadline.
    init(_ wire: Wire.RequestHeader?, _ principal: Principal, standard: UInt64?) throws(WireStatus) {
        let header = wire ?? Wire.RequestHeader()
        guard header.namespace.isEmpty || header.namespace == principal.namespace else {
            throw WireStatus(
                .permissionDenied,
                "field header.namespace is \(header.namespace), the connection's is \(principal.namespace)")
        }
        try Check.text(header.requestID, "header.request_id", atMost: Self.maximumRequestID)
        try Check.range(header.deadlineMillis, "header.deadline_ms", 0...Self.maximumDeadline)
        guard header.traceparent.isEmpty || header.traceparent.utf8.count == 55 else {
            throw Check.invalid("header.traceparent", "has \(header.traceparent.utf8.count) bytes instead of 55")
        }
        requestID = header.requestID
        traceID = header.traceparent.isEmpty ? nil : header.traceparent
        deadline = header.deadlineMillis == 0 ? standard ?? .max : header.deadlineMillis * 1_000_000
    }
}

extension RunTarget {
    /// The run that a request names.
    init(_ wire: Wire.WorkflowRef?, _ principal: Principal, _ field: String = "workflow") throws(WireStatus) {
        let wire = try Check.required(wire, field)
        // A run's own id is enough.
        if wire.sagaID == nil || !wire.workflowID.isEmpty { try Check.name(wire.workflowID, "\(field).workflow_id") }
        self.init(namespace: principal.namespace, workflowID: wire.workflowID, sagaID: wire.sagaID)
    }
}

extension StartCall {
    /// The start that a request asks for.
    init(_ wire: Wire.StartOptions?, _ header: CallHeader, _ principal: Principal) throws(WireStatus) {
        let options = try Check.required(wire, "options")
        try Check.name(options.workflowID, "options.workflow_id")
        try Check.name(options.workflowType, "options.workflow_type")
        try Check.optionalName(options.taskQueue, "options.task_queue")
        try Check.range(options.executionTimeoutMicros, "options.execution_timeout_us", 0...3_153_600_000_000_000)
        let grace = options.cancelGraceMicros ?? 0
        try Check.range(grace, "options.cancel_grace_us", 0...3_153_600_000_000_000)
        let policy: ReusePolicy
        switch options.idReusePolicy {
        case .unspecified, .allowIfFailed: policy = .allowIfFailed
        case .allow: policy = .allow
        case .reject: policy = .reject
        case .unrecognized(let value): throw Check.invalid("options.id_reuse_policy", "has the unknown value \(value)")
        }
        self.init(
            namespace: principal.namespace, workflowID: options.workflowID, workflowType: options.workflowType,
            workflowVersion: options.workflowVersion, taskQueue: options.taskQueue,
            input: try Check.payload(options.input, "options.input"), requestID: header.requestID,
            identity: principal.name, reusePolicy: policy, executionTimeoutMicros: options.executionTimeoutMicros,
            // The wire's explicit 0 means none; the engine's 0 means its default.
            cancelGraceMicros: options.cancelGraceMicros == 0 ? 1 : grace,
            autoCompensate: options.autoCompensate ?? true, continueOnUndoError: options.continueOnUndoError,
            memo: try Check.namedPayloads(options.memo, "options.memo"),
            searchAttributes: try Check.namedPayloads(options.searchAttributes, "options.search_attributes"),
            traceID: header.traceID)
    }
}
