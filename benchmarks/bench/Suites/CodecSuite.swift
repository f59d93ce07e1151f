import CodecCorpus
import Foundation
import SagaCodec

/// Codecs over the event corpus whose bytes equal those of the Rust crates.
struct CodecSuite: BenchSuite {
    let name = "codec"
    let summary = "postcard, bincode, the Codable bridge, JSON and LZ4 over the event corpus (ns per event, CPU time)"

    func run(_ context: BenchContext) throws {
        let corpus = try CodecWorkload(count: context.quick ? 10_000 : CorpusGenerator.referenceCount)
        print(
            "  \(corpus.count) events, \(corpus.bytes) bytes, corpus digest \(corpus.digestIsRight), sum of all fields "
                + String(corpus.fieldSum, radix: 16))
        try postcard(context, corpus)
        try bincode(context, corpus)
        try bridge(context, corpus)
        try protobuf(context, corpus)
        try text(context, corpus)
        try compression(context, corpus)
        try extremes(context)
    }

    /// A case over the whole corpus, held against a case of the Rust peer (`--peer`, `--merge`), else against the crate's figure of
    /// another machine.
    private func bench(
        _ name: String, _ corpus: CodecWorkload, bytes: Int? = nil, rust: String, claim: Double
    ) -> BenchCase {
        BenchCase(
            name: name, operations: corpus.count, bytes: bytes ?? corpus.bytes, clock: .cpu,
            reference: .peer(case: rust, claim: claim))
    }

    private func postcard(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        try Self.encode(context, corpus, bench("postcard/encode", corpus, rust: "rust-postcard/encode", claim: 76))
        try Self.decodeOwned(
            context, corpus, bench("postcard/decode-owned", corpus, rust: "rust-postcard/decode-owned", claim: 192))
        try context.measure(
            bench("postcard/decode-borrowed", corpus, rust: "rust-postcard/decode-borrowed", claim: 119)
        ) {
            try corpus.encoded.withInputs { (inputs) throws(CodecError) in
                var total: UInt64 = 0
                for index in 0..<inputs.count {
                    var reader = PostcardReader(inputs[index], strict: true)
                    var event = try CorpusView(from: &reader)
                    try reader.requireEnd()
                    total &+= event.eventID
                    sink(&event)
                }
                return total
            }
        }
        try context.measure(bench("postcard/decode-header", corpus, rust: "rust-rkyv/access-checked", claim: 57)) {
            try corpus.encoded.withInputs { (inputs) throws(CodecError) in
                var total: UInt64 = 0
                for index in 0..<inputs.count {
                    var reader = PostcardReader(inputs[index], strict: true)
                    var event = try CorpusHeader(from: &reader)
                    try reader.requireEnd()
                    total &+= event.eventID
                    sink(&event)
                }
                return total
            }
        }
        try Self.decodeShared(
            context, corpus, bench("postcard/decode-shared", corpus, rust: "rust-postcard/decode-owned", claim: 192))
        try Self.encodeView(
            context, corpus, bench("postcard/encode-view", corpus, rust: "rust-postcard/encode", claim: 76))
    }

    /// Into a buffer that is used again.
    static func encode(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        var writer = PostcardWriter(capacity: 4096)
        try context.measure(bench) {
            corpus.withEvents { events in
                var total: UInt64 = 0
                for index in events.indices {
                    writer.reset()
                    events[index].encode(into: &writer)
                    total &+= UInt64(writer.count)
                }
                return total
            }
        }
    }

    /// Every text and byte array copied.
    static func decodeOwned(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        try context.measure(bench) {
            try corpus.encoded.withInputs { (inputs) throws(CodecError) in
                var total: UInt64 = 0
                for index in 0..<inputs.count {
                    var reader = PostcardReader(inputs[index], strict: true)
                    var event = try CorpusEvent(from: &reader)
                    try reader.requireEnd()
                    total &+= event.eventID
                    sink(&event)
                }
                return total
            }
        }
    }

