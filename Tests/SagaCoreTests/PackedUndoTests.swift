import SagaCodec
import SagaCore
import SagaSamples
import Testing

/// Undo entries that are made of stored rows stand packed until somebody asks for them: nobody can tell.
@Suite struct PackedUndoTests {
    private static let id = SagaID(high: 0x019C_0475_8D7B_7000, low: 1 << 63 | 7)

    /// A run of steps with undos, some of which overlap.
    private struct Steps {
        var events: [HistoryEvent] = []
        var undoable: [EventID] = []
        var samples: SampleMaker
        let specs: [UndoSpec]
        /// Numbers of all lengths; a scope that was not opened is a scope all the same.
        var scopes: [UInt32] = [0, 0, 1, 127, 128, .max]

        init(seed: UInt64) {
            samples = SampleMaker(seed: seed)
            // Specs that differ in the first bytes or in the last, of many lengths: more of them than are kept in mind.
            var specs: [UndoSpec] = []
            for index in 0..<24 {
                var spec = samples.undo()
                spec.activityType = index % 3 == 0 ? "undo" : "an.activity.with.a.name.\(index % 5)"
                spec.taskQueue = index % 2 == 0 ? "" : "queue-\(index)"
                if index % 7 == 0 { spec.probeActivityType = String(repeating: "p", count: 20 * index) }
                specs.append(spec)
            }
            self.specs = specs
            add(
                .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: "w", workflowType: "W", workflowVersion: 0, taskQueue: "q",
                        input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0)))
        }

        mutating func add(_ attributes: EventAttributes) {
            events.append(
                HistoryEvent(
                    eventID: EventID(events.count), sagaID: PackedUndoTests.id,
                    timestamp: Timestamp(microseconds: 1_790_000_000_000_000 + Int64(events.count)),
                    attributes: attributes))
        }

        mutating func make(_ count: Int) {
            var open: [EventID] = []
            for number in 0..<count {
                open.append(EventID(events.count))
                let key = samples.bool() ? "\(PackedUndoTests.id)/\(events.count)" : samples.text()
                add(
                    .activityTaskScheduled(
                        ActivityTaskScheduled(
                            commandNumber: CommandNumber(number), stepID: samples.text(),
                            activityType: samples.bool() ? "a" : "an.activity.with.a.name", taskQueue: samples.text(),
                            input: samples.payload(), retry: RetryPolicy(), timeouts: .standard,
                            undo: samples.bool() || samples.bool() ? specs[number % specs.count] : nil,
                            idempotencyKey: key, scope: scopes[number % scopes.count],
                            undoGroup: samples.bool() ? 0 : UInt32(number / 3))))
                if number % 4 != 0, samples.bool() { continue }
                while let step = samples.bool() ? open.popLast() : open.first {
                    open.removeAll { $0 == step }
                    if case .activityTaskScheduled(let scheduled) = events[Int(step)].attributes, scheduled.undo != nil
                    {
                        undoable.append(step)
                    }
                    add(
                        .activityTaskCompleted(
                            ActivityTaskCompleted(
                                scheduledEventID: step, attempt: 1, output: samples.payload(),
                                undoData: samples.maybe { $0.payload() })))
                }
            }
        }
    }

    private static func applied(_ events: [HistoryEvent]) throws -> ExecutionState {
        var state = ExecutionState(sagaID: id)
        for event in events { try state.apply(event) }
        return state
    }

    private static func folded(_ events: [HistoryEvent], rowEvents: Int) throws -> ExecutionState {
        let rows = stride(from: 0, to: events.count, by: rowEvents).map {
            Array(events[$0..<min(events.count, $0 + rowEvents)])
        }
        var state = ExecutionState(sagaID: id)
        var fold = HistoryFold()
        try fold.apply(PackedHistory(of: id, rows), to: &state)
        return state
    }

    private static func areTheSame(_ left: ExecutionState, _ right: ExecutionState, _ note: String) {
        #expect(left == right, "\(note)")
        #expect(left.undoLog.entries == right.undoLog.entries, "\(note)")
        #expect(left.undoLog.open == right.undoLog.open, "\(note)")
        #expect(left.undoLog.next(in: 0) == right.undoLog.next(in: 0), "\(note)")
        #expect(left.compensationSummary == right.compensationSummary, "\(note)")
        #expect(Postcard.encode(left) == Postcard.encode(right), "\(note)")
    }

    @Test(arguments: 1...30)
    func entriesAreTheSame(_ seed: Int) throws {
        var steps = Steps(seed: UInt64(seed))
        steps.make(40)
        let expected = try Self.applied(steps.events)
        #expect(expected.undoLog.count == steps.undoable.count && steps.undoable.count > 5)
        for rowEvents in [1, 3, 1_000] {
            let state = try Self.folded(steps.events, rowEvents: rowEvents)
            Self.areTheSame(state, expected, "seed \(seed), rows of \(rowEvents)")
            for step in steps.undoable { #expect(state.undoLog.entry(step) == expected.undoLog.entry(step)) }
            let copy = try Postcard.decodeStrict(ExecutionState.self, from: Postcard.encode(state))
            Self.areTheSame(copy, expected, "seed \(seed), from a snapshot")
        }
    }

    /// Undos run, wait, fail, and leave a mark; those that never began stay packed beside them.
    @Test(arguments: 1...30)
    func theyAreUndoneAsOthersAre(_ seed: Int) throws {
        var steps = Steps(seed: UInt64(seed) &+ 1_000)
        steps.make(30)
        let before = steps.events.count
        steps.add(.compensationStarted(CompensationStarted(cause: .failed)))
        let error = SagaError(kind: .timeout, message: "too late")
        for (number, step) in steps.undoable.reversed().enumerated() where number % 3 != 2 {
            steps.add(
                .compensationStepStarted(
                    CompensationStepStarted(
                        stepEventID: step, activityType: "u", taskQueue: "q", outcome: .completed,
                        idempotencyKey: "another/\(step)",
                        editedInput: number % 4 == 0 ? Payload.json("\(number)") : nil)))
            if number % 2 == 0 {
                steps.add(
                    .compensationStepRetryScheduled(
                        CompensationStepRetryScheduled(
                            stepEventID: step, attempt: 1, error: error, dueAt: Timestamp(microseconds: 7))))
            } else {
                steps.add(
                    .compensationStepCompleted(
                        CompensationStepCompleted(stepEventID: step, attempt: 1, output: .empty)))
            }
        }
        var state = try Self.folded(Array(steps.events.prefix(before)), rowEvents: 1_000)
        var expected = try Self.applied(Array(steps.events.prefix(before)))
        for event in steps.events.dropFirst(before) {
            let untouched = state
            try state.apply(event)
            try expected.apply(event)
            Self.areTheSame(state, expected, "seed \(seed), event \(event.eventID)")
            if case .compensationStepCompleted = event.attributes { #expect(state != untouched) }
        }
        Self.areTheSame(try Self.folded(steps.events, rowEvents: 7), expected, "seed \(seed), from the rows")
    }

    /// Parts of a length at which they are copied otherwise.
    @Test func lengthsOfParts() throws {
        var steps = Steps(seed: 3)
        var expected = 0
        for length in [0, 1, 31, 32, 33, 63, 64, 127, 128, 129, 255, 256, 5_000] {
            let text = String(repeating: "t", count: length)
            let payload = Payload(encoding: "bytes", data: Array(text.utf8))
            let step = EventID(steps.events.count)
            steps.add(
                .activityTaskScheduled(
                    ActivityTaskScheduled(
                        commandNumber: CommandNumber(step), stepID: text, activityType: "a", taskQueue: text,
                        input: payload, retry: RetryPolicy(), timeouts: .standard,
                        undo: UndoSpec(activityType: text, taskQueue: length % 2 == 0 ? "" : text), idempotencyKey: text
                    )))
            steps.add(
                .activityTaskCompleted(
                    ActivityTaskCompleted(scheduledEventID: step, attempt: 1, output: payload, undoData: payload)))
            expected += 1
        }
        let whole = try Self.applied(steps.events)
        #expect(whole.undoLog.count == expected)
        for rowEvents in [2, 1_000] {
            Self.areTheSame(try Self.folded(steps.events, rowEvents: rowEvents), whole, "\(rowEvents)")
        }
    }

    /// Steps that complete behind a reset point's unwinding stand for the new run, those before it move.
    @Test(arguments: 1...10)
    func thoseThatMoveWithAReset(_ seed: Int) throws {
        var steps = Steps(seed: UInt64(seed) &+ 5_000)
        steps.scopes = [0]
        steps.make(12)
        let kept = try #require(steps.undoable.dropFirst(2).first)
        let open = EventID(steps.events.count)
        steps.add(
            .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: 500, stepID: "late", activityType: "a", taskQueue: "q", input: .empty,
                    retry: RetryPolicy(), timeouts: .standard, undo: UndoSpec(activityType: "undo"), idempotencyKey: "k"
                )))
        var started = CompensationStarted(cause: .requested)
        started.resetToEventID = seed % 2 == 0 ? kept : open
        steps.add(.compensationStarted(started))
        steps.add(
            .activityTaskCompleted(
                ActivityTaskCompleted(scheduledEventID: open, attempt: 1, output: .empty, undoData: nil)))
        let expected = try Self.applied(steps.events)
        #expect(expected.undoLog.entry(open)?.status == (seed % 2 == 0 ? .open : .dormant))
        #expect(expected.undoLog.entries.contains { $0.status == .dormant })
        for rowEvents in [1, 3, 1_000] {
            Self.areTheSame(try Self.folded(steps.events, rowEvents: rowEvents), expected, "rows of \(rowEvents)")
        }
    }

    /// What is asked without making all entries is what they say.
    @Test func questionsToFewEntries() throws {
        var steps = Steps(seed: 11)
        steps.make(40)
        let undone = Set(steps.undoable.suffix(4))
        steps.add(.compensationStarted(CompensationStarted(cause: .failed)))
        for step in undone.sorted().reversed() {
            steps.add(
                .compensationStepStarted(
                    CompensationStepStarted(
                        stepEventID: step, activityType: "u", taskQueue: "q", outcome: .completed, idempotencyKey: "k"))
            )
            steps.add(
                .compensationStepCompleted(CompensationStepCompleted(stepEventID: step, attempt: 1, output: .empty)))
        }
        let log = try Self.folded(steps.events, rowEvents: 1_000).undoLog
        let all = log.entries
        let (some, open) = (Set(steps.undoable.prefix(3)), all.filter { !$0.status.isSettled })
        #expect(all.count == steps.undoable.count && open.count == all.count - undone.count)
        #expect(log.last(5) == Array(all.suffix(5)) && log.last(.max) == all && log.last(0).isEmpty)
        #expect(log.entries(of: some) == all.filter { some.contains($0.stepEventID) })
        #expect(log.open() == open && log.open(limit: 2) == Array(open.prefix(2)))
        #expect(log.open(where: { some.contains($0) }) == open.filter { some.contains($0.stepEventID) })
        #expect(log.hasOpen { some.contains($0) } && !log.hasOpen { undone.contains($0) })
        #expect(log.last { _, status in status == .undone } == all.last { $0.status == .undone })
        #expect(log.last { _, status in status == .blocked } == nil)
        #expect(log.firstBegun { _ in true } == all.first { $0.firstAttempt != 0 })
        #expect(log.firstBegun { some.contains($0) } == nil && log.begun.isEmpty)
    }

    /// What is packed can be read whenever it is asked for, so what cannot is refused before.
    @Test func whatCannotBeReadIsRefused() throws {
        var steps = Steps(seed: 77)
        steps.make(6)
        let good = PackedEvents.encode(steps.events)
        var refused = 0
        var random = TestRandom(seed: 5)
        for at in good.indices {
            for value in [0xFF, 0x80, good[at] ^ 1, UInt8.random(in: .min ... .max, using: &random)] {
                var bad = good
                bad[at] = value
                var history = PackedHistory(sagaID: Self.id)
                try history.append(bad, firstEventID: 0, count: steps.events.count)
                var state = ExecutionState(sagaID: Self.id)
                var fold = HistoryFold()
                do throws(SagaError) { try fold.apply(history, to: &state) } catch {
                    refused += 1
                    continue
                }
                let entries = state.undoLog.entries
                #expect(entries.allSatisfy { $0.lastError == nil && $0.status == .open }, "byte \(at) is \(value)")
                // By the stored forms: numbers that are not numbers are not equal to themselves.
                let form = Postcard.encode(state)
                #expect(Postcard.encode(try Postcard.decodeStrict(ExecutionState.self, from: form)) == form)
            }
        }
        #expect(refused > good.count)
    }
}
