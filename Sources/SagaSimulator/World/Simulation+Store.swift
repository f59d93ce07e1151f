internal import SagaCore
internal import SagaEngine

/// The store's side: appends that take their time, fail, or happen without the caller learning of it.
extension Simulation {
    func storeDelay() -> Int64 {
        if isFaulty, storeChance.happens(options.faults.slowStore) {
            coverage.hit(.slowStore)
            return storeChance.draw(500_000...8_000_000)
        }
        return storeChance.draw(1...20) * 100
    }

    func networkDelay() -> Int64 { network.draw(1...30) * 100 }

    func sendAppend(_ id: BatchID, _ batch: AppendBatch, _ server: ServerProcess) {
        let incarnation = server.incarnation
        var pending = PendingAppend(incarnation: incarnation, id: id, batch: batch)
        if isFaulty {
            if storeChance.happens(options.faults.storeUnavailable) {
                pending.fault = .unavailable
            } else if storeChance.happens(options.faults.lostAcknowledgement) {
                pending.fault = storeChance.happens(500_000) ? .lostApplied : .lostUnapplied
            }
        }
        if case .lostApplied? = pending.fault, storeChance.happens(300_000) {
            // The connection breaks at once; the store comes to the append later, or finds it fenced.
            answer(pending, .failure(Self.lost), after: 100)
        }
        if appends.values.contains(where: { $0.incarnation == incarnation }) { coverage.hit(.appendsSideBySide) }
        appends[nextAppend] = pending
        put(.applyAppend(nextAppend), after: storeDelay())
        nextAppend += 1
    }

    private static let lost = StoreError(.unavailable, "the connection is lost", outcomeUnknown: true)

    func applyAppend(_ number: Int) {
        guard let pending = appends.removeValue(forKey: number) else { return }
        let server = server(pending.incarnation)
        let isOrphan = server == nil
        if appends.contains(where: { $0.key < number && $0.value.incarnation == pending.incarnation }) {
            coverage.hit(.appendOvertaken)
        }
        if isOrphan, options.crashAt == 0, faultChance.happens(500_000) {
            // The process died before the bytes had left it.
            return coverage.hit(.appendDroppedByCrash)
        }
        switch pending.fault {
        case .unavailable?:
            coverage.hit(.storeUnavailable)
            return answer(pending, .failure(StoreError(.unavailable, "the store is busy")), after: 1_000)
        case .lostUnapplied?:
            coverage.hit(.acknowledgementLostNotApplied)
            return answer(pending, .failure(Self.lost), after: 1_000)
        case .lostApplied?, nil: break
        }
        if let server, boundary(server) { return coverage.hit(.crashBeforeAppend) }
        let result: Result<[AppendOutcome], StoreError>
        do throws(StoreError) {
            let outcomes = try store.append(pending.batch)
            result = .success(outcomes)
            made(pending, outcomes, isOrphan: isOrphan)
        } catch {
            if error.reason == .fenced { coverage.hit(server?.isZombie == true ? .zombieAppendFenced : .appendFenced) }
            if error.reason == .invalid { checker.report(Violation("store", "\(error)")) }
            result = .failure(error)
        }
        guard let server else { return }
        if boundary(server) { return coverage.hit(.crashAfterAppendBeforeAcknowledgement) }
        if case .lostApplied? = pending.fault {
            coverage.hit(.acknowledgementLostApplied)
            return answer(pending, .failure(Self.lost), after: 1_000)
        }
        answer(pending, result, after: storeChance.draw(1...5) * 100)
    }

    private func answer(
        _ append: PendingAppend, _ result: Result<[AppendOutcome], StoreError>, after delay: Int64
    ) {
        put(.toServer(append.incarnation, .appended(append.id, result)), after: delay)
    }

