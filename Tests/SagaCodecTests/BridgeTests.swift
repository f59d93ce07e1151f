import CodecCorpus
import Foundation
import SagaCodec
import Testing

private struct Plain: Codable, Equatable {
    var name: String
    var count: Int32
    var note: String?
    var ratio: Double
    var parts: [Part]
    var bytes: [UInt8]
    var byName: [String: Part]
    var byNumber: [Int: String]
    var maybes: [Int?]
    var flags: Set<String>
    var state: State
    var kind: Kind
    var part: Part?

    struct Part: Codable, Equatable {
        var x: Int32
        var y: UInt16
    }
    enum State: Codable, Equatable {
        case open
        case paid(by: String, cents: UInt64)
    }
    enum Kind: String, Codable {
        case small, large
    }
}

private enum Shape: Codable, Equatable {
    case unit
    case number(UInt32)
    case pair(Int8, Bool)

    enum CodingKeys: Int, CodingKey {
        case unit, number, pair
    }
}

private struct Free: Codable, Equatable {
    var values: [String: Int?]

    struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
    init(values: [String: Int?]) { self.values = values }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            let key = Name(stringValue: key)
            if let value { try container.encode(value, forKey: key) } else { try container.encodeNil(forKey: key) }
        }
    }
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        values = [:]
        for key in container.allKeys.reversed() {

            let value = try container.decodeIfPresent(Int.self, forKey: key)
            values[key.stringValue] = .some(value)
        }
    }
}

@Suite struct BridgeTests {
    private let plain = Plain(
        name: "né", count: -300, note: nil, ratio: 0.25, parts: [.init(x: 1, y: 2), .init(x: -1, y: 60000)],
        bytes: [1, 2, 255], byName: ["b": .init(x: 1, y: 1), "a": .init(x: 2, y: 2)], byNumber: [2: "two", 1: "one"],
        maybes: [1, nil, -3], flags: ["z", "a"], state: .paid(by: "card", cents: .max), kind: .large,
        part: .init(x: 9, y: 9))

    @Test func everyShapeComesBack() throws {
        #expect(try PostcardCoding.decodeStrict(Plain.self, from: PostcardCoding.encode(plain)) == plain)
        for integers in [BincodeCoding.Integers.fixed, .varint] {
            let bytes = try BincodeCoding.encode(plain, integers)
            #expect(try BincodeCoding.decodeStrict(Plain.self, from: bytes, integers) == plain)
        }
        for shape in [Shape.unit, .number(300), .pair(-1, true)] {
            #expect(try PostcardCoding.decodeStrict(Shape.self, from: PostcardCoding.encode(shape)) == shape)
        }
        let free = Free(values: ["x": 1, "y": nil, "z": 0])
        #expect(try PostcardCoding.decodeStrict(Free.self, from: PostcardCoding.encode(free)) == free)
        let animals = try PostcardCoding.encode([Dog(), Dog()])
        #expect(try PostcardCoding.decodeStrict([Dog].self, from: animals).map(\.legs) == [4, 4])
    }

    @Test func bytesAreThoseOfTheStaticRoad() throws {
        struct Row: Codable {
            var id: UInt64
            var name: String?
            var counts: [UInt32]
            var map: [String: Int16]
        }
        let row = Row(id: 300, name: "x", counts: Array(0..<200), map: ["k": -1, "é": 2, "z": 3])
        let expected =
            Postcard.encode(row.id) + Postcard.encode(row.name) + Postcard.encode(row.counts) + Postcard.encode(row.map)
        #expect(try PostcardCoding.encode(row) == expected)
        // More than 127 elements that have no static form: the count needs a second byte after the fact.
        let parts = (0..<300).map { Plain.Part(x: Int32($0), y: 1) }
        let bytes = try PostcardCoding.encode([parts, parts])
        #expect(bytes.prefix(5) == [2, 0xAC, 0x02, 0, 1])
        #expect(try PostcardCoding.decodeStrict([[Plain.Part]].self, from: bytes) == [parts, parts])
        #expect(try PostcardCoding.encode(Shape.pair(-1, true)) == [2, 0xFF, 1])
        #expect(try BincodeCoding.encode(Shape.number(300), .fixed) == [1, 0, 0, 0, 0x2C, 1, 0, 0])
    }

    @Test func corpusEventsHaveTheSameBytesOnBothRoads() throws {
        for record in CorpusGenerator.records(300) {
            let bytes = try PostcardCoding.encode(record)
            #expect(bytes == Postcard.encode(record.event))
            #expect(try PostcardCoding.decodeStrict(CorpusRecord.self, from: bytes) == record)
            var writer = BincodeWriter<BincodeVarint>()
            record.event.encodeVarint(into: &writer)
            let varint = try BincodeCoding.encode(record, .varint)
            #expect(varint == writer.buffer.array())
            #expect(try BincodeCoding.decodeStrict(CorpusRecord.self, from: varint, .varint) == record)
        }
    }

    @Test func unorderedCollectionsHaveOneOrder() throws {
        // Hash order differs between equal collections of different capacity.
        var large = Set<Int>(minimumCapacity: 1000)
        var small = Set<Int>()
        for value in 0..<50 {
            large.insert(value)
            small.insert(49 - value)
        }
        #expect(try PostcardCoding.encode(large) == PostcardCoding.encode(small))
        #expect(try JSONCoding.encode(large) == JSONCoding.encode(small))
        var wide = [Int: Plain.Part](minimumCapacity: 1000)
        var narrow: [Int: Plain.Part] = [:]
        for value in 0..<50 {
            wide[value] = .init(x: 1, y: 1)
            narrow[49 - value] = .init(x: 1, y: 1)
        }
        #expect(try PostcardCoding.encode(wide) == PostcardCoding.encode(narrow))
    }

    @Test func mutatedBytesAreErrorsOrValues() throws {
        var random = Lehmer(state: 7)
        let good = try PostcardCoding.encode(plain)
        for count in 0..<good.count {
            #expect(throws: (any Error).self) { try PostcardCoding.decode(Plain.self, from: Array(good[..<count])) }
        }
        for _ in 0..<5000 {
            var bytes = good
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let value = try? PostcardCoding.decodeStrict(Plain.self, from: bytes) else { continue }
            // What strict decoding accepts is a value like any other. (NaN is not equal to itself.)
            let again = try PostcardCoding.encode(value)
            #expect(try PostcardCoding.encode(PostcardCoding.decodeStrict(Plain.self, from: again)) == again)
        }
    }

    @Test func depthAndCountsAreLimited() throws {
        let loop = Endless()
        loop.next = loop
        #expect(throws: CodecError(.depthExceeded, at: 0)) { try PostcardCoding.encode(loop) }
        loop.next = nil
        #expect(throws: CodecError.self) {
            try PostcardCoding.decode(Endless.self, from: [UInt8](repeating: 1, count: 100_000))
        }
        struct Nothing: Codable {}
        let huge = Postcard.encode(UInt64(1) << 62)
        #expect(throws: CodecError.self) { try PostcardCoding.decode([Nothing].self, from: huge) }
        #expect(throws: CodecError.self) { try Postcard.decode([String].self, from: huge) }
        #expect(throws: CodecError.self) { try PostcardCoding.decode([Plain.Part].self, from: huge) }
    }
}
