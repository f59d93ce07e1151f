internal import SagaCodec

// Forms of event attributes as earlier programs stored them, each with the step to the next.

/// The first form of `WorkflowExecutionStarted`: a run knew nothing of the messages of those before it.
struct WorkflowExecutionStartedV1: PostcardDecodable, Sendable {
    var event: WorkflowExecutionStarted

    init(from reader: inout PostcardReader) throws(CodecError) {
        event = try WorkflowExecutionStarted(firstForm: &reader)
    }
}

/// The first form of `WorkflowExecutionReset`, like that.
struct WorkflowExecutionResetV1: PostcardDecodable, Sendable {
    var event: WorkflowExecutionReset

    init(from reader: inout PostcardReader) throws(CodecError) {
        event = try WorkflowExecutionReset(firstForm: &reader)
    }
}

/// The second form of `WorkflowExecutionReset`: of a run that was reset twice it knew the second reset only.
struct WorkflowExecutionResetV2: PostcardDecodable, Sendable {
    var event: WorkflowExecutionReset

    init(_ first: WorkflowExecutionResetV1) { event = first.event }

    init(from reader: inout PostcardReader) throws(CodecError) {
        event = try WorkflowExecutionReset(secondForm: &reader)
    }
}

/// The first form of `WorkflowExecutionTerminated`: a reset showed in the words of the reason only.
struct WorkflowExecutionTerminatedV1: PostcardDecodable, Sendable {
    var reason: String
    var identity: String
    var requestID: String
    var compensation: CompensationSummary

    init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
        compensation = try reader.read()
    }
}

extension WorkflowExecutionTerminated {
    init(_ old: WorkflowExecutionTerminatedV1) {
        self.init(
            reason: old.reason, identity: old.identity, requestID: old.requestID, compensation: old.compensation,
            resetEventID: Self.resetEventID(old.reason))
    }

    /// `reset to event 7`, or `reset to event 7: why`.
    private static func resetEventID(_ reason: String) -> EventID? {
        let words = "reset to event "
        guard reason.hasPrefix(words) else { return nil }
        return EventID(reason.dropFirst(words.count).prefix { $0 != ":" })
    }
}
