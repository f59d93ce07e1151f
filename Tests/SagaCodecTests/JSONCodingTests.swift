import Foundation
import SagaCodec
import Testing

struct Order: Codable, Equatable {
    struct Line: Codable, Equatable {
        var sku: String
        var count: Int
        var price: Double
    }
    enum State: Codable, Equatable {
        case open
        case paid(by: String, cents: UInt64)
    }
    var id: String
    var lines: [Line]
    var note: String?
    var state: State
    var tags: [String: Int]
    var byNumber: [Int: String]
    var ratio: Float
    var big: UInt64
    var small: Int8
    var flags: [Bool]
    var nested: [[Int]]
}

class Animal: Codable {
    var name = "cat"
}

final class Dog: Animal {
    var legs = 4
    override init() { super.init() }
    enum Keys: CodingKey { case legs }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        legs = try container.decode(Int.self, forKey: .legs)
        try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(legs, forKey: .legs)
        try super.encode(to: container.superEncoder())
    }
}

final class Endless: Codable {
    var next: Endless?
}

@Suite struct JSONCodingTests {
    /// A value alone, which needs no document if it is plain, is what it is inside an array.
    @Test func valuesAloneAreReadAsInsideOfOthers() throws {
        func check<T: Codable & Equatable>(_ type: T.Type, _ text: String) throws {
            let alone = try? JSONCoding.decode(type, from: Array(text.utf8))
            let inside = try? JSONCoding.decode([T].self, from: Array("[\(text)]".utf8))
            #expect(alone == inside?.first, "\(text)")
            guard let alone else { return }
            let written = try JSONCoding.encode(alone)
            #expect(try JSONCoding.encode([alone]) == [0x5B] + written + [0x5D])
            #expect(try JSONCoding.decode(type, from: written) == alone)
        }
        var texts = [
            "", " ", "0", "-0", "00", "01", "-", "-1", "- 1", "+1", "1 ", " 1", "1x", "1.0", "1e2", "null", "true",
        ]
        for power in 0..<21 {
            let digits = "1" + String(repeating: "0", count: power)
            let nines = String(repeating: "9", count: power + 1)
            texts += [digits, "-" + digits, nines, "-" + nines]
        }
        texts += ["\(Int.max)", "\(Int.min)", "\(UInt64.max)"]
        for text in texts {
            try check(Int.self, text)
            try check(Int64.self, text)
        }
        for text in [
            "\"\"", "\"", "\"a\"", "\"a", "a\"", "\"a\"b\"", "\"\\\"", "\"\\n\"", "\"\\u0041\"", "\"é€😀\"", "\"\u{1}\"",
            " \"a\"", "\"a\" ", "\"" + String(repeating: "long ", count: 20) + "\"", "\"\u{7F}\"",
        ] {
            try check(String.self, text)
        }
        #expect(throws: CodecError.self) { try JSONCoding.decode(String.self, from: [0x22, 0xFF, 0x22]) }
    }

    let order = Order(
        id: "ördér \"1\"\n\u{1}/\u{1F600}",
        lines: [.init(sku: "a", count: -3, price: 0.1), .init(sku: "", count: 0, price: 1e300)],
        note: nil, state: .paid(by: "card", cents: .max), tags: ["z": 1, "a": 2, "é": 3], byNumber: [10: "x", 9: "y"],
        ratio: 0.3, big: .max, small: -128, flags: [true, false], nested: [[], [1, 2]])

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func valuesComeBackAndFoundationReadsThem() throws {
        let bytes = try JSONCoding.encode(order)
        #expect(try JSONCoding.decode(Order.self, from: bytes) == order)
        #expect(try JSONDecoder().decode(Order.self, from: Data(bytes)) == order)
    }

    @Test func foundationsTextIsRead() throws {
        let encoder = JSONEncoder()
        for format in [[], [.prettyPrinted, .sortedKeys]] as [JSONEncoder.OutputFormatting] {
            encoder.outputFormatting = format
            let data = try encoder.encode(order)
            #expect(try JSONCoding.decode(Order.self, from: [UInt8](data)) == order)
        }
    }

    @Test func keysAreSortedSoBytesAreEqual() throws {
        let one = try JSONCoding.encode(["b": 1, "a": 2, "c": 3])
        #expect(text(one) == #"{"a":2,"b":1,"c":3}"#)
        #expect(try text(JSONCoding.encode(Set([3, 1, 2, 10]))) == "[1,10,2,3]")
        #expect(try text(JSONCoding.encode([Order.State.open: 1].mapKeysToPairs())) == #"[{"open":{}},1]"#)
    }

    @Test(arguments: [
        ("1.5", 1.5), ("-0", -0.0), ("1e3", 1000), ("1E-2", 0.01),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("4.9406564584124654e-324", .leastNonzeroMagnitude), ("1.7976931348623157e308", .greatestFiniteMagnitude),
        ("0.1", 0.1),
    ])
    func doublesAreExact(_ text: String, _ value: Double) throws {
        #expect(try JSONCoding.decode(Double.self, from: Array(text.utf8)) == value)
        #expect(try JSONCoding.decode(Double.self, from: JSONCoding.encode(value)) == value)
    }

