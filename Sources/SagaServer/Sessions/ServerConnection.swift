internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

/// The server's side of one connection: hello, then one method after the other, on the connection's event loop.
///
/// No request costs an `await`: it is decoded, checked and given to the engine in the callback, and the answer comes back
/// to the event loop with those of the same wake-up.
final class ServerConnection: ServerSessionDelegate, @unchecked Sendable {
    // Safe to share: everything but `nextDue` and `registryIndex` is touched by one thread at a time, the connection's event
    // loop or another inside its gate, and `registryIndex` under the registry's mutex.

    /// A call that the engine has.
    struct PendingCall {
        var id: CallID
        /// Monotonic nanoseconds.
        var deadline: UInt64
        var isMutation: Bool
        /// The client gave it up; its place is taken until the engine has answered.
        var isCancelled = false
    }

    let core: ServerCore
    let context: ConnectionContext
    /// Monotonic nanoseconds of the next thing to look at: a deadline, or the end of the credentials.
    let nextDue = Atomic(UInt64.max)
    var registryIndex = -1
    private(set) var principal: Principal?
    private var pending: [StreamID: PendingCall] = [:]
    /// Long streams, which must hear of the end of the connection.
    private var streams: [StreamID: any LongStream] = [:]
    /// Monotonic nanoseconds at which the credentials end, and at which the connection is closed after that.
    private var credentialsEnd = UInt64.max
    private var closeAt = UInt64.max

    init(core: ServerCore, context: ConnectionContext) {
        self.core = core
        self.context = context
    }

    // MARK: Hello

    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision {
        do throws(WireStatus) {
            return .accept(welcome: try welcome(session, body))
        } catch {
            return .reject(status: error)
        }
    }

    private func welcome(_ session: SessionCore, _ body: UnsafeRawBufferPointer) throws(WireStatus) -> [UInt8] {
        let hello = try decode(Wire.Hello.self, body)
        guard hello.minMinor == 0 else {
            throw WireStatus(
                .failedPrecondition,
                "this server speaks protocol saga/1 minor 0, the client \(hello.minMinor) to \(hello.maxMinor)")
        }
        let now = EngineClock.now()
        let principal = try core.authenticator.authenticate(
            token: hello.token, namespace: hello.namespace, subject: context.peerCertificate?.subject, now: now.wall)
        self.principal = principal
        if let end = principal.expiresAt {
            let micros = UInt64(max(0, end.microseconds(since: now.wall)))
            credentialsEnd = MonotonicClock.now() &+ micros.multipliedReportingOverflow(by: 1_000).partialValue
            nextDue.store(credentialsEnd, ordering: .relaxed)
        }
        core.add(self)
        let limits = session.limits
        session.compresses = core.configuration.compression && hello.features.contains(WireFeature.lz4)
        let welcome = Wire.Welcome(
            minor: 0, serverVersion: core.configuration.version, features: session.compresses ? [WireFeature.lz4] : [],
            maxFrame: UInt32(clamping: limits.maxFrame),
            maxMessage: UInt32(clamping: limits.maxMessage), maxStreams: UInt32(clamping: limits.maxStreams),
            initialItems: UInt32(clamping: limits.windowItems), initialBytes: UInt32(clamping: limits.windowBytes),
            pingAfterMillis: UInt32(clamping: limits.pingAfter / 1_000_000),
            closeAfterMillis: UInt32(clamping: limits.closeAfter / 1_000_000), serverTimeMicros: now.wall.microseconds,
            serverID: core.serverID, namespace: principal.namespace)
        return try encode(welcome)
    }

