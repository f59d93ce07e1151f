import Foundation
import SagaCodec
import SagaCore
import SagaSamples
import Testing

/// Event schemas over time: stored bytes of every version give today's values.
@Suite struct EventSchemaTests {
    private static let id = SagaID(high: 0x019C_0475_8D7B_7000, low: 1 << 63 | 7)

    /// The first form of the timer of this story: a delay in milliseconds.
    private struct TimerCreatedV1: PostcardDecodable, Sendable {
        var timerID: String
        var dueMillis: Int64

        init(from reader: inout PostcardReader) throws(CodecError) {
            timerID = try reader.read()
            dueMillis = try reader.read()
        }
    }

    /// The second: microseconds.
    private struct TimerCreatedV2: PostcardDecodable, Sendable {
        var timerID: String
        var dueMicros: Int64

        init(timerID: String, dueMicros: Int64) {
            self.timerID = timerID
            self.dueMicros = dueMicros
        }

        init(from reader: inout PostcardReader) throws(CodecError) {
            timerID = try reader.read()
            dueMicros = try reader.read()
        }
    }

    private static let catalog: EventCatalog = {
        var catalog = EventCatalog()
        catalog.register(
            AttributeHistory(TimerCreatedV1.self)
                .upcast { TimerCreatedV2(timerID: $0.timerID, dueMicros: $0.dueMillis * 1_000) }
                .upcast { old in
                    TimerCreated(
                        commandNumber: 0, timerID: old.timerID, dueAt: Timestamp(microseconds: old.dueMicros))
                },
            as: EventAttributes.timerCreated)
        return catalog
    }()

