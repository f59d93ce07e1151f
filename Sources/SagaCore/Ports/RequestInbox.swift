/// Requests that applications leave in the store, inside transactions of their own, for the engine to find.
///
/// A request goes to the engine with the request id `InboxRequest.requestID`. The store finds that id again in the event
/// that the request causes, and takes the request out in the transaction of that append: there is no moment at which both
/// are there, or neither. What caused no event (the run was open already, or is closed) is settled with `settle`.
public protocol RequestInbox: Sendable {
    /// Requests that wait, oldest first. Returns soon if there are none: after a tenth of a second, or when one arrives.
    /// - Parameters:
    ///   - limit: Most requests to return.
    ///   - excluding: Ids of requests that are being worked on.
    func waitingRequests(limit: Int, excluding: [SagaID]) async throws(StoreError) -> [InboxRequest]

    /// Takes requests out and records what became of them. One that an append has taken out is left alone.
    func settle(_ outcomes: [InboxOutcome]) async throws(StoreError)

    /// Sets a request aside that can never succeed as it is, for a person to look at.
    func park(_ id: SagaID, problem: String) async throws(StoreError)
}

/// One request.
public struct InboxRequest: Hashable, Sendable {
    /// What is wanted.
    public enum Kind: Hashable, Sendable {
        /// To start a run of this type, on this queue (empty for the default).
        case start(workflowType: String, taskQueue: String)
        /// To give the open run this signal.
        case signal(name: String)
    }

    /// A UUID, not of a saga.
    public var id: SagaID
    /// What is wanted, with its name.
    public var kind: Kind
    /// The namespace that the workflow id belongs to.
    public var namespace: String
    /// The caller's name for the saga.
    public var workflowID: String
    /// The input of the run, or of the signal.
    public var payload: Payload
    /// Who made the request.
    public var identity: String

    public init(
        id: SagaID, kind: Kind, namespace: String, workflowID: String, payload: Payload, identity: String
    ) {
        self.id = id
        self.kind = kind
        self.namespace = namespace
        self.workflowID = workflowID
        self.payload = payload
        self.identity = identity
    }

    private static let prefix = "inbox/"

    /// The request id under which the engine is given the request, and which its event carries.
    public var requestID: String { Self.prefix + id.description }

    /// The request behind a request id; nil if it did not come from an inbox.
    public static func id(of requestID: String) -> SagaID? {
        requestID.utf8.count == prefix.utf8.count + 36 && requestID.utf8.starts(with: prefix.utf8)
            ? SagaID(requestID.dropFirst(prefix.count)) : nil
    }

    /// The request that an event carries; nil if none.
    public static func id(of event: HistoryEvent) -> SagaID? {
        switch event.attributes {
        case .workflowExecutionStarted(let started): id(of: started.requestID)
        case .signalReceived(let signal): id(of: signal.requestID)
        default: nil
        }
    }
}

/// What became of a request that caused no event.
public struct InboxOutcome: Hashable, Sendable {
    /// The request.
    public var id: SagaID
    /// `started`, `already started`, `signaled` or `refused`.
    public var outcome: String
    /// The run that it is about, if there is one.
    public var sagaID: SagaID?
    /// Why it was refused; empty otherwise.
    public var message: String

    public init(id: SagaID, outcome: String, sagaID: SagaID?, message: String = "") {
        self.id = id
        self.outcome = outcome
        self.sagaID = sagaID
        self.message = message
    }
}
