import CodecCorpus
import SagaCodec
import Testing

@Suite struct StorageTests {
    private let corpus = CorpusGenerator.framed(CorpusGenerator.records(400))

    @Test func framesOpenAgain() throws {
        var random = Lehmer(state: 1)
        let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        for raw in [[], [7], corpus, noise, [UInt8](repeating: 0, count: 1 << 20)] {
            for check in [LZ4Frame.Check.lanes, .xxHash32] {
                let frame = try LZ4Frame.compress(raw, check: check)
                #expect(frame[0] >> 1 == (check == .lanes ? 1 : 0))
                #expect(frame.count <= raw.count + LZ4Frame.headerSize)
                #expect(try LZ4Frame.decompress(frame) == raw)
            }
        }
        #expect(try LZ4Frame.compress(corpus).count < corpus.count * 6 / 10)
    }

    @Test func knownChecksums() throws {
        // Published values of xxHash32 with seed 0.
        for (text, hash) in [("", 0x02CC_5D05), ("a", 0x550D_7456), ("abc", 0x32D1_53FF)] as [(String, UInt32)] {
            let frame = try LZ4Frame.compress(Array(text.utf8), check: .xxHash32)
            #expect(Array(frame[5..<9]) == withUnsafeBytes(of: hash.littleEndian) { [UInt8]($0) })
        }
        let long = Array("Nobody inspects the spammish repetition".utf8)
        let hash = try LZ4Frame.compress(long, check: .xxHash32)[5..<9].reversed().reduce(UInt32(0)) {
            $0 << 8 | UInt32($1)
        }
        #expect(hash == 0xE229_3B2F)
    }

    /// The bytes of a form that was stored once are read for ever.
    @Test func storedFormsOfTheNewerChecksum() throws {
        let numbers = (0..<200).map { UInt8($0) }
        let text = [UInt8](repeating: 7, count: 300)
        for (raw, front) in [
            ([], [2, 0, 0, 0, 0, 170, 138, 42, 175]), (numbers, [2, 200, 0, 0, 0, 160, 147, 80, 145]),
            (text, [3, 44, 1, 0, 0, 21, 213, 251, 224]),
        ] as [([UInt8], [UInt8])] {
            let frame = try LZ4Frame.compress(raw)
            #expect(Array(frame[..<LZ4Frame.headerSize]) == front)
            #expect(try LZ4Frame.decompress(frame) == raw)
        }
    }

    @Test(arguments: [LZ4Frame.Check.lanes, .xxHash32]) func damageIsNoticed(_ check: LZ4Frame.Check) throws {
        let frame = try LZ4Frame.compress(corpus, check: check)
        var random = Lehmer(state: 3)
        for _ in 0..<2000 {
            var bad = frame
            let at = Int.random(in: 0..<bad.count, using: &random)
            bad[at] ^= UInt8.random(in: 1...255, using: &random)
            #expect(throws: CodecError.self) { try LZ4Frame.decompress(bad) }
        }
        for count in stride(from: 0, to: frame.count, by: 101) {
            #expect(throws: CodecError.self) { try LZ4Frame.decompress(Array(frame[..<count])) }
        }
    }

    /// Each byte of a small frame, with each of its bits and in each way that it is stored.
    @Test(arguments: [LZ4Frame.Check.lanes, .xxHash32]) func eachBitCounts(_ check: LZ4Frame.Check) throws {
        let noise = (0..<150).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
        for raw in [noise, noise + noise + noise] {
            let frame = try LZ4Frame.compress(raw, check: check)
            for at in frame.indices {
                for bit in 0..<8 {
                    var bad = frame
                    bad[at] ^= 1 << bit
                    if check == .lanes {
                        #expect(throws: CodecError.self) { try LZ4Frame.decompress(bad) }
                    } else {
                        // Its checksum is of the raw bytes: another block that stands for the same ones is no damage.
                        #expect((try? LZ4Frame.decompress(bad)) ?? raw == raw)
                    }
                }
            }
        }
    }

