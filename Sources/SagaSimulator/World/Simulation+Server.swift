internal import SagaCore
internal import SagaEngine

/// The server processes: the shard and the shell that does what it wants.
extension Simulation {
    /// The living process of an incarnation.
    func server(_ incarnation: UInt32) -> ServerProcess? { servers.first { $0.incarnation == incarnation } }

    /// The process that the others turn to: the newest that nobody has replaced.
    var home: ServerProcess? { servers.last { !$0.isZombie } }

    /// Starts a process, unless there is one that nobody has replaced.
    func startServer() {
        guard home == nil else { return }
        var config = ShardConfig()
        config.activityTimeoutMicros = 30_000_000
        config.cancelGraceMicros = 3_000_000
        config.reclaimGraceMicros = 2_000_000
        config.workflowTaskTimeoutMicros = 5_000_000
        config.activationHoldMicros = options.activationHoldMicros
        config.maxBatchRuns = options.maxBatchRuns
        config.maxBatchesInFlight = options.maxBatchesInFlight
        config.minRunsBeside = options.minRunsBeside
        config.minRunsOfLoad = options.minRunsBeside + 1
        config.historyPageEvents = options.historyPageEvents
        config.maxUndurableEvents = options.maxUndurableEvents
        config.snapshotEvents = options.snapshotEvents
        config.maxLiveRuns = options.maxLiveRuns
        config.maxRevivals = options.maxRevivals
        if options.maxLiveRuns < 8_192 { config.minDeadlinesToSweep = 4 }
        if options.isVirtual { config.namespaces[Self.namespace] = NamespaceOptions(virtualClock: .init()) }
        if let limit = options.queueLimit { config.taskQueueLimits = ["default": limit] }
        let incarnation = nextIncarnation
        nextIncarnation += 1
        let server = ServerProcess(
            incarnation, Shard(config: config, seed: options.seed &+ UInt64(incarnation) &* 0x9E37_79B9))
        note("server \(incarnation) starts")
        do throws(StoreError) {
            if incarnation > 0 { try store.reopen() }
        } catch {
            checker.report(Violation("store", "the store does not open again: \(error)"))
        }
        servers.append(server)
        beginRecovery(server)
    }

    /// Gives the shard an input, and lets it act once everything else of this moment has come in.
    func give(_ input: ShardInput, to server: ServerProcess) {
        if isTracing { note("→ \(server.incarnation) \(input.line)") }
        server.shard.handle(input, now: time)
        guard !server.isFlushDue else { return }
        server.isFlushDue = true
        put(.flush(server.incarnation), after: 0)
    }

    func flush(_ server: ServerProcess) {
        server.isFlushDue = false
        let before = server.shard.status
        if before.parkedRuns < server.parkedRuns { coverage.hit(.parkedRunWoken) }
        let effects = server.shard.flush(now: time)
        let after = server.shard.status
        if after.parkedRuns > before.parkedRuns { coverage.hit(.runParked) }
        if after.runsToRevive > 0 { coverage.hit(.revivedInPortions) }
        server.parkedRuns = after.parkedRuns
        if options.provesParking { proveParking(server) }
        if options.codeSlots > 0, server.shard.runsAwaitingCodeSlot > 0 { coverage.hit(.codeSlotAwaited) }
        for effect in effects {
            if boundary(server) { return }
            perform(effect, server)
            if boundary(server) || self.server(server.incarnation) == nil { return }
        }
        if let wake = server.shard.nextWake, wake < server.wakeAt {
            server.wakeAt = max(wake, now + 1)
            put(.wake(server.incarnation), at: server.wakeAt)
        }
    }

    private func proveParking(_ server: ServerProcess) {
        let (runs, fields) = server.shard.lostByParking()
        parkingsProved += runs
        if !fields.isEmpty {
            checker.report(
                Violation("parked", "a run that is parked forgets \(fields.sorted().joined(separator: ", "))"))
        }
    }

