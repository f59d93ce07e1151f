import SagaCodec

// The types of the golden vectors, field by field those of the Rust program that made them.

struct VectorUnit: VectorValue {
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
    }
    var rustDebug: String { "Unit" }
}

struct VectorEmpty: VectorValue {
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
    }
    var rustDebug: String { "Empty" }
}

struct VectorNewtypeU64: VectorValue {
    let a: UInt64
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
    }
    var rustDebug: String { "NewtypeU64(\(a.rustDebug))" }
}

struct VectorNewtypeStr: VectorValue {
    let a: String
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
    }
    var rustDebug: String { "NewtypeStr(\(a.rustDebug))" }
}

struct VectorNewtypeOpt: VectorValue {
    let a: VectorNative<Int32?>
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
    }
    var rustDebug: String { "NewtypeOpt(\(a.rustDebug))" }
}

struct VectorTupleStruct: VectorValue {
    let a: UInt8
    let b: Int16
    let c: String
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
    var rustDebug: String { "TupleStruct(\(a.rustDebug), \(b.rustDebug), \(c.rustDebug))" }
}

struct VectorPoint: VectorValue {
    let x: Int32
    let y: Int32
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        x = try source.get()
        y = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(x)
        sink.put(y)
    }
    var rustDebug: String { "Point { x: \(x.rustDebug), y: \(y.rustDebug) }" }
}

struct VectorAllPrims: VectorValue {
    let a: Bool
    let b: UInt8
    let c: UInt16
    let d: UInt32
    let e: UInt64
    let f: UInt128
    let g: Int8
    let h: Int16
    let i: Int32
    let j: Int64
    let k: Int128
    let l: Float
    let m: Double
    let n: Unicode.Scalar
    let o: String
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
        b = try source.get()
        c = try source.get()
        d = try source.get()
        e = try source.get()
        f = try source.get()
        g = try source.get()
        h = try source.get()
        i = try source.get()
        j = try source.get()
        k = try source.get()
        l = try source.get()
        m = try source.get()
        n = try source.get()
        o = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
        sink.put(b)
        sink.put(c)
        sink.put(d)
        sink.put(e)
        sink.put(f)
        sink.put(g)
        sink.put(h)
        sink.put(i)
        sink.put(j)
        sink.put(k)
        sink.put(l)
        sink.put(m)
        sink.put(n)
        sink.put(o)
    }
    var rustDebug: String {
        "AllPrims { a: \(a.rustDebug), b: \(b.rustDebug), c: \(c.rustDebug), d: \(d.rustDebug), e: \(e.rustDebug), f: \(f.rustDebug), g: \(g.rustDebug), h: \(h.rustDebug), i: \(i.rustDebug), j: \(j.rustDebug), k: \(k.rustDebug), l: \(l.rustDebug), m: \(m.rustDebug), n: \(n.rustDebug), o: \(o.rustDebug) }"
    }
}

struct VectorGeneric<T: VectorValue>: VectorValue {
    let v: T
    let n: VectorOption<T>
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        v = try source.get()
        n = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(v)
        sink.put(n)
    }
    var rustDebug: String { "Generic { v: \(v.rustDebug), n: \(n.rustDebug) }" }
}

/// `b` is skipped by serde and has its default.
struct VectorSkipped: VectorValue {
    let a: UInt8
    let c: UInt8
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        a = try source.get()
        c = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(a)
        sink.put(c)
    }
    var rustDebug: String { "Skipped { a: \(a), b: 0, c: \(c) }" }
}

/// A recursive struct: the depth of the input is counted.
struct VectorNested: VectorValue {
    let name: String
    let at: VectorPoint
    let tags: VectorNative<[String]>
    let opt: VectorOption<VectorNested>.Boxed
    let e: VectorShape

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        try source.input.enter()
        name = try source.get()
        at = try source.get()
        tags = try source.get()
        opt = try source.get()
        e = try source.get()
        source.input.leave()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(name)
        sink.put(at)
        sink.put(tags)
        sink.put(opt)
        sink.put(e)
    }
    var rustDebug: String {
        "Nested { name: \(name.rustDebug), at: \(at.rustDebug), tags: \(tags.rustDebug), opt: \(opt.rustDebug), e: \(e.rustDebug) }"
    }
}

extension VectorOption {
    /// An option on the heap, for types that contain themselves.
    struct Boxed: VectorValue {
        private let box: [VectorOption]
        init<Source: VectorSource>(from source: inout Source) throws(CodecError) { box = [try source.get()] }
        func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { for option in box { sink.put(option) } }
        var rustDebug: String { box.map(\.rustDebug).joined() }
    }
}

