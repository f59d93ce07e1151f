import CodecCorpus
import Foundation
import SagaCodec

/// What is stored of a run, in pages of 100 events: size and time with and without compression, beside JSON.
struct SnapshotSuite: BenchSuite {
    let name = "snapshot"
    let summary = "bytes that are stored: postcard and JSON, plain and in LZ4 frames with checksum (CPU time)"

    /// One way of storing: bytes of a page, and the page again.
    private struct Form {
        var name: String
        var write: (ArraySlice<CorpusRecord>) throws -> [UInt8]
        var read: ([UInt8]) throws -> Int
    }

    func run(_ context: BenchContext) throws {
        let records = CorpusGenerator.records(context.quick ? 1_000 : 10_000)
        let forms = Self.forms()
        for form in forms {
            let pages = try stride(from: 0, to: records.count, by: 100).map { start in
                try form.write(records[start..<start + 100])
            }
            let bytes = pages.reduce(0) { $0 + $1.count }
            try measure(context, form, records, pages, bytes)
        }
    }

    private func measure(
        _ context: BenchContext, _ form: Form, _ records: [CorpusRecord], _ pages: [[UInt8]], _ bytes: Int
    ) throws {
        func bench(_ part: String) -> BenchCase {
            BenchCase(
                name: "\(form.name)/\(part)", operations: records.count, bytes: bytes, clock: .cpu,
                reference: form.name == "json" ? nil : .measured(name: "json", case: "json/\(part)"))
        }
        try context.measure(bench("write")) {
            var total: UInt64 = 0
            for start in stride(from: 0, to: records.count, by: 100) {
                total &+= UInt64(try form.write(records[start..<start + 100]).count)
            }
            return total
        }
        try context.measure(bench("read")) {
            var total: UInt64 = 0
            for page in pages { total &+= UInt64(try form.read(page)) }
            return total
        }
    }

    private static func forms() -> [Form] {
        func postcard(_ records: ArraySlice<CorpusRecord>) -> [UInt8] {
            var writer = PostcardWriter(capacity: 20_000)
            for record in records { record.event.encode(into: &writer) }
            return writer.array()
        }
        func readPostcard(_ bytes: [UInt8]) throws -> Int {
            try bytes.withUnsafeBytes { bytes in
                var reader = PostcardReader(bytes, strict: true)
                var count = 0
                while !reader.isAtEnd {
                    var event = try CorpusEvent(from: &reader)
                    sink(&event)
                    count += 1
                }
                return count
            }
        }
        func json(_ records: ArraySlice<CorpusRecord>) throws -> [UInt8] { try JSONCoding.encode(Array(records)) }
        func readJSON(_ bytes: [UInt8]) throws -> Int { try JSONCoding.decode([CorpusRecord].self, from: bytes).count }
        return [
            Form(name: "json", write: json, read: readJSON),
            Form(
                name: "json-lz4", write: { try LZ4Frame.compress(json($0)) },
                read: { try readJSON(LZ4Frame.decompress($0)) }),
            Form(name: "postcard", write: postcard, read: readPostcard),
            Form(
                name: "postcard-lz4", write: { try LZ4Frame.compress(postcard($0)) },
                read: { try readPostcard(LZ4Frame.decompress($0)) }),
        ]
    }
}
