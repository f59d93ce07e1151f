internal import SagaClient
internal import SagaCore

extension Failure {
    /// An error of a call as the shell's status, with the next step.
    init(_ error: SagaClientError) {
        let message = error.message + (error.outcomeIsUnknown ? " (it may have happened all the same)" : "")
        switch error.code {
        case .notFound:
            self.init(.notFound, message, hint: "what there is: saga list", page: "SE0205", error: error.error)
        case .alreadyExists: self.init(.conflict, message, page: "SE0206", error: error.error)
        case .failedPrecondition: self.init(.conflict, message, page: "SE0207", error: error.error)
        case .aborted: self.init(.conflict, message, hint: "try again", error: error.error)
        case .invalidArgument, .outOfRange: self.init(.usage, message, error: error.error)
        case .unauthenticated: self.init(.refused, message, page: "SE0202", error: error.error)
        case .permissionDenied: self.init(.refused, message, page: "SE0203", error: error.error)
        case .deadlineExceeded:
            self.init(.timedOut, message, hint: "give it longer: --timeout 60s", error: error.error)
        case .unavailable: self.init(.unreachable, message, page: "SE0200", error: error.error)
        case .resourceExhausted: self.init(.failed, message, hint: "try again later", error: error.error)
        default: self.init(.failed, "\(error.code): \(message)", error: error.error)
        }
    }

    /// No connection came about.
    init(connecting error: SagaClientError, to settings: ConnectionSettings) {
        let place = settings.address.description
        switch error.code {
        case .unavailable, .deadlineExceeded:
            self.init(
                .unreachable, "no server answers at \(place): \(error.message)",
                hint: settings.address.isLocal ? "start one for this folder: saga dev" : "is it running?",
                page: "SE0200")
        case .unauthenticated where error.error?.code == "SE0201":
            self.init(
                .unreachable, "no trust between here and \(place): \(error.message)",
                hint: settings.ca == nil ? "name the server's authority: --ca FILE, or SAGA_CA" : "", page: "SE0201")
        default: self.init(error)
        }
    }

    /// A saga that ended badly.
    init(_ failure: WorkflowFailure) {
        let why =
            failure.error.map { ": \(Wording.error($0))" }
            ?? (failure.reason.isEmpty ? "" : ": \(Wording.safe(failure.reason))")
        self.init(
            .sagaFailed,
            "\(Wording.safe(failure.workflowID)) \(failure.status.name)\(why); \(Wording.summary(failure.compensation))",
            hint: "what happened: saga history \(Wording.safe(failure.workflowID))", error: failure.error)
    }
}
