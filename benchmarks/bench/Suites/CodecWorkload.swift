import CodecCorpus
import SagaCodec

/// Encoded events one behind the other, and where each lies.
struct EncodedEvents {
    private(set) var storage: [UInt8] = []
    private(set) var ranges: [Range<Int>] = []

    var bytes: Int { storage.count }

    mutating func append(_ event: [UInt8]) {
        ranges.append(storage.count..<storage.count + event.count)
        storage += event
    }

    @inline(__always)
    func forEach<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        try storage.withUnsafeBufferPointer { (storage) throws(E) in
            let all = UnsafeRawBufferPointer(storage)
            for range in ranges { try body(UnsafeRawBufferPointer(rebasing: all[range])) }
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
        for (index, record) in records.enumerated() {
            let event = record.event
            encoded.append(Postcard.encode(event))
            (events.baseAddress.map { $0 + index })?.initialize(to: event)
        }
        self.encoded = encoded
        var writer = PostcardWriter(capacity: 4096)
        var views: [CorpusView] = []
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
                if event.record() != records[index] { throw CodecError(.badTag, at: 0) }
            } catch {
                throw BenchFailure("event \(index) does not come back: \(error)")
            }
            index += 1
        }
        self.views = views
    }

    deinit {
        events.deinitialize()
        events.deallocate()
    }

    @inline(__always)
    func forEachEvent(_ body: (borrowing CorpusEvent) -> Void) {
        for index in 0..<count { body(events[index]) }
    }

    @inline(__always)
    func forEachInput<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        try encoded.forEach(body)
    }

    /// Pages of up to 64 KiB, each with the places of its events.
    @inline(__always)
    func forEachPage(
        _ body: (UnsafeRawBufferPointer, [Range<Int>]) throws(CodecError) -> Void
    ) throws(CodecError) {
        try encoded.storage.withUnsafeBufferPointer { (storage) throws(CodecError) in
            let all = UnsafeRawBufferPointer(storage)
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(1024)
            var start = 0
            for range in encoded.ranges {
                if range.upperBound - start > 65_536 {
                    try body(UnsafeRawBufferPointer(rebasing: all[start..<range.lowerBound]), ranges)
                    ranges.removeAll(keepingCapacity: true)
                    start = range.lowerBound
                }
                ranges.append(range.lowerBound - start..<range.upperBound - start)
            }
            try body(UnsafeRawBufferPointer(rebasing: all[start...]), ranges)
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