    // MARK: Requests

    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer) {
        do throws(WireStatus) {
            guard let principal else { throw WireStatus(.unauthenticated, "the first frame must be HELLO") }
            guard let method = Wire.Method(rawValue: method) else {
                throw WireStatus(.unimplemented, "there is no method \(method)")
            }
            try handle(method, Request(session: session, stream: stream, principal: principal), body)
        } catch {
            session.fail(stream, error)
        }
    }

    private func handle(_ method: Wire.Method, _ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        switch method {
        case .adminHealth: try health(request, body)
        case .adminReadiness: try readiness(request, body)
        case .adminServerInfo: try serverInfo(request, body)
        case .adminDrain: try drainServer(request, body)
        case .adminNamespaces: try namespaces(request, body)
        case .adminSetVirtualClock: try setVirtualClock(request, body)
        case .workflowsStart: try start(request, body)
        case .workflowsSignalWithStart: try signalWithStart(request, body)
        case .workflowsSignal: try signal(request, body)
        case .workflowsQuery: try query(request, body)
        case .workflowsUpdate: try update(request, body)
        case .workflowsCancel: try cancelWorkflow(request, body)
        case .workflowsTerminate: try terminate(request, body)
        case .workflowsGetResult: try getResult(request, body)
        case .workflowsDescribe: try describe(request, body)
        case .workflowsList: try list(request, body)
        case .workflowsCount: try count(request, body)
        case .workflowsPause: try pause(request, body)
        case .workflowsReset: try reset(request, body)
        case .definitionsRegister: try registerDefinition(request, body)
        case .definitionsValidate: try validateDefinition(request, body)
        case .definitionsGet: try getDefinition(request, body)
        case .definitionsList: try listDefinitions(request, body)
        case .workflowsResume: try resume(request, body)
        case .workflowsDelete: try deleteRun(request, body)
        case .workflowsGetHistory: try getHistory(request, body)
        case .workflowsFollowHistory: try followHistory(request, body)
        case .workflowsExportHistory: try exportHistory(request, body)
        case .workflowsImportHistory: try importHistory(request, body)
        case .workflowsStateAt: try stateAt(request, body)
        case .compensationListBlocked: try listBlocked(request, body)
        case .compensationRetry: try retryUndo(request, body)
        case .compensationRetryWithInput: try retryUndoWithInput(request, body)
        case .compensationSkip: try skipUndo(request, body)
        case .compensationResolve: try resolveUndo(request, body)
        case .compensationListLateEffects: try listLateEffects(request, body)
        case .compensationGiveUp: try giveUpUndo(request, body)
        case .schedulesCreate: try createSchedule(request, body)
        case .schedulesUpdate: try updateSchedule(request, body)
        case .schedulesPause: try pauseSchedule(request, body)
        case .schedulesTrigger: try triggerSchedule(request, body)
        case .schedulesDelete: try deleteSchedule(request, body)
        case .schedulesList: try listSchedules(request, body)
        case .schedulesDescribe: try describeSchedule(request, body)
        case .workersWork: try work(request, body)
        case .workersCompleteActivity: try completeActivity(request, body)
        case .workersFailActivity: try failActivity(request, body)
        case .workersStopActivity: try stopActivity(request, body)
        case .workersHeartbeatActivity: try heartbeatActivity(request, body)
        case .eventsAppend: try appendEvents(request, body)
        case .eventsRead: try readEvents(request, body)
        case .eventsReadFromSnapshot: try readFromSnapshot(request, body)
        case .eventsSubscribe: try subscribe(request, body)
        }
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        guard let long = streams[stream] else { return }
        do throws(WireStatus) {
            try long.item(session, body)
        } catch {
            streams[stream] = nil
            long.closed()
            session.fail(stream, error)
        }
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) { streams[stream]?.ended(session) }

    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int) {
        streams[stream]?.drained(session, items: items)
    }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        if let long = streams.removeValue(forKey: stream) {
            long.closed()
            session.release(stream)
            return
        }
        guard let call = pending[stream] else { return session.release(stream) }
        if call.isMutation {
            // It is done all the same; until then it counts, or request-and-cancel would be a way around the limits.
            pending[stream]?.isCancelled = true
        } else {
            core.driver.abandon(call.id)
            forget(stream)
            session.release(stream)
        }
    }

    func draining(_ session: SessionCore) {
        for long in streams.values { long.draining(session) }
    }

    func closed(_ session: SessionCore, reason: SessionCloseReason) {
        core.remove(self)
        for long in streams.values { long.closed() }
        streams = [:]
        for (_, call) in pending {
            if !call.isMutation { core.driver.abandon(call.id) }
            core.callEnded()
        }
        pending = [:]
    }

    // MARK: Long streams

    /// Keeps what serves a request that goes on. Such a request gets a record, so that items can be sent for it.
    func add(_ long: any LongStream, _ request: Request) {
        streams[request.stream] = long
        request.session.setContext(request.stream, nil)
    }

    /// The same for a stream that holds pages.
    /// - Throws: RESOURCE_EXHAUSTED if the connection has as many of them as it may.
    func addReader(_ long: any LongStream, _ request: Request) throws(WireStatus) {
        let limit = core.configuration.maxPageStreams
        guard streams.values.lazy.filter(\.holdsPages).count < limit else {
            throw WireStatus(
                .resourceExhausted,
                "this connection has \(limit) subscriptions, followed histories and exports, the most that one may have: end some, "
                    + "or open another connection", retryAfterMS: request.session.limits.retryAfterMS)
        }
        add(long, request)
    }
    func removeLongStream(_ stream: StreamID) { streams[stream] = nil }

    // MARK: Calls of the engine

    /// Gives a call to the engine and answers with what `answer` makes of the reply.
    /// - Parameter answer: Runs on the event loop; nil if it has taken the call over itself.
    func call(
        _ request: Request, _ header: CallHeader, isMutation: Bool, _ call: Call,
        answer: @escaping @Sendable (ServerConnection, CallReply) throws(WireStatus) -> [UInt8]?
    ) throws(WireStatus) {
        guard core.admitCall() else {
            throw WireStatus(
                .resourceExhausted, "\(core.configuration.maxCallsInFlight) calls in flight",
                retryAfterMS: request.session.limits.retryAfterMS)
        }
        let stream = request.stream
        let deadline = MonotonicClock.now().addingReportingOverflow(header.deadline)
        enter(
            stream,
            PendingCall(id: 0, deadline: deadline.overflow ? .max : deadline.partialValue, isMutation: isMutation))
        let port = context.port
        let id = core.driver.call(call) { [self] result in
            port.onLoop { [self] session in finish(session, stream, result, answer) }
        }
        pending[stream]?.id = id
    }

    /// Puts another call of the engine into the place of one that was answered; deadline and cancel go on.
    func callAgain(
        _ stream: StreamID, _ call: Call,
        answer: @escaping @Sendable (ServerConnection, CallReply) throws(WireStatus) -> [UInt8]?
    ) {
        let port = context.port
        let id = core.driver.call(call) { [self] result in
            port.onLoop { [self] session in finish(session, stream, result, answer) }
        }
        pending[stream]?.id = id
    }

    private func finish(
        _ session: SessionCore, _ stream: StreamID, _ result: Result<CallReply, CallFailure>,
        _ answer: (ServerConnection, CallReply) throws(WireStatus) -> [UInt8]?
    ) {
        guard let call = pending[stream] else { return }
        if call.isCancelled {
            forget(stream)
            return session.release(stream)
        }
        do throws(WireStatus) {
            switch result {
            case .success(let reply):
                guard let body = try answer(self, reply) else { return }
                forget(stream)
                session.respond(stream, body)
            case .failure(let failure):
                forget(stream)
                session.fail(stream, status: try encode(Wire.Status(failure)))
            }
        } catch {
            forget(stream)
            session.fail(stream, error)
        }
    }

    /// Uses the store for a call that needs no engine: the one place where a call is a task of its own.
    /// - Parameter isMutation: It is done even if nobody waits any more.
    func read(
        _ request: Request, _ header: CallHeader, isMutation: Bool = false,
        _ body: @escaping @Sendable (any EventStore) async throws -> [UInt8]
    ) throws(WireStatus) {
        guard core.admitCall() else {
            throw WireStatus(
                .resourceExhausted, "\(core.configuration.maxCallsInFlight) calls in flight",
                retryAfterMS: request.session.limits.retryAfterMS)
        }
        let stream = request.stream
        let deadline = MonotonicClock.now().addingReportingOverflow(header.deadline)
        enter(
            stream,
            PendingCall(id: 0, deadline: deadline.overflow ? .max : deadline.partialValue, isMutation: isMutation))
        let port = context.port
        let store = core.driver.store
        Task { [self] in
            let result: Result<[UInt8], WireStatus>
            do {
                result = .success(try await body(store))
            } catch {
                result = .failure(WireStatus(reading: error))
            }
            port.onLoop { [self] session in finishRead(session, stream, result) }
        }
    }

    /// Reads the store for a call that the engine has answered; deadline and cancel go on.
    func readMore(_ stream: StreamID, _ body: @escaping @Sendable (any EventStore) async throws -> [UInt8]) {
        let port = context.port
        let store = core.driver.store
        Task { [self] in
            let result: Result<[UInt8], WireStatus>
            do { result = .success(try await body(store)) } catch { result = .failure(WireStatus(reading: error)) }
            port.onLoop { [self] session in finishRead(session, stream, result) }
        }
    }

    private func finishRead(_ session: SessionCore, _ stream: StreamID, _ result: Result<[UInt8], WireStatus>) {
        guard let call = pending[stream] else { return }
        forget(stream)
        if call.isCancelled { return session.release(stream) }
        switch result {
        case .success(let body): session.respond(stream, body)
        case .failure(let status): session.fail(stream, status)
        }
    }

    private func enter(_ stream: StreamID, _ call: PendingCall) {
        pending[stream] = call
        if call.deadline < nextDue.load(ordering: .relaxed) { nextDue.store(call.deadline, ordering: .relaxed) }
    }

    private func forget(_ stream: StreamID) {
        if pending.removeValue(forKey: stream) != nil { core.callEnded() }
    }

    // MARK: Time

    /// A long stream has something that may wait: it is told when the clock strikes next, within a tenth of a second.
    func strikeSoon() { nextDue.store(0, ordering: .relaxed) }

    /// A long stream wants the clock to strike at this time.
    func look(at time: UInt64) {
        if time < nextDue.load(ordering: .relaxed) { nextDue.store(time, ordering: .relaxed) }
    }

    /// Something is due: deadlines of calls, the end of the credentials, what long streams have put off.
    func clockStruck(_ session: SessionCore) {
        let now = MonotonicClock.now()
        for long in streams.values { long.clockStruck(session) }
        for (stream, call) in pending where call.deadline <= now {
            if !call.isMutation { core.driver.abandon(call.id) }
            forget(stream)
            guard !call.isCancelled else {
                session.release(stream)
                continue
            }
            let message =
                call.isMutation
                ? "the deadline has passed; the outcome is unknown: repeat the call with the same request id"
                : "the deadline has passed"
            session.fail(stream, WireStatus(.deadlineExceeded, message))
        }
        if credentialsEnd <= now {
            credentialsEnd = .max
            closeAt = now &+ 5_000_000_000
            session.goAway(reason: "the credentials have expired", code: .unauthenticated, drainMS: 5_000)
            for long in streams.values { long.draining(session) }
        }
        if closeAt <= now {
            closeAt = .max
            session.close(WireStatus(.unauthenticated, "the credentials have expired"))
        }
        let next = pending.values.reduce(min(credentialsEnd, closeAt)) { min($0, $1.deadline) }
        nextDue.store(streams.values.reduce(next) { min($0, $1.nextLook) }, ordering: .relaxed)
    }
}

