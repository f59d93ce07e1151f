import CBenchHooks
import CodecCorpus
import SagaCodec
import SagaCore

/// Histories in memory, decoded and folded into the state of their runs: what recovery, describe and time travel do.
struct ReplaySuite: BenchSuite {
    let name = "replay"
    let summary =
        "the product's events: encode, decode, and fold into the state of a run, from memory (CPU time) and from stores"

    func run(_ context: BenchContext) async throws {
        let records = CorpusGenerator.records(context.quick ? 10_000 : CorpusGenerator.referenceCount)
        let history = try HistoryWorkload(records)
        print("  \(history.count) events in \(history.runs.count) runs, \(history.bytes) bytes")
        try codec(context, history, records)
        try replay(context, history)
        try protobuf(context, history)
        try await stores(context)
    }

    private func bench(_ name: String, _ history: HistoryWorkload, manual: Double? = nil) -> BenchCase {
        BenchCase(
            name: name, operations: history.count, bytes: history.bytes, clock: .cpu,
            reference: manual.map { .claim(name: "manual", value: $0) })
    }

    /// The event codec alone, beside the corpus event of the `codec` suite.
    private func codec(_ context: BenchContext, _ history: HistoryWorkload, _ records: [CorpusRecord]) throws {
        var writer = PostcardWriter(capacity: 1 << 16)
        try context.measure(bench("history/encode", history)) {
            var total: UInt64 = 0
            for run in history.runs {
                writer.reset()
                PackedEvents.encode(run.events[...], into: &writer)
                total &+= UInt64(writer.count)
            }
            return total
        }
        try context.measure(bench("history/decode-owned", history)) {
            var total: UInt64 = 0
            var events: [HistoryEvent] = []
            for run in history.runs {
                events.removeAll(keepingCapacity: true)
                try run.packed.withUnsafeBytes {
                    try PackedEvents.decode($0, sagaID: run.sagaID, firstEventID: 0, into: &events)
                }
                total &+= UInt64(events.count) &+ (events.last?.eventID ?? 0)
            }
            return total
        }
        // Each event given away before the next, as the corpus event is decoded: the allocator has the memory of the last one at hand.
        try context.measure(bench("history/decode-each", history)) {
            var total: UInt64 = 0
            for run in history.runs {
                try run.packed.withUnsafeBufferPointer { (bytes) throws(CodecError) in
                    try PackedEvents.forEach(in: UnsafeRawBufferPointer(bytes), sagaID: run.sagaID, firstEventID: 0) {
                        event in
                        total &+= event.eventID
                        withUnsafePointer(to: event) { bench_sink(UnsafeMutableRawPointer(mutating: $0)) }
                    }
                }
            }
            return total
        }
        try context.measure(bench("history/decode-header", history)) {
            var total: UInt64 = 0
            for run in history.runs {
                try run.packed.withUnsafeBytes { bytes in
                    try PackedEvents.forEachHeader(in: bytes, firstEventID: 0) { header in
                        total &+= header.eventID &+ UInt64(header.typeCode) &+ UInt64(header.attributes.count)
                    }
                }
            }
            return total
        }
        try beside(context, history, records)
    }

    /// Per byte, because the product's events are larger: goal 1.15.
    private func beside(_ context: BenchContext, _ history: HistoryWorkload, _ records: [CorpusRecord]) throws {
        guard context.options.passes == nil, context.wants("corpus/encode") || context.wants("corpus/decode-owned")
        else { return }
        let corpus = try CodecWorkload(count: records.count)
        try CodecSuite.measureCorpus(context, corpus)
        for (part, other) in [("encode", "encode"), ("decode-each", "decode-owned"), ("decode-owned", "decode-owned")] {
            func perByte(_ name: String) -> Double? {
                guard let found = context.results.last(where: { $0.suite == self.name && $0.case == name }),
                    let bytes = found.bytesPerOp
                else { return nil }
                return found.value / bytes
            }
            guard let ours = perByte("history/\(part)"), let theirs = perByte("corpus/\(other)") else { continue }
            var result = context.result("history/\(part), per byte", unit: "ns/B", value: ours, better: .lower)
            result.reference = "corpus event"
            result.referenceKind = "measured"
            result.ratio = ours / theirs
            context.record(result)
        }
    }

