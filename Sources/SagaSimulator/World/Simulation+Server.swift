internal import SagaCore
internal import SagaEngine

/// The server process: the shard and the shell that does what it wants.
extension Simulation {
    func startServer() {
        guard shard == nil else { return }
        var config = ShardConfig()
        config.activityTimeoutMicros = 30_000_000
        config.cancelGraceMicros = 3_000_000
        config.reclaimGraceMicros = 2_000_000
        config.workflowTaskTimeoutMicros = 5_000_000
        config.activationHoldMicros = options.activationHoldMicros
        config.maxBatchRuns = options.maxBatchRuns
        config.historyPageEvents = options.historyPageEvents
        config.maxUndurableEvents = options.maxUndurableEvents
        shard = Shard(config: config, seed: options.seed &+ UInt64(incarnation) &* 0x9E37_79B9)
        note("server starts, incarnation \(incarnation)")
        do throws(StoreError) {
            if incarnation > 0 { try store.reopen() }
        } catch {
            checker.report(Violation("store", "the store does not open again: \(error)"))
        }
        beginRecovery()
    }

    /// Gives the shard an input, and lets it act once everything else of this moment has come in.
    func give(_ input: ShardInput) {
        guard let shard else { return }
        if isTracing { note("→ \(input.line)") }
        shard.handle(input, now: time)
        guard !isFlushDue else { return }
        isFlushDue = true
        put(.flush(incarnation), after: 0)
    }

    func flush() {
        isFlushDue = false
        guard let shard else { return }
        for effect in shard.flush(now: time) {
            if boundary() { return }
            perform(effect)
            if boundary() { return }
        }
        if let wake = shard.nextWake, wake < wakeAt {
            wakeAt = max(wake, now + 1)
            put(.wake(incarnation), at: wakeAt)
        }
    }

    /// A point at which the process may die.
    /// - Returns: Whether it did.
    func boundary() -> Bool {
        guard shard != nil else { return true }
        guard countBoundary(faultRate: crashes < options.faults.maxCrashes ? options.faults.crash : 0) else {
            return false
        }
        crash()
        return true
    }

    /// Counts an effect boundary of any process; true if it is the one to die at.
    func countBoundary(faultRate: Int) -> Bool {
        boundaries += 1
        if options.crashAt > 0 {
            return boundaries == options.crashAt
                || (options.crashAgainAfter > 0 && boundaries == options.crashAt + options.crashAgainAfter)
        }
        return isFaulty && faultChance.happens(faultRate)
    }

    private func perform(_ effect: ShardEffect) {
        if isTracing { note("← \(effect.line)") }
        switch effect {
        case .append(let id, let batch): sendAppend(id, batch)
        case .loadHistory, .loadRun: put(.load(incarnation, effect), after: storeDelay())
        case .reply(let call, let result):
            judge(call, result)
            put(.toClient(call, result), after: networkDelay())
        case .worker(let stream, let message): toWorker(stream, message)
        case .recover:
            coverage.hit(.recoveryWithoutCrash)
            beginRecovery()
        case .log, .alert: break
        }
    }

    // MARK: Death

    func crash() {
        crashes += 1
        deaths += 1
        coverage.hit(.crash)
        if isRecovering { coverage.hit(.crashWhileRecovering) }
        if appends.values.contains(where: { $0.incarnation == incarnation }) { coverage.hit(.crashWithAppendInFlight) }
        note("server crashes at boundary \(boundaries)")
        if let shard {
            for sagaID in checker.order {
                if let state = shard.state(of: sagaID) { checker.compare(state) }
            }
        }
        shard = nil
        incarnation += 1
        isFlushDue = false
        wakeAt = .max
        isRecovering = false
        for id in streams.keys.sorted() {
            streams[id]?.isOpenAtServer = false
            put(.streamLost(id), after: networkDelay())
        }
        loseCalls()
        put(.serverStart, after: faultChance.draw(1_000...3_000_000))
    }

    // MARK: Recovery

    private func beginRecovery() {
        isRecovering = true
        put(.takeOver(incarnation), after: storeDelay())
    }

    func takeOver() {
        if boundary() { return }
        if isFaulty, storeChance.happens(options.faults.storeUnavailable) {
            coverage.hit(.recoveryFailedOnce)
            return put(.takeOver(incarnation), after: 50_000)
        }
        do throws(StoreError) {
            let epoch = try store.takeOver()
            if boundary() { return }
            put(.readOpenRuns(incarnation, epoch: epoch), after: storeDelay())
        } catch {
            checker.report(Violation("store", "take-over: \(error)"))
        }
    }

    func readOpenRuns(_ epoch: UInt64) {
        do throws(StoreError) {
            var after: SagaID?
            while true {
                let rows = try store.openExecutions(after: after, limit: 100)
                guard let last = rows.last else { break }
                after = last.sagaID
                for row in rows { give(.recovered(try allEvents(of: row.sagaID))) }
            }
        } catch {
            return checker.report(Violation("store", "recovery: \(error)"))
        }
        if boundary() { return }
        isRecovering = false
        give(.recoveryFinished(epoch: epoch))
    }

    private func allEvents(of sagaID: SagaID) throws(StoreError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let page = try store.events(of: sagaID, from: EventID(events.count), limit: 1_000)
            if page.isEmpty { break }
            events += page
        }
        if events != checker.histories[sagaID] ?? [] {
            checker.report(Violation("durable", "run \(sagaID) is not read back as it was written"))
        }
        return events
    }
}
