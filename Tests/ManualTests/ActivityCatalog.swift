import Glibc
import SagaCore

// The common activities of the manual's section 8.4 that the other examples do not have.

/// Sends a message. What was sent cannot be taken back, so it has no undo: send it last, or after the pivot.
struct SendEmail: Activity {
    static let typeID = "email.send"
    let outbox: Outbox

    func execute(_ message: String, _ context: ActivityContext) async throws -> Bool {
        await outbox.put(message, key: context.idempotencyKey)
        return true
    }
}

/// Stands for a mail server that knows a message by its key.
actor Outbox {
    private var sent: [String: String] = [:]
    var messages: [String] { sent.values.sorted() }

    func put(_ message: String, key: String) { sent[key] = message }
}

/// Writes a report into a file.
struct CreateFile: CompensatableActivity {
    typealias Compensation = DeleteFile
    static let typeID = "file.create"

    struct Input: Codable, Sendable {
        var path: String
        var text: String
    }

    func execute(_ input: Input, _ context: ActivityContext) async throws -> String {
        // The same twice is the same file.
        guard let file = fopen(input.path, "w") else { throw FileError.cannotWrite(input.path) }
        defer { fclose(file) }
        guard fputs(input.text, file) >= 0 else { throw FileError.cannotWrite(input.path) }
        return input.path
    }
}

/// Removes it again; that it is not there is fine.
struct DeleteFile: Activity {
    static let typeID = "file.delete"

    func execute(_ step: UndoInput<CreateFile.Input, String>, _ context: ActivityContext) async throws -> Bool {
        unlink(step.input.path) == 0
    }
}

enum FileError: Error {
    case cannotWrite(String)
}

/// Calls somebody else's service. Whether it is undone depends on what it does: this one books, and can be told to forget it.
struct CallExternalAPI: CompensatableActivity {
    typealias Compensation = WithdrawExternalAPI
    static let typeID = "api.call"
    /// Sends a request under a key, and gives the answer.
    let send: @Sendable (_ request: String, _ key: String) async throws -> String

    func execute(_ request: String, _ context: ActivityContext) async throws -> String {
        context.heartbeat()
        return try await send(request, context.idempotencyKey)
    }
}

struct WithdrawExternalAPI: Activity {
    static let typeID = "api.withdraw"
    let send: @Sendable (_ request: String, _ key: String) async throws -> String

    func execute(_ step: UndoInput<String, String>, _ context: ActivityContext) async throws -> String {
        try await send("withdraw", step.idempotencyKey)
    }
}

/// A report: written, sent on, and announced.
struct ReportWorkflow: DurableWorkflow {
    static let typeID = "report"

    func run(_ context: WorkflowContext, _ path: String) async throws -> String {
        _ = try await context.executeActivity(CreateFile.self, CreateFile.Input(path: path, text: "42"))
        let answer = try await context.executeActivity(CallExternalAPI.self, "publish")
        _ = try await context.executeActivity(SendEmail.self, "published: \(answer)")
        return answer
    }
}
