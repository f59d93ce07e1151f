import SagaCodec
import SagaCore
import SagaSamples
import Testing

@Suite struct PackedEventsTests {
    private static let id = SagaID(high: 0x019C_0475_8D7B_7000, low: 1 << 63 | 7)

    private static func decode(_ bytes: [UInt8], first: EventID = 0) throws(CodecError) -> [HistoryEvent] {
        try PackedEvents.decode(bytes, sagaID: id, firstEventID: first)
    }

    @Test(arguments: EventType.allCases)
    func eventsOfEveryTypeComeBack(_ type: EventType) throws {
        var maker = SampleMaker(seed: UInt64(type.rawValue))
        for count in 1...12 {
            let first = EventID(count * 1_000)
            let events = (0..<count).map { maker.event(type, id: first + EventID($0), of: Self.id) }
            #expect(events.allSatisfy { $0.eventType == type })
            let bytes = PackedEvents.encode(events)
            let decoded = try Self.decode(bytes, first: first)
            #expect(decoded == events)
            #expect(PackedEvents.encode(decoded) == bytes, "one value, one form")
        }
    }

    @Test func mixedEventsComeBack() throws {
        for seed in 1...50 {
            var maker = SampleMaker(seed: UInt64(seed))
            let events = maker.events(20, from: 7, of: Self.id)
            #expect(try Self.decode(PackedEvents.encode(events), first: 7) == events)
        }
        #expect(try Self.decode(PackedEvents.encode([])).isEmpty)
    }

    /// One at a time, all at once, and behind others: the same events, and the same error.
    @Test func allRoadsGiveTheSameEvents() throws {
        var random = TestRandom(seed: 5)
        for seed in 1...40 {
            var maker = SampleMaker(seed: UInt64(seed))
            let events = maker.events(12, from: 0, of: Self.id)
            var bytes = PackedEvents.encode(events)
            if seed.isMultiple(of: 2) { bytes[Int.random(in: 2..<bytes.count, using: &random)] ^= 0x41 }
            var one: [HistoryEvent] = []
            var behind = events
            let all = Result { () throws(CodecError) in try Self.decode(bytes) }
            let each = bytes.withUnsafeBufferPointer { bytes in
                Result { () throws(CodecError) in
                    try PackedEvents.forEach(in: UnsafeRawBufferPointer(bytes), sagaID: Self.id, firstEventID: 0) {
                        one.append(copy $0)
                    }
                }
            }
            let after = bytes.withUnsafeBufferPointer { bytes in
                Result { () throws(CodecError) in
                    try PackedEvents.decode(
                        UnsafeRawBufferPointer(bytes), sagaID: Self.id, firstEventID: 0, into: &behind)
                }
            }
            switch all {
            case .success(let decoded): #expect(one == decoded && behind == events + decoded)
            case .failure(let error):
                #expect(throws: error) { try each.get() }
                #expect(throws: error) { try after.get() }
                #expect(behind == events + one)
            }
        }
    }

