import Foundation
import SagaCore
import SagaEngine

/// Replay out of a store, beside the reading alone: the goal is 80 % of what the store can read. Rounds of both alternate, so
/// that what else the machine does meets both.
extension ReplaySuite {
    func stores(_ context: BenchContext) async throws {
        for kind in RecoveryStore.all where kind.name != "memory" {
            try await manyRuns(context, kind, "rows as an engine writes them", rowEvents: 3)
            try await manyRuns(context, kind, "one row each", rowEvents: nil)
            try await oneRun(context, kind, "rows as an engine writes them", rowEvents: 3)
            try await oneRun(context, kind, "rows of 1,000", rowEvents: 1_000)
        }
    }

    /// Open runs of 100 events each, with an undo for each step, a thousand a page, as a start reads them.
    /// - Parameter rowEvents: Events of one append: an engine writes how a step began and ended, and the next one, in one. Nil for
    ///   all, as an import writes a run.
    private func manyRuns(
        _ context: BenchContext, _ kind: RecoveryStore, _ rows: String, rowEvents: Int?
    ) async throws {
        let name = "replay/\(kind.name), runs of 100 events, \(rows)"
        guard context.wants(name) else { return }
        let runs = context.quick ? 2_000 : 10_000
        let history = RunOfSteps(count: 100, hasUndo: true)
        try await kind.use { store in
            try await history.write(runs, to: store, rowEvents: rowEvents)
            let replayer = HistoryReplayer(store: store)
            try await compare(
                context, name, events: runs * history.events.count,
                read: { try await Self.pages(store, replayer) { _ in } },
                replay: {
                    var fold = HistoryFold()
                    try await Self.pages(store, replayer) { page in
                        for row in page.rows {
                            guard let run = try await replayer.recover(row, in: page, with: &fold),
                                run.state.nextEventID == row.nextEventID
                            else { throw BenchFailure("run \(row.sagaID) is not replayed") }
                        }
                    }
                })
        }
    }

    /// Reads all open runs; while something is done with a page the store reads the next.
    private static func pages(
        _ store: any EventStore, _ replayer: HistoryReplayer, _ body: (RecoveryPage) async throws -> Void
    ) async throws {
        func page(after: SagaID?) -> Task<RecoveryPage, any Error> {
            Task {
                try await replayer.recoveryPage(
                    of: try await store.openExecutions(after: after, limit: HistoryReplayer.runsAtOnce))
            }
        }
        var next = page(after: nil)
        while let read = try await Optional(next.value), let last = read.rows.last {
            next = page(after: last.sagaID)
            try await body(read)
        }
    }

    /// One long run, from its first event.
    private func oneRun(_ context: BenchContext, _ kind: RecoveryStore, _ rows: String, rowEvents: Int) async throws {
        let name = "replay/\(kind.name), a long run, \(rows)"
        guard context.wants(name) else { return }
        // Each row is a commit of its own, and those take their time.
        let count = rowEvents > 100 ? (context.quick ? 99_991 : 999_991) : (context.quick ? 24_991 : 99_991)
        try await kind.use { store in
            let sagaID = try await RunOfSteps.write(count, steps: count / 3, to: store, rowEvents: rowEvents)
            guard let row = try await store.execution(sagaID) else { throw BenchFailure("the run is not there") }
            let replayer = HistoryReplayer(store: store)
            try await compare(
                context, name, events: count,
                read: {
                    var next: EventID = 0
                    while true {
                        let rows = try await store.packedEvents(of: sagaID, from: next, limit: 4_096)
                        if rows.rows.isEmpty { break }
                        next += EventID(rows.rows.reduce(0) { $0 + Int($1.count) })
                    }
                    guard next == row.nextEventID else { throw BenchFailure("\(next) events were read") }
                },
                replay: {
                    guard try await replayer.recover(row)?.state.nextEventID == row.nextEventID else {
                        throw BenchFailure("the run is not replayed")
                    }
                })
        }
    }

    private func compare(
        _ context: BenchContext, _ name: String, events: Int, read: () async throws -> Void,
        replay: () async throws -> Void
    ) async throws {
        let clock = ContinuousClock()
        var (reads, replays): ([Double], [Double]) = ([], [])
        // The first round finds the caches cold.
        for round in 0...(context.quick ? 5 : 9) {
            let before = clock.now
            try await read()
            let between = clock.now
            try await replay()
            let after = clock.now
            guard round > 0 else { continue }
            reads.append((between - before) / .seconds(1))
            replays.append((after - between) / .seconds(1))
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let (alone, whole) = (Double(events) / median(reads), Double(events) / median(replays))
        var reading = context.result("\(name): read only", unit: "events/s", value: alone, better: .higher)
        reading.samples = reads.count
        context.record(reading)
        var result = context.result("\(name): read and fold", unit: "events/s", value: whole, better: .higher)
        result.samples = replays.count
        result.reference = "read only"
        result.referenceKind = "measured"
        result.ratio = whole / alone
        context.record(result)
    }
}
