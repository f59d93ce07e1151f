import SagaCodec
import SagaCore
import SagaSamples
import Testing

/// Histories in files: written and read piece by piece, and nothing that is not as it was written is taken.
@Suite struct HistoryFileTests {
    private static func runs() -> [[HistoryEvent]] {
        var maker = SampleMaker(seed: 5)
        return [1, 3, 2_500].enumerated().map { index, count in
            maker.events(
                count, from: 0, of: SagaID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 + UInt64(index)))
        }
    }

    private static func file(_ format: HistoryFile.Format, _ runs: [[HistoryEvent]], late: [LateEffect] = []) throws
        -> [UInt8]
    {
        var writer = HistoryFileWriter(format) { ["event_type": .string($0.eventType.name)] }
        var bytes = try writer.begin()
        for run in runs {
            var rest = run[...]
            while !rest.isEmpty {
                bytes += try writer.write(.events(Array(rest.prefix(HistoryFile.maximumEvents))))
                rest = rest.dropFirst(HistoryFile.maximumEvents)
            }
        }
        for effect in late { bytes += try writer.write(.lateEffect(effect)) }
        return bytes + (try writer.end())
    }

    private static func read(
        _ bytes: [UInt8], by step: Int
    ) throws -> (runs: [[HistoryEvent]], late: [LateEffect]) {
        var reader = HistoryFileReader()
        var runs: [[HistoryEvent]] = []
        var late: [LateEffect] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            for item in try reader.read(rest.prefix(step)) {
                switch item {
                case .events(let events):
                    if let first = events.first, runs.last?.last?.sagaID == first.sagaID {
                        runs[runs.count - 1] += events
                    } else {
                        runs.append(events)
                    }
                case .lateEffect(let effect): late.append(effect)
                }
            }
            rest = rest.dropFirst(step)
        }
        try reader.end()
        return (runs, late)
    }

    private static func effect(_ id: SagaID) -> LateEffect {
        var maker = SampleMaker(seed: 6)
        return LateEffect(
            sagaID: id, namespace: "default", workflowID: "w", scheduledEventID: 1, attempt: 2, stepID: "s",
            activityType: "a", undoActivityType: "u", idempotencyKey: "k", reportedAt: maker.time(),
            output: maker.payload(), undoData: nil, isUndoneAgain: false)
    }

    @Test(arguments: HistoryFile.Format.allCases)
    func whatWasWrittenComesBack(_ format: HistoryFile.Format) throws {
        let runs = Self.runs()
        let late = [Self.effect(runs[2][0].sagaID)]
        let bytes = try Self.file(format, runs, late: late)
        for step in [1 << 16, 4_099, bytes.count] {
            let found = try Self.read(bytes, by: step)
            #expect(found.runs == runs)
            #expect(found.late == late)
        }
        let small = try Self.file(format, Array(runs.prefix(2)))
        #expect(try Self.read(small, by: 1).runs == Array(runs.prefix(2)))
        #expect(try Self.read(try Self.file(format, []), by: 9).runs.isEmpty)
    }

    @Test(arguments: HistoryFile.Format.allCases)
    func aChangedByteIsNoticed(_ format: HistoryFile.Format) throws {
        let good = try Self.file(format, Array(Self.runs().prefix(2)))
        for place in good.indices {
            var bad = good
            bad[place] ^= 1 << UInt8(place % 7)
            #expect(throws: HistoryFileError.self, "byte \(place)") { try Self.read(bad, by: bad.count) }
        }
        for length in 0..<good.count {
            // A JSON file without its last line break is cut off, too.
            #expect(throws: HistoryFileError.self, "cut at \(length)") {
                try Self.read(Array(good.prefix(length)), by: 4_096)
            }
        }
        #expect(throws: HistoryFileError.self) { try Self.read(good + [10], by: 4_096) }
    }

    @Test func aMissingPieceIsNoticed() throws {
        let runs = Self.runs()
        let text = String(decoding: try Self.file(.json, Array(runs.prefix(2))), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for index in 0..<5 {
            var fewer = lines
            fewer.remove(at: index)
            #expect(throws: HistoryFileError.self, "without line \(index)") {
                try Self.read(Array(fewer.joined(separator: "\n").utf8), by: 4_096)
            }
        }
        // The same run twice, and one that begins in the middle.
        #expect(throws: HistoryFileError.self) {
            try Self.read(Self.file(.binary, [runs[1], runs[0], runs[1]]), by: 99)
        }
        #expect(throws: HistoryFileError.self) {
            try Self.read(Self.file(.binary, [Array(runs[1].dropFirst())]), by: 99)
        }
    }

    @Test func base64IsExact() {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let text = Base64.encode(bytes)
            #expect(Base64.decode(text) == bytes)
            #expect(Base64.decode(text + "=") == nil)
        }
        for bad in ["A", "AB", "ABC", "A===", "AB=C", "=ABC", "AB\u{e9}=", "AB==AB==", "AB=="] where bad != "AB==" {
            #expect(Base64.decode(bad) == nil, "\(bad)")
        }
        #expect(Base64.decode("AB==") == nil, "bits that no encoder sets")
    }
}
