import SagaCodec

// Containers over any vector value, written out over the library's primitives; those over scalars use the library's own
// conformances, see `VectorTypes`.

struct VectorNothing: VectorValue {
    init() {}
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {}
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {}
    var rustDebug: String { "()" }
}

struct VectorOption<Wrapped: VectorValue>: VectorValue {
    let value: Wrapped?

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        value = try source.input.readOptionTag() ? try source.get() : nil
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.scalar(UInt8(value == nil ? 0 : 1))
        if let value { sink.put(value) }
    }
    var rustDebug: String { value.map { "Some(\($0.rustDebug))" } ?? "None" }
}

struct VectorList<Element: VectorValue>: VectorValue {
    let elements: [Element]

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        let count = try source.count()
        var elements: [Element] = []
        for _ in 0..<count {
            let before = source.input.offset
            elements.append(try source.get())
            if source.input.offset == before && count > PostcardReader.emptyElementLimit {
                throw source.failure(.limitExceeded)
            }
        }
        self.elements = elements
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.count(elements.count)
        for element in elements { sink.put(element) }
    }
    var rustDebug: String { "[" + elements.map(\.rustDebug).joined(separator: ", ") + "]" }
}

/// A library conformance for a whole container: `[UInt32]`, `String?`, `[String: Int64]` and so on.
struct VectorNative<Value: PostcardCodable & BincodeCodable & VectorPrintable>: VectorValue {
    let value: Value

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) { value = try source.scalar(Value.self) }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.scalar(value) }
    var rustDebug: String { value.printed }
}

protocol VectorPrintable {
    var printed: String { get }
}

extension VectorScalar {
    var printed: String { rustDebug }
}

extension Bool: VectorPrintable {}
extension UInt8: VectorPrintable {}
extension UInt16: VectorPrintable {}
extension UInt32: VectorPrintable {}
extension UInt64: VectorPrintable {}
extension Int32: VectorPrintable {}
extension Int64: VectorPrintable {}
extension Double: VectorPrintable {}
extension String: VectorPrintable {}

extension Optional: VectorPrintable where Wrapped: VectorPrintable {
    var printed: String { map { "Some(\($0.printed))" } ?? "None" }
}

extension Array: VectorPrintable where Element: VectorPrintable {
    var printed: String { "[" + map(\.printed).joined(separator: ", ") + "]" }
}

extension Dictionary: VectorPrintable where Key: VectorPrintable & Comparable, Value: VectorPrintable {
    var printed: String {
        "{" + sorted { $0.key < $1.key }.map { "\($0.key.printed): \($0.value.printed)" }.joined(separator: ", ") + "}"
    }
}

/// Rust's fixed array: the elements without a count.
struct VectorFixed<Element: VectorValue, Length: VectorLength>: VectorValue {
    let elements: [Element]

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        var elements: [Element] = []
        for _ in 0..<Length.length { elements.append(try source.get()) }
        self.elements = elements
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        for element in elements { sink.put(element) }
    }
    var rustDebug: String { "[" + elements.map(\.rustDebug).joined(separator: ", ") + "]" }
}

protocol VectorLength { static var length: Int { get } }
enum Length0: VectorLength { static var length: Int { 0 } }
enum Length3: VectorLength { static var length: Int { 3 } }
enum Length4: VectorLength { static var length: Int { 4 } }
enum Length16: VectorLength { static var length: Int { 16 } }

struct VectorTuple1<A: VectorValue>: VectorValue {
    let a: A
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) { a = try source.get() }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.put(a) }
    var rustDebug: String { "(\(a.rustDebug),)" }
}

struct VectorTuple2<A: VectorValue, B: VectorValue>: VectorValue {
    let a: A
    let b: B
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
        b = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
        sink.put(b)
    }
    var rustDebug: String { "(\(a.rustDebug), \(b.rustDebug))" }
}

struct VectorTuple3<A: VectorValue, B: VectorValue, C: VectorValue>: VectorValue {
    let a: A
    let b: B
    let c: C
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
        b = try source.get()
        c = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
        sink.put(b)
        sink.put(c)
    }
    var rustDebug: String { "(\(a.rustDebug), \(b.rustDebug), \(c.rustDebug))" }
}

/// Rust's `BTreeSet<u8>`.
struct VectorSet: VectorValue {
    let elements: [UInt8]
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        elements = Set(try source.scalar([UInt8].self)).sorted()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.scalar(elements) }
    var rustDebug: String { "{" + elements.map(\.rustDebug).joined(separator: ", ") + "}" }
}
