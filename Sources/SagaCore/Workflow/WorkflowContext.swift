internal import Synchronization

/// What workflow code may use: steps, timers, signals, time and chance, all recorded and replayed (semantics, section 6).
///
/// The code of one run has one context. It must be used from that code only (`async let` and task groups included): a call
/// from `Task {}`, `Task.detached` or an actor is a determinism error, which blocks the run with a clear message.
public final class WorkflowContext: @unchecked Sendable {
    // Safe to share because every access happens on the run's executor, which one thread at a time drains; a call from
    // elsewhere is refused by `checkIn` before it touches anything.

    /// The run.
    public let sagaID: SagaID
    /// The namespace of the workflow id.
    public let namespace: String
    /// The caller's name for the saga.
    public let workflowID: String
    /// The type of the running code.
    public let workflowType: String
    /// The queue of the running code, which its steps use unless they name another.
    public let taskQueue: String

    let executor: WorkflowExecutor
    let converter: any PayloadConverter
    /// Whether the converter is the library's own for JSON, of which is known what it always writes.
    let isJSON: Bool
    // One thread at a time, and none of these calls what comes back to it: the runtime's checks of exclusive access, which each
    // event would pay dozens of times, could find nothing.
    @exclusivity(unchecked) var commands = CommandLedger()
    @exclusivity(unchecked) var waiters = WaiterList()
    var signals = SignalInbox()
    var outputs: [String: Payload] = [:]
    @exclusivity(unchecked) var messages = MessageHandlers()
    var foresight = Foresight()
    /// The events that the code is being given.
    @exclusivity(unchecked) var coming = ComingEvents()
    /// How the wait ended that looks for its result in the events at hand.
    @exclusivity(unchecked) var aheadResolution: Resolution?
    /// What did not fit there.
    var aheadMismatch: SagaError?
    var patches: [String: Bool] = [:]
    /// How children ended before anybody waited for it.
    var endedChildren: [CommandNumber: Resolution] = [:]
    /// Local activities that the worker has not been told of.
    private var localWork: [LocalActivityWork] = []
    private var localEvents: [CommandNumber: (eventID: EventID, key: String)] = [:]
    private var startedChildren: [CommandNumber: SagaID] = [:]
    /// Notes of the caller.
    public private(set) var memo: [NamedPayload] = []
    /// Attributes that List filters by.
    public private(set) var searchAttributes: [NamedPayload] = []
    /// A handler that may only read runs.
    @exclusivity(unchecked) private var isReading = false
    /// What a handler threw that cannot be told to anybody: the run waits for a person.
    private(set) var handlerFailure: SagaError?
    var undoGroups: UInt32 = 0
    var children: UInt32 = 0
    var random: SplitMix64
    @exclusivity(unchecked) private var time = Timestamp(microseconds: 0)
    /// The code has been told of what has no event yet, and so no time.
    @exclusivity(unchecked) private var isTimeUnknown = false
    /// The code has asked for the time then: what it does with the answer would not be repeated on replay.
    @exclusivity(unchecked) var sawUnknownTime = false
    var cancelReason: String?
    /// What the last checkpoint kept, as it was recorded.
    var checkpointed: Payload?
    /// The checkpoint that the code has asked for: it does nothing any more.
    var askedCheckpoint: AskedCheckpoint?
    var carriedUpdates = UpdateInbox()
    /// Set by whatever thread broke the rules, hence the mutex.
    private let foreignUse = Mutex<SagaError?>(nil)
    /// Whether `run` has begun and not ended.
    private(set) var isRunning = false
    @exclusivity(unchecked) private var isDead = false
    /// The task of `run` itself. For comparison only.
    private var root: UnsafeCurrentTask?

    init(
        sagaID: SagaID, firstRun: SagaID? = nil, namespace: String, workflowID: String, workflowType: String,
        taskQueue: String, executor: WorkflowExecutor, converter: any PayloadConverter
    ) {
        self.sagaID = sagaID
        self.namespace = namespace
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.taskQueue = taskQueue
        self.executor = executor
        self.converter = converter
        isJSON = converter is JSONPayloadConverter
        let seed = firstRun ?? sagaID
        random = SplitMix64(seed: seed.high ^ seed.low)
    }

    // MARK: Time and chance

    /// The time of the last event that the code was given; the same on replay.
    public var now: Timestamp {
        if isTimeUnknown { sawUnknownTime = true }
        return time
    }

    /// A random number that is the same on replay, and in a run that a reset made of this one: no key for others' systems, where what
    /// the old run did stands under it; ``ActivityContext/idempotencyKey`` is.
    public func randomNumber() -> UInt64 { random.next() }

