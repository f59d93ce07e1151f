package import Logging
package import SagaCore
internal import SagaRuntime
package import SagaSchedules

/// Serves the schedules of all namespaces: runs their code, and takes what is asked of them.
///
/// A schedule is a saga in a namespace of the engine's own, so that it does not stand among its users' sagas, but is as durable
/// as they are.
package final class ScheduleDesk: Sendable {
    /// The namespace of the schedules themselves.
    package static let namespace = "saga:schedules"
    /// Beginning of the engine's own namespaces, which no caller may use.
    package static let reservedPrefix = "saga:"

    private let driver: ShardDriver
    private let host: WorkerHost
    private let worker: WorkerID
    private let converter: any PayloadConverter = .json

    /// Begins to serve them; the driver must have started.
    package init(_ driver: ShardDriver, logger: Logger) {
        self.driver = driver
        var workflows = WorkflowRegistry()
        workflows.register(ScheduleWorkflow.self)
        var activities = ActivityRegistry()
        activities.register(FireSchedule(driver: driver))
        var limits = WorkerLimits()
        limits.workflowThreads = 1
        let host = WorkerHost(
            workflows: workflows, activities: activities, identity: "schedules", limits: limits,
            notice: { logger.warning("\($0)") })
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: "schedules", queues: [(name: Self.namespace, slots: 1_000)],
            activityTypes: activities.types, workflowTypes: workflows.types)
        worker = driver.openWorker(offer, deliveringTo: host)
        host.attach(HostedWorkerSink(driver: driver, worker: worker))
        self.host = host
    }

    /// Lets go of the schedules' code; they go on after the next start.
    package func stop() {
        host.shutDown()
        driver.post(.workerClosed(worker))
    }

    // MARK: What is asked of schedules

    /// - Returns: When it is due next; nil if it is paused.
    /// - Throws: `.invalidArgument` if something is wrong with it, `.alreadyExists` if there is one of that name.
    package func create(_ spec: ScheduleSpec, requestID: String, identity: String) async throws(CallFailure)
        -> Timestamp?
    {
        let next = try check(spec)
        let start = StartCall(
            namespace: Self.namespace, workflowID: Self.key(spec.namespace, spec.scheduleID),
            workflowType: ScheduleWorkflow.typeID, taskQueue: Self.namespace,
            input: try encode(ScheduleWorkflow.Input(spec: spec)), requestID: requestID, identity: identity,
            reusePolicy: .allow)
        guard case .started(_, let alreadyStarted) = try await driver.call(.start(start)).get() else {
            throw Self.other
        }
        guard !alreadyStarted else {
            throw CallFailure(.alreadyExists, "schedule \(spec.scheduleID) exists; update it, or delete it first")
        }
        return next
    }

    /// - Returns: When it is due next; nil if it is paused.
    package func update(_ spec: ScheduleSpec, requestID: String, identity: String) async throws(CallFailure)
        -> Timestamp?
    {
        let next = try check(spec)
        _ = try await ask(spec.namespace, spec.scheduleID, "replace", spec, requestID, identity)
        return next
    }

    /// - Returns: When it is due next; nil if it is paused.
    package func pause(
        _ namespace: String, _ id: String, _ isPaused: Bool, requestID: String, identity: String
    ) async throws(CallFailure) -> Timestamp? {
        _ = try await ask(namespace, id, "pause", isPaused, requestID, identity)
        return nextDue(try await describe(namespace, id).spec)
    }

    /// Starts a run now; under the schedule's overlap policy.
    package func trigger(
        _ namespace: String, _ id: String, requestID: String, identity: String
    ) async throws(CallFailure) -> TriggerResult {
        // The name follows from the request, so that its repeat starts the same run.
        let named = requestID.isEmpty ? "\(driver.time(of: namespace).microseconds)" : requestID
        let name = "trigger-\(Self.hash(named))"
        let output = try await ask(namespace, id, "trigger", name, requestID, identity)
        return try decode(TriggerResult.self, output)
    }

    /// - Returns: Whether there was one.
    package func delete(
        _ namespace: String, _ id: String, requestID: String, identity: String
    ) async throws(CallFailure) -> Bool {
        do {
            _ = try await ask(namespace, id, "delete", true, requestID, identity)
            // Its name is free once it has closed.
            _ = await driver.call(.result(Self.target(namespace, id)))
            return true
        } catch  where error.code == .notFound {
            return false
        }
    }

    package func describe(_ namespace: String, _ id: String) async throws(CallFailure) -> ScheduleInfo {
        let query = QueryCall(target: Self.target(namespace, id), name: "info")
        let reply: CallReply
        do { reply = try await driver.call(.query(query)).get() } catch { throw Self.translated(error, id) }
        guard case .queried(let payload, _) = reply else { throw Self.other }
        var info = try decode(ScheduleInfo.self, payload)
        // A closed saga still answers.
        guard !info.isDeleted else { throw CallFailure(.notFound, "there is no schedule \(id)") }
        // What the code has computed may be a moment old.
        info.nextDueMicros = nextDue(info.spec)?.microseconds
        return info
    }

    /// By name, after one of them.
    package func list(_ namespace: String, after: String, limit: Int) async throws -> [ScheduleInfo] {
        let prefix = Self.key(namespace, "")
        var ids: [String] = []
        var query = ExecutionQuery(
            namespace: Self.namespace, statuses: ExecutionStatus.allCases.filter { !$0.isClosed }, limit: 1_000)
        while true {
            let page = try await driver.store.list(query)
            ids += page.map(\.workflowID).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            guard page.count == query.limit, let last = page.last else { break }
            query.before = last.sagaID
        }
        var infos: [ScheduleInfo] = []
        for id in ids.sorted().drop(while: { $0 <= after }).prefix(limit) {
            // One that is deleted just now is left out.
            if let info = try? await describe(namespace, id) { infos.append(info) }
        }
        return infos
    }

    /// The next times that a schedule is due, without regard to a pause.
    package func upcoming(_ spec: ScheduleSpec, count: Int) -> [Timestamp] {
        guard let clock = try? spec.clock() else { return [] }
        var times: [Timestamp] = []
        var time = driver.time(of: spec.namespace)
        while times.count < count, let next = clock.next(after: time) {
            times.append(next)
            time = next
        }
        return times
    }

    // MARK: Inside

    private func check(_ spec: ScheduleSpec) throws(CallFailure) -> Timestamp? {
        do { try spec.check(now: driver.time(of: spec.namespace)) } catch {
            throw CallFailure(.invalidArgument, error.message)
        }
        return nextDue(spec)
    }

    private func nextDue(_ spec: ScheduleSpec) -> Timestamp? {
        spec.isPaused ? nil : upcoming(spec, count: 1).first
    }

    private func ask(
        _ namespace: String, _ id: String, _ name: String, _ argument: some Encodable, _ requestID: String,
        _ identity: String
    ) async throws(CallFailure) -> Payload {
        let update = UpdateCall(
            target: Self.target(namespace, id), name: name, payload: try encode(argument), requestID: requestID,
            identity: identity)
        let reply: CallReply
        do { reply = try await driver.call(.update(update)).get() } catch { throw Self.translated(error, id) }
        guard case .updated(let result) = reply else { throw Self.other }
        switch result.outcome {
        case .completed(let output): return output
        case .rejected: throw CallFailure(.notFound, "there is no schedule \(id)")
        case .rolledBack(let error): throw CallFailure(.internalError, error.message)
        case .open: throw CallFailure(.unavailable, "the schedule did not answer", outcomeUnknown: true)
        }
    }

    private static func translated(_ failure: CallFailure, _ id: String) -> CallFailure {
        switch failure.code {
        // A schedule that was deleted is a saga that has closed.
        case .notFound, .failedPrecondition: CallFailure(.notFound, "there is no schedule \(id)")
        default: failure
        }
    }

    private static let other = CallFailure(.internalError, "the engine gave another answer than was asked for")

    /// The length tells where the namespace ends: both may hold any character.
    private static func key(_ namespace: String, _ id: String) -> String {
        "\(namespace.utf8.count):\(namespace):\(id)"
    }

    /// The namespace that a schedule is of, from its workflow id.
    static func owner(ofKey key: String) -> String {
        let parts = key.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]) else { return "" }
        return String(decoding: parts[1].utf8.prefix(count), as: UTF8.self)
    }

    /// FNV-1a in hexadecimal digits.
    private static func hash(_ text: String) -> String {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 16)
    }

    private static func target(_ namespace: String, _ id: String) -> RunTarget {
        RunTarget(namespace: Self.namespace, workflowID: key(namespace, id))
    }

    private func encode(_ value: some Encodable) throws(CallFailure) -> Payload {
        do { return try converter.encode(value) } catch { throw CallFailure(.invalidArgument, "\(error)") }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ payload: Payload) throws(CallFailure) -> Value {
        do { return try converter.decode(type, from: payload) } catch {
            throw CallFailure(.internalError, "the schedule's answer does not read: \(error)")
        }
    }
}

/// Starts a scheduled run.
private struct FireSchedule: Activity {
    static let typeID = ScheduleWorkflow.firingType
    let driver: ShardDriver

    func execute(_ input: Firing, _ context: ActivityContext) async throws -> FiringResult {
        var machine = FiringMachine(input)
        var answer: Result<CallReply, CallFailure>?
        while true {
            switch machine.next(answer) {
            case .call(let call): answer = await driver.call(call)
            case .done(let result): return result
            case .again(let why): throw SagaError(kind: .activityExecution, message: why)
            }
        }
    }
}