    private static func stored(_ name: String) throws -> [UInt8] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/events/stored_forms.tsv")
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "\t")
            guard parts.count == 2, parts[0] == name else { continue }
            let digits = Array(parts[1])
            return try stride(from: 0, to: digits.count, by: 2).map {
                try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
            }
        }
        Issue.record("no stored form \(name)")
        return []
    }

    private static func decode(_ bytes: [UInt8], _ catalog: EventCatalog = catalog) throws(CodecError) -> [HistoryEvent]
    {
        try PackedEvents.decode(bytes, sagaID: id, firstEventID: 0, catalog: catalog)
    }

    private static func refusal(_ bytes: [UInt8], _ catalog: EventCatalog = catalog) -> CodecError.Reason? {
        do throws(CodecError) {
            _ = try decode(bytes, catalog)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(arguments: [1, 2, 3])
    func everyStoredVersionGivesTodaysValue(_ version: Int) throws {
        let events = try Self.decode(Self.stored("timer-created-\(version)"))
        let due = Timestamp(microseconds: 1_500_000)
        let expected = TimerCreated(commandNumber: version == 3 ? 9 : 0, timerID: "t\(version)", dueAt: due)
        #expect(events.map(\.attributes) == [.timerCreated(expected)])
        // It is today's value in every respect, and would be stored as such.
        #expect(events.map(\.eventVersion) == [3])
        #expect(try Self.decode(PackedEvents.encode(events)) == events)
    }

    /// What 0.1.0's first stores hold: a reset that only its words told.
    @Test func theFirstFormOfATermination() throws {
        let reset = try Self.decode(Self.stored("terminated-1-reset"), .current)
        #expect(
            reset.map(\.attributes) == [
                .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(
                        reason: "reset to event 7: too late", identity: "ann", requestID: "r1",
                        compensation: CompensationSummary(.complete), resetEventID: 7))
            ])
        #expect(reset.map(\.eventVersion) == [2])
        let other = try Self.decode(Self.stored("terminated-1"), .current)
        #expect(
            other.map(\.attributes) == [
                .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(
                        reason: "reset to eternity",
                        compensation: CompensationSummary(.partial, openEntries: [5])))
            ])
        #expect(try Self.decode(PackedEvents.encode(reset), .current) == reset)
    }

    /// Runs that knew nothing of the messages of those before them.
    @Test func theFirstFormsOfABeginning() throws {
        let started = try Self.decode(Self.stored("started-1"), .current)
        #expect(
            started.map(\.attributes) == [
                .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "n", workflowID: "w", workflowType: "t", workflowVersion: 2, taskQueue: "q",
                        input: .json("1"), requestID: "r1", executionTimeoutMicros: 1, cancelGraceMicros: 2,
                        identity: "ann"))
            ])
        let reset = try Self.decode(Self.stored("reset-1"), .current)
        #expect(
            reset.map(\.attributes) == [
                .workflowExecutionReset(
                    WorkflowExecutionReset(
                        baseSagaID: SagaID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F), baseEventID: 7,
                        reason: "why", identity: "ann", requestID: "r2"))
            ])
        #expect((started + reset).map(\.eventVersion) == [2, 3])
        #expect(try Self.decode(PackedEvents.encode(started), .current) == started)
        #expect(try Self.decode(PackedEvents.encode(reset), .current) == reset)
    }

    /// A reset of a run that was itself made by one: the second form did not say so.
    @Test func theSecondAndTheThirdFormOfAReset() throws {
        let base = SagaID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F)
        var expected = WorkflowExecutionReset(
            baseSagaID: base, baseEventID: 7, reason: "why", identity: "ann", requestID: "r2",
            carriedMessages: [CarriedMessage(kind: .signal, id: "s1", sagaID: base)])
        let second = try Self.decode(Self.stored("reset-2"), .current)
        #expect(second.map(\.attributes) == [.workflowExecutionReset(expected)])
        expected.origins = [
            RunOrigin(sagaID: SagaID(high: 0x0F0E_0D0C_0B0A_0908, low: 0x0706_0504_0302_0100), upTo: 300)
        ]
        let third = try Self.decode(Self.stored("reset-3"), .current)
        #expect(third.map(\.attributes) == [.workflowExecutionReset(expected)])
        #expect((second + third).map(\.eventVersion) == [3, 3])
        #expect(try Self.decode(PackedEvents.encode(second), .current) == second)
        #expect(try PackedEvents.encode(third) == Self.stored("reset-3"))
        // The forms are not taken for each other.
        var mixed = try Self.stored("reset-2")
        mixed[4] = 3
        #expect(Self.refusal(mixed, .current) != nil)
    }

    @Test func headersLeadToTheSameValues() throws {
        for version in 1...3 {
            let bytes = try Self.stored("timer-created-\(version)")
            let events = try Self.decode(bytes)
            try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) in
                let raw = UnsafeRawBufferPointer(buffer)
                try PackedEvents.forEachHeader(in: raw, firstEventID: 0) { (header) throws(CodecError) in
                    #expect(header.eventVersion == UInt32(version) && header.eventType == .timerCreated)
                    let attributes = try PackedEvents.attributes(of: header, in: raw, catalog: Self.catalog)
                    #expect([attributes] == events.map(\.attributes))
                }
            }
        }
    }

    @Test func versionsThatAreNotKnownAreRefused() throws {
        var bytes = try Self.stored("timer-created-3")
        for version: UInt8 in [0, 4, 99] {
            bytes[4] = version
            #expect(Self.refusal(bytes) == .unsupportedVersion)
        }
        // Without the history, only the first version is known; and it has today's form there.
        #expect(try Self.refusal(Self.stored("timer-created-2"), .current) == .unsupportedVersion)
        #expect(EventCatalog.current.version(of: .timerCreated) == 1)
        // Another type's versions are its own.
        #expect(Self.catalog.version(of: .timerFired) == 1)
    }

    /// An old form must fill its attributes' length exactly, as today's must.
    @Test func damageIsNoticedInOldForms() throws {
        let good = try Self.stored("timer-created-1")
        for count in 0..<good.count { #expect(Self.refusal(Array(good[..<count])) != nil) }
        for at in good.indices {
            for bit in 0..<8 {
                var bad = good
                bad[at] ^= 1 << bit
                // Some are values, too; those come back as themselves.
                guard let events = try? Self.decode(bad) else { continue }
                #expect(try Self.decode(PackedEvents.encode(events)) == events)
            }
        }
        var long = good
        long[7] += 1
        #expect(Self.refusal(long) == .limitExceeded)
    }

    @Test func unknownTypesAreRefusedUnlessMarkedAsIgnorable() throws {
        #expect(try Self.refusal(Self.stored("unknown")) == .badTag)
        let bytes = try Self.stored("unknown-ignorable")
        let events = try Self.decode(bytes)
        #expect(events.count == 1 && events[0].eventID == 0)
        #expect(events[0].eventType == .domainEvent)
        // It is written again as it was.
        #expect(PackedEvents.encode(events) == bytes)
        // The mark on a type that is known is nonsense: it would hide damage.
        var marked = try Self.stored("timer-created-3")
        marked[5] = 32
        #expect(Self.refusal(marked) == .badTag)
    }

    /// An ignorable event keeps its place in the run and changes nothing.
    @Test func replayGoesOnPastAnIgnorableEvent() throws {
        var maker = SampleMaker(seed: 4)
        let start = HistoryEvent(
            eventID: 0, sagaID: Self.id, timestamp: Timestamp(microseconds: 0),
            attributes: maker.attributes(.workflowExecutionStarted))
        var ignorable = try Self.decode(Self.stored("unknown-ignorable"))[0]
        ignorable.eventID = 1
        var state = ExecutionState(sagaID: Self.id)
        try state.apply(start)
        let before = state
        try state.apply(ignorable)
        #expect(state.nextEventID == 2)
        #expect(state.steps == before.steps && state.undoLog == before.undoLog && state.status == before.status)
    }

    /// Users' own domain events go through the same field and must not be taken for carried ones.
    @Test func domainEventsWithTheReservedNameComeBackAsTheyAre() throws {
        for name in [
            "saga:ignored:40", "saga:ignored:", "saga:ignored:+227", "saga:ignored:0227", "saga:ignored:65536", "x",
        ] {
            let event = HistoryEvent(
                eventID: 0, sagaID: Self.id, timestamp: Timestamp(microseconds: 5),
                attributes: .domainEvent(
                    DomainEvent(typeName: name, typeVersion: 3, payload: Payload(encoding: "", data: [1]))))
            let bytes = PackedEvents.encode([event])
            #expect(try Self.decode(bytes) == [event])
            #expect(bytes[3] == 200 & 0x7F | 0x80, "stored as a domain event")
        }
    }

    @Test func headersOfAnyEventsAgreeWithThem() throws {
        for seed in 1...40 {
            var maker = SampleMaker(seed: UInt64(seed))
            let events = maker.events(12, from: 7, of: Self.id)
            let bytes = PackedEvents.encode(events)
            var rest = events[...]
            try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) in
                let raw = UnsafeRawBufferPointer(buffer)
                let frame = try Frame(copying: raw)
                try PackedEvents.forEachHeader(in: raw, firstEventID: 7) { (header) throws(CodecError) in
                    let event = rest.removeFirst()
                    #expect(header.eventID == event.eventID && header.timestamp == event.timestamp)
                    #expect(header.eventType == event.eventType && header.eventVersion == event.eventVersion)
                    #expect(header.isResetPoint == event.isResetPoint && header.isRetry == event.isRetry)
                    #expect(header.parentEventID == event.parentEventID)
                    #expect(header.taskQueue.map(frame.text) == event.taskQueue)
                    #expect(header.traceID.map(frame.text) == event.traceID)
                    #expect(try PackedEvents.attributes(of: header, in: raw) == event.attributes)
                }
            }
            #expect(rest.isEmpty)
        }
    }
}
