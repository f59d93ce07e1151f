import CBenchHooks
import CodecCorpus
import SagaCodec

/// Hands a finished value to code that the compiler cannot see, so that every field must have been decoded into it.
@inline(__always)
func sink<Value: ~Copyable>(_ value: inout Value) {
    withUnsafeMutablePointer(to: &value) { bench_sink($0) }
}

/// Encoded events one behind the other, and where each ends.
struct EncodedEvents {
    private(set) var storage: [UInt8] = []
    private(set) var ends: [Int] = []

    var bytes: Int { storage.count }

    mutating func append(_ event: [UInt8]) {
        storage += event
        ends.append(storage.count)
    }

    /// The events by their index, for a plain loop: a body that is a closure is not inlined into it, which the peers' are.
    struct Inputs {
        let base: UnsafeRawPointer
        let ends: UnsafeBufferPointer<Int>

        @inline(__always) var count: Int { ends.count }

        @inline(__always) subscript(index: Int) -> UnsafeRawBufferPointer {
            let start = index == 0 ? 0 : ends[index &- 1]
            return UnsafeRawBufferPointer(start: base + start, count: ends[index] &- start)
        }
    }

    /// Valid inside of `body`.
    @inline(__always)
    func withInputs<E: Error>(_ body: (Inputs) throws(E) -> UInt64) throws(E) -> UInt64 {
        try storage.withUnsafeBufferPointer { (storage) throws(E) in
            guard let base = UnsafeRawPointer(storage.baseAddress) else { return 0 }
            return try ends.withUnsafeBufferPointer { (ends) throws(E) in
                try body(Inputs(base: base, ends: ends))
            }
        }
    }

    @inline(__always)
    func forEach<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        try storage.withUnsafeBufferPointer { (storage) throws(E) in
            guard let base = UnsafeRawPointer(storage.baseAddress) else { return }
            try ends.withUnsafeBufferPointer { (ends) throws(E) in
                var start = 0
                for end in ends {
                    try body(UnsafeRawBufferPointer(start: base + start, count: end &- start))
                    start = end
                }
            }
        }
    }
}

/// The corpus in all the shapes that the cases need, checked before anything is measured: every event decodes, encodes to the
/// same bytes again (from its owned and its borrowed form), and the digest is the Rust crates'.
final class CodecWorkload {
    let count: Int
    let records: [CorpusRecord]
    let encoded: EncodedEvents
    let digestIsRight: String
    /// The sum over every field of every event.
    private(set) var fieldSum: UInt64 = 0
    private let events: UnsafeMutableBufferPointer<CorpusEvent>
    private var views: [CorpusView] = []

    var bytes: Int { encoded.bytes }

    init(count: Int) throws {
        self.count = count
        records = CorpusGenerator.records(count)
        if count == CorpusGenerator.referenceCount {
            guard sha256(CorpusGenerator.framed(records)) == CorpusGenerator.referenceDigest else {
                throw BenchFailure("the corpus is not the reference corpus")
            }
            digestIsRight = "is the reference's"
        } else {
            digestIsRight = "not checked (quick)"
        }
        events = .allocate(capacity: count)
        var encoded = EncodedEvents()
        for record in records { encoded.append(Postcard.encode(record.event)) }
        self.encoded = encoded
        var writer = PostcardWriter(capacity: 4096)
        var views: [CorpusView] = []
        var fieldSum: UInt64 = 0
        var index = 0
        try encoded.forEach { (input) throws(BenchFailure) in
            do throws(CodecError) {
                let view = try Postcard.decodeStrict(CorpusView.self, from: input)
                let event = try Postcard.decodeStrict(CorpusEvent.self, from: input)
                views.append(view)
                for step in 0..<2 {
                    writer.reset()
                    if step == 0 { view.encode(into: &writer, source: input) } else { event.encode(into: &writer) }
                    let isSame = writer.withBytes { $0.elementsEqual(input) }
                    if !isSame { throw CodecError(.badTag, at: 0) }
                }
                // Every field, not only the bytes: the sum takes each of them.
                if view.checksum != event.checksum { throw CodecError(.badTag, at: 0) }
                fieldSum &+= view.checksum
                if event.record() != records[index] { throw CodecError(.badTag, at: 0) }
                // The events that are encoded later lie in memory as a decoder leaves them.
                if let base = events.baseAddress {
                    (base + index).initialize(to: try Postcard.decodeStrict(CorpusEvent.self, from: input))
                }
            } catch {
                throw BenchFailure("event \(index) does not come back: \(error)")
            }
            index += 1
        }
        self.views = views
        self.fieldSum = fieldSum
    }

    deinit {
        events.deinitialize()
        events.deallocate()
    }

    /// The events in a row, for a plain loop.
    @inline(__always)
    func withEvents(_ body: (borrowing UnsafeMutableBufferPointer<CorpusEvent>) -> UInt64) -> UInt64 { body(events) }

    @inline(__always)
    func forEachEvent(_ body: (borrowing CorpusEvent) -> Void) {
        for index in 0..<count { body(events[index]) }
    }

    @inline(__always)
    func forEachInput<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        try encoded.forEach(body)
    }

    /// Pages of up to 64 KiB, each with the ends of its events.
    @inline(__always)
    func forEachPage(
        _ body: (UnsafeRawBufferPointer, [Int]) throws(CodecError) -> Void
    ) throws(CodecError) {
        try encoded.storage.withUnsafeBufferPointer { (storage) throws(CodecError) in
            let all = UnsafeRawBufferPointer(storage)
            var ends: [Int] = []
            ends.reserveCapacity(1024)
            var start = 0
            var last = 0
            for end in encoded.ends {
                if end - start > 65_536 {
                    try body(UnsafeRawBufferPointer(rebasing: all[start..<last]), ends)
                    ends.removeAll(keepingCapacity: true)
                    start = last
                }
                last = end
                ends.append(end - start)
            }
            try body(UnsafeRawBufferPointer(rebasing: all[start...]), ends)
        }
    }

    @inline(__always)
    func forEachView(_ body: (CorpusView, UnsafeRawBufferPointer) -> Void) {
        var index = 0
        encoded.forEach { input in
            body(views[index], input)
            index += 1
        }
    }

    func encoded(_ encode: (borrowing CorpusEvent) -> [UInt8]) -> EncodedEvents {
        var result = EncodedEvents()
        forEachEvent { result.append(encode($0)) }
        return result
    }
}
