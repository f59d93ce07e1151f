import SagaCore

/// Which transactions of a commit can be judged side by side in one statement, and which depend on others and are judged
/// one after the other.
struct AppendPlan {
    /// Indices of transactions with one entry that no other transaction before it has to do with.
    private(set) var sideBySide: [Int] = []
    /// Indices of all others, in order: several runs at once, or runs and workflow ids that occurred before.
    private(set) var oneByOne: [Int] = []

    init(_ transactions: ArraySlice<AppendTransaction>) {
        if transactions.count == 1, let only = transactions.first?.entries, only.count == 1, only[0].start == nil {
            sideBySide = [0]
            return
        }
        sideBySide.reserveCapacity(transactions.count)
        var runs = Set<SagaID>(minimumCapacity: transactions.count)
        var names = Set<Int>()
        for (index, transaction) in transactions.enumerated() {
            var isAlone = transaction.entries.count == 1
            for entry in transaction.entries {
                if !runs.insert(entry.sagaID).inserted { isAlone = false }
                guard let start = entry.start, let row = entry.row else { continue }
                if case .after(let earlier) = start, !runs.insert(earlier).inserted { isAlone = false }
                // Two names with the same hash are judged one after the other, which is right as well.
                if !names.insert(Self.hash(row)).inserted { isAlone = false }
            }
            if isAlone { sideBySide.append(index) } else { oneByOne.append(index) }
        }
    }

    /// Transactions that are known not to depend on each other.
    init(independent count: Int) { sideBySide = Array(0..<count) }

    /// Everything one by one: the way when writers got in each other's way.
    init(oneByOne count: Int) { oneByOne = Array(0..<count) }

    private static func hash(_ row: ExecutionRow) -> Int {
        // Over bytes: Swift's `String` takes two canonically equivalent texts for one.
        var hasher = Hasher()
        for text in [row.namespace, row.workflowID] {
            var copy = text
            copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
            hasher.combine(0xFF as UInt8)
        }
        return hasher.finalize()
    }
}
