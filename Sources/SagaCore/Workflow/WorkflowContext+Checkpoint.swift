extension WorkflowContext {
    // MARK: Checkpoints

    /// Ends this pass of the code and begins the next, in the same run: `run` is entered again with the same input, and
    /// ``lastCheckpoint(as:)`` gives it the value. Never returns normally.
    ///
    /// From then on the code is run again over what happened since, not over the whole history, so that neither the memory nor
    /// the time that a long run needs to be resumed grows. All but the code's own variables stays: the undo log, step
    /// outputs, search attributes, patches, signals that nobody has taken, a cancel request. Handlers are set
    /// anew by the code, as at its beginning.
    ///
    /// It waits until handlers that run have ended, and until steps and children that the code has given up are closed.
    /// - Parameters:
    ///   - value: What the next pass needs to know; asked for at the end of that waiting, so that it has what handlers
    ///     have done, and once more if they had to run again before it was recorded. Keep it small: it is recorded each time.
    ///   - outputs: The keys of the step outputs that the next pass can still read; nil, the default, for all. They are
    ///     recorded each time, too, so code that sets ever new keys names those that it needs. In the history all stay.
    /// - Throws: `SagaError` of kind validation, and nothing is recorded, if a step, timer, child or update of the code is
    ///   open, if other code of the run waits (`async let`), if the caller is not `run` itself but a task group, a
    ///   handler, a `saga` scope or a group, if the value and the step outputs have more than a mebibyte together, or if the
    ///   signals and updates that nobody has taken have more than 768 KiB: the next pass is given them, so they are recorded,
    ///   too. Take them, then call it again; those that have handlers go to them by themselves. `WorkflowCancelled` like any other
    ///   await.
    public func checkpoint<Value: Encodable>(
        _ value: @autoclosure () throws -> Value, keeping outputs: [String]? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Never {
        // Once, as a rule; again whenever too much has come before the marker was recorded.
        while true {
            try await waitUntilNothingEnds()
            let marker = MarkerCommand(kind: .checkpoint, name: "", details: try converter.encode(try value()))
            let kept = outputs.map { keys in self.outputs.filter { keys.contains($0.key) } } ?? self.outputs
            try checkSize(marker, kept)
            let number = try issue(.recordMarker(marker), site: CallSite(file, line))
            askedCheckpoint = AskedCheckpoint(number: number, outputs: self.outputs)
            self.outputs = kept
            // The next pass evicts this one, and that throws.
            _ = try await wait(for: .command(number), shielded: true).payload()
        }
    }

    /// Waits for handlers and for what the code has given up.
    /// - Throws: Why no checkpoint can be made, or that the run is cancelled.
    private func waitUntilNothingEnds() async throws {
        try checkIn()
        guard isRoot, WorkflowScope.number == 0, WorkflowScope.undoGroup == 0 else {
            throw refusal("only run itself makes checkpoints, outside of task groups, handlers, sagas and groups")
        }
        if let cancelReason, !WorkflowScope.isShielded { throw WorkflowCancelled(reason: cancelReason) }
        // Once at least: what the code has begun (async let) is then under way, and seen.
        repeat {
            let id = messages.addCondition { [weak self] in
                self.map { $0.messages.running == 0 && !$0.commands.hasEnding } ?? true
            }
            defer { messages.removeCondition(id) }
            _ = try await wait(for: .condition(id), shielded: true).payload()
        } while messages.running > 0 || commands.hasEnding
        if let open = commands.firstOpen {
            throw refusal("\(open) is open: wait for it, or cancel it, first")
        }
        if !waiters.isEmpty { throw refusal("other code of the run waits (async let): wait for it first") }
    }

    /// Here, where the code hears of it: a marker that no message holds would block the run.
    private func checkSize(_ marker: MarkerCommand, _ kept: [String: Payload]) throws {
        let bytes = kept.reduce(marker.details.data.count) { $0 + $1.key.utf8.count + $1.value.data.count }
        guard bytes <= Self.maximumCheckpointBytes else {
            throw refusal(
                "its value has \(marker.details.data.count) bytes and \(kept.count) step outputs have"
                    + " \(bytes - marker.details.data.count); \(Self.maximumCheckpointBytes) are allowed together: keep less,"
                    + " with checkpoint(value, keeping: keys)")
        }
        guard carriedBytes <= Self.maximumCarriedBytes else { throw tooMuchIsCarried() }
    }

    /// A checkpoint that the code has asked for, and that no event records yet.
    struct AskedCheckpoint {
        var number: CommandNumber
        /// All step outputs, if it is taken back.
        var outputs: [String: Payload]
    }

    /// Whether the code has asked for a checkpoint, and does nothing any more; what comes meanwhile is for the next pass.
    var isAtCheckpoint: Bool { askedCheckpoint != nil }

    /// A signal or an update has come while the checkpoint was not recorded: with it the marker may be too much for a message. Then
    /// the command is taken back, what has a handler goes to it, and `checkpoint` begins anew: it waits for those handlers, and throws if
    /// what is left is still too much. By the event, so that replay does the same.
    func messageCameAtCheckpoint() -> SagaError? {
        guard let asked = askedCheckpoint, carriedBytes > Self.maximumCarriedBytes, commands.takeBack(asked.number)
        else {
            return nil
        }
        outputs = asked.outputs
        askedCheckpoint = nil
        if let misfit = runHandlersOfWhatCame() { return misfit }
        // Behind the handlers: they are under way when it looks at what it has to wait for.
        resume(waiters.removeFirst { $0.target == .command(asked.number) }, .payload(.empty))
        return nil
    }

    /// Gives signals and updates that wait to their handlers, in the order of arrival, as if the code had not stood still.
    private func runHandlersOfWhatCame() -> SagaError? {
        var accepted = carriedUpdates.takeAll { messages.updates[$0] != nil }[...]
        func runUpdates(before eventID: EventID) -> SagaError? {
            while let update = accepted.first, update.acceptedEventID < eventID {
                accepted = accepted.dropFirst()
                if let misfit = runUpdate(update) { return misfit }
            }
            return nil
        }
        for entry in signals.takeAll(where: { messages.signals[$0] != nil }) {
            if let misfit = runUpdates(before: entry.eventID) { return misfit }
            runSignalHandler(entry.signal.name, entry.signal.payload)
        }
        return runUpdates(before: .max)
    }

    /// About how many bytes the signals and updates take that nobody has taken.
    private var carriedBytes: Int { signals.bytes + carriedUpdates.bytes }

    private func tooMuchIsCarried() -> SagaError {
        let signals = signals.waiting.map(\.name)
        let updates = carriedUpdates.waiting.map(\.name)
        func listed(_ names: [String]) -> String {
            let each = Set(names).sorted()
            return each.prefix(5).joined(separator: ", ") + (each.count > 5 ? ", …" : "")
        }
        let what = [
            signals.isEmpty ? nil : "\(signals.count) signals (\(listed(signals)))",
            updates.isEmpty ? nil : "\(updates.count) updates (\(listed(updates)))",
        ].compactMap { $0 }.joined(separator: " and ")
        return refusal(
            "\(what) that nobody has taken have \(carriedBytes) bytes, and \(Self.maximumCarriedBytes) are allowed: take them"
                + " first, with waitForSignal or a handler")
    }

    /// What the last checkpoint kept; nil in the first pass of the code.
    public func lastCheckpoint<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value? {
        guard let checkpointed else { return nil }
        return try converter.decode(type, from: checkpointed)
    }

    /// Most bytes of a checkpoint's value and step outputs. A constant for ever: on replay the same must be refused.
    static let maximumCheckpointBytes = 1 << 20

    /// Most bytes of the signals and updates that a checkpoint hands on. With the step outputs and what else is in a marker it is less
    /// than a payload may have, 2 MiB. A constant for ever, and so is the way in which the inboxes count: a refusal records no marker,
    /// so that it is decided anew by each replay.
    static let maximumCarriedBytes = 768 << 10

    private func refusal(_ why: String) -> SagaError {
        SagaError(kind: .validation, message: "no checkpoint can be made here: \(why)", isNonRetryable: true)
    }

    // MARK: For the instance

    /// What the next pass must know, as of the last event.
    var handedOn: CodeCheckpoint {
        CodeCheckpoint(
            random: random.state, children: children, undoGroups: undoGroups,
            outputs: outputs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
                NamedPayload(name: $0.key, payload: $0.value)
            },
            patches: patches.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
                CodeCheckpoint.Patch(id: $0.key, side: $0.value)
            },
            searchAttributes: searchAttributes, cancelReason: cancelReason, signals: carriedSignals,
            updates: carriedUpdates.waiting)
    }

    /// A context for the next pass of the code of an earlier one.
    func successor(_ held: CodeCheckpoint, _ marker: MarkerRecorded, at time: Timestamp) -> WorkflowContext {
        let next = WorkflowContext(
            sagaID: sagaID, namespace: namespace, workflowID: workflowID, workflowType: workflowType,
            taskQueue: taskQueue, executor: executor, converter: converter)
        next.checkpointed = marker.details
        next.commands = CommandLedger(next: marker.commandNumber &+ 1)
        next.foresight = foresight
        next.random = SplitMix64(seed: held.random)
        (next.children, next.undoGroups) = (held.children, held.undoGroups)
        for output in held.outputs { next.outputs[output.name] = output.payload }
        for patch in held.patches { next.patches[patch.id] = patch.side }
        next.signals = SignalInbox(held.signals)
        next.takeOver(memo: memo, searchAttributes: held.searchAttributes, cancelReason: held.cancelReason)
        next.advanceTime(to: max(now, time))
        return next
    }
}