extension ConnectionPort {
    /// Does something with the session on its event loop; dropped if the connection is over.
    func onLoop(_ body: @escaping @Sendable (SessionCore) -> Void) { send(.perform(body, ifClosed: nil)) }
}

/// A request that is being handled.
struct Request {
    let session: SessionCore
    let stream: StreamID
    let principal: Principal

    func require(_ permission: Permissions, _ what: String) throws(WireStatus) {
        guard principal.permissions.isSuperset(of: permission) else {
            throw WireStatus(.permissionDenied, "\(principal.name) may not \(what)")
        }
    }
}

/// A stream that lives longer than a call. Everything happens on the connection's event loop.
protocol LongStream: AnyObject {
    /// An item has arrived.
    /// - Throws: What ends the stream.
    func item(_ session: SessionCore, _ body: UnsafeRawBufferPointer) throws(WireStatus)
    /// The client sends nothing more.
    func ended(_ session: SessionCore)
    /// There is room again for items.
    func drained(_ session: SessionCore, items: Int)
    /// The connection takes no new streams; finish and end.
    func draining(_ session: SessionCore)
    /// The server's clock has struck for the connection.
    func clockStruck(_ session: SessionCore)
    /// When it wants the clock to strike, in monotonic nanoseconds. Default: never.
    var nextLook: UInt64 { get }
    /// Whether it may hold a page of stored events for as long as the client takes nothing. Default: no.
    var holdsPages: Bool { get }
    /// The stream or its connection is gone.
    func closed()
}

