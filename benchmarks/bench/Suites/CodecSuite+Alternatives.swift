import CBenchHooks
import CodecCorpus
import Foundation
import SagaCodec

// What a Swift engineer would use otherwise, and the forms of ours that are not the fastest.
extension CodecSuite {
    func bridge(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        let count = min(corpus.count, 20_000)
        let records = Array(corpus.records.prefix(count))
        let inputs = records.map { Postcard.encode($0.event) }
        let bytes = inputs.reduce(0) { $0 + $1.count }
        try context.measure(
            BenchCase(
                name: "codable-bridge/encode", operations: count, bytes: bytes, clock: .cpu,
                reference: .claim(name: "naive-bridge", value: 1190))
        ) {
            try sum(records) { try PostcardCoding.encode($0).count }
        }
        try context.measure(
            BenchCase(
                name: "codable-bridge/decode", operations: count, bytes: bytes, clock: .cpu,
                reference: .claim(name: "naive-bridge", value: 1550))
        ) {
            var total: UInt64 = 0
            for input in inputs {
                let record = try PostcardCoding.decodeStrict(CorpusRecord.self, from: input)
                total &+= record.eventID &+ UInt64(record.version)
            }
            return total
        }
    }

    /// The sum over all records, each given where it lies: iteration would retain all that it holds.
    private func sum(_ records: [CorpusRecord], _ size: (CorpusRecord) throws -> Int) rethrows -> UInt64 {
        try records.withUnsafeBufferPointer { records in
            var total: UInt64 = 0
            for index in records.indices { total &+= UInt64(try size(records[index])) }
            return total
        }
    }

    func text(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        guard
            ["json/encode", "json/decode", "property-list/encode", "property-list/decode"].contains(
                where: context.wants)
                || context.wants("foundation-json/encode") || context.wants("foundation-json/decode")
        else { return }
        let count = context.quick ? 500 : 5_000
        let records = Array(corpus.records.prefix(count))
        let ours = try records.map { try JSONCoding.encode($0) }
        let bytes = ours.reduce(0) { $0 + $1.count }
        func bench(_ name: String, _ reference: BenchReference? = nil, bytes: Int = bytes) -> BenchCase {
            BenchCase(name: name, operations: count, bytes: bytes, clock: .cpu, reference: reference)
        }
        let encoder = JSONEncoder()
        let theirs = try records.map { try encoder.encode($0) }
        let theirBytes = theirs.reduce(0) { $0 + $1.count }
        try context.measure(bench("foundation-json/encode", bytes: theirBytes)) {
            try sum(records) { try encoder.encode($0).count }
        }
        let decoder = JSONDecoder()
        try context.measure(bench("foundation-json/decode", bytes: theirBytes)) {
            var total: UInt64 = 0
            for data in theirs { total &+= try decoder.decode(CorpusRecord.self, from: data).eventID }
            return total
        }
        try context.measure(
            bench("json/encode", .measured(name: "foundation-json", case: "foundation-json/encode"))
        ) {
            try sum(records) { try JSONCoding.encode($0).count }
        }
        try context.measure(
            bench("json/decode", .measured(name: "foundation-json", case: "foundation-json/decode"))
        ) {
            var total: UInt64 = 0
            for text in ours { total &+= try JSONCoding.decode(CorpusRecord.self, from: text).eventID }
            return total
        }
        let lists = PropertyListEncoder()
        lists.outputFormat = .binary
        let binary = try records.map { try lists.encode($0) }
        let binaryBytes = binary.reduce(0) { $0 + $1.count }
        try context.measure(bench("property-list/encode", bytes: binaryBytes)) {
            try sum(records) { try lists.encode($0).count }
        }
        let listDecoder = PropertyListDecoder()
        try context.measure(bench("property-list/decode", bytes: binaryBytes)) {
            var total: UInt64 = 0
            for data in binary { total &+= try listDecoder.decode(CorpusRecord.self, from: data).eventID }
            return total
        }
    }

