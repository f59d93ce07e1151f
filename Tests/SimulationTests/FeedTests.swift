import Foundation
import SagaCore
import SagaMemory
import SagaSQLite
import SagaSimulator
import Testing

/// The feed of a store under a simulated world that crashes: who follows it, and crashes too, has in the end what is committed.
@Suite struct FeedTests {
    @Test func aFollowerThatCrashesHasWhatIsCommitted() async throws {
        try await onOwnThread {
            var crashes = 0
            var events = 0
            for seed in UInt64(1)...24 {
                let isMemory = seed % 3 == 0
                let path = FileManager.default.temporaryDirectory.path + "/saga-feed-\(UUID().uuidString)"
                defer { try? FileManager.default.removeItem(atPath: path) }
                let store = try BlockingStore(isKeptOpen: isMemory) { () throws(StoreError) in
                    if isMemory { return MemoryEventStore() }
                    return try SQLiteEventStore(path: path + "/saga.db")
                }
                let followed = FollowedStore(store, seed: seed)
                let simulation = Simulation(SimulationOptions(seed: seed), store: followed)
                simulation.run()
                #expect(simulation.violations.isEmpty, "seed \(seed): \(simulation.violations)")
                try followed.finish("seed \(seed)")
                crashes += followed.crashes
                events += followed.saved.seen.values.reduce(0) { $0 + $1.count }
                try store.close()
            }
            #expect(crashes > 50 && events > 1_000, "\(crashes) crashes of followers, \(events) events")
        }
    }
}

/// A store whose feed is followed between the appends, by somebody who crashes now and then.
private final class FollowedStore: ForwardingStore {
    /// What the follower keeps: what it has seen, and its position, in one write.
    struct Model {
        var seen: [SagaID: [HistoryEvent]] = [:]
        var position: FeedPosition?
    }

    let store: BlockingStore
    private var random: UInt64
    private var namespaces: Set<String> = ["default"]
    private var runs: Set<SagaID> = []
    private var model = Model()
    private(set) var saved = Model()
    private(set) var crashes = 0

    init(_ store: BlockingStore, seed: UInt64) {
        self.store = store
        random = seed
    }

    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        for entry in batch.transactions.flatMap(\.entries) {
            runs.insert(entry.sagaID)
            if let row = entry.row { namespaces.insert(row.namespace) }
        }
        let outcomes = try store.append(batch)
        switch next() % 8 {
        case 0, 1, 2: _ = try follow(limit: Int(next() % 20) + 1)
        case 3: saved = model
        case 4:
            crashes += 1
            model = saved
        default: break
        }
        return outcomes
    }

    /// The next number of Knuth's MMIX, mixed.
    private func next() -> UInt64 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return random >> 33
    }

    /// - Returns: Whether that was all.
    private func follow(limit: Int) throws(StoreError) -> Bool {
        let position = model.position
        // The names of a simulation are known from its first appends: all runs begin at the same time.
        let query = EventFeedReader.Query(namespaces: namespaces.sorted())
        let page = try store.wait { store throws(StoreError) in
            guard let feed = store as? any EventFeed else { throw StoreError(.misconfigured, "no feed") }
            do {
                var reader = try await EventFeedReader(feed, query, from: position.map { .after($0) } ?? .beginning)
                return try await reader.next(limit: limit)
            } catch let error as StoreError { throw error } catch { throw StoreError(.invalid, "\(error)") }
        }
        for item in page.items {
            #expect(item.events.first?.eventID == EventID(model.seen[item.sagaID]?.count ?? 0), "in order, once")
            model.seen[item.sagaID, default: []] += item.events
        }
        model.position = page.position
        return page.isAtEnd
    }

    func finish(_ place: String) throws {
        model = saved
        while try !follow(limit: 50) {}
        saved = model
        for run in runs {
            var events: [HistoryEvent] = []
            while true {
                let page = try store.events(of: run, from: EventID(events.count), limit: 1_000)
                if page.isEmpty { break }
                events += page
            }
            #expect(model.seen[run] ?? [] == events, "\(place), run \(run)")
        }
        #expect(Set(model.seen.keys).isSubset(of: runs), "\(place)")
    }
}
