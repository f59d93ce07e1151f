/// The live code of one run: takes events, gives commands (semantics, section 6).
///
/// Not thread-safe: whoever holds it calls it from one thread at a time, and the code runs on that thread, inside
/// `activate`. The engine, a remote worker and the simulator all use it.
package final class WorkflowInstance {
    /// The run.
    package let sagaID: SagaID
    /// Id of the event that the code has not been given yet.
    package private(set) var nextEventID: EventID = 0
    private let definition: WorkflowDefinition
    private let context: WorkflowContext
    private let executor: WorkflowExecutor
    private var isEvicted = false
    /// Events that wait for those after them, so that the code can be told what it recorded next; and how many of them are
    /// records of commands.
    private var waiting: [HistoryEvent] = []
    private var waitingCommands = 0
    /// Commands that must be known beyond an event before the code is given it, unless its history ends before. What the code
    /// does at one event stands somewhere behind it, perhaps pages later; an activation that issues more than so many
    /// commands is not expected to ask for a patch or a value at its end.
    static let foreseenCommands = 1_000
    /// Events that are held back for that at most, so that the memory stays flat however long the history is.
    static let foreseenEvents = 16_384

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
            sagaID: task.sagaID, namespace: task.namespace, workflowID: task.workflowID,
            workflowType: task.workflowType, taskQueue: task.taskQueue, executor: executor, converter: converter)
    }

    /// Gives the events of a task to the code, one at a time, and collects what it wants.
    /// - Returns: The answer to the task; nil if more events must come first.
    package func activate(_ task: WorkflowTask) -> WorkflowTaskAnswer? {
        guard !isEvicted, task.firstEventID == nextEventID + EventID(waiting.count) else {
            return .needHistory(from: 0)
        }
        executor.enter()
        defer { executor.leave() }
        context.foresee(task.events)
        if let refusal = give(takeForeseen(task)) { return refusal }
        if task.more { return nil }
        if let misuse = context.misuse { return .failed(.nondeterminism, misuse) }
        if let failure = context.handlerFailure { return .failed(.codeFailure, failure) }
        guard nextEventID > 0 else { return .needHistory(from: 0) }
        // Code that has returned takes no update any more.
        let verdicts = context.isRunning ? task.updates.map { context.judge($0) } : []
        return answer(verdicts)
    }

    /// The events that the code may be given, because enough is known of what it did after them.
    private func takeForeseen(_ task: WorkflowTask) -> [HistoryEvent] {
        if !task.more, waiting.isEmpty { return task.events }
        waiting += task.events
        waitingCommands += task.events.count { $0.attributes.commandNumber != nil }
        var end = waiting.count
        if task.more {
            end = 0
            while end < waiting.count {
                let left = waitingCommands - (waiting[end].attributes.commandNumber == nil ? 0 : 1)
                guard left >= Self.foreseenCommands || waiting.count - end > Self.foreseenEvents else { break }
                waitingCommands = left
                end += 1
            }
        } else {
            waitingCommands = 0
        }
        let events = Array(waiting[..<end])
        waiting.removeFirst(end)
        return events
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
        switch context.answer(query, input) {
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

    private func give(_ events: [HistoryEvent]) -> WorkflowTaskAnswer? {
        // In their places: an event is large to copy.
        events.withUnsafeBufferPointer { events in
            guard let first = events.baseAddress else { return nil }
            for index in events.indices {
                guard first[index].eventID == nextEventID else { return .needHistory(from: 0) }
                nextEventID += 1
                if let mismatch = give(first[index]) { return .failed(.nondeterminism, mismatch) }
            }
            return nil
        }
    }

    private func give(_ event: HistoryEvent) -> SagaError? {
        if let mismatch = context.match(event) { return mismatch }
        context.advanceTime(to: event.timestamp)
        if case .workflowExecutionStarted(let started) = event.attributes {
            start(started)
        } else if let mismatch = context.deliver(event) {
            return mismatch
        }
        repeat { executor.drain() } while context.resumeMetCondition()
        return nil
    }

    private func start(_ started: WorkflowExecutionStarted) {
        let definition = definition
        let context = context
        context.begin(started)
        Task(executorPreference: executor) {
            context.beginRoot()
            defer { context.endRoot() }
            do {
                let output = try await definition.run(context, started.input)
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
