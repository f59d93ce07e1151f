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

    /// A case over the whole corpus, held against the Rust crate's figure of `docs/codecs.md`.
    private func bench(
        _ name: String, _ corpus: CodecWorkload, bytes: Int? = nil, rust: Double? = nil,
        _ peer: String = "rust-postcard"
    ) -> BenchCase {
        BenchCase(
            name: name, operations: corpus.count, bytes: bytes ?? corpus.bytes, clock: .cpu,
            reference: rust.map { .claim(name: peer, value: $0) })
    }

    private func postcard(_ context: BenchContext, _ corpus: CodecWorkload) throws {
        try Self.encode(context, corpus, bench("postcard/encode", corpus, rust: 76))
        try Self.decodeOwned(context, corpus, bench("postcard/decode-owned", corpus, rust: 192))
        try context.measure(bench("postcard/decode-borrowed", corpus, rust: 119)) {
            var total: UInt64 = 0
            try corpus.forEachInput { (input) throws(CodecError) in
                var reader = PostcardReader(input, strict: true)
                var event = try CorpusView(from: &reader)
                try reader.requireEnd()
                total &+= event.eventID
                sink(&event)
            }
            return total
        }
        try context.measure(bench("postcard/decode-header", corpus, rust: 57, "rust-rkyv-checked")) {
            var total: UInt64 = 0
            try corpus.forEachInput { (input) throws(CodecError) in
                var reader = PostcardReader(input, strict: true)
                var event = try CorpusHeader(from: &reader)
                try reader.requireEnd()
                total &+= event.eventID
                sink(&event)
            }
            return total
        }
        try Self.decodeShared(context, corpus, bench("postcard/decode-shared", corpus, rust: 192))
        try Self.encodeView(context, corpus, bench("postcard/encode-view", corpus, rust: 76))
    }

    /// Into a buffer that is used again.
    static func encode(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        var writer = PostcardWriter(capacity: 4096)
        try context.measure(bench) {
            var total: UInt64 = 0
            corpus.forEachEvent { event in
                writer.reset()
                event.encode(into: &writer)
                total &+= UInt64(writer.count)
            }
            return total
        }
    }

    /// Every text and byte array copied.
    static func decodeOwned(_ context: BenchContext, _ corpus: CodecWorkload, _ bench: BenchCase) throws {
        try context.measure(bench) {
            var total: UInt64 = 0
            try corpus.forEachInput { (input) throws(CodecError) in
                var reader = PostcardReader(input, strict: true)
                var event = try CorpusEvent(from: &reader)
                try reader.requireEnd()
                total &+= event.eventID
                sink(&event)
            }
            return total
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
                        var event = SharedCorpusEvent(frame: frame, view: try CorpusView(from: &reader))
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
        try context.measure(bench("bincode-fixint/encode", corpus, bytes: fixedInput.bytes, rust: 43, "rust-bincode")) {
            var total: UInt64 = 0
            corpus.forEachEvent { event in
                fixed.reset()
                event.encodeFixed(into: &fixed)
                total &+= UInt64(fixed.buffer.count)
            }
            return total
        }
        try context.measure(
            bench("bincode-fixint/decode-owned", corpus, bytes: fixedInput.bytes, rust: 148, "rust-bincode")
        ) {
            var total: UInt64 = 0
            try fixedInput.forEach { (input) throws(CodecError) in
                var reader = BincodeReader<BincodeFixed>(input, strict: true)
                var event = try CorpusEvent(fixed: &reader)
                try reader.input.requireEnd()
                total &+= event.eventID
                sink(&event)
            }
            return total
        }
        try context.measure(
            bench("bincode-varint/encode", corpus, bytes: varintInput.bytes, rust: 57, "rust-bincode-varint")
        ) {
            var total: UInt64 = 0
            corpus.forEachEvent { event in
                varint.reset()
                event.encodeVarint(into: &varint)
                total &+= UInt64(varint.buffer.count)
            }
            return total
        }
        try context.measure(
            bench("bincode-varint/decode-owned", corpus, bytes: varintInput.bytes, rust: 181, "rust-bincode-varint")
        ) {
            var total: UInt64 = 0
            try varintInput.forEach { (input) throws(CodecError) in
                var reader = BincodeReader<BincodeVarint>(input, strict: true)
                var event = try CorpusEvent(varint: &reader)
                try reader.input.requireEnd()
                total &+= event.eventID
                sink(&event)
            }
            return total
        }
    }
}

/// An event that owns its text and bytes through one reference to the page it came with.
struct SharedCorpusEvent {
    var frame: Frame
    var view: CorpusView
}