enum VectorShape: VectorValue {
    case unit
    case new(UInt32)
    case newStr(String)
    case tuple(VectorTuple3<Int8, UInt16, Bool>)
    case record(id: UInt64, label: VectorNative<String?>)
    case nested(VectorPoint)
    case empty
    case newUnit
    case list(VectorNative<[UInt16]>)

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        switch try source.tag() {
        case 0: self = .unit
        case 1: self = .new(try source.get())
        case 2: self = .newStr(try source.get())
        case 3: self = .tuple(try source.get())
        case 4: self = .record(id: try source.get(), label: try source.get())
        case 5: self = .nested(try source.get())
        case 6: self = .empty
        case 7: self = .newUnit
        case 8: self = .list(try source.get())
        default: throw source.failure(.badTag)
        }
    }

    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        switch self {
        case .unit: sink.tag(0)
        case .new(let value):
            sink.tag(1)
            sink.put(value)
        case .newStr(let value):
            sink.tag(2)
            sink.put(value)
        case .tuple(let value):
            sink.tag(3)
            sink.put(value)
        case .record(let id, let label):
            sink.tag(4)
            sink.put(id)
            sink.put(label)
        case .nested(let value):
            sink.tag(5)
            sink.put(value)
        case .empty: sink.tag(6)
        case .newUnit: sink.tag(7)
        case .list(let value):
            sink.tag(8)
            sink.put(value)
        }
    }

    var rustDebug: String {
        switch self {
        case .unit: "Unit"
        case .new(let value): "New(\(value.rustDebug))"
        case .newStr(let value): "NewStr(\(value.rustDebug))"
        case .tuple(let value): "Tuple\(value.rustDebug)"
        case .record(let id, let label): "Struct { id: \(id), label: \(label.rustDebug) }"
        case .nested(let value): "Nested(\(value.rustDebug))"
        case .empty: "Empty"
        case .newUnit: "NewUnit(())"
        case .list(let value): "List(\(value.rustDebug))"
        }
    }
}

indirect enum VectorTree: VectorValue {
    case leaf(Int32)
    case node(VectorTree, VectorTree)

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        try source.input.enter()
        switch try source.tag() {
        case 0: self = .leaf(try source.get())
        case 1: self = .node(try source.get(), try source.get())
        default: throw source.failure(.badTag)
        }
        source.input.leave()
    }

    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        switch self {
        case .leaf(let value):
            sink.tag(0)
            sink.put(value)
        case .node(let left, let right):
            sink.tag(1)
            sink.put(left)
            sink.put(right)
        }
    }

    var rustDebug: String {
        switch self {
        case .leaf(let value): "Leaf(\(value))"
        case .node(let left, let right): "Node(\(left.rustDebug), \(right.rustDebug))"
        }
    }
}

/// Enums without values: the index is what is encoded, whatever the discriminant.
struct VectorPlainEnum<Names: VectorNames>: VectorValue {
    let index: UInt32
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        index = try source.tag()
        if index >= Names.count { throw source.failure(.badTag) }
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.tag(index) }
    var rustDebug: String { Names.name(index) }
}

protocol VectorNames {
    static var count: UInt32 { get }
    static func name(_ index: UInt32) -> String
}

/// `enum Disc { A = 10, B = 200, C = 70000 }`
enum DiscNames: VectorNames {
    static var count: UInt32 { 3 }
    static func name(_ index: UInt32) -> String { ["A", "B", "C"][Int(index)] }
}

/// `enum Big { V0, …, V130 }`
enum BigNames: VectorNames {
    static var count: UInt32 { 131 }
    static func name(_ index: UInt32) -> String { "V\(index)" }
}

/// `Result<u32, String>`
enum VectorResult: VectorValue {
    case ok(UInt32)
    case err(String)

    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        switch try source.tag() {
        case 0: self = .ok(try source.get())
        case 1: self = .err(try source.get())
        default: throw source.failure(.badTag)
        }
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        switch self {
        case .ok(let value):
            sink.tag(0)
            sink.put(value)
        case .err(let value):
            sink.tag(1)
            sink.put(value)
        }
    }
    var rustDebug: String {
        switch self {
        case .ok(let value): "Ok(\(value))"
        case .err(let value): "Err(\(value.rustDebug))"
        }
    }
}

/// `std::time::Duration`, and `SystemTime` as the duration since 1970.
struct VectorDuration: VectorValue {
    let seconds: UInt64
    let nanoseconds: UInt32
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        let seconds: UInt64 = try source.get()
        let raw: UInt32 = try source.get()
        let (sum, over) = seconds.addingReportingOverflow(UInt64(raw / 1_000_000_000))
        if over { throw source.failure(.badTag) }
        self.seconds = sum
        nanoseconds = raw % 1_000_000_000
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(seconds)
        sink.put(nanoseconds)
    }
    var rustDebug: String {
        if nanoseconds == 0 { return "\(seconds)s" }
        let digits = String(nanoseconds)
        var fraction = String(repeating: "0", count: 9 - digits.count) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(seconds).\(fraction)s"
    }
}

struct VectorSystemTime: VectorValue {
    let since: VectorDuration
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) { since = try source.get() }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.put(since) }
    var rustDebug: String { "SystemTime { tv_sec: \(since.seconds), tv_nsec: \(since.nanoseconds) }" }
}

/// `Range<u32>`
struct VectorRange: VectorValue {
    let start: UInt32
    let end: UInt32
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        start = try source.get()
        end = try source.get()
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) {
        sink.put(start)
        sink.put(end)
    }
    var rustDebug: String { "\(start)..\(end)" }
}

struct VectorIPv4: VectorValue {
    let bytes: VectorFixed<UInt8, Length4>
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) { bytes = try source.get() }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.put(bytes) }
    var rustDebug: String { bytes.elements.map(\.description).joined(separator: ".") }
}

/// `NonZeroU8`, `NonZeroU64`
struct VectorNonZero<Integer: VectorValue & FixedWidthInteger>: VectorValue {
    let value: Integer
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) {
        value = try source.get()
        if value == 0 { throw source.failure(.badTag) }
    }
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.put(value) }
    var rustDebug: String { value.rustDebug }
}