    /// A point at which the process may die.
    /// - Returns: Whether it did.
    func boundary(_ server: ServerProcess) -> Bool {
        guard countBoundary(faultRate: crashes < options.faults.maxCrashes ? options.faults.crash : 0) else {
            return false
        }
        crash(server)
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

    private func perform(_ effect: ShardEffect, _ server: ServerProcess) {
        if isTracing { note("← \(server.incarnation) \(effect.line)") }
        switch effect {
        case .append(let id, let batch): sendAppend(id, batch, server)
        case .loadHistory, .loadRun: put(.load(server.incarnation, effect), after: storeDelay())
        case .reply(let call, let result):
            judge(call, result)
            put(.toClient(call, result), after: networkDelay())
        case .worker(let stream, let message): toWorker(stream, message, server)
        case .recover:
            if server.isZombie && !takesBack(server) { return end(server) }
            coverage.hit(.recoveryWithoutCrash)
            beginRecovery(server)
        case .snapshot(let state, let program): takeSnapshot(state, program, server)
        case .log, .alert: break
        }
    }

    // MARK: Death

    private func crash(_ server: ServerProcess) {
        crashes += 1
        deaths += 1
        coverage.hit(.crash)
        if server.isRecovering { coverage.hit(.crashWhileRecovering) }
        if appends.values.contains(where: { $0.incarnation == server.incarnation }) {
            coverage.hit(.crashWithAppendInFlight)
        }
        note("server \(server.incarnation) crashes at boundary \(boundaries)")
        compareMemory(of: server)
        remove(server)
        if !server.isZombie { put(.serverStart, after: faultChance.draw(1_000...3_000_000)) }
    }

    private func remove(_ server: ServerProcess) {
        servers.removeAll { $0 === server }
        for id in streams.keys.sorted() where streams[id]?.incarnation == server.incarnation {
            streams[id]?.isOpenAtServer = false
            put(.streamLost(id), after: networkDelay())
        }
        loseCalls(of: server.incarnation)
    }

    // MARK: Two at once

    /// Another process comes while the present one lives: it was thought to be dead, say.
    func startRival() {
        guard isFaulty, servers.count == 1, let old = home, !old.isRecovering else { return }
        coverage.hit(.rivalStarted)
        if appends.values.contains(where: { $0.incarnation == old.incarnation }) {
            coverage.hit(.appendInFlightAcrossTakeOver)
        }
        replace(old)
        startServer()
    }

    /// The process is a zombie from now on, until it notices, or somebody ends it.
    private func replace(_ old: ServerProcess) {
        old.isZombie = true
        note("server \(old.incarnation) is a zombie from now on")
        put(.zombieEnds(old.incarnation), after: faultChance.draw(100_000...8_000_000))
    }

    /// A zombie that finds itself fenced mostly gives up; sometimes it fights, and the other becomes the zombie.
    private func takesBack(_ server: ServerProcess) -> Bool {
        guard isFaulty, let other = home, !other.isRecovering, faultChance.happens(300_000) else { return false }
        coverage.hit(.ownershipTakenBack)
        server.isZombie = false
        replace(other)
        // The newest stands last: it is the one that the others turn to.
        servers.removeAll { $0 === server }
        servers.append(server)
        return true
    }

    /// The zombie's process ends in an orderly way, without a word to anybody.
    func end(_ server: ServerProcess) {
        guard server.isZombie else { return }
        coverage.hit(.zombieStoodDown)
        note("server \(server.incarnation) stands down")
        remove(server)
    }

    // MARK: Recovery

    private func beginRecovery(_ server: ServerProcess) {
        server.isRecovering = true
        server.recoveries += 1
        server.compared = [:]
        forgetSlots(of: server)
        put(.takeOver(server.incarnation), after: storeDelay())
    }

    func takeOver(_ server: ServerProcess) {
        if boundary(server) { return }
        if isFaulty, storeChance.happens(options.faults.storeUnavailable) {
            coverage.hit(.recoveryFailedOnce)
            return put(.takeOver(server.incarnation), after: 50_000)
        }
        do throws(StoreError) {
            let epoch = try store.takeOver()
            epochOwner = server.incarnation
            if boundary(server) { return }
            put(.readOpenRuns(server.incarnation, epoch: epoch), after: storeDelay())
        } catch {
            checker.report(Violation("store", "take-over: \(error)"))
        }
    }

    func readOpenRuns(_ epoch: UInt64, _ server: ServerProcess) {
        do throws(StoreError) {
            var after: SagaID?
            while true {
                let rows = try store.openExecutions(after: after, limit: 100)
                guard let last = rows.last else { break }
                after = last.sagaID
                for row in rows {
                    guard let run = try recovered(row.sagaID) else { continue }
                    if let clock = checker.clock,
                        run.state.timers.eventIDs.contains(where: { eventID in
                            run.state.timers[eventID].map { $0.dueAt <= clock } ?? false
                        })
                    {
                        coverage.hit(.crashBetweenJumpAndFire)
                    }
                    give(.recovered(run), to: server)
                }
            }
        } catch {
            return checker.report(Violation("store", "recovery: \(error)"))
        }
        if boundary(server) { return }
        server.isRecovering = false
        give(.recoveryFinished(epoch: epoch), to: server)
    }

    func allEvents(of sagaID: SagaID) throws(StoreError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let page = try store.events(of: sagaID, from: EventID(events.count), limit: 1_000)
            events = events.isEmpty ? page : events + page
            if page.count < 1_000 { break }
        }
        // What a store of values gave is what it was given: whether all of it is here is what can go wrong.
        let written = checker.histories[sagaID] ?? []
        if isStoreOurs, events.count == written.count, events.last == written.last { return events }
        if events != checker.histories[sagaID] ?? [] {
            checker.report(Violation("durable", "run \(sagaID) is not read back as it was written"))
        }
        return events
    }
}