    /// One copy of a page of events, as a store hands it out.
    static func decodeShared(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        try context.measure(bench) {
            var total: UInt64 = 0
            try corpus.forEachPage { (page, ends) throws(CodecError) in
                // One copy of a page of events, as a store hands it out; each event keeps it alive and owns its text by that.
                let frame = try Frame(copying: page)
                try frame.withBytes { (bytes) throws(CodecError) in
                    guard let base = bytes.baseAddress else { return }
                    var start = 0
                    for end in ends {
                        let input = UnsafeRawBufferPointer(start: base + start, count: end &- start)
                        start = end
                        var reader = PostcardReader(input, strict: true)
                        var event = try SharedCorpusEvent(frame, &reader)
                        try reader.requireEnd()
                        total &+= event.view.eventID
                        sink(&event)
                    }
                }
            }
            return total
        }
    }

    /// From events that were decoded in place.
    static func encodeView(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        var writer = PostcardWriter(capacity: 4096)
        try context.measure(bench) {
            var total: UInt64 = 0
            corpus.forEachView { view, source in
                writer.reset()
                view.encode(into: &writer, source: source)
                total &+= UInt64(writer.count)
            }
            return total
        }
    }

    /// The two that the product's events are held against.
    static func measureCorpus(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        func bench(_ name: String) -> BenchCase {
            BenchCase(name: name, operations: corpus.count, bytes: corpus.bytes, clock: .cpu)
        }
        try encode(context, corpus, bench("corpus/encode"))
        try decodeOwned(context, corpus, bench("corpus/decode-owned"))
    }

    private func bincode(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        var fixed = BincodeWriter<BincodeFixed>(capacity: 4096)
        var varint = BincodeWriter<BincodeVarint>(capacity: 4096)
        let fixedInput = corpus.encoded { event in
            fixed.reset()
            event.encodeFixed(into: &fixed)
            return fixed.buffer.array()
        }
        let varintInput = corpus.encoded { event in
            varint.reset()
            event.encodeVarint(into: &varint)
            return varint.buffer.array()
        }
        try context.measure(
            bench(
                "bincode-fixint/encode", corpus, bytes: fixedInput.bytes, rust: "rust-bincode-fixint/encode", claim: 43)
        ) {
            corpus.withEvents { events in
                var total: UInt64 = 0
                for index in events.indices {
                    fixed.reset()
                    events[index].encodeFixed(into: &fixed)
                    total &+= UInt64(fixed.buffer.count)
                }
                return total
            }
        }
        try context.measure(
            bench(
                "bincode-fixint/decode-owned", corpus, bytes: fixedInput.bytes,
                rust: "rust-bincode-fixint/decode-owned", claim: 148)
        ) {
            try fixedInput.withInputs { (inputs) throws(CodecError) in
                var total: UInt64 = 0
                for index in 0..<inputs.count {
                    var reader = BincodeReader<BincodeFixed>(inputs[index], strict: true)
                    var event = try CorpusEvent(fixed: &reader)
                    try reader.input.requireEnd()
                    total &+= event.eventID
                    sink(&event)
                }
                return total
            }
        }
        try context.measure(
            bench(
                "bincode-varint/encode", corpus, bytes: varintInput.bytes, rust: "rust-bincode-varint/encode", claim: 57
            )
        ) {
            corpus.withEvents { events in
                var total: UInt64 = 0
                for index in events.indices {
                    varint.reset()
                    events[index].encodeVarint(into: &varint)
                    total &+= UInt64(varint.buffer.count)
                }
                return total
            }
        }
        try context.measure(
            bench(
                "bincode-varint/decode-owned", corpus, bytes: varintInput.bytes,
                rust: "rust-bincode-varint/decode-owned", claim: 181)
        ) {
            try varintInput.withInputs { (inputs) throws(CodecError) in
                var total: UInt64 = 0
                for index in 0..<inputs.count {
                    var reader = BincodeReader<BincodeVarint>(inputs[index], strict: true)
                    var event = try CorpusEvent(varint: &reader)
                    try reader.input.requireEnd()
                    total &+= event.eventID
                    sink(&event)
                }
                return total
            }
        }
    }
}

/// An event that owns its text and bytes through one reference to the page it came with. Decoded in its place, as an event of
/// 160 bytes should be.
struct SharedCorpusEvent: ~Copyable {
    let frame: Frame
    let view: CorpusView

    @inline(__always)
    init(_ frame: Frame, _ reader: inout PostcardReader) throws(CodecError) {
        view = try CorpusView(from: &reader)
        self.frame = frame
    }
}