    private func replay(_ context: BenchContext, _ history: HistoryWorkload) throws {
        let stored = try history.runs.map { run in
            var rows = PackedHistory(sagaID: run.sagaID)
            try rows.append(run.packed, firstEventID: 0, count: run.events.count)
            return rows
        }
        try check(stored, history)
        // What recovery does: from stored rows to the state. The manual claims 50,000 events in 2,500 ms.
        try context.measure(bench("replay/stored-rows-to-state", history, manual: 50_000)) {
            var total: UInt64 = 0
            var fold = HistoryFold()
            for rows in stored {
                var state = ExecutionState(sagaID: rows.sagaID)
                try fold.apply(rows, to: &state)
                total &+= Self.digest(state)
            }
            return total
        }
        try undoable(context)
        // Where the events are wanted, too.
        try context.measure(bench("replay/decode-and-fold", history, manual: 50_000)) {
            var total: UInt64 = 0
            var events: [HistoryEvent] = []
            for run in history.runs {
                events.removeAll(keepingCapacity: true)
                try run.packed.withUnsafeBytes {
                    try PackedEvents.decode($0, sagaID: run.sagaID, firstEventID: 0, into: &events)
                }
                total &+= try Self.fold(events, of: run.sagaID)
            }
            return total
        }
        try context.measure(bench("replay/fold", history)) {
            var total: UInt64 = 0
            for run in history.runs { total &+= try Self.fold(run.events, of: run.sagaID) }
            return total
        }
    }

    /// The same of runs whose steps each leave an undo behind, so that the state grows with the history.
    private func undoable(_ context: BenchContext) throws {
        let events = RunOfSteps(count: 100, hasUndo: true).events
        let stored = try (0..<100 as Range<UInt64>).map { number in
            let sagaID = SagaID(time: RunOfSteps.id.time, random: (number, number))
            var rows = PackedHistory(sagaID: sagaID)
            try rows.append(PackedEvents.encode(events.map { $0.of(sagaID) }), firstEventID: 0, count: events.count)
            return rows
        }
        let bytes = stored.reduce(0) { $0 + $1.bytes.count }
        let each = BenchCase(
            name: "replay/stored-rows-to-state, an undo for each step", operations: stored.count * events.count,
            bytes: bytes, clock: .cpu)
        try context.measure(each) {
            var total: UInt64 = 0
            var fold = HistoryFold()
            for rows in stored {
                var state = ExecutionState(sagaID: rows.sagaID)
                try fold.apply(rows, to: &state)
                total &+= Self.digest(state) &+ UInt64(state.undoLog.count)
            }
            return total
        }
    }

    /// Something of everything that the fold keeps.
    private static func fold(_ events: [HistoryEvent], of sagaID: SagaID) throws -> UInt64 {
        var state = ExecutionState(sagaID: sagaID)
        // In place: iteration would copy each event.
        try events.withUnsafeBufferPointer { events in
            for index in events.indices { try state.apply(events[index]) }
        }
        return digest(state)
    }

    /// Both roads end in the same state.
    private func check(_ stored: [PackedHistory], _ history: HistoryWorkload) throws {
        var fold = HistoryFold()
        for (rows, run) in zip(stored, history.runs) {
            var state = ExecutionState(sagaID: run.sagaID)
            try fold.apply(rows, to: &state)
            var expected = ExecutionState(sagaID: run.sagaID)
            for event in run.events { try expected.apply(event) }
            guard state == expected else { throw BenchFailure("run \(run.sagaID): the rows give another state") }
        }
    }

    private static func digest(_ state: ExecutionState) -> UInt64 {
        state.nextEventID &+ UInt64(state.steps.count) &* 31 &+ UInt64(state.timers.count) &* 1_009
            &+ UInt64(state.signalCount) &* 65_537 &+ UInt64(state.nextCommandNumber) &* 7
    }
}
