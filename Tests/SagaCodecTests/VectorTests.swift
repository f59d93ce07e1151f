import CodecCorpus
import Foundation
import SagaCodec
import Testing

@Suite struct VectorTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures/vectors")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    }

    @Test(arguments: [
        ("postcard_vectors.tsv", 170), ("postcard_malformed.tsv", 283), ("bincode_vectors.tsv", 348),
        ("bincode_malformed.tsv", 16), ("postcard_events_200.tsv", 102),
    ])
    func everyVectorPasses(_ file: String, _ count: Int) throws {
        var check = VectorCheck()
        check.check(try text(file))
        #expect(check.failures == [])
        #expect(check.passed == count)
    }

    @Test(arguments: [
        "u16_1\t1\t02", "u16_1\t2\t01", "u32_x\t1\t8100", "odd_type\t1\t01", "u8_1\t1\t0g", "u8_1\t1",
        "str_a\t\"b\"\t0161",
        "bool_tag\tbool\t01\tDeserializeBadBool", "x\tbool\t02\tDeserializeBadOption",
        "x\tu9\t02\tDeserializeBadOption",
        "u32_noncanonical\tu32\t8100\tACCEPTED -> 2", "1\t0100000001\t{}", "fixint/u16_1\t1\t01",
        "struct_point\tPoint { x: 0, y: 1 }\t0000",
    ])
    func aWrongVectorFails(_ line: String) {
        var check = VectorCheck()
        check.check(line)
        #expect(check.failed == 1 && check.passed == 0)
    }

    @Test func theCorpusBeginsWithTheGoldenEvents() throws {
        let records = CorpusGenerator.records(200)
        let rows = try text("postcard_events_200.tsv").split(separator: "\n").filter { !$0.hasPrefix("#") }
        for row in rows {
            let columns = row.split(separator: "\t")
            let index = try #require(Int(columns[0]))
            let hex = Postcard.encode(records[index].event).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                .joined()
            #expect(columns[1].dropFirst(8) == hex)
        }
    }
}
