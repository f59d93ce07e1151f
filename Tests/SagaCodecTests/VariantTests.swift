import SagaCodec
import Testing

private enum Payment: Codable, Equatable {
    case cash(Int)
    case card(String)

    enum CodingKeys: Int, CodingKey {
        case cash, card
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .cash(let cents): try encoder.encodeVariant(CodingKeys.cash, cents)
        case .card(let number): try encoder.encodeVariant(CodingKeys.card, number)
        }
    }

    init(from decoder: any Decoder) throws {
        self = try decoder.decodeVariant(keyedBy: CodingKeys.self) { variant, decoder in
            switch variant {
            case .cash: .cash(try Int(from: decoder))
            case .card: .card(try String(from: decoder))
            }
        }
    }

    init(_ cents: Int) { self = .cash(cents) }
}

@Suite struct VariantTests {
    @Test func binaryFormatsHoldTheIndexAndJSONTheName() throws {
        let card = try JSONCoding.decode(Payment.self, from: Array(#"{"card":"4711"}"#.utf8))
        #expect(try PostcardCoding.encode(card) == [1, 4, 0x34, 0x37, 0x31, 0x31])
        for payment in [card, Payment(-3)] {
            for codec in Codec.allCases {
                #expect(try codec.decode(Payment.self, from: codec.encode(payment)) == payment)
            }
        }
        #expect(throws: CodecError(.badTag, at: 0)) { try PostcardCoding.decode(Payment.self, from: [2, 0]) }
        #expect(throws: (any Error).self) { try JSONCoding.decode(Payment.self, from: Array(#"{"gold":1}"#.utf8)) }
        #expect(throws: (any Error).self) {
            try JSONCoding.decode(Payment.self, from: Array(#"{"card":"1","cash":2}"#.utf8))
        }
    }

    /// Keys that are numbered with a gap: the one behind it is found all the same.
    @Test func indicesMayHaveGaps() throws {
        for (index, expected) in [(0, Sparse.first), (1, .second), (7, .last)] as [(UInt8, Sparse)] {
            #expect(try PostcardCoding.encode(expected) == [index, 3])
            #expect(try PostcardCoding.decode(Sparse.self, from: [index, 3]) == expected)
        }
        for index: UInt8 in [2, 6, 8, 127] {
            #expect(throws: CodecError(.badTag, at: 0)) { try PostcardCoding.decode(Sparse.self, from: [index, 3]) }
        }
    }
}

private enum Sparse: Codable, Equatable {
    case first, second, last

    enum CodingKeys: Int, CodingKey {
        case first = 0
        case second = 1
        case last = 7
    }

    func encode(to encoder: any Encoder) throws {
        let key: CodingKeys =
            switch self {
            case .first: .first
            case .second: .second
            case .last: .last
            }
        try encoder.encodeVariant(key, UInt8(3))
    }

    init(from decoder: any Decoder) throws {
        self = try decoder.decodeVariant(keyedBy: CodingKeys.self) { variant, decoder in
            _ = try UInt8(from: decoder)
            return switch variant {
            case .first: .first
            case .second: .second
            case .last: .last
            }
        }
    }
}
