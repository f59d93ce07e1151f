/// The live code of one run: takes events, gives commands (semantics, section 6).
///
/// Not thread-safe: whoever holds it calls it from one thread at a time, and the code runs on that thread, inside
/// `activate`. The engine, a remote worker and the simulator all use it.
package final class WorkflowInstance {
    /// The run.
    package let sagaID: SagaID
    /// The caller's name for the saga, and its code.
    package var workflowID: String { context.workflowID }
    package var workflowType: String { context.workflowType }
    /// Id of the event that the code has not been given yet; an earlier one while it is ahead of its history.
    package var nextEventID: EventID { context.coming.nextEventID }
    private let definition: WorkflowDefinition
    private(set) var context: WorkflowContext
    /// What the code was started with, for each of its passes.
    private var input = Payload.empty
    /// Whether the next event is the checkpoint from which the code begins, without what was before.
    private var beginsAtCheckpoint = false
    let executor: WorkflowExecutor
    private(set) var isEvicted = false
    private(set) var window = HistoryWindow()
    /// The scheduling event of the step whose success the code was told of before the history had it; nil once an event came that
    /// shows that it was taken.
    var ahead: EventID?
    /// Whether whoever owns the history takes what the code makes of such news.
    private(set) var mayGoAhead = false

    /// Code that has not seen any event.
    /// - Parameters:
    ///   - task: The first task of the run, for its names.
    ///   - definition: The code.
    ///   - converter: How inputs and outputs become payloads.
    package init(task: WorkflowTask, definition: WorkflowDefinition, converter: any PayloadConverter) {
        sagaID = task.sagaID
        self.definition = definition
        executor = WorkflowExecutor()
        context = WorkflowContext(
            sagaID: task.sagaID, firstRun: task.firstRun, namespace: task.namespace, workflowID: task.workflowID,
            workflowType: task.workflowType, taskQueue: task.taskQueue, executor: executor, converter: converter)
    }

    /// Gives the events of a task to the code, one at a time, and collects what it wants.
    /// - Returns: The answer to the task; nil if more events must come first.
    package func activate(_ task: WorkflowTask) -> WorkflowTaskAnswer? {
        guard !isEvicted,
            window.count > 0 ? task.firstEventID == nextEventID + EventID(window.count) : stands(at: task.firstEventID)
        else { return .needHistory(from: 0) }
        mayGoAhead = task.mayGoAhead
        let task = takeStart(task)
        executor.enter()
        defer { executor.leave() }
        window.add(task.events, commands: context.foresee(task.events))
        while let part = window.takePart(isWhole: !task.more) {
            if let refusal = give(part) {
                window = HistoryWindow()
                return refusal
            }
        }
        if task.more { return nil }
        if let misuse = context.misuse { return .failed(.nondeterminism, misuse) }
        if let failure = context.handlerFailure { return .failed(.codeFailure, failure) }
        guard nextEventID > 0 else { return .needHistory(from: 0) }
        // Code that has returned takes no update any more; at a checkpoint the next pass does.
        let verdicts = context.isRunning && !context.isAtCheckpoint ? task.updates.map { context.judge($0) } : []
        // A validator wanted to know the time of an event that did not come along.
        if context.sawUnknownTime { return .needHistory(from: 0) }
        return answer(verdicts)
    }

    /// What the code wants by now; after local activities have ended, once more.
    package func answer(_ verdicts: [UpdateVerdict]) -> WorkflowTaskAnswer {
        guard nextEventID > 0 else { return .needHistory(from: 0) }
        return .completed(
            seenEventID: nextEventID - 1, commands: context.unrecordedCommands(),
            unconsumedSignals: context.unconsumedSignals, verdicts: verdicts)
    }

    /// Local activities that the code wants run. The answer of the activation must wait for them.
    package func takeLocalWork() -> [LocalActivityWork] { context.takeLocalWork() }

    /// A local activity has ended; the code hears of it when the event comes.
    package func localEnded(_ number: CommandNumber, _ end: LocalActivityEnd) { context.localEnded(number, end) }

    /// Asks the code something; it has seen every event before `nextEventID`.
    package func answer(_ query: String, _ input: Payload) -> QueryAnswer {
        guard !isEvicted, nextEventID > 0 else { return .needHistory }
        executor.enter()
        defer { executor.leave() }
        let result = context.answer(query, input)
        if context.sawUnknownTime {
            // Only the query did; the code itself is as it was.
            context.sawUnknownTime = false
            return .needHistory
        }
        switch result {
        case .success(let output): return .answered(output, upTo: nextEventID - 1)
        case .failure(let error): return .failed(error)
        }
    }

    /// Ends the code without any effect: every await throws `Evicted`, and commands are no longer taken.
    package func evict() {
        guard !isEvicted else { return }
        isEvicted = true
        executor.enter()
        context.evict()
        executor.drain()
        executor.leave()
    }

    deinit {
        // Suspended code that is never resumed would leak; ending it is what eviction means.
        evict()
    }

    private func give(_ part: HistoryWindow.Part) -> WorkflowTaskAnswer? {
        part.page.withUnsafeBufferPointer { events in
            context.coming.begin(events, in: part.range)
            defer { context.coming.stop() }
            while let event = context.coming.take() {
                if let mismatch = give(event) { return .failed(.nondeterminism, mismatch) }
            }
            return context.coming.hasGap ? .needHistory(from: 0) : nil
        }
    }

    private func give(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        switch event.pointee.attributes {
        case .workflowExecutionStarted(let started):
            if let mismatch = context.match(event) { return mismatch }
            context.advanceTime(to: event.pointee.timestamp)
            input = started.input
            context.begin(started)
            start()
        case .markerRecorded(let marker) where marker.kind == .checkpoint:
            if let misfit = enterAgain(marker, event) { return misfit }
        default:
            if let mismatch = context.take(event) { return mismatch }
        }
        repeat { executor.drain() } while context.resumeMetCondition()
        return context.aheadMismatch
    }

    /// Takes the first event of a run that has made a checkpoint: the second one is that checkpoint, whatever was between.
    private func takeStart(_ task: WorkflowTask) -> WorkflowTask {
        guard nextEventID == 0, window.count == 0, task.events.count > 1, task.events[1].isCheckpoint,
            task.events[0].eventID == 0, case .workflowExecutionStarted(let started) = task.events[0].attributes
        else { return task }
        var rest = task
        rest.events.removeFirst()
        rest.firstEventID = rest.events[0].eventID
        input = started.input
        context.begin(started)
        context.advanceTime(to: task.events[0].timestamp)
        beginsAtCheckpoint = true
        context.coming.skip(to: rest.firstEventID)
        return rest
    }

    /// Begins the next pass of the code.
    private func enterAgain(_ marker: MarkerRecorded, _ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        if !beginsAtCheckpoint, let mismatch = context.match(event) { return mismatch }
        beginsAtCheckpoint = false
        let held: CodeCheckpoint
        do throws(SagaError) {
            held = try CodeCheckpoint(marker, eventID: event.pointee.eventID)
        } catch {
            return error
        }
        let last = context
        let coming = last.coming
        context = last.successor(held, marker, at: event.pointee.timestamp)
        last.coming.stop()
        last.evict()
        executor.drain()
        // What comes next waits until the handlers of all updates are under way, as it did when the code was live.
        context.coming.skip(to: coming.nextEventID)
        start()
        for update in held.updates {
            executor.drain()
            context.runCarried(update)
        }
        context.coming = coming
        return nil
    }

    private func start() {
        let definition = definition
        let context = context
        let input = input
        Task(executorPreference: executor) {
            context.beginRoot()
            defer { context.endRoot() }
            do {
                let output = try await definition.run(context, input)
                context.finish(.complete(output))
            } catch is Evicted {
                // Its context is dead; nothing is said (semantics, section 6).
            } catch is WorkflowCancelled {
                context.finish(.cancel(reason: context.cancelReason ?? ""))
            } catch let request as ContinueAsNew {
                context.finish(
                    .continueAsNew(
                        input: request.input, carryUndo: request.carryUndo, signals: context.carriedSignals))
            } catch {
                context.finish(.fail(SagaError(describing: error, kind: .workflowExecution)))
            }
        }
    }
}

extension HistoryEvent {
    /// Whether it is a checkpoint of the code.
    package var isCheckpoint: Bool { attributes.isCheckpoint }
}

extension EventAttributes {
    package var isCheckpoint: Bool {
        if case .markerRecorded(let marker) = self { marker.kind == .checkpoint } else { false }
    }
}

/// Thrown from every await of code that was evicted from memory. Never catch it to go on: the context is dead.
public struct Evicted: Error {}

/// Thrown from the awaits of code whose run somebody asked to cancel.
public struct WorkflowCancelled: Error, Hashable, Sendable {
    /// What the request said.
    public var reason: String

    public init(reason: String) { self.reason = reason }
}

/// Thrown by `WorkflowContext.continueAsNew`: closes this run and goes on in a new one.
package struct ContinueAsNew: Error {
    var input: Payload
    var carryUndo: Bool
}
