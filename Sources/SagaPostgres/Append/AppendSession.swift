import SagaCodec
import SagaCore

/// Appends on one connection, which it opens when it is needed and gives up when it breaks. Used by one thread at a time.
final class AppendSession {
    private let options: PostgresOptions
    private let arrays: AppendArrays
    private let requests = InboxArrays()
    private var connection: PgConnection?
    /// Runs appended to since the connection was made, and how many there are when the statements are planned anew: whenever they
    /// have doubled, and then after so many.
    private var appends = 0
    private var replanAt = AppendSession.firstReplan
    private static let firstReplan = 512
    private static let mostBetweenPlans = 1 << 17

    init(_ options: PostgresOptions) {
        self.options = options
        arrays = AppendArrays(blobThreshold: options.blobThreshold)
    }

    /// Commits transactions together.
    /// - Parameters:
    ///   - areIndependent: It is known that none has to do with another.
    ///   - isBegun: `begin` has sent them.
    /// - Returns: One outcome per transaction, in order.
    func append(
        epoch: UInt64, _ transactions: ArraySlice<AppendTransaction>, areIndependent: Bool = false,
        isBegun: Bool = false
    ) throws(StoreError) -> [AppendOutcome] {
        guard let epoch = Int64(exactly: epoch) else { throw Self.neverGivenOut(epoch) }
        let connection = try connect()
        appends += transactions.count
        if appends >= replanAt && !isBegun { try replan(connection) }
        var plan = areIndependent ? AppendPlan(independent: transactions.count) : AppendPlan(transactions)
        var attempt = 0
        while true {
            do throws(Failure) {
                return try commit(connection, epoch, transactions, plan, isBegun: isBegun && attempt == 0)
            } catch {
                rollBack(connection)
                attempt += 1
                guard case .server(let failure, _) = error, failure.isRace, attempt < 4 else { throw error.storeError }
                plan = AppendPlan(oneByOne: transactions.count)
            }
        }
    }

    /// What `begin` has done.
    enum Beginning {
        /// Nothing: the append needs more than one statement, or a connection.
        case none
        /// The append is on its way; `append` waits for its outcome.
        case sent
        case failed(StoreError)
    }

    /// Sends an append without waiting for anything, for callers that must not wait: the connection's thread then has only
    /// the answer to wait for.
    func begin(epoch: UInt64, _ transactions: ArraySlice<AppendTransaction>) -> Beginning {
        guard let epoch = Int64(exactly: epoch), let connection, connection.isUsable, !connection.isInTransaction else {
            return .none
        }
        // Planning anew is not for somebody else's thread.
        guard appends + transactions.count < replanAt else { return .none }
        let plan = AppendPlan(transactions)
        guard plan.oneByOne.isEmpty, Self.receipts(transactions).isEmpty else { return .none }
        // What is wrong with an entry is said by `append`.
        do throws(Failure) { try fill(transactions, plan) } catch { return .none }
        do throws(PgFailure) {
            let epochBytes = epoch.bigEndian
            let isSent = try withUnsafeBytes(of: epochBytes) { (bytes) throws(PgFailure) in
                try connection.begin(arrays.statement, [bytes] + arrays.parameters)
            }
            return isSent ? .sent : .none
        } catch {
            // Part of it may have left.
            self.connection = nil
            return .failed(error.storeError("append", mayHaveHappened: true))
        }
    }

    /// Raises the epoch.
    func takeOver() throws(StoreError) -> UInt64 {
        let connection = try connect()
        do throws(PgFailure) {
            let result = try connection.run(AppendStatements.takeOver, PgParameters())
            guard let epoch = result.int64(0, 0), epoch > 0 else {
                throw PgFailure("the fence has no row", sqlState: "XX001", isConnectionLost: false)
            }
            return UInt64(epoch)
        } catch {
            rollBack(connection)
            throw error.storeError("take the store over", mayHaveHappened: true)
        }
    }

    /// Keeps late effects, each once, if the epoch is the newest.
    func keep(_ effects: [LateEffect], epoch: UInt64) throws(StoreError) {
        guard let epoch = Int64(exactly: epoch) else { throw Self.neverGivenOut(epoch) }
        let connection = try connect()
        do throws(Failure) {
            for effect in effects {
                let parameters = PgParameters().int64(epoch).id(effect.sagaID)
                    .int64(Int64(clamping: effect.scheduledEventID)).int64(Int64(effect.attempt))
                    .text(effect.namespace).data(Postcard.encode(effect))
                let result: PgResult
                do throws(PgFailure) { result = try connection.run(AppendStatements.keep, parameters) } catch {
                    throw .server(error, mayHaveHappened: false)
                }
                try check(epoch, result)
            }
        } catch {
            rollBack(connection)
            throw error.storeError
        }
    }

