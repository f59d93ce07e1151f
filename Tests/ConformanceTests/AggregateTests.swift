import SagaCore
import SagaEngine
import SagaMemory
import SagaSamples
import Synchronization
import Testing

/// Event-sourced aggregates, over every store.
@Suite struct AggregateTests {
    struct Opened: Codable, Sendable { var deposit: Int }
    struct Moved: Codable, Sendable {
        var amount: Int
        var by: String
    }
    /// The first form of `Moved`.
    struct MovedV1: Codable, Sendable { var cents: Int }

    enum AccountEvent: DomainEventSet {
        case opened(Opened)
        case moved(Moved)

        static let catalog = DomainEventCatalog<AccountEvent>()
            .event("opened", as: Opened.self, { .opened($0) }) {
                if case .opened(let value) = $0 { value } else { nil }
            }
            .event("moved", version: 2, as: Moved.self, { .moved($0) }) {
                if case .moved(let value) = $0 { value } else { nil }
            }
            .upcast("moved", from: 1) { (old: MovedV1) in Moved(amount: old.cents, by: "unknown") }
    }

    struct Account: Aggregate, Equatable {
        typealias Event = AccountEvent
        static let typeName = "account"
        var balance = 0
        var people: [String] = []

        mutating func apply(_ event: AccountEvent) {
            switch event {
            case .opened(let opened): balance = opened.deposit
            case .moved(let moved):
                balance += moved.amount
                people.append(moved.by)
            }
        }
    }

    /// What wrote `moved` before it had a name in it.
    enum OldEvent: DomainEventSet {
        case moved(MovedV1)
        static let catalog = DomainEventCatalog<OldEvent>()
            .event("moved", as: MovedV1.self, { .moved($0) }) { if case .moved(let value) = $0 { value } else { nil } }
    }

    struct OldAccount: Aggregate {
        typealias Event = OldEvent
        static let typeName = "account"
        mutating func apply(_ event: OldEvent) {}
    }

    @Test(arguments: StoreUnderTest.all)
    func whatHappenedMakesTheState(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let accounts = AggregateRepository<Account>(store: store, snapshotEvents: 5)
            #expect(try await accounts.load("ada") == nil)
            _ = try await accounts.update("ada") { account in
                #expect(account == Account())
                return [.opened(Opened(deposit: 10))]
            }
            for amount in 1...12 {
                let loaded = try await accounts.update("ada") { _ in [.moved(Moved(amount: amount, by: "p\(amount)"))] }
                #expect(loaded.version == UInt64(amount) + 1)
            }
            let whole = try #require(try await accounts.load("ada"))
            #expect(whole.version == 13)
            #expect(whole.state.balance == 10 + 78)
            // Without snapshots the same; and as it was at any time.
            let slow = try #require(try await AggregateRepository<Account>(store: store, snapshotEvents: 0).load("ada"))
            #expect(slow.state == whole.state)
            for version in 1...13 {
                let past = try #require(try await accounts.load("ada", version: UInt64(version)))
                #expect(past.version == UInt64(version))
                #expect(past.state.people.count == version - 1)
            }
            #expect(try await accounts.events("ada").count == 13)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func ofTwoThatDecideOnTheSameStateOneLoses(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let accounts = AggregateRepository<Account>(store: store)
            try await accounts.append([.opened(Opened(deposit: 1))], to: "a", expecting: 0)
            await #expect(throws: AggregateConflict.self) {
                try await accounts.append([.opened(Opened(deposit: 2))], to: "a", expecting: 0)
            }
            try await accounts.append([.moved(Moved(amount: 1, by: "x"))], to: "a", expecting: 1)
            await #expect(throws: AggregateConflict.self) {
                try await accounts.append([.moved(Moved(amount: 5, by: "y"))], to: "a", expecting: 1)
            }
            await #expect(throws: AggregateConflict.self) {
                try await accounts.append([.moved(Moved(amount: 5, by: "y"))], to: "new", expecting: 3)
            }
            // Many at once: each decision counts once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        _ = try await accounts.update("a", attempts: 100) { _ in
                            [.moved(Moved(amount: 1, by: "t\(number)"))]
                        }
                    }
                }
                try await group.waitForAll()
            }
            let loaded = try #require(try await accounts.load("a"))
            #expect(loaded.state.balance == 10)
            #expect(Set(loaded.state.people).count == 9)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func olderFormsComeUpAndUnknownOnesAreErrors(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            try await AggregateRepository<OldAccount>(store: store)
                .append([.moved(MovedV1(cents: 7))], to: "old", expecting: 0)
            let accounts = AggregateRepository<Account>(store: store)
            let loaded = try #require(try await accounts.load("old"))
            #expect(loaded.state == Account(balance: 7, people: ["unknown"]))
            try await accounts.append([.opened(Opened(deposit: 1))], to: "old", expecting: 1)
            await #expect(throws: SagaError.self) {
                try await AggregateRepository<OldAccount>(store: store).load("old")
            }
            await #expect(throws: SagaError.self) { try await accounts.load("") }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func anOwnerThatComesDoesNotStopThem(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let accounts = AggregateRepository<Account>(store: store)
            try await accounts.append([.opened(Opened(deposit: 1))], to: "a", expecting: 0)
            lab.epoch = try await store.takeOver()
            try await accounts.append([.moved(Moved(amount: 1, by: "x"))], to: "a", expecting: 1)
            #expect(try await accounts.load("a")?.version == 2)
            // And they do not fence it.
            #expect(try await store.append(lab.batch([lab.start(lab.newID(), workflow: "w")])) == [.appended])
        }
    }
}
