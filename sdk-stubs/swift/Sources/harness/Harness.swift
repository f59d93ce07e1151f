import Foundation
import SagaClient
import SagaCore
import SagaWorker

/// One client, one worker, and what activities wrote down.
actor Harness {
    private let log = Log()
    private var client: SagaClient?
    private var place = ConnectAction()
    private var converter: any PayloadConverter = .json
    private var serving: Task<Void, any Error>?
    /// What EXPORT kept.
    private var exported: [[HistoryEvent]] = []

    private struct Bug: Error, CustomStringConvertible {
        var description: String
    }

    /// A saga by its id alone: its values are payloads, its type is of no interest.
    private struct AnySaga: DurableWorkflow {
        static let typeID = ""
        func run(_ context: WorkflowContext, _ input: Payload) async throws -> Payload { input }
    }

    func act(_ action: Action) async -> Outcome {
        let call = Task { try await carryOut(action) }
        let timer = Task {
            guard action.cancelAfterMillis > 0 else { return }
            try await Task.sleep(for: .milliseconds(action.cancelAfterMillis))
            call.cancel()
        }
        defer { timer.cancel() }
        do { return try await call.value } catch { return Self.failure(error) }
    }

    private func carryOut(_ action: Action) async throws -> Outcome {
        var outcome = Outcome()
        switch action.verb {
        case 1: try await connect(action.connect)
        case 3: outcome.lines = ServerMethod.all.map { "\($0)" }
        case 32: outcome.lines = log.lines
        default:
            guard let client else { throw Bug(description: "not connected") }
            let mine = client.with(
                deadline: action.timeoutMillis > 0 ? .milliseconds(action.timeoutMillis) : .seconds(30),
                requestID: action.requestID.isEmpty ? nil : action.requestID)
            try await call(mine, action, &outcome)
        }
        return outcome
    }

    private func connect(_ how: ConnectAction) async throws {
        await client?.close()
        client = nil
        place = how
        let isForeign = ProcessInfo.processInfo.environment["SAGA_HARNESS_TLS"] == "foreign"
        let security: ConnectionOptions.Security =
            isForeign
            ? .custom(ForeignTLS(ca: how.ca))
            : how.ca.isEmpty
                ? .insecure
                : .tls(
                    ca: how.ca, certificate: how.certificate.isEmpty ? nil : how.certificate,
                    key: how.key.isEmpty ? nil : how.key, serverName: how.serverName.isEmpty ? nil : how.serverName)
        var options = ConnectionOptions(host: how.host, port: how.port, security: security)
        options.token = how.token
        if !how.namespace.isEmpty { options.namespace = how.namespace }
        options.deadline = .milliseconds(how.timeoutMillis > 0 ? how.timeoutMillis : 10_000)
        converter = how.codec ? CodedPayloadConverter(codec: Xor()) : JSONPayloadConverter()
        client = try await SagaClient.connect(options, converter: converter)
    }

    private func call(_ it: SagaClient, _ action: Action, _ outcome: inout Outcome) async throws {
        let (id, reason, number) = (action.workflowID, action.text, action.number)
        let run = SagaID(bytes: action.sagaID)
        let saga = it.handle(AnySaga.self, id: id, sagaID: run)
        switch action.verb {
        case 2:
            await it.close()
            client = nil
        case 4: outcome.value = Value(encoding: "", data: try await it.health(echo: action.echo).echo)
        case 5, 6:
            var options = WorkflowOptions()
            options.taskQueue = action.taskQueue
            let input = try action.input.payload()
            let started =
                action.verb == 5
                ? try await it.start(type: action.workflowType, id: id, input: input, options: options)
                : try await it.signalWithStart(
                    type: action.workflowType, id: id, input: .empty, signal: action.name, input, signalID: reason,
                    options: options)
            outcome.sagaID = started.sagaID.bytes
            outcome.alreadyStarted = started.alreadyStarted
        case 7: try await saga.signal(action.name, action.input.payload(), signalID: reason)
        case 8: try await saga.cancel(reason: reason)
        case 9: try await saga.terminate(reason: reason, compensate: action.flag)
        case 10:
            let limit: Duration? = action.timeoutMillis > 0 ? .milliseconds(action.timeoutMillis) : nil
            outcome.value = try Value(try await saga.result(timeout: limit))
        case 11:
            let found = try await saga.describe()
            outcome.number = Self.number(found.summary.status)
            outcome.lines = found.waitingFor.map(\.kind)
        case 12:
            var next: ListPosition?
            repeat {
                let page = try await it.list(idPrefix: reason, limit: Int(number), after: next)
                outcome.lines += page.runs.map(\.workflowID)
                next = page.next
            } while next != nil
        case 13: outcome.number = try await it.count(idPrefix: reason)
        case 14: for try await event in saga.history() { outcome.events.append((event.eventID, event.code)) }
        case 15: for try await event in saga.followHistory() { outcome.events.append((event.eventID, event.code)) }
        default: try await operate(it, saga, action, &outcome)
        }
    }

    private func operate(
        _ it: SagaClient, _ saga: WorkflowHandle<AnySaga>, _ action: Action, _ outcome: inout Outcome
    ) async throws {
        let (id, run, reason, number) = (action.workflowID, saga.sagaID, action.text, action.number)
        switch action.verb {
        case 16: try await it.pause(id, sagaID: run, reason: reason)
        case 17: try await it.resume(id, sagaID: run, reason: reason)
        case 18:
            outcome.value = try Value(
                try await saga.query(action.name, action.input.payload(), as: Payload.self))
        case 19:
            outcome.value = try Value(
                try await saga.update(action.name, action.input.payload(), as: Payload.self, updateID: reason))
        case 20: outcome.sagaID = try await it.reset(id, sagaID: run, to: number, reason: reason).bytes
        case 21: outcome.number = Self.number(try await it.describe(id, sagaID: run, at: number).summary.status)
        case 22: try await it.delete(id, sagaID: run)
        case 23:
            var next: ListPosition?
            repeat {
                let page = try await it.listBlocked(after: next)
                outcome.lines += page.blocked.map(\.summary.workflowID)
                next = page.next
            } while next != nil
        case 24: try await it.retryUndo(id, sagaID: run, of: number, reason: reason)
        case 25:
            try await it.retryUndo(id, sagaID: run, of: number, with: action.input.payload(), reason: reason)
        case 26: try await it.skipUndo(id, sagaID: run, of: number, reason: reason)
        case 27: try await it.resolveUndo(id, sagaID: run, of: number, note: reason)
        case 28: try await it.giveUp(id, sagaID: run, reason: reason)
        case 29: outcome.number = UInt64(try await it.lateEffects(id, sagaID: run).effects.count)
        case 35:
            let start: CommittedEvents.Start =
                !action.position.isEmpty
                ? .after(FeedPosition(bytes: action.position)) : action.flag ? .beginning : .now
            let types = action.eventTypes.compactMap { UInt16(exactly: $0).flatMap(EventType.init) }
            let feed = it.committedEvents(
                from: start, eventTypes: types, workflowTypes: action.workflowType.isEmpty ? [] : [action.workflowType])
            for try await item in feed {
                outcome.lines += item.events.map { "\(item.workflowID) \(item.workflowType) \($0.eventID) \($0.code)" }
                outcome.position = item.position.bytes
                if outcome.lines.count >= number { break }
            }
        case 36:
            exported = []
            for try await page in it.exportHistory(id, sagaID: run) {
                exported.append(page)
                outcome.events += page.map { ($0.eventID, $0.code) }
            }
            outcome.number = UInt64(exported.count)
        case 37:
            let upload = it.beginImport()
            for page in exported { try await upload.send(page) }
            let imported = try await upload.finish()
            (outcome.sagaID, outcome.number) = (imported.sagaID.bytes, imported.events)
        case 30: serve(it, action)
        case 34: outcome.lines = try await Measurement(client: it, where: place, action: action).lines()
        case 33:
            let definition = declared(action.text, action.workflowType, action.taskQueue)
            outcome.number = UInt64(try await it.register(definition).version)
        case 31:
            serving?.cancel()
            try await serving?.value
            serving = nil
        default: throw Bug(description: "unknown verb \(action.verb)")
        }
    }

    private func serve(_ it: SagaClient, _ action: Action) {
        var activities = ActivityRegistry()
        let script = Script(log: log, converter: converter)
        activities.register(ProgramActivity(script: script), converter: converter)
        activities.register(UndoActivity(script: script), converter: converter)
        activities.register(EchoActivity(), converter: converter)
        var options = WorkerOptions()
        options.taskQueues = [action.taskQueue]
        options.maxConcurrentActivities = Int(action.number)
        let worker = SagaWorker(client: it, activities: activities, options: options, converter: converter)
        serving = Task { try await worker.run() }
    }

    /// The number of a status in the protocol.
    private static func number(_ status: ExecutionStatus) -> UInt64 {
        switch status {
        case .running, .paused, .compensating, .blocked: 1
        case .completed: 2
        case .failed: 3
        case .canceled: 4
        case .timedOut: 5
        case .terminated: 6
        case .continuedAsNew: 7
        }
    }

    private static func failure(_ error: any Error) -> Outcome {
        var outcome = Outcome()
        outcome.result = "bug"
        outcome.message = "\(error)"
        switch error {
        case let error as SagaClientError:
            switch (error.source, error.code) {
            case (_, .cancelled): outcome.result = "cancelled"
            case (.connection, _): outcome.result = "connection_lost"
            case (.client, .deadlineExceeded), (.server, _):
                outcome.result = "status"
                outcome.statusCode = UInt64(error.code.rawValue)
            case (.client, _): outcome.result = "invalid"
            }
        case let error as WorkflowFailure:
            let names: [ExecutionStatus: String] = [
                .failed: "workflow_failed", .canceled: "workflow_canceled", .timedOut: "workflow_timed_out",
                .terminated: "workflow_terminated",
            ]
            outcome.result = names[error.status] ?? "bug"
            outcome.compensation =
                switch error.compensation.state {
                case .none: "none"
                case .complete: "complete"
                case .partial: "partial"
                case .givenUp: "given_up"
                }
            if let cause = error.error {
                outcome.errorKind = UInt64(cause.kind.rawValue)
                outcome.errorCode = cause.code
                outcome.errorMessage = cause.message
                outcome.errorContext = cause.context.map { "\($0.key)=\($0.value)" }
            }
        case let error as UpdateFailure:
            outcome.result = "status"
            outcome.message = "\(error)"
        case is SagaError: outcome.result = "invalid"
        case is CancellationError: outcome.result = "cancelled"
        default: break
        }
        return outcome
    }
}

extension HistoryEvent {
    /// Its code in the event catalogue.
    var code: UInt64 { UInt64(eventType.rawValue) }
}
