import SagaCodec
import SagaCore
import SagaSamples
import Testing

/// The fold that decodes only what the state keeps, against events that are decoded in full and applied one by one.
@Suite struct HistoryFoldTests {
    private static let id = SagaID(high: 0x019C_0475_8D7B_7000, low: 1 << 63 | 7)

    private static func applied(_ events: [HistoryEvent]) -> Result<ExecutionState, SagaError> {
        var state = ExecutionState(sagaID: id)
        do throws(SagaError) {
            for event in events { try state.apply(event) }
            return .success(state)
        } catch {
            return .failure(error)
        }
    }

    /// - Parameter pages: Rows by page.
    private static func folded(_ pages: [[[HistoryEvent]]]) throws -> Result<ExecutionState, SagaError> {
        var state = ExecutionState(sagaID: id)
        var fold = HistoryFold()
        for rows in pages {
            let history = try PackedHistory(of: id, rows)
            do throws(SagaError) { try fold.apply(history, to: &state) } catch { return .failure(error) }
        }
        return .success(state)
    }

    private static func split<Value>(_ values: [Value], _ random: inout TestRandom, upTo most: Int) -> [[Value]] {
        var parts: [[Value]] = []
        var rest = values[...]
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...most, using: &random))
            parts.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return parts
    }

    private static func check(_ events: [HistoryEvent], seed: UInt64, _ note: String = "") throws {
        let expected = applied(events)
        #expect(try folded([[events]]) == expected, "one row, \(note)")
        var random = TestRandom(seed: seed)
        let rows = split(events, &random, upTo: 5)
        #expect(try folded([rows]) == expected, "one page, \(note)")
        #expect(try folded(split(rows, &random, upTo: 9)) == expected, "pages, \(note)")
    }

    @Test(arguments: 1...120)
    func runsHaveTheSameState(_ seed: Int) throws {
        var maker = RunMaker(seed: UInt64(seed), sagaID: Self.id)
        maker.make(60 + seed)
        if case .failure(let error) = Self.applied(maker.events) { Issue.record("seed \(seed): \(error)") }
        try Self.check(maker.events, seed: UInt64(seed), "seed \(seed)")
    }

    /// Whatever an event says, and wherever it stands: the state or the error is the same.
    @Test(arguments: EventType.allCases)
    func eventsOfEveryTypeAreTheSame(_ type: EventType) throws {
        for seed in 1...25 {
            var maker = RunMaker(seed: UInt64(seed) &* 1_000 &+ UInt64(type.rawValue), sagaID: Self.id)
            maker.make(seed)
            maker.addAny(type)
            maker.make(4)
            try Self.check(maker.events, seed: UInt64(seed), "\(type.name), seed \(seed)")
        }
    }

    @Test func theNewestSnapshotThatTheEventsSpeakOfIsKnown() throws {
        var maker = RunMaker(seed: 21, sagaID: Self.id)
        maker.make(200)
        let noted = maker.events.compactMap { event -> EventID? in
            guard case .snapshotCreated(let created) = event.attributes else { return nil }
            return created.uptoEventID
        }
        var state = ExecutionState(sagaID: Self.id)
        var fold = HistoryFold()
        #expect(fold.recordedSnapshot == nil)
        try fold.apply(PackedHistory(of: Self.id, [maker.events]), to: &state)
        #expect(noted.count > 1 && fold.recordedSnapshot == noted.last)
    }

    @Test func whatTheStateHasSeenIsPassedOver() throws {
        var maker = RunMaker(seed: 5, sagaID: Self.id)
        maker.make(80)
        var state = ExecutionState(sagaID: Self.id)
        for event in maker.events.prefix(33) { try state.apply(event) }
        var fold = HistoryFold()
        try fold.apply(PackedHistory(of: Self.id, [maker.events]), to: &state)
        #expect(Result.success(state) == Self.applied(maker.events))
        try fold.apply(PackedHistory(of: Self.id, [maker.events]), to: &state)
        #expect(Result.success(state) == Self.applied(maker.events), "nothing is new")
    }

    @Test func whatDoesNotFitIsRefused() throws {
        var maker = RunMaker(seed: 9, sagaID: Self.id)
        maker.make(20)
        var fold = HistoryFold()
        var state = ExecutionState(sagaID: Self.id)
        let gap = try PackedHistory(of: Self.id, [Array(maker.events.dropFirst(3))])
        #expect(throws: SagaError.self) { try fold.apply(gap, to: &state) }
        var other = ExecutionState(sagaID: SagaID(high: 1, low: 2))
        let good = try PackedHistory(of: Self.id, [maker.events])
        #expect(throws: SagaError.self) { try fold.apply(good, to: &other) }
        // A row that has fewer events than it says.
        var short = PackedHistory(sagaID: Self.id)
        try short.append(PackedEvents.encode(maker.events), firstEventID: 0, count: 21)
        var third = ExecutionState(sagaID: Self.id)
        #expect(throws: SagaError.self) { try fold.apply(short, to: &third) }
        // The same fold goes on with the next run.
        var fourth = ExecutionState(sagaID: Self.id)
        try fold.apply(good, to: &fourth)
        #expect(Result.success(fourth) == Self.applied(maker.events))
    }

    /// Older forms of a type take the ordinary road.
    @Test func olderFormsAreBroughtUp() throws {
        struct TimerCreatedV1: PostcardCodable, Sendable {
            var number: CommandNumber
            init(number: CommandNumber) { self.number = number }
            init(from reader: inout PostcardReader) throws(CodecError) { number = try reader.read() }
            func encode(into writer: inout PostcardWriter) { writer.write(number) }
        }
        var catalog = EventCatalog.current
        catalog.register(
            AttributeHistory(TimerCreatedV1.self).upcast(to: TimerCreated.self) {
                TimerCreated(commandNumber: $0.number, timerID: "old", dueAt: Timestamp(microseconds: 7))
            }, as: EventAttributes.timerCreated)
        var maker = RunMaker(seed: 3, sagaID: Self.id)
        maker.make(1)
        let start = maker.events[0]
        var packed = PostcardWriter()
        packed.write(PackedEvents.formatVersion)
        packed.write(UInt64(1))
        packed.write(start.timestamp.microseconds)
        for byte: UInt8 in [40, 1, 0, 0, 1, 9] { packed.write(byte) }
        var history = try PackedHistory(of: Self.id, [[start]])
        try history.append(packed.array(), firstEventID: 1, count: 1)
        var state = ExecutionState(sagaID: Self.id)
        var fold = HistoryFold(catalog: catalog)
        try fold.apply(history, to: &state)
        #expect(state.timers[1]?.timerID == "old")
        #expect(state.openEvent(ofCommand: 9) == 1)
    }

    /// Any byte may be anything: the answer is a state or a typed error, never a trap. What the full road accepts, this one
    /// accepts with the same state.
    @Test func mutatedBytesNeverTrap() throws {
        var random = TestRandom(seed: 79)
        var refused = 0
        var accepted = 0
        for seed in 1...40 {
            var maker = RunMaker(seed: UInt64(seed), sagaID: Self.id)
            maker.make(25)
            let good = PackedEvents.encode(maker.events)
            for _ in 0..<150 {
                var bad = good
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let at = Int.random(in: 0..<bad.count, using: &random)
                    switch UInt8.random(in: 0..<4, using: &random) {
                    case 0: bad[at] = .max
                    case 1: bad[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bad.remove(at: at)
                    default: bad.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
                    }
                }
                var state = ExecutionState(sagaID: Self.id)
                var fold = HistoryFold()
                var history = PackedHistory(sagaID: Self.id)
                try history.append(bad, firstEventID: 0, count: 25)
                let full = (try? PackedEvents.decode(bad, sagaID: Self.id, firstEventID: 0)).map(Self.applied)
                do throws(SagaError) {
                    try fold.apply(history, to: &state)
                    accepted += 1
                    if case .success(let expected)? = full, expected.nextEventID == 25 {
                        // By their stored forms: numbers that are not numbers are not equal to themselves.
                        #expect(Postcard.encode(state) == Postcard.encode(expected))
                    }
                } catch {
                    refused += 1
                    if case .success(let expected)? = full { #expect(expected.nextEventID != 25, "\(error)") }
                }
            }
        }
        #expect(refused > 500 && accepted > 500, "\(refused) refused, \(accepted) accepted")
    }

    @Test func aCutPageIsRefused() throws {
        var maker = RunMaker(seed: 11, sagaID: Self.id)
        maker.make(12)
        let bytes = PackedEvents.encode(maker.events)
        for count in 0..<bytes.count {
            var history = PackedHistory(sagaID: Self.id)
            try history.append([UInt8](bytes[..<count]), firstEventID: 0, count: 12)
            var state = ExecutionState(sagaID: Self.id)
            var fold = HistoryFold()
            #expect(throws: SagaError.self) { try fold.apply(history, to: &state) }
        }
    }
}
