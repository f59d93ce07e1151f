package import SagaCore

/// A run that comes in from another server, piece by piece, while this one is at work (`HistoryImporter` is for a store that no
/// server has open).
///
/// Every event is judged by the fold that recovery uses before it is written. A short run is one append. A longer one takes
/// several, so that memory stays flat; until the last of them its row has a mark, by which nobody takes it for a run that goes on:
/// the last append takes the mark away, and whatever still has it when a server takes the store over is removed.
package struct RunImport {
    private let driver: ShardDriver
    private let namespace: String
    private var state: ExecutionState?
    private var epoch: UInt64 = 0
    private var pending: [HistoryEvent] = []
    private var pendingBytes = 0
    /// Events before this id are in the store.
    private var written: EventID = 0
    /// Whether something may be in the store.
    private var hasWritten = false
    private var isOutcomeUnknown = false
    /// The run is here already: what comes is compared with it, for it may be the repetition of an import whose answer was lost.
    private var row: ExecutionRow?
    /// Events of it that were read and not compared yet.
    private var own: ArraySlice<HistoryEvent> = []

    /// Most events, and about most bytes, that wait to be written.
    package static let maximumPending = 8_192
    private static let maximumBytes = 4 << 20
    /// Events of a run that is here already that are read at once.
    private static let pageEvents = 1_000

    /// - Parameter namespace: The caller's; the run must be of it.
    package init(into driver: ShardDriver, namespace: String) {
        self.driver = driver
        self.namespace = namespace
    }

    /// Takes the next events.
    /// - Throws: Why the run is not taken; call ``abandon()`` then.
    package mutating func add(_ events: [HistoryEvent]) async throws(CallFailure) {
        for event in events {
            let isFirst = state == nil
            let due = state?.nextEventID ?? 0
            guard event.eventID == due else {
                throw CallFailure(.invalidArgument, "event \(event.eventID) stands where event \(due) is due")
            }
            if let state, event.sagaID != state.sagaID {
                throw CallFailure(
                    .invalidArgument,
                    "event \(event.eventID) belongs to run \(event.sagaID), the ones before it to \(state.sagaID)")
            }
            let known = EventCatalog.current.version(of: event.eventType)
            // It has lost on the way what only the newer form has; stored, it would not read back.
            guard event.eventVersion <= known else {
                throw CallFailure(
                    .failedPrecondition,
                    "event \(event.eventID) (\(event.eventType.name)) has form \(event.eventVersion), of a newer program; this"
                        + " server reads forms up to \(known): bring it up to date, then import again")
            }
            if isFirst { state = ExecutionState(sagaID: event.sagaID) }
            do throws(SagaError) { try state?.apply(event) } catch {
                throw CallFailure(
                    .invalidArgument, "event \(event.eventID) does not fit the ones before it: \(error.message)")
            }
            if isFirst { try await admit() }
            if let row {
                try await compare(event, row)
                continue
            }
            pending.append(event)
            pendingBytes += event.storedBytes
            if pending.count > Self.maximumPending || (pending.count > 1 && pendingBytes > Self.maximumBytes) {
                try await write(isLast: false)
            }
        }
    }

    /// All events have come: the run is whole, and goes on here if it is open.
    /// - Returns: The run and how many events came. If all of them were here already the answer is the same, and nothing is done.
    package mutating func finish() async throws(CallFailure) -> (sagaID: SagaID, events: UInt64) {
        if row != nil, let state { return (state.sagaID, state.nextEventID) }
        guard let state, !pending.isEmpty else { throw CallFailure(.invalidArgument, "the run has no events") }
        try await write(isLast: true)
        let done = (sagaID: state.sagaID, events: state.nextEventID)
        self.state = nil
        driver.feedBell.ring()
        // The events that are in the store now have made this state. It may be large: it is not made a second time.
        if !state.isClosed { await driver.adopt(state, epoch: epoch) }
        return done
    }

    /// The run does not come to its end, or was refused: what was written of it is removed. If the store is gone meanwhile, that is
    /// done when a server next takes it over.
    package mutating func abandon() async {
        guard hasWritten, let state else { return }
        hasWritten = false
        await driver.discardImport(state.sagaID, epoch: epoch, isOutcomeUnknown: isOutcomeUnknown)
    }

    // MARK: The first event

    private mutating func admit() async throws(CallFailure) {
        guard let state else { return }
        guard state.namespace == namespace else {
            throw CallFailure(
                .invalidArgument,
                "the run is of namespace \(state.namespace), the connection of \(namespace); connect to the run's own")
        }
        let names = [
            (state.workflowID, "workflow id"), (state.workflowType, "workflow type"), (state.taskQueue, "task queue"),
        ]
        for (name, what) in names {
            if let problem = Name.problem(with: name, what: what) { throw CallFailure(.invalidArgument, problem) }
        }
        var present: ExecutionRow?
        do throws(StoreError) {
            present = try await driver.store.execution(state.sagaID)
            // A server died while it removed what was not whole.
            if let row = present, row.isUnfinishedImport, row.status.isClosed {
                _ = try await driver.store.delete(row.sagaID)
                await driver.deleted(row.sagaID)
                present = nil
            }
        } catch {
            throw CallFailure(.unavailable, error.message)
        }
        if let row = present {
            // Nobody may take what is not whole for a yes.
            guard !row.isUnfinishedImport else {
                throw CallFailure(
                    .unavailable, "run \(row.sagaID) is still coming in, or is being removed again; try again")
            }
            return self.row = row
        }
        epoch = try await driver.admitImport(state).get()
    }

    /// The run has gone on here since, if it has more events than come.
    private mutating func compare(_ event: HistoryEvent, _ known: ExecutionRow) async throws(CallFailure) {
        if own.isEmpty {
            do throws(StoreError) {
                own = try await driver.store.events(of: event.sagaID, from: event.eventID, limit: Self.pageEvents)[...]
            } catch {
                throw CallFailure(.unavailable, error.message)
            }
        }
        guard let mine = own.popFirst(), mine == event else {
            throw CallFailure(
                .alreadyExists,
                "run \(known.sagaID) of workflow id \(known.workflowID) is here already, and has no such event"
                    + " \(event.eventID)", sagaID: known.sagaID)
        }
    }

    // MARK: Writing

    private mutating func write(isLast: Bool) async throws(CallFailure) {
        guard let state else { return }
        // The last append has to bring an event, for it changes the row.
        let part = isLast ? pending : Array(pending.dropLast())
        let next = written + EventID(part.count)
        var row: ExecutionRow?
        if written == 0 || isLast {
            var made = ExecutionRow(state, partitionCount: driver.metadata.partitionCount)
            made.nextEventID = next
            if !isLast { made.markAsUnfinished() }
            row = made
        }
        var entry = AppendEntry(sagaID: state.sagaID, expectedNextEventID: written, events: part, row: row)
        if written == 0 { entry.start = try await startCondition(state) }
        hasWritten = true
        let outcomes: [AppendOutcome]
        do throws(StoreError) {
            outcomes = try await driver.store.append(
                AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])]))
        } catch {
            isOutcomeUnknown = error.outcomeUnknown
            let code: CallFailure.Code = error.reason == .invalid ? .invalidArgument : .unavailable
            throw CallFailure(code, "the run cannot be written: \(error.message)", outcomeUnknown: error.outcomeUnknown)
        }
        guard outcomes == [.appended] else {
            // Nothing of ours is there, if this was the first.
            hasWritten = written > 0
            throw CallFailure(
                .failedPrecondition,
                "workflow id \(state.workflowID) was used by somebody else meanwhile; the run is not imported")
        }
        pending.removeFirst(part.count)
        pendingBytes = pending.reduce(0) { $0 + $1.storedBytes }
        written = next
    }

    private func startCondition(_ state: ExecutionState) async throws(CallFailure) -> StartCondition {
        let newest: ExecutionRow?
        do throws(StoreError) {
            newest = try await driver.store.latestExecution(namespace: state.namespace, workflowID: state.workflowID)
        } catch {
            throw CallFailure(.unavailable, error.message)
        }
        guard let newest else { return .unused }
        guard newest.status.isClosed else { throw Self.openRun(state.workflowID, newest.sagaID, newest.status) }
        return .after(newest.sagaID)
    }

    static func openRun(_ workflowID: String, _ sagaID: SagaID, _ status: ExecutionStatus) -> CallFailure {
        CallFailure(
            .failedPrecondition,
            "workflow id \(workflowID) has an open run here, \(sagaID); end it or wait for its end, then import again",
            sagaID: sagaID, status: status)
    }
}