    /// The table of codes knows the types, and nothing else.
    @Test func everyCodeHasItsType() {
        for code in UInt16.min ... .max { #expect(EventType.known(code) == EventType(rawValue: code)) }
    }

    /// A count that the bytes do not justify is an error at their end, and asks for no memory.
    @Test func countsThatLieAreRefused() {
        for claimed: UInt64 in [1, 2, 5, 127, 65_536] {
            for rest in [0, 1, 4, 5, 9, 10] {
                let bytes = [1] + Postcard.encode(claimed) + [0] + [UInt8](repeating: 0, count: rest)
                #expect(throws: CodecError.self) { try Self.decode(bytes) }
            }
        }
    }

    /// The bytes as they are on disk: this test fails when old files could not be read any more.
    @Test func theStoredFormIsWhatItWas() throws {
        let time = Timestamp(microseconds: 1_769_599_680_000_000)
        let events = [
            HistoryEvent(
                eventID: 0, sagaID: Self.id, timestamp: time,
                attributes: .timerFired(TimerFired(createdEventID: 300)), isResetPoint: true, isRetry: true,
                parentEventID: 5, taskQueue: "q", traceID: "t"),
            HistoryEvent(
                eventID: 1, sagaID: Self.id, timestamp: time.adding(microseconds: -2),
                attributes: .versionMarkerRecorded(
                    VersionMarkerRecorded(commandNumber: 1, changeID: "fix", version: 2))),
        ]
        let stored: [UInt8] =
            [1, 2] + Postcard.encode(Int64(1_769_599_680_000_000))
            + [41, 1, 31, 0, 5, 1, 0x71, 1, 0x74, 2, 0xAC, 0x02]
            + [61, 1, 0, 3, 6, 1, 3, 0x66, 0x69, 0x78, 2]
        #expect(PackedEvents.encode(events) == stored)
        #expect(try Self.decode(stored) == events)
    }

    @Test func everyTruncationIsATypedError() {
        for seed in 1...20 {
            var maker = SampleMaker(seed: UInt64(seed))
            let bytes = PackedEvents.encode(maker.events(3, from: 0, of: Self.id))
            // All short ones, and enough of the long ones.
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 400)) {
                #expect(throws: CodecError.self) { try Self.decode([UInt8](bytes[..<count])) }
            }
            #expect(throws: CodecError(.trailingBytes, at: bytes.count)) { try Self.decode(bytes + [0]) }
        }
    }

    /// Any byte may be anything: the answer is events or a typed error, never a trap, and never more memory than the
    /// input can justify.
    @Test func mutatedBytesNeverTrap() throws {
        var random = TestRandom(seed: 77)
        var refused = 0
        var accepted = 0
        for type in EventType.allCases {
            var maker = SampleMaker(seed: UInt64(type.rawValue) + 500)
            let good = PackedEvents.encode([maker.event(type, id: 0, of: Self.id)])
            for _ in 0..<150 {
                var bad = good
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let at = Int.random(in: 0..<bad.count, using: &random)
                    switch UInt8.random(in: 0..<4, using: &random) {
                    case 0: bad[at] = .max
                    case 1: bad[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bad.remove(at: at)
                    default: bad.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
                    }
                    if bad.isEmpty { bad = [0] }
                }
                do {
                    let events = try Self.decode(bad)
                    // Whatever is accepted is a value like any other (compared by form: a mutated number may be NaN).
                    let form = PackedEvents.encode(events)
                    #expect(try PackedEvents.encode(Self.decode(form)) == form)
                    _ = events.map { "\($0.timestamp)" }
                    accepted += 1
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > 1_000 && accepted > 100, "\(refused) refused, \(accepted) accepted")
    }

    @Test func randomBytesNeverTrap() {
        var random = TestRandom(seed: 78)
        for round in 0..<20_000 {
            var bytes = (0..<round % 60).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            // Often with a right beginning, so that it goes deeper.
            if round % 2 == 0, bytes.count > 8 {
                bytes[0] = PackedEvents.formatVersion
                bytes[1] = 1
                bytes[2] = 0
                bytes[3] = UInt8(truncatingIfNeeded: EventType.allCases.randomElement(using: &random)?.rawValue ?? 0)
                bytes[4] = 1
                bytes[5] = 0
                bytes[6] = 0
            }
            _ = try? Self.decode(bytes)
        }
    }

    @Test func claimsBeyondTheLimitAreRefused() {
        func refusal(_ bytes: [UInt8]) -> CodecError.Reason? {
            do throws(CodecError) {
                _ = try Self.decode(bytes)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(refusal([]) == .unexpectedEnd)
        #expect(refusal([0]) == .unsupportedVersion)
        #expect(refusal([3]) == .unsupportedVersion)
        #expect(refusal([1] + Postcard.encode(UInt64(65_537)) + [0]) == .limitExceeded)
        #expect(refusal([1] + Postcard.encode(UInt64.max) + [0]) == .limitExceeded)
        #expect(refusal([1] + Postcard.encode(UInt64(65_536)) + [0]) == .unexpectedEnd)
        // An event type that nobody knows, an unknown flag, a length that is not the attributes'.
        #expect(refusal([1, 1, 0, 99 + 0x80, 1, 1, 0, 0]) == .badTag)
        #expect(refusal([1, 1, 0, 41, 1, 32, 0, 1, 5]) == .badTag)
        #expect(refusal([1, 1, 0, 41, 1, 0, 0, 1, 5]) == nil)
        #expect(refusal([1, 1, 0, 41, 1, 0, 0, 2, 5]) == .limitExceeded)
        #expect(refusal([1, 1, 0, 41, 1, 0, 0, 0, 5]) == .limitExceeded)
    }
}