    private func made(_ append: PendingAppend, _ outcomes: [AppendOutcome], isOrphan: Bool) {
        if isOrphan { coverage.hit(.appendAppliedAfterCrash) }
        for effect in append.batch.lateEffects {
            checker.recorded(effect)
            coverage.hit(effect.isUndoneAgain ? .lateEffectOfOpenRun : .lateEffectOfClosedRun)
        }
        if append.incarnation != epochOwner, outcomes.contains(.appended) {
            checker.report(
                Violation("fence", "server \(append.incarnation) writes, the owner is server \(epochOwner)"))
        }
        for (transaction, outcome) in zip(append.batch.transactions, outcomes) {
            guard outcome == .appended else {
                coverage.hit(.appendConflict)
                continue
            }
            for entry in transaction.entries {
                let blob = checker.appended(entry)
                hash.add(entry.sagaID)
                hash.add(blob)
                if isTracing {
                    for event in entry.events {
                        note("   durable \(entry.sagaID.short) \(event.eventID) \(event.line)")
                    }
                }
                for event in entry.events { count(event) }
            }
        }
    }

    // MARK: Reads

    func load(_ effect: ShardEffect, _ server: ServerProcess) {
        if isFaulty, storeChance.happens(options.faults.readFailure) {
            coverage.hit(.readFailed)
            let error = StoreError(.unavailable, "the store is busy")
            switch effect {
            case .loadHistory(let load, _, _, _): give(.historyLoaded(load, .failure(error)), to: server)
            case .loadRun(let load, _, _): give(.runLoaded(load, .failure(error)), to: server)
            default: break
            }
            return
        }
        switch effect {
        case .loadHistory(let load, let sagaID, let from, let limit):
            if from > 0 { coverage.hit(.historyInPages) }
            give(
                .historyLoaded(
                    load, result { () throws(StoreError) in try store.events(of: sagaID, from: from, limit: limit) }),
                to: server)
        case .loadRun(let load, let target, let wanted):
            give(.runLoaded(load, result { () throws(StoreError) in try run(target, wanted) }), to: server)
        default: break
        }
    }

    private func result<Value>(_ read: () throws(StoreError) -> Value) -> Result<Value, StoreError> {
        do throws(StoreError) { return .success(try read()) } catch { return .failure(error) }
    }

    private func run(_ target: RunTarget, _ wanted: LoadedEvents) throws(StoreError) -> LoadedRun? {
        let row =
            if let sagaID = target.sagaID {
                try store.execution(sagaID)
            } else {
                try store.latestExecution(namespace: target.namespace, workflowID: target.workflowID)
            }
        guard var row else { return nil }
        if case .startedBy(let requestID) = wanted {
            for sagaID in checker.runsOfID[target.workflowID] ?? [] {
                let first = try store.events(of: sagaID, from: 0, limit: 1).first?.attributes
                guard case .workflowExecutionStarted(let started)? = first, started.requestID == requestID,
                    let found = try store.execution(sagaID)
                else { continue }
                row = found
            }
        }
        if case .heir = wanted {
            var pairs: [(run: SagaID, before: SagaID)] = []
            for sagaID in checker.runsOfID[target.workflowID] ?? [] where sagaID != row.sagaID {
                if let before = RunBefore.of(try loadedEvents(of: sagaID)) { pairs.append((sagaID, before)) }
            }
            let heir = RunBefore.heir(of: row.sagaID, pairs)
            guard let found = try store.execution(heir) else { return nil }
            row = found
        }
        switch wanted {
        case .all, .heir: return LoadedRun(row: row, events: try loadedEvents(of: row.sagaID))
        case .ends, .startedBy, .event, .queried:
            var events = Array(try store.events(of: row.sagaID, from: 0, limit: 1).prefix(1))
            if case .event(let eventID) = wanted, eventID > 0, eventID + 1 < row.nextEventID {
                events += try store.events(of: row.sagaID, from: eventID, limit: 1)
            }
            if row.nextEventID > 1 {
                events += try store.events(of: row.sagaID, from: row.nextEventID - 1, limit: 1)
            }
            var loaded = LoadedRun(row: row, events: events)
            if case .queried = wanted {
                let all = try loadedEvents(of: row.sagaID)
                loaded.checkpoint = all.last(where: \.isCheckpoint)?.eventID
                loaded.firstRun =
                    all.lazy.compactMap { event in
                        guard case .workflowExecutionReset(let reset) = event.attributes else { return nil }
                        return reset.origins.first?.sagaID ?? reset.baseSagaID
                    }.first
            }
            return loaded
        }
    }

    private func loadedEvents(of sagaID: SagaID) throws(StoreError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let page = try store.events(of: sagaID, from: EventID(events.count), limit: 1_000)
            if page.isEmpty { return events }
            events += page
        }
    }
}