extension LongStream {
    func item(_ session: SessionCore, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        throw WireStatus(.invalidArgument, "this method takes one request and no items")
    }
    func ended(_ session: SessionCore) {}
    func draining(_ session: SessionCore) {}
    func clockStruck(_ session: SessionCore) {}
    var nextLook: UInt64 { .max }
    var holdsPages: Bool { false }
}

/// Reads a message that a client sent.
func decode<Message: WireMessage>(_ type: Message.Type, _ body: UnsafeRawBufferPointer) throws(WireStatus) -> Message {
    do throws(WireError) {
        return try Message(decoding: body, limits: .request)
    } catch {
        throw WireStatus(error)
    }
}

/// Writes an answer.
func encode(_ message: some WireMessage) throws(WireStatus) -> [UInt8] {
    do throws(WireError) {
        return try message.serialized()
    } catch {
        throw WireStatus(.internal, "the answer cannot be written: \(error)")
    }
}

extension WireStatus {
    /// What a read of the store threw.
    init(reading error: any Error) {
        switch error {
        case let status as WireStatus: self = status
        case let error as StoreError: self.init(error)
        case ReplayFailure.store(let error): self.init(error)
        case ReplayFailure.unreplayable(let error): self.init(.dataLoss, error.message)
        case let error as AggregateConflict: self.init(.failedPrecondition, error.description)
        case let error as SagaError:
            switch error.kind {
            case .validation: self.init(.invalidArgument, error.message)
            case .concurrency: self.init(.alreadyExists, error.message)
            default: self.init(.internal, error.message)
            }
        case let error as WireError: self.init(.internal, "the answer cannot be written: \(error)")
        default: self.init(.internal, "\(error)")
        }
    }
}