    @Test func integersKeepEveryDigitOrFail() throws {
        #expect(try JSONCoding.decode(UInt64.self, from: Array("18446744073709551615".utf8)) == .max)
        #expect(try JSONCoding.decode(Int64.self, from: Array("-9223372036854775808".utf8)) == .min)
        #expect(try JSONCoding.decode(Int128.self, from: JSONCoding.encode(Int128.min)) == .min)
        #expect(try JSONCoding.decode(Int.self, from: Array("2.0".utf8)) == 2)
        for (text, reads) in [("256", false), ("-1", false), ("1.5", false), ("255", true)] {
            let value = try? JSONCoding.decode(UInt8.self, from: Array(text.utf8))
            #expect((value != nil) == reads)
        }
        #expect(try JSONCoding.parse(Array("18446744073709551615".utf8)) == .unsigned(.max))
        #expect(throws: CodecError(.badNumber, at: 0)) { try JSONCoding.encode(Double.nan) }
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "01", "1.", ".5", "+1", "1e", "--1",
        "nul", "nulll",
        "\"\u{1}\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"abc", "[1] 2",
        "1e999", "NaN",
        "\u{FEFF}1", "'a'", "{\"a\":1,}", "]", "tru", "// x\n1",
    ])
    func whatIsNotJSONIsATypedError(_ text: String) {
        #expect(throws: CodecError.self) { try JSONCoding.parse(Array(text.utf8)) }
    }

    @Test func badTextAndDepthAreRefused() throws {
        #expect(throws: CodecError(.badUTF8, at: 1)) { try JSONCoding.parse([0x22, 0xC0, 0x80, 0x22]) }
        let deep = { (levels: Int) in [UInt8](repeating: 0x5B, count: levels) + [UInt8](repeating: 0x5D, count: levels)
        }
        #expect(throws: Never.self) { try JSONCoding.parse(deep(128)) }
        #expect(throws: CodecError.self) { try JSONCoding.parse(deep(129)) }
        #expect(throws: CodecError.self) { try JSONCoding.parse([UInt8](repeating: 0x5B, count: 1_000_000)) }
        let loop = Endless()
        loop.next = loop
        #expect(throws: CodecError(.depthExceeded, at: 0)) { try JSONCoding.encode(loop) }
        loop.next = nil
    }

    @Test func escapesAndDuplicates() throws {
        let bytes = Array(#"{"k":"a\u00e9\uD83D\uDE00\/\b\f\n\r\t\\\"","\u006b":2}"#.utf8)
        #expect(try JSONCoding.parse(bytes) == ["k": 2])
        #expect(try JSONCoding.parse(Array(#""\uD83D\uDE00\/\u0000""#.utf8)) == .string("\u{1F600}/\0"))
    }

    @Test func pathsOfErrors() throws {
        let bytes = Array(#"{"lines":[{"sku":"a","count":"no","price":1}]}"#.utf8)
        struct Lines: Decodable { var lines: [Order.Line] }
        do {
            _ = try JSONCoding.decode(Lines.self, from: bytes)
            Issue.record("decoded")
        } catch DecodingError.typeMismatch(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["lines", "0", "count"])
        }
        #expect(throws: DecodingError.self) { try JSONCoding.decode(Order.self, from: Array("{}".utf8)) }
    }

    @Test func classesWithSuper() throws {
        let bytes = try JSONCoding.encode(Dog())
        #expect(text(bytes) == #"{"legs":4,"super":{"name":"cat"}}"#)
        #expect(try JSONCoding.decode(Dog.self, from: bytes).name == "cat")
    }

    @Test func valuesOfUnknownShape() throws {
        let value: JSONValue = ["b": [1, 2.5, nil, true, "x"], "a": ["n": -7]]
        let bytes = try JSONCoding.serialize(value)
        #expect(text(bytes) == #"{"a":{"n":-7},"b":[1,2.5,null,true,"x"]}"#)
        #expect(try JSONCoding.parse(bytes) == value)
        #expect(try JSONCoding.decode(JSONValue.self, from: bytes) == value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: Data(bytes)) == value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value)) == value)
        #expect(try Postcard.decodeStrict(JSONValue.self, from: Postcard.encode(value)) == value)
        #expect(value["b"]?[4]?.stringValue == "x" && value["b"]?[9] == nil)
    }

    /// Numbers as doubles: Foundation reads 2.0 as an integer.
    private func normal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .integer, .unsigned, .number: .number(value.doubleValue ?? .nan)
        case .array(let elements): .array(elements.map(normal))
        case .object(let members): .object(members.mapValues(normal))
        default: value
        }
    }

    @Test func mutatedTextIsRefusedOrMeansWhatFoundationSays() throws {
        var random = Lehmer(state: 20_251_122)
        let seed = try JSONCoding.encode(order)
        var accepted = 0
        for _ in 0..<3000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0x20...0x7E, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(Array(#"{}[],:"\0e.-"#.utf8).randomElement(using: &random) ?? 0, at: at)
                }
            }
            guard let ours = try? JSONCoding.parse(bytes) else { continue }
            accepted += 1
            // Foundation keeps the first of two equal keys; such texts are left out.
            guard let theirs = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
                Issue.record("Foundation refuses \(text(bytes))")
                continue
            }
            #expect(normal(ours) == normal(theirs), "\(text(bytes))")
        }
        #expect(accepted > 100)
    }
}

extension Order.State: Hashable {}

extension Dictionary where Key: Codable, Value: Codable {
    /// The dictionary as it is: `Codable` writes keys that are no text as pairs.
    fileprivate func mapKeysToPairs() -> Self { self }
}