    @Test func sizeIsCheckedBeforeAllocation() throws {
        for form in 0...3 as ClosedRange<UInt8> {
            let claim: [UInt8] = [form, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 3]
            #expect(throws: CodecError(.limitExceeded, at: 1)) { try LZ4Frame.decompress(claim) }
            #expect(throws: CodecError(.unexpectedEnd, at: 1)) { try LZ4Frame.decompress(claim, limit: .max) }
        }
        let frame = try LZ4Frame.compress(corpus)
        #expect(throws: CodecError(.limitExceeded, at: 1)) {
            try LZ4Frame.decompress(frame, limit: corpus.count - 1)
        }
        #expect(throws: CodecError(.unknownFormat, at: 0)) { try LZ4Frame.decompress([9] + frame.dropFirst()) }
    }

    @Test(arguments: Codec.allCases) func storedValuesSayHowToReadThem(_ codec: Codec) throws {
        let history = SchemaHistory<[String: Int]>()
        let bytes = try history.encode(["a": 1, "b": 2], codec: codec)
        #expect(bytes[0] == codec.rawValue && bytes[1] == 1)
        #expect(try history.decode(bytes) == ["a": 1, "b": 2])
        #expect(Codec(name: codec.name) == codec)
    }

    @Test func oldVersionsAreBroughtUp() throws {
        struct V1: Codable { var name: String }
        struct V2: Codable {
            var name: String
            var cents: Int
        }
        struct V3: Codable, Equatable {
            var name: String
            var cents: Int
            var currency: String
        }
        let history = SchemaHistory<V1>()
            .upcast { V2(name: $0.name, cents: 0) }
            .upcast { V3(name: $0.name, cents: $0.cents, currency: "EUR") }
        #expect(history.currentVersion == 3)
        // Bytes as programs of then stored them, written out by hand.
        let stored: [([UInt8], V3)] = [
            ([1, 1, 2, 0x68, 0x69], V3(name: "hi", cents: 0, currency: "EUR")),
            ([1, 2, 2, 0x68, 0x69, 0x54], V3(name: "hi", cents: 42, currency: "EUR")),
            ([1, 3, 2, 0x68, 0x69, 0x54, 3, 0x55, 0x53, 0x44], V3(name: "hi", cents: 42, currency: "USD")),
            ([4, 1] + Array(#"{"name":"hi"}"#.utf8), V3(name: "hi", cents: 0, currency: "EUR")),
        ]
        for (bytes, value) in stored { #expect(try history.decode(bytes) == value) }
        #expect(throws: CodecError(.unsupportedVersion, at: 1)) { try history.decode([1, 4, 0]) }
        #expect(throws: CodecError(.unsupportedVersion, at: 1)) { try history.decode([1, 0, 0]) }
        #expect(throws: CodecError(.unknownFormat, at: 0)) { try history.decode([77, 1, 0]) }
        #expect(throws: CodecError(.unexpectedEnd, at: 1)) { try history.decode([1]) }
    }

    @Test func framesOfEventsNameTheirParts() throws {
        let frame = try Frame(corpus)
        #expect(frame.text(FrameRange(offset: UInt32(corpus.count), count: 5)) == "")
        #expect(frame.bytes(FrameRange(offset: 0, count: .max)) == corpus)
        let record = CorpusGenerator.records(1)[0]
        let bytes = Postcard.encode(record.event)
        let view = try Postcard.decodeStrict(CorpusView.self, from: bytes)
        guard case .activityScheduled(let scheduled) = view.attributes,
            case .activityScheduled(let owned) = record.attributes
        else {
            Issue.record("the first event of the corpus is another")
            return
        }
        let own = try Frame(bytes)
        #expect(own.text(scheduled.activityType) == owned.activityType)
        #expect(own.bytes(scheduled.input) == owned.input.bytes)
    }
}
