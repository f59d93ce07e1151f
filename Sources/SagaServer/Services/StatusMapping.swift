internal import SagaCore
internal import SagaEngine
internal import SagaWire

extension WireStatus {
    /// A message that does not decode.
    init(_ error: WireError) { self.init(.invalidArgument, error.description) }

    /// A read of the store that failed.
    init(_ error: StoreError) {
        let code: WireCode =
            switch error.reason {
            case .unavailable, .fenced, .closed: .unavailable
            case .corrupt: .dataLoss
            case .misconfigured, .invalid: .internal
            }
        self.init(code, error.message)
    }
}

extension WireStatus {
    /// Why the engine did not do a call, without the run that it is about.
    init(_ failure: CallFailure) {
        let code: WireCode =
            switch failure.code {
            case .invalidArgument: .invalidArgument
            case .notFound: .notFound
            case .alreadyExists: .alreadyExists
            case .failedPrecondition: .failedPrecondition
            case .aborted: .aborted
            case .resourceExhausted: .resourceExhausted
            case .unavailable: .unavailable
            case .internalError: .internal
            }
        self.init(code, failure.message)
    }
}

extension Wire.Status {
    /// Why the engine did not do a call. The context of `error` names the run and its status, for programs.
    init(_ failure: CallFailure) {
        let (code, kind): (Wire.StatusCode, ErrorKind) =
            switch failure.code {
            case .invalidArgument: (.invalidArgument, .validation)
            case .notFound: (.notFound, .validation)
            case .alreadyExists: (.alreadyExists, .concurrency)
            case .failedPrecondition: (.failedPrecondition, .validation)
            case .aborted: (.aborted, .concurrency)
            case .resourceExhausted: (.resourceExhausted, .taskQueue)
            case .unavailable: (.unavailable, .eventStore)
            case .internalError: (.internal, .unknown)
            }
        var error = SagaError(kind: kind, message: failure.message)
        if let sagaID = failure.sagaID { error = error.with("saga_id", sagaID.description) }
        if let status = failure.status { error = error.with("status", status.name) }
        if failure.outcomeUnknown { error = error.with("outcome", "unknown") }
        let millis =
            failure.retryAfterMicros <= 0 ? 0 : UInt64((failure.retryAfterMicros / 1_000).clamped(1, 3_600_000))
        self.init(code: code, message: failure.message, error: Wire.SagaError(error), retryAfterMillis: millis)
    }
}

extension Wire.AckResult {
    init(_ verdict: ReportVerdict) {
        self =
            switch verdict {
            case .recorded: .recorded
            case .alreadyRecorded: .alreadyRecorded
            case .lateEffect: .lateEffect
            }
    }
}

extension Int64 {
    fileprivate func clamped(_ low: Int64, _ high: Int64) -> Int64 { Swift.min(high, Swift.max(low, self)) }
}

extension Wire.WorkflowStatus {
    /// The life of a run; what it does about its undos stands in the compensation state.
    init(_ status: ExecutionStatus) {
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

extension ExecutionStatus {
    /// The statuses of the store that a status of the wire stands for; nil for an unknown number.
    static func matching(_ wire: Wire.WorkflowStatus) -> [ExecutionStatus]? {
        switch wire {
        case .unspecified: ExecutionStatus.allCases
        case .running: [.running, .compensating, .blocked, .paused]
        case .completed: [.completed]
        case .failed: [.failed]
        case .canceled: [.canceled]
        case .timedOut: [.timedOut]
        case .terminated: [.terminated]
        case .continuedAsNew: [.continuedAsNew]
        case .unrecognized: nil
        }
    }
}

extension Wire.CompensationState {
    /// What a listed run does about its undos.
    init(_ status: ExecutionStatus) {
        self =
            switch status {
            case .compensating: .compensating
            case .blocked: .blocked
            default: .none
            }
    }
}