extension ExecutionRow {
    /// The name of a search attribute that no caller can give: it begins with NUL, which no text has that came over the wire.
    private static let unfinishedMark = "\u{0}import"

    /// The row of a run as its events tell it.
    init(_ state: ExecutionState, partitionCount: UInt32) {
        self.init(
            sagaID: state.sagaID, namespace: state.namespace, workflowID: state.workflowID,
            workflowType: state.workflowType, status: state.status, startedAt: state.startedAt,
            closedAt: state.closedAt, nextEventID: state.nextEventID,
            partition: Partition.of(namespace: state.namespace, workflowID: state.workflowID, count: partitionCount),
            searchAttributes: state.searchAttributes)
    }

    /// Whether the run is still coming in from another server, or never came to its end.
    package var isUnfinishedImport: Bool { searchAttributes.contains { $0.name == Self.unfinishedMark } }

    /// The search attributes that callers have given.
    package var visibleSearchAttributes: [NamedPayload] {
        isUnfinishedImport ? searchAttributes.filter { $0.name != Self.unfinishedMark } : searchAttributes
    }

    mutating func markAsUnfinished() {
        status = .running
        closedAt = nil
        searchAttributes.append(NamedPayload(name: Self.unfinishedMark, payload: Payload(encoding: "json", data: [])))
    }
}
