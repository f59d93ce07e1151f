internal import SagaCore

/// What the shell is told. Documented in docs/operations.md and by `saga help`; scripts rely on the numbers.
enum ExitStatus: Int32, CaseIterable {
    /// Done.
    case ok = 0
    /// The saga itself ended badly: failed, cancelled, timed out or terminated.
    case sagaFailed = 1
    /// The command line, a setting or a file given is wrong.
    case usage = 2
    /// The server cannot be reached, or its certificate is not trusted.
    case unreachable = 3
    /// No such saga, run or page.
    case notFound = 4
    /// The server refused: credentials, or rights.
    case refused = 5
    /// The state does not allow it: closed already, or the id means something else.
    case conflict = 6
    /// It took longer than asked for; what was begun may still happen.
    case timedOut = 7
    /// Anything else: a fault of the server or of this program.
    case failed = 8

    /// One line for `--help` and the docs.
    var meaning: String {
        switch self {
        case .ok: "done"
        case .sagaFailed: "the saga failed, was cancelled, timed out or was terminated"
        case .usage: "the command line, a setting or a file is wrong"
        case .unreachable: "the server cannot be reached or is not trusted"
        case .notFound: "no such saga"
        case .refused: "credentials or rights are missing"
        case .conflict: "the saga's state does not allow it"
        case .timedOut: "it took too long; what was begun may still happen"
        case .failed: "anything else"
        }
    }
}

/// Why a command did not do what it was asked, and what to do next.
struct Failure: Error {
    var status: ExitStatus
    var message: String
    /// The next step, as an order: `start one with: saga dev`.
    var hint: String
    /// A page of `saga explain`.
    var page: String?
    /// The error structure, if there is one.
    var error: SagaError?

    init(_ status: ExitStatus, _ message: String, hint: String = "", page: String? = nil, error: SagaError? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
        self.page = page
        self.error = error
    }
}
