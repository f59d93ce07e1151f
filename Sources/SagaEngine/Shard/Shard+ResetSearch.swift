package import SagaCore

/// A reset request that is repeated after the run that it made has gone on as a new one: the newest run knows nothing of it, so
/// those before it are looked at, too (semantics, section 4, "One owner for every entry").
extension Shard {
    /// How many runs are looked at: a caller repeats a request in minutes, not for ever.
    private static let mostLooks = 16

    /// Looks for the run that the request made, unless that is done.
    /// - Parameters:
    ///   - sagaID: The run that was found: the newest, or the one that the caller named.
    ///   - workflowID: Of a named run that has closed: the search begins at the newest run of its workflow id.
    /// - Returns: Whether it is looked for; the call is answered, or made again, when that is over.
    func isLookedFor(_ id: CallID, _ reset: ResetCall, from sagaID: SagaID, newestOf workflowID: String? = nil) -> Bool
    {
        if planted(.resetRequestForgotten) { return false }
        // Once is enough: a run that was opened meanwhile knows what those before it were asked for (`CarriedMessage`), so that
        // a saga which goes on in new runs faster than they are read does not keep the search from ending.
        if reset.requestID.isEmpty || reset.search?.isOver == true { return false }
        var reset = reset
        reset.search = ResetCall.Search(target: reset.search?.target ?? reset.target)
        if let workflowID { reset.target.workflowID = workflowID }
        look(id, reset, at: workflowID == nil ? sagaID : nil)
        return true
    }

    private func look(_ id: CallID, _ reset: ResetCall, at sagaID: SagaID?) {
        var reset = reset
        reset.target.sagaID = sagaID
        reset.search?.looks += 1
        loadRun(reset.target, .all, .call(id, .reset(reset)))
    }

    /// One of them was read; nil if it is gone.
    func lookedForReset(_ id: CallID, _ reset: ResetCall, _ search: ResetCall.Search, _ run: LoadedRun?) {
        if let run, let made = run.run(madeBy: reset.requestID) {
            return answer(id, .success(.started(made, alreadyStarted: false)))
        }
        if let previous = run?.previous, search.looks < Self.mostLooks { return look(id, reset, at: previous) }
        var reset = reset
        reset.target = search.target
        reset.search?.isOver = true
        handleCall(id, .reset(reset))
    }
}

extension LoadedRun {
    /// The run that this one goes on from.
    fileprivate var previous: SagaID? { RunBefore.of(events) }

    /// The run that a reset made, by its request: this one, or one whose events this one has; nil if none did.
    fileprivate func run(madeBy requestID: String) -> SagaID? {
        guard let made = events.first(where: { $0.attributes.isReset(by: requestID) }) else { return nil }
        // Of those that came behind it, the first has what was there as its own up to the event that it is reset to.
        for event in events where event.eventID > made.eventID {
            guard case .workflowExecutionReset(let reset) = event.attributes else { continue }
            return reset.origins.first { made.eventID <= $0.upTo }?.sagaID ?? reset.baseSagaID
        }
        return row.sagaID
    }
}

/// Runs that go on from others: by a reset, as a new run, or to undo them.
package enum RunBefore {
    /// The run that the one with these events goes on from; nil if it began by itself.
    package static func of(_ events: some BidirectionalCollection<HistoryEvent>) -> SagaID? {
        for event in events.reversed() {
            if case .workflowExecutionReset(let reset) = event.attributes { return reset.baseSagaID }
        }
        guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return nil }
        return started.continuedFrom
    }

    /// The last run that went on from one, directly or not; that one itself if none did.
    /// - Parameter before: What each of the other runs goes on from. Ids do not tell which of two runs came later: clocks may
    ///   be set back.
    package static func heir(of sagaID: SagaID, _ before: [(run: SagaID, before: SagaID)]) -> SagaID {
        var next: [SagaID: SagaID] = [:]
        for pair in before { next[pair.before] = pair.run }
        var heir = sagaID
        // Each step takes one away, so that whatever is stored, this ends.
        while let run = next.removeValue(forKey: heir) { heir = run }
        return heir
    }
}

extension EventAttributes {
    /// Whether that request made the run.
    func isReset(by requestID: String) -> Bool {
        guard case .workflowExecutionReset(let reset) = self else { return false }
        return !requestID.isEmpty && reset.requestID == requestID
    }
}