    /// A generator for the standard library's `random(in:using:)` that gives the same on replay.
    public func randomNumberGenerator() -> some RandomNumberGenerator { SplitMix64(seed: random.next()) }

    /// A new identifier that is the same on replay; see ``randomNumber()``.
    public func uuid() -> SagaID { SagaID(time: now, random: (random.next(), random.next())) }

    // MARK: Cancellation

    /// Whether somebody asked the run to end. Code sees it as `WorkflowCancelled` at its next await.
    public var isCancelRequested: Bool { cancelReason != nil }

    /// Runs an operation whose awaits do not throw `WorkflowCancelled`, for what must still happen after a cancel.
    public func withoutCancellation<Result>(_ operation: () async throws -> Result) async throws -> Result {
        try await WorkflowScope.$isShielded.withValue(true) { try await operation() }
    }

    // MARK: Step outputs

    /// Keeps a value under a key, in the history.
    public func setStepOutput<Value: Encodable>(_ key: String, _ value: Value) throws {
        let payload = try converter.encode(value)
        outputs[key] = payload
        let marker = MarkerCommand(kind: .stepOutput, name: key, details: payload, scope: WorkflowScope.number)
        _ = try issue(.recordMarker(marker), site: nil)
    }

    /// The value kept under a key; nil if there is none.
    public func stepOutput<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let payload = outputs[key] else { return nil }
        return try converter.decode(type, from: payload)
    }

    // MARK: Undo

    /// Adds an undo entry by hand, for an effect that was not made by a step of the engine (manual, section 9.2).
    public func trackCompensatableStep<Input: Encodable, Output: Encodable>(
        _ stepID: String, undo: UndoSpec, input: Input, output: Output, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        let marker = MarkerCommand(
            kind: .undoTracked, name: stepID, details: try converter.encode(input),
            output: try converter.encode(output), undo: undo, scope: WorkflowScope.number)
        _ = try issue(.recordMarker(marker), site: CallSite(file, line))
    }

    /// Drops every undo entry so far: from here on there is no way back (semantics, section 4, "Pivot").
    public func commitUndo(file: StaticString = #fileID, line: UInt = #line) throws {
        let marker = MarkerCommand(kind: .undoCommitted, name: "", details: .empty, scope: WorkflowScope.number)
        _ = try issue(.recordMarker(marker), site: CallSite(file, line))
    }

    /// Unwinds what was done so far, last first, and returns when it is undone; for workflows with `autoCompensate` off.
    public func compensate(file: StaticString = #fileID, line: UInt = #line) async throws {
        try await compensate(scope: WorkflowScope.number, file: file, line: line)
    }

    func compensate(scope: UInt32, file: StaticString, line: UInt) async throws {
        let number = try issue(.compensate(scope: scope), site: CallSite(file, line))
        _ = try await wait(for: .command(number), shielded: true).payload()
    }

    /// Records a note in the history.
    public func recordMarker<Details: Encodable>(
        _ name: String, _ details: Details, file: StaticString = #fileID, line: UInt = #line
    ) throws {
        let marker = MarkerCommand(
            kind: .note, name: name, details: try converter.encode(details), scope: WorkflowScope.number)
        _ = try issue(.recordMarker(marker), site: CallSite(file, line))
    }

    /// Closes this run and goes on in a new one with the same workflow id; never returns normally.
    /// - Parameters:
    ///   - input: What the new run receives.
    ///   - carryUndo: Whether unsettled undo entries go along (default) or are dropped.
    public func continueAsNew<Input: Encodable>(_ input: Input, carryUndo: Bool = true) throws -> Never {
        throw ContinueAsNew(input: try converter.encode(input), carryUndo: carryUndo)
    }

    // MARK: For the rest of the context

    /// Issues a command that is not awaited, or is awaited by `wait`.
    func issue(_ command: WorkflowCommand, site: CallSite?) throws -> CommandNumber {
        try checkIn()
        return commands.issue(command, site: site)
    }

    /// Waits for what ends a command, or for a signal.
    func wait(for target: WaitTarget, shielded: Bool = false) async throws -> Resolution {
        try checkIn()
        let isCancellable = !(shielded || WorkflowScope.isShielded)
        if let reason = cancelReason, isCancellable {
            abandon(target)
            throw WorkflowCancelled(reason: reason)
        }
        // The loser of a race in a task group, or the sibling of a failed `async let`: Swift has cancelled it.
        if isCancellable, Task.isCancelled {
            abandon(target)
            throw CancellationError()
        }
        let ticket = waiters.nextTicket()
        let resolution: Resolution
        if let found = lookAhead(ticket, target, isCancellable) {
            resolution = found
        } else if isRoot {
            // Nobody but itself can cancel it, and it does not run now: it needs no handler, which costs more than the rest.
            resolution = await suspended(ticket, target, isCancellable)
        } else {
            resolution = await withTaskCancellationHandler {
                await suspended(ticket, target, isCancellable)
            } onCancel: {
                if isCancellable { cancelWaiter(ticket) }
            }
        }
        switch resolution {
        case .evicted: throw Evicted()
        case .cancelled(let reason): throw WorkflowCancelled(reason: reason)
        case .lostRace: throw CancellationError()
        case .payload, .failure: return resolution
        }
    }

    private func suspended(
        _ ticket: UInt64, _ target: WaitTarget, _ isCancellable: Bool
    ) async -> Resolution {
        await withUnsafeContinuation { continuation in
            waiters.add(
                Waiter(ticket: ticket, target: target, isCancellable: isCancellable, continuation: continuation))
        }
    }

    /// The task of `run` itself begins; no other task may become it later, because it is kept until it ends.
    func beginRoot() { root = withUnsafeCurrentTask { $0 } }

    func endRoot() { root = nil }

    /// Whether the code that calls is that of `run` itself, and not of a task group or an `async let`.
    var isRoot: Bool { withUnsafeCurrentTask { $0 == root && $0 != nil } }

    /// Swift cancels the task that waits. It does so from the code that cancels, so on the executor and in the same order
    /// on replay; from anywhere else it would be an order that no replay can repeat.
    private func cancelWaiter(_ ticket: UInt64) {
        guard executor.isCurrent else {
            foreignUse.withLock {
                $0 = $0 ?? Self.misuse("workflow code was cancelled by a task outside its executor")
            }
            return
        }
        guard let waiter = waiters.removeFirst(where: { $0.ticket == ticket }) else { return }
        if !isDead { abandon(waiter.target) }
        resume(waiter, .lostRace)
    }

    /// Takes a signal that is already there.
    func takeSignal(_ name: String) throws -> Payload? {
        try checkIn()
        return signals.take(name)
    }

    /// What the code did that no replay can repeat; nil if nothing.
    var misuse: SagaError? {
        if let error = foreignUse.withLock({ $0 }) { return error }
        if executor.sawForeignJob {
            return Self.misuse("workflow code was resumed by another thread (Task {}, Task.sleep, a shared actor, I/O)")
        }
        // Live code that waits for none of its context's promises waits for something the history does not know.
        if isRunning && waiters.isEmpty {
            return Self.misuse("workflow code waits for something outside its context (Task {}, Task.sleep, I/O)")
        }
        return nil
    }

    private static func misuse(_ what: String) -> SagaError {
        SagaError(
            kind: .replay,
            message: what + "; use async let or a task group, the context's timers and steps, or an activity",
            code: "SE0101", isNonRetryable: true)
    }

    func checkIn() throws {
        if isReading {
            throw SagaError(
                kind: .validation,
                message: "a query handler and a validator only read; they ask nothing of the context",
                isNonRetryable: true)
        }
        if !executor.isOnItsThread {
            let error = Self.misuse(
                "workflow code called its context from outside its executor (Task {}, Task.detached or an actor)")
            foreignUse.withLock { $0 = $0 ?? error }
            throw error
        }
        if isDead { throw Evicted() }
    }

    /// Tells the engine that the code no longer waits for a command.
    func abandon(_ target: WaitTarget) {
        let number: CommandNumber
        switch target {
        case .command(let waited), .childStart(let waited): number = waited
        case .signal, .condition: return
        }
        switch commands.kind(of: number) {
        case .activity: _ = commands.issue(.requestCancelActivity(number), site: nil)
        case .timer: _ = commands.issue(.cancelTimer(number), site: nil)
        case .child: _ = commands.issue(.requestCancelChild(number), site: nil)
        case .externalSignal, .local, .other: break
        }
    }

    // MARK: For the instance

    func advanceTime(to timestamp: Timestamp) {
        time = max(time, timestamp)
        isTimeUnknown = false
    }

    /// Gives the code the success of the only step that it has asked for, ahead of the events.
    func goAhead(_ step: CommandNumber, _ output: Payload) {
        commands.endSoleStep()
        isTimeUnknown = true
        resume(step, .payload(output))
    }

    func begin(_ started: WorkflowExecutionStarted) {
        isRunning = true
        memo = started.memo
        searchAttributes = started.searchAttributes
    }

    /// What stays from one pass of the code to the next.
    func takeOver(memo: [NamedPayload], searchAttributes: [NamedPayload], cancelReason: String?) {
        isRunning = true
        self.memo = memo
        self.searchAttributes = searchAttributes
        self.cancelReason = cancelReason
    }

    /// - Returns: How many of the events are records of commands.
    func foresee(_ events: [HistoryEvent]) -> Int { foresight.take(in: events) }

    func finish(_ command: WorkflowCommand) {
        isRunning = false
        guard !isDead else { return }
        _ = commands.issue(command, site: nil)
    }

    func nextChild() -> UInt32 {
        children += 1
        return children
    }

    func nextUndoGroup() -> UInt32 {
        undoGroups += 1
        return undoGroups
    }

    func unrecordedCommands() -> [NumberedCommand] {
        commands.unrecorded().map { numbered in
            // Asked for before a signal came that nobody will take any more: it goes along, too.
            var numbered = numbered
            switch numbered.command {
            case .continueAsNew(let input, let carryUndo, _):
                numbered.command = .continueAsNew(input: input, carryUndo: carryUndo, signals: carriedSignals)
            case .recordMarker(var marker) where marker.kind == .checkpoint:
                marker.output = handedOn.payload
                numbered.command = .recordMarker(marker)
            default: break
            }
            return numbered
        }
    }

    var unconsumedSignals: UInt32 { signals.count }

    var carriedSignals: [CarriedSignal] { signals.waiting }

    func handlerFailed(_ error: SagaError) { handlerFailure = handlerFailure ?? error }

    /// Runs what must not change anything.
    func reading<Value>(_ body: () throws -> Value) rethrows -> Value {
        isReading = true
        defer { isReading = false }
        return try body()
    }

    /// Resumes code whose condition holds by now, one at a time, for the next may hang on what it does.
    func resumeMetCondition() -> Bool {
        guard !isDead else { return false }
        if messages.conditions.isEmpty { return false }
        // From a copy: a condition may ask the context itself, as that of `waitForUpdateHandlers` does.
        let conditions = messages.conditions
        guard let id = conditions.first(where: { $0.isMet() })?.id else { return false }
        messages.removeCondition(id)
        resume(waiters.removeFirst { $0.target == .condition(id) }, .payload(.empty))
        return true
    }

    func evict() {
        isDead = true
        messages = MessageHandlers()
        for waiter in waiters.removeAll() { resume(waiter, .evicted) }
    }

    // MARK: Local activities

    func runLocally(_ work: LocalActivityWork) { localWork.append(work) }

    func keepScheduledLocally(_ number: CommandNumber, _ eventID: EventID, _ key: String) {
        localEvents[number] = (eventID, key)
    }

    func scheduledLocally(_ number: CommandNumber) -> (eventID: EventID, key: String)? {
        localEvents.removeValue(forKey: number)
    }

    /// What the worker has to run now: not what the history says the end of.
    func takeLocalWork() -> [LocalActivityWork] {
        defer { localWork = [] }
        return localWork.filter { commands.isUnrecorded($0.number) }
    }

    var hasLocalWork: Bool { localWork.contains { commands.isUnrecorded($0.number) } }

    func localEnded(_ number: CommandNumber, _ end: LocalActivityEnd) { commands.endLocal(number, end) }

    /// Gives the outcome of a command to whoever waits for it.
    func resume(_ number: CommandNumber, _ resolution: Resolution) {
        resume(waiters.removeFirst { $0.target == .command(number) }, resolution)
    }

    // MARK: Values that were computed once, patches, children

    /// The value that the next command recorded, if the code is being replayed.
    func takeForeseenValue() -> Payload? { foresight.takeValue(commands.next) }

    /// Which side of a patch the run takes.
    func side(ofPatch id: String, records: Bool) throws -> Bool {
        if let known = patches[id] { return known }
        let side: Bool
        if let marker = foresight.version(commands.next), marker.changeID == id {
            _ = try issue(.recordVersion(changeID: id, version: marker.version), site: nil)
            side = true
        } else if !records || commands.next < foresight.recorded {
            // The history was here before the patch, or goes without a mark of it.
            side = !records
        } else {
            _ = try issue(.recordVersion(changeID: id, version: 1), site: nil)
            side = true
        }
        patches[id] = side
        return side
    }

    func merge(searchAttributes new: [NamedPayload]) { searchAttributes = searchAttributes.merging(new) }

    func takeEndOfChild(_ number: CommandNumber) -> Resolution? { endedChildren.removeValue(forKey: number) }

    func startOfChild(_ number: CommandNumber) -> SagaID? { startedChildren[number] }

    /// The child runs, or never will: code that waits for its start goes on.
    func childStarted(_ initiated: EventID, _ sagaID: SagaID?, _ resolution: Resolution) {
        guard let number = commands.command(of: initiated) else { return }
        startedChildren[number] = sagaID
        resume(waiters.removeFirst { $0.target == .childStart(number) }, resolution)
    }
}
