internal import SagaCore

/// Snapshots: the shard hands out the value of a state, whose encoding, compression and writing are other people's work
/// (architecture, "What a snapshot holds"). It costs the shard a few comparisons an append, and one shared copy when one is
/// due.
extension Shard {
    /// The run's state goes into the batch in flight as it is: takes a snapshot of it if one is due.
    ///
    /// The value is kept until the batch is durable, so that a snapshot never holds an event that the history does not.
    func captureSnapshot(_ execution: Execution) {
        guard isSnapshotDue(execution) else { return }
        if planted(.snapshotBeforeDurable) { return effects.append(.snapshot(execution.state, nil)) }
        execution.snapshotInFlight = execution.state
        execution.programInFlight = programNow(execution)
        execution.snapshotAt = execution.state.nextEventID
        execution.snapshotTime = time.monotonic
        execution.bytesSinceSnapshot = 0
    }

    /// Where the definition of a declared run stands after the state's last event; nil if it has something to ask for, which a
    /// value cannot hold.
    private func programNow(_ execution: Execution) -> DefinitionRunState? {
        guard let present = execution.program, !present.hasCommands,
            // Starts and notes of snapshots are recorded with the commit, when the program has been at work already.
            let events = execution.recentEvents(from: present.nextEventID)
        else { return nil }
        if events.isEmpty { return present.nextEventID == execution.state.nextEventID ? present.state : nil }
        let program = DefinitionRun(present)
        for event in events { guard program.take(event) == nil else { return nil } }
        return program.nextEventID == execution.state.nextEventID && !program.hasCommands ? program.state : nil
    }

    private func isSnapshotDue(_ execution: Execution) -> Bool {
        let policy = config.snapshots
        let since = execution.snapshotTime ?? time.monotonic
        execution.snapshotTime = since
        // The shard judges by what it has at hand; nothing here walks over the state. After a snapshot the next change of each
        // part of the state copies it: a large one waits, so that an event pays for little of that.
        let next = execution.state.nextEventID
        let events = next > execution.snapshotAt ? next - execution.snapshotAt : 0
        guard
            policy.bytes > 0 && execution.bytesSinceSnapshot >= policy.bytes
                || policy.events > 0 && events >= policy.events && events >= wait(for: execution.state.entryCount)
                || policy.intervalMicros.map({ time.monotonic - since >= $0 }) ?? false
        else { return false }
        return !execution.state.isClosed && events > 0
    }

    private func wait(for entries: UInt64) -> UInt64 {
        entries <= config.snapshots.events ? entries : entries.multipliedReportingOverflow(by: 8).partialValue
    }

    /// The events of the snapshot are durable now.
    func releaseSnapshot(_ execution: Execution) {
        guard let state = execution.snapshotInFlight else { return }
        let program = execution.programInFlight
        execution.snapshotInFlight = nil
        execution.programInFlight = nil
        if !execution.state.isClosed { effects.append(.snapshot(state, program)) }
    }

    /// A snapshot was kept. That is recorded with the next append of the run, never by a commit of its own.
    func snapshotKept(_ sagaID: SagaID, _ created: SnapshotCreated) {
        guard let execution = executions[sagaID], !execution.state.isClosed,
            created.uptoEventID < execution.state.nextEventID
        else { return }
        snapshotCount &+= 1
        execution.unrecordedSnapshot = created
    }
}

/// `SnapshotPolicy` in the shard's units.
struct ShardSnapshotPolicy: Sendable {
    var events: UInt64
    var bytes: Int
    var intervalMicros: Int64?

    init(_ policy: SnapshotPolicy) {
        events = policy.events
        bytes = policy.bytes
        intervalMicros = policy.interval.map { max(1, $0.wholeMicroseconds) }
    }
}

extension ExecutionState {
    /// About how many things the state holds, in constant time.
    fileprivate var entryCount: UInt64 { UInt64(undoLog.count + steps.count + timers.count + messageCount) }
}

extension EventAttributes {
    /// Bytes of user data in the event, without looking at more than their counts.
    var payloadBytes: Int {
        switch self {
        case .workflowExecutionStarted(let event): event.input.data.count
        case .activityTaskScheduled(let event): event.input.data.count
        case .activityTaskCompleted(let event): event.output.data.count + (event.undoData?.data.count ?? 0)
        case .signalReceived(let event): event.payload.data.count
        case .markerRecorded(let event): event.details.data.count + (event.output?.data.count ?? 0)
        case .sideEffectRecorded(let event): event.value.data.count
        case .localActivityCompleted(let event): event.output.data.count
        case .childWorkflowExecutionCompleted(let event): event.output.data.count
        case .workflowUpdateCompleted(let event): event.output.data.count
        default: 0
        }
    }
}