    func close() { connection = nil }

    // MARK: Committing

    private enum Failure: Error {
        /// Judged, and nothing was written.
        case refused(StoreError)
        case server(PgFailure, mayHaveHappened: Bool)

        var storeError: StoreError {
            switch self {
            case .refused(let error): error
            case .server(let failure, let mayHaveHappened):
                failure.storeError("append", mayHaveHappened: mayHaveHappened)
            }
        }
    }

    private func commit(
        _ connection: PgConnection, _ epoch: Int64, _ transactions: ArraySlice<AppendTransaction>, _ plan: AppendPlan,
        isBegun: Bool
    ) throws(Failure) -> [AppendOutcome] {
        var outcomes = [AppendOutcome](repeating: .conflict, count: transactions.count)
        let start = transactions.startIndex
        if isBegun {
            for winner in try run(connection, epoch, mayHaveHappened: true, isBegun: true) {
                outcomes[winner] = .appended
            }
            return outcomes
        }
        try fill(transactions, plan)
        let receipts = Self.receipts(transactions)
        if plan.oneByOne.isEmpty && receipts.isEmpty {
            // A single statement commits by itself.
            for winner in try run(connection, epoch, mayHaveHappened: true) { outcomes[winner] = .appended }
            return outcomes
        }
        try run(connection, "BEGIN")
        if !arrays.isEmpty {
            for winner in try run(connection, epoch, mayHaveHappened: false) { outcomes[winner] = .appended }
        }
        for index in plan.oneByOne {
            try run(connection, "SAVEPOINT one")
            if try append(connection, epoch, transactions[start + index].entries) {
                try run(connection, "RELEASE SAVEPOINT one")
                outcomes[index] = .appended
            } else {
                try run(connection, "ROLLBACK TO SAVEPOINT one")
            }
        }
        let winners = receipts.filter { outcomes[$0.owner] == .appended }.map(\.row)
        do throws(PgFailure) {
            // Requests leave the inbox with the events that they caused, or not at all.
            requests.fill(winners)
            if !winners.isEmpty { _ = try connection.run(InboxStatements.settle, requests.parameters) }
        } catch {
            throw .server(error, mayHaveHappened: false)
        }
        do throws(PgFailure) { try connection.run("COMMIT") } catch {
            throw .server(error, mayHaveHappened: true)
        }
        return outcomes
    }

    /// The requests of the inbox that events of these transactions carry.
    private static func receipts(_ transactions: ArraySlice<AppendTransaction>) -> [(owner: Int, row: InboxOutcome)] {
        var receipts: [(owner: Int, row: InboxOutcome)] = []
        for (owner, transaction) in transactions.enumerated() {
            for entry in transaction.entries {
                for event in entry.events {
                    guard let id = InboxRequest.id(of: event) else { continue }
                    let outcome = event.eventID == 0 ? "started" : "signaled"
                    receipts.append((owner, InboxOutcome(id: id, outcome: outcome, sagaID: entry.sagaID)))
                }
            }
        }
        return receipts
    }

    /// Appends the entries of one transaction; false if one of them does not hold.
    private func append(
        _ connection: PgConnection, _ epoch: Int64, _ entries: [AppendEntry]
    ) throws(Failure) -> Bool {
        // A start may follow a run that closes in the same transaction.
        let later = entries.filter { $0.start == nil }
        let starts = entries.filter { $0.start != nil }
        var groups = later.isEmpty ? [] : [later]
        groups += starts.map { [$0] }
        for group in groups {
            arrays.clear()
            for entry in group { try add(entry, owner: 0) }
            do throws(Failure) {
                guard try run(connection, epoch, mayHaveHappened: false).count == group.count else { return false }
            } catch {
                // Another writer was there first.
                if case .server(let failure, _) = error, failure.sqlState == "23505" { return false }
                throw error
            }
        }
        return true
    }

    /// Puts the transactions that go side by side into the arrays.
    private func fill(_ transactions: ArraySlice<AppendTransaction>, _ plan: AppendPlan) throws(Failure) {
        arrays.clear()
        for index in plan.sideBySide {
            for entry in transactions[transactions.startIndex + index].entries { try add(entry, owner: index) }
        }
    }

