public import SagaCore

/// The saga that a schedule is: it sleeps until something is due, and starts it by an activity that does so once.
///
/// Everything that makes sagas durable holds for it: timers survive restarts, a crash between the time and the start repeats the
/// activity, whose request id makes it one start. What zone files say is kept in the history, because they change.
public struct ScheduleWorkflow: DurableWorkflow {
    public static let typeID = "saga.schedule"
    /// The activity that starts a run: takes a ``Firing``, returns a ``FiringResult``.
    public static let firingType = "saga.schedule.fire"
    /// Firings in one run; then the schedule goes on in a new one, so that its history stays short.
    static let roundsPerRun = 50

    public init() {}

    public struct Input: Codable, Hashable, Sendable {
        public var spec: ScheduleSpec
        /// Nil for a new schedule.
        public var state: ScheduleState?

        public init(spec: ScheduleSpec, state: ScheduleState? = nil) {
            self.spec = spec
            self.state = state
        }
    }

    /// What the handlers and `run` share. Everything of a run happens on one thread at a time.
    private final class Book {
        var spec: ScheduleSpec
        var state: ScheduleState
        var nextDueMicros: Int64?
        var isDeleted = false
        var isFiring = false
        /// Counts what wakes the schedule.
        var changes = 0

        init(_ input: Input, now: Timestamp) {
            spec = input.spec
            state = input.state ?? ScheduleState(now: now)
        }

        func change(now: Timestamp) {
            state.restart(now: now)
            changes += 1
        }
    }

    public func run(_ context: WorkflowContext, _ input: Input) async throws -> ScheduleState {
        let book = Book(input, now: context.now)
        try setHandlers(context, book)
        for _ in 0..<Self.roundsPerRun where !book.isDeleted { try await round(context, book) }
        try await context.waitForUpdateHandlers()
        if book.isDeleted { return book.state }
        try context.continueAsNew(Input(spec: book.spec, state: book.state))
    }

    private func setHandlers(_ context: WorkflowContext, _ book: Book) throws {
        try context.setQueryHandler("info") {
            ScheduleInfo(
                spec: book.spec, state: book.state, nextDueMicros: book.nextDueMicros, isDeleted: book.isDeleted)
        }
        /// What is deleted takes nothing more, while it ends.
        func check() throws { if book.isDeleted { throw SagaError(kind: .validation, message: "it is deleted") } }
        try context.setUpdateHandler("replace", validate: { _ in try check() }) {
            (spec: ScheduleSpec) async throws -> Bool in
            book.spec = spec
            book.change(now: context.now)
            return true
        }
        try context.setUpdateHandler("pause", validate: { _ in try check() }) { (isPaused: Bool) async throws -> Bool in
            guard book.spec.isPaused != isPaused else { return false }
            book.spec.isPaused = isPaused
            book.change(now: context.now)
            return true
        }
        try context.setUpdateHandler("delete", validate: { _ in try check() }) { (_: Bool) async throws -> Bool in
            book.isDeleted = true
            book.changes += 1
            return true
        }
        try context.setUpdateHandler("trigger", validate: { _ in try check() }) {
            (name: String) async throws -> TriggerResult in
            let workflowID = "\(book.spec.start.workflowID)-\(name)"
            let result = try await fire(context, book, workflowID, dueMicros: context.now.microseconds)
            // There may be a run to wait for now.
            book.changes += 1
            return TriggerResult(workflowID: workflowID, result: result)
        }
    }

    /// Waits for the next thing to do, and does it; returns early if the schedule was changed.
    private func round(_ context: WorkflowContext, _ book: Book) async throws {
        let changes = book.changes
        let now = context.now
        book.nextDueMicros = nil
        if !book.spec.isPaused {
            let next: ScheduleState.Next = try context.sideEffect {
                // A zone that is gone, or a form that a later version wrote: nothing is due until somebody sees to it.
                guard let clock = try? book.spec.clock() else { return ScheduleState.Next(dueMicros: nil, missed: 0) }
                return book.state.next(clock, catchupMicros: book.spec.catchupMicros, now: now)
            }
            book.state.passOver(next)
            book.nextDueMicros = next.dueMicros
            if next.missed > 0 {
                book.state.cursorMicros = max(book.state.cursorMicros, (next.dueMicros ?? now.microseconds) - 1)
            }
        }
        let wake = [book.nextDueMicros, book.state.buffered?.lookAtMicros].compactMap(\.self).min()
        guard let wake else { return try await context.waitUntil { book.changes != changes } }
        let wait = Timestamp(microseconds: wake).microseconds(since: now)
        if wait > 0 {
            let isChanged = try await context.withDeadline(.microseconds(wait)) {
                try await context.waitUntil { book.changes != changes }
                return true
            }
            if isChanged == true { return }
        }
        if let buffered = book.state.buffered, buffered.lookAtMicros <= context.now.microseconds {
            _ = try await fire(context, book, buffered.workflowID, dueMicros: buffered.dueMicros)
        } else if let due = book.nextDueMicros, due <= context.now.microseconds {
            let workflowID = "\(book.spec.start.workflowID)-\(Timestamp(microseconds: due))"
            guard book.state.begin(dueMicros: due, overlap: book.spec.overlap) else { return }
            _ = try await fire(context, book, workflowID, dueMicros: due)
        }
    }

    private func fire(
        _ context: WorkflowContext, _ book: Book, _ workflowID: String, dueMicros: Int64
    ) async throws -> FiringResult {
        // One after the other: each must know the run before.
        while book.isFiring { try await context.waitUntil { !book.isFiring } }
        book.isFiring = true
        defer { book.isFiring = false }
        let overlap = book.spec.overlap
        let firing = Firing(
            namespace: book.spec.namespace, start: book.spec.start, workflowID: workflowID, overlap: overlap,
            lastWorkflowID: book.state.lastWorkflowID, scheduleID: book.spec.scheduleID)
        // Until it is known what became of it: a start is never left in doubt.
        let options = ActivityOptions(
            retry: RetryPolicy(maximumAttempts: 0, initialIntervalMicros: 1_000_000),
            timeouts: ActivityTimeouts(startToCloseMicros: 30_000_000))
        let result: FiringResult
        do {
            result = try await context.executeActivity(named: Self.firingType, firing, options: options)
        } catch let error as SagaError {
            result = FiringResult(.refused, message: error.message)
        }
        book.state.ended(result, workflowID: workflowID, dueMicros: dueMicros, overlap: overlap, now: context.now)
        return result
    }
}