    func compression(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        guard context.wants("lz4/compress-64KiB") || context.wants("lz4/decompress-64KiB") else { return }
        // 64 blocks of 64 KiB, as a snapshot or a page of events would be.
        let size = 65_536
        let count = min(64, corpus.encoded.bytes / size)
        let blocks = (0..<count).map { Array(corpus.encoded.storage[$0 * size..<($0 + 1) * size]) }
        let frames = try blocks.map { try LZ4Frame.compress($0) }
        let ratio = Double(count * size) / Double(frames.reduce(0) { $0 + $1.count })
        print("  LZ4: \(count) blocks of 64 KiB, compressed by " + String(format: "%.2f", ratio))
        try library(context, blocks)
        func bench(_ name: String) -> BenchCase {
            BenchCase(
                name: "lz4/\(name)-64KiB", operations: count, bytes: count * size, operation: "block", clock: .cpu,
                reference: .measured(name: "liblz4", case: "liblz4/\(name)-64KiB"))
        }
        try context.measure(bench("compress")) {
            var total: UInt64 = 0
            for block in blocks { total &+= UInt64(try LZ4Frame.compress(block).count) }
            return total
        }
        try context.measure(bench("decompress")) {
            var total: UInt64 = 0
            for frame in frames { total &+= UInt64(try LZ4Frame.decompress(frame).count) }
            return total
        }
    }

    /// liblz4 alone: no checksum, no allocation.
    private func library(_ context: BenchContext, _ blocks: [[UInt8]]) throws {
        let size = 65_536
        func bench(_ name: String) -> BenchCase {
            BenchCase(
                name: "liblz4/\(name)-64KiB", operations: blocks.count, bytes: blocks.count * size, operation: "block",
                clock: .cpu)
        }
        var room = [UInt8](repeating: 0, count: 2 * size)
        let raw = blocks.map { block in
            let length = bench_lz4_compress(block, Int32(size), &room, Int32(room.count))
            return Array(room[..<Int(max(0, length))])
        }
        try context.measure(bench("compress")) {
            var total: UInt64 = 0
            for block in blocks {
                total &+= UInt64(max(0, bench_lz4_compress(block, Int32(size), &room, Int32(room.count))))
            }
            return total
        }
        try context.measure(bench("decompress")) {
            var total: UInt64 = 0
            for block in raw {
                total &+= UInt64(max(0, bench_lz4_decompress(block, Int32(block.count), &room, Int32(size))))
            }
            return total
        }
    }

    /// A struct of a few numbers, and one with a payload of 64 KiB.
    func extremes(_ context: BenchContext) throws {
        let small = (0..<1000).map {
            SmallStruct(id: UInt64($0 * 977), flag: $0.isMultiple(of: 2), amount: Int64($0) - 500)
        }
        let large = LargeStruct(id: 7, payload: [UInt8](repeating: 0x41, count: 65_536))
        var writer = PostcardWriter(capacity: 1 << 17)
        let inputs = small.map { Postcard.encode($0) }
        let bytes = inputs.reduce(0) { $0 + $1.count }
        try context.measure(
            BenchCase(name: "small-struct/encode", operations: 1000, bytes: bytes, operation: "value", clock: .cpu)
        ) {
            var total: UInt64 = 0
            for value in small {
                writer.reset()
                writer.write(value)
                total &+= UInt64(writer.count)
            }
            return total
        }
        try context.measure(
            BenchCase(name: "small-struct/decode", operations: 1000, bytes: bytes, operation: "value", clock: .cpu)
        ) {
            var total: UInt64 = 0
            for input in inputs { total &+= try Postcard.decodeStrict(SmallStruct.self, from: input).id }
            return total
        }
        let input = Postcard.encode(large)
        try context.measure(
            BenchCase(name: "large-payload/encode", operations: 1, bytes: input.count, operation: "value", clock: .cpu)
        ) {
            writer.reset()
            writer.write(large)
            return UInt64(writer.count)
        }
        try context.measure(
            BenchCase(name: "large-payload/decode", operations: 1, bytes: input.count, operation: "value", clock: .cpu)
        ) { UInt64(try Postcard.decodeStrict(LargeStruct.self, from: input).payload.count) }
    }
}

private struct SmallStruct: PostcardCodable {
    var id: UInt64
    var flag: Bool
    var amount: Int64

    init(id: UInt64, flag: Bool, amount: Int64) {
        self.id = id
        self.flag = flag
        self.amount = amount
    }
    func encode(into writer: inout PostcardWriter) {
        writer.write(id)
        writer.write(flag)
        writer.write(amount)
    }
    init(from reader: inout PostcardReader) throws(CodecError) {
        id = try reader.read()
        flag = try reader.read()
        amount = try reader.read()
    }
}

private struct LargeStruct: PostcardCodable {
    var id: UInt64
    var payload: [UInt8]

    init(id: UInt64, payload: [UInt8]) {
        self.id = id
        self.payload = payload
    }
    func encode(into writer: inout PostcardWriter) {
        writer.write(id)
        writer.write(payload)
    }
    init(from reader: inout PostcardReader) throws(CodecError) {
        id = try reader.read()
        payload = try reader.read()
    }
}
