import CSQLite
import SagaCore
import SagaSQLite
import SagaSamples
import Synchronization
import Testing

/// The disk fails at the n-th call, for every n. Whatever happens: what was acknowledged is there, what was refused is
/// not, and what is unknown is one of the two, and stays what it turned out to be.
@Suite(.serialized) struct SQLiteFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var name: String
        var plan: FaultyDisk.Plan
        /// Whether every payload is kept apart from its event: data, row and index of one append, and the disk fails between them.
        var isApart = false
        var testDescription: String { name }
    }

    static let faults = [
        Fault(name: "one write fails", plan: FaultyDisk.Plan(syncs: false)),
        Fault(name: "one sync fails", plan: FaultyDisk.Plan(writes: false)),
        Fault(name: "one write finds the disk full", plan: FaultyDisk.Plan(syncs: false, code: SQLITE_FULL)),
        Fault(name: "the disk dies", plan: FaultyDisk.Plan(staysBroken: true, tearsWrites: false)),
        Fault(name: "the disk dies and tears writes", plan: FaultyDisk.Plan(staysBroken: true)),
        Fault(name: "the disk stays full", plan: FaultyDisk.Plan(syncs: false, staysBroken: true, code: SQLITE_FULL)),
        Fault(name: "one write fails, payloads apart", plan: FaultyDisk.Plan(syncs: false), isApart: true),
        Fault(name: "one sync fails, payloads apart", plan: FaultyDisk.Plan(writes: false), isApart: true),
        Fault(
            name: "the disk dies and tears writes, payloads apart", plan: FaultyDisk.Plan(staysBroken: true),
            isApart: true),
    ]

    @Test(arguments: faults)
    func nothingAcknowledgedIsLostAndNothingRefusedAppears(_ fault: Fault) async throws {
        #expect(FaultyDisk.register)
        var reached = 0
        var unknown = 0
        var appeared = 0
        // Payloads apart are more calls, of which each fifth will do: the disk of the test machine is a real one.
        for call in stride(from: 1, through: 400, by: fault.isApart ? 5 : 1) {
            let scenario = try await TemporaryDirectory.with { directory in
                var scenario = Scenario(place: "\(fault.name), call \(call)")
                try await scenario.run(directory, fault, call)
                return scenario
            }
            unknown += scenario.unknown
            appeared += scenario.appeared
            if scenario.failures == 0 { break }
            reached = call
        }
        #expect(reached > 20 && reached < 400, "every call of the scenario was reached: \(reached)")
        #expect(unknown > 0, "some commit failed half way")
        if !fault.plan.tearsWrites { #expect(appeared > 0, "some of them were found at the next start") }
    }

    /// A run is removed with the data of its payloads while the disk fails: all of it is there afterwards, or nothing.
    @Test(arguments: [true, false])
    func aRunIsRemovedWithAllOfItsDataOrNotAtAll(_ staysBroken: Bool) async throws {
        #expect(FaultyDisk.register)
        var (gone, kept, reached) = (0, 0, 0)
        for call in 1...200 {
            let failures = try await TemporaryDirectory.with { directory in
                var tuning = SQLiteTuning()
                tuning.vfs = FaultyDisk.name
                tuning.blobThreshold = 0
                tuning.checkpointPages = 4
                let path = directory + "/saga.db"
                let store = try SQLiteEventStore(path: path, partitionCount: Partition.defaultCount, tuning: tuning)
                var lab = Lab(epoch: try await store.takeOver())
                let (id, other) = (lab.newID(), lab.newID())
                for entry in [
                    lab.start(id, workflow: "w", events: 40), lab.close(id, workflow: "w"),
                    lab.start(other, workflow: "v", events: 10),
                ] { #expect(try await store.append(lab.batch([entry])) == [.appended]) }
                FaultyDisk.plan.withLock {
                    $0 = FaultyDisk.Plan(staysBroken: staysBroken)
                    $0.callsLeft = call
                }
                let isGone = try? await store.delete(id)
                await store.close()
                let failures = FaultyDisk.plan.withLock { finished in
                    defer { finished = FaultyDisk.Plan() }
                    return finished.failures
                }
                let again = try SQLiteEventStore(path: path)
                let found = try await again.history(id)
                let blobs = try await again.blobs(of: id, (0..<200).map { UInt64($0) })
                #expect(found.isEmpty == blobs.isEmpty, "call \(call)")
                #expect(found.isEmpty || found == lab.histories[id], "call \(call)")
                #expect(isGone != true || found.isEmpty, "call \(call): acknowledged, and it is there")
                #expect(try await again.history(other) == lab.histories[other], "call \(call)")
                if found.isEmpty { gone += 1 } else { kept += 1 }
                await again.close()
                return failures
            }
            if failures == 0 { break }
            reached = call
        }
        #expect(reached > 3 && reached < 200, "every call was reached: \(reached)")
        #expect(gone > 0 && kept > 0)
    }

    private struct Scenario {
        let place: String
        var failures = 0
        var unknown = 0
        /// Appends of unknown outcome that the next start found.
        var appeared = 0
        /// What must be there.
        private var confirmed: [SagaID: [HistoryEvent]] = [:]
        /// What may be there as well: the appends that nobody could ask about any more.
        private var open: [SagaID: [HistoryEvent]] = [:]
        private var lab = Lab(epoch: 0)

        init(place: String) { self.place = place }

        mutating func run(_ directory: String, _ fault: Fault, _ call: Int) async throws {
            var tuning = SQLiteTuning()
            if fault.isApart { tuning.blobThreshold = 0 }
            tuning.vfs = FaultyDisk.name
            tuning.checkpointPages = 12
            let path = directory + "/saga.db"
            let store = try SQLiteEventStore(path: path, partitionCount: Partition.defaultCount, tuning: tuning)
            lab.epoch = try await store.takeOver()
            let ids = (0..<3).map { _ in lab.newID() }
            FaultyDisk.plan.withLock {
                $0 = fault.plan
                $0.callsLeft = call
            }
            for step in 0..<15 {
                try await append(to: ids[step % 3], "w\(step % 3)", store)
            }
            await store.close()
            FaultyDisk.plan.withLock { finished in
                failures = finished.failures
                finished = FaultyDisk.Plan()
            }
            try await check(path)
        }

        private mutating func append(to id: SagaID, _ workflow: String, _ store: SQLiteEventStore) async throws {
            guard open[id] == nil else { return }
            let known = confirmed[id] ?? []
            let events = lab.maker.events(2, from: EventID(known.count), of: id)
            var entry = AppendEntry(sagaID: id, expectedNextEventID: EventID(known.count), events: events)
            if known.isEmpty {
                entry.row = lab.row(id, workflow: workflow, next: 2)
                entry.start = .unused
            }
            do throws(StoreError) {
                let outcomes = try await store.append(lab.batch([entry]))
                #expect(outcomes == [.appended], "\(place)")
                confirmed[id] = known + events
            } catch {
                if error.outcomeUnknown { unknown += 1 }
                await settle(id, known, events, error, store)
            }
        }

        /// Asks the store what became of an append that failed, as an owner does: by taking over first.
        private mutating func settle(
            _ id: SagaID, _ known: [HistoryEvent], _ events: [HistoryEvent], _ failure: StoreError,
            _ store: SQLiteEventStore
        ) async {
            do {
                lab.epoch = try await store.takeOver()
                let found = try await store.history(id)
                #expect(found == known || (failure.outcomeUnknown && found == known + events), "\(place): \(failure)")
                confirmed[id] = found
            } catch {
                // The disk is dead: the next start will tell. A refused append must not be there even then.
                open[id] = failure.outcomeUnknown ? events : []
            }
        }

        private mutating func check(_ path: String) async throws {
            let store = try SQLiteEventStore(path: path)
            for (id, events) in confirmed where open[id] == nil {
                #expect(try await store.history(id) == events, "\(place)")
            }
            for (id, events) in open {
                let known = confirmed[id] ?? []
                let found = try await store.history(id)
                #expect(found == known || found == known + events, "\(place)")
                if found.count > known.count { appeared += 1 }
            }
            _ = try await store.takeOver()
            await store.close()
        }
    }
}