    private func add(_ entry: AppendEntry, owner: Int) throws(Failure) {
        do throws(StoreError) { try arrays.add(entry, owner: owner) } catch { throw .refused(error) }
    }

    private func run(_ connection: PgConnection, _ sql: String) throws(Failure) {
        do throws(PgFailure) { try connection.run(sql) } catch { throw .server(error, mayHaveHappened: false) }
    }

    /// Runs what stands in the arrays.
    /// - Returns: The owners of the winning entries.
    private func run(
        _ connection: PgConnection, _ epoch: Int64, mayHaveHappened: Bool, isBegun: Bool = false
    ) throws(Failure) -> [Int] {
        let result: PgResult
        do throws(PgFailure) {
            if isBegun {
                result = try connection.end()
            } else {
                let epochBytes = epoch.bigEndian
                result = try withUnsafeBytes(of: epochBytes) { (bytes) throws(PgFailure) in
                    try connection.run(arrays.statement, [bytes] + arrays.parameters)
                }
            }
        } catch {
            throw .server(error, mayHaveHappened: mayHaveHappened)
        }
        try check(epoch, result)
        guard
            let later = Self.winners(result, count: 1, places: 2, owners: arrays.laterOwners),
            let starts = Self.winners(result, count: 3, places: 4, owners: arrays.startOwners)
        else {
            throw .server(
                PgFailure("the answer to an append does not read", isConnectionLost: true),
                mayHaveHappened: mayHaveHappened)
        }
        return later + starts
    }

    /// The first column of an answer is the store's epoch: ours must be that.
    private func check(_ epoch: Int64, _ result: PgResult) throws(Failure) {
        guard let current = result.int64(0, 0) else {
            throw .refused(StoreError(.corrupt, "PostgreSQL: the fence has no row"))
        }
        if epoch < current {
            throw .refused(StoreError(.fenced, "epoch \(epoch) was taken over by epoch \(current)"))
        }
        if epoch > current { throw .refused(Self.neverGivenOut(UInt64(clamping: epoch), newest: current)) }
    }

    /// Owners of the winners; nil if the answer makes no sense.
    private static func winners(_ result: PgResult, count: Int, places: Int, owners: [Int]) -> [Int]? {
        guard let winners = result.int64(0, count), winners >= 0, winners <= owners.count else { return nil }
        if winners == owners.count { return owners }
        if winners == 0 { return [] }
        guard let places = result.int64Array(0, places), places.count == Int(winners) else { return nil }
        var found: [Int] = []
        for place in places {
            guard place >= 1, place <= owners.count else { return nil }
            found.append(owners[Int(place) - 1])
        }
        return found
    }

    private static func neverGivenOut(_ epoch: UInt64, newest: Int64? = nil) -> StoreError {
        StoreError(
            .invalid,
            "epoch \(epoch) was never given out" + (newest.map { "; the newest is \($0)" } ?? ""))
    }

    // MARK: The connection

    private func connect() throws(StoreError) -> PgConnection {
        if let connection, connection.isUsable { return connection }
        connection = nil
        do throws(PgFailure) {
            let fresh = try PgConnection(options, role: .writer)
            connection = fresh
            appends = 0
            replanAt = Self.firstReplan
            return fresh
        } catch {
            throw error.storeError("connect")
        }
    }

    /// A statement that was planned while a table was empty may read a whole index, which is right at that time only. The server
    /// plans it anew after it has looked at the table again, up to a minute later: too late for a store that fills up.
    private func replan(_ connection: PgConnection) throws(StoreError) {
        replanAt = appends + min(appends, Self.mostBetweenPlans)
        do throws(PgFailure) { try connection.run("DISCARD PLANS") } catch {
            rollBack(connection)
            throw error.storeError("append")
        }
    }

    /// After a failure: ends an open transaction, and gives a connection up that is broken or no longer a primary's.
    private func rollBack(_ connection: PgConnection) {
        if connection.isUsable && connection.isInTransaction {
            do throws(PgFailure) { try connection.run("ROLLBACK") } catch { self.connection = nil }
        }
        if !connection.isUsable { self.connection = nil }
    }

    /// To be called when the server says that it writes no more: the next attempt looks for one that does.
    func forget() { connection = nil }
}
