import SagaCodec

/// A value of a golden vector: one description of its parts serves both formats.
protocol VectorValue: SendableMetatype {
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink)
    init<Source: VectorSource>(from source: inout Source) throws(CodecError)
    /// What Rust's `{:?}` prints, without escapes in text.
    var rustDebug: String { get }
}

protocol VectorSink: ~Copyable {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ value: T)
    mutating func tag(_ index: UInt32)
    mutating func count(_ count: Int)
}

protocol VectorSource {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ type: T.Type) throws(CodecError) -> T
    mutating func tag() throws(CodecError) -> UInt32
    mutating func count() throws(CodecError) -> Int
    var input: PostcardReader { get set }
}

extension VectorSink where Self: ~Copyable {
    mutating func put(_ value: some VectorValue) { value.put(into: &self) }
}

extension VectorSource {
    mutating func get<T: VectorValue>(_ type: T.Type = T.self) throws(CodecError) -> T { try T(from: &self) }

    func failure(_ reason: CodecError.Reason) -> CodecError { input.failure(reason) }
}

extension PostcardWriter: VectorSink {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ value: T) { write(value) }
    mutating func tag(_ index: UInt32) { write(index) }
    mutating func count(_ count: Int) { writeVarint(UInt64(count)) }
}

extension BincodeWriter: VectorSink {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ value: T) { write(value) }
    mutating func tag(_ index: UInt32) { writeTag(index) }
    mutating func count(_ count: Int) { writeCount(count) }
}

extension PostcardReader: VectorSource {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ type: T.Type) throws(CodecError) -> T { try read() }
    mutating func tag() throws(CodecError) -> UInt32 { try readVarint32() }
    mutating func count() throws(CodecError) -> Int { try readCount() }
    var input: PostcardReader {
        get { self }
        set { self = newValue }
    }
}

extension BincodeReader: VectorSource {
    mutating func scalar<T: PostcardCodable & BincodeCodable>(_ type: T.Type) throws(CodecError) -> T { try read() }
    mutating func tag() throws(CodecError) -> UInt32 { try readTag() }
    mutating func count() throws(CodecError) -> Int { try readCount() }
}

/// A type whose library conformances are what the vector is about.
protocol VectorScalar: VectorValue, PostcardCodable, BincodeCodable {}

extension VectorScalar {
    func put<Sink: VectorSink & ~Copyable>(into sink: inout Sink) { sink.scalar(self) }
    init<Source: VectorSource>(from source: inout Source) throws(CodecError) { self = try source.scalar(Self.self) }
}

extension VectorScalar where Self: CustomStringConvertible {
    var rustDebug: String { description }
}

extension Bool: VectorScalar {}
extension UInt8: VectorScalar {}
extension UInt16: VectorScalar {}
extension UInt32: VectorScalar {}
extension UInt64: VectorScalar {}
extension UInt128: VectorScalar {}
extension Int8: VectorScalar {}
extension Int16: VectorScalar {}
extension Int32: VectorScalar {}
extension Int64: VectorScalar {}
extension Int128: VectorScalar {}

extension Float: VectorScalar {
    var rustDebug: String { rustFloat(description, isNaN: isNaN, isInfinite: isInfinite, isNegative: self < 0) }
}

extension Double: VectorScalar {
    var rustDebug: String { rustFloat(description, isNaN: isNaN, isInfinite: isInfinite, isNegative: self < 0) }
}

extension String: VectorScalar {
    var rustDebug: String { "\"\(self)\"" }
}

extension Unicode.Scalar: VectorScalar {
    var rustDebug: String { "'\(self)'" }
}

/// Rust's `{:?}` of a float from Swift's shortest digits: an exponent from 1e16 and below 1e-4, else at least one decimal.
private func rustFloat(_ swift: String, isNaN: Bool, isInfinite: Bool, isNegative: Bool) -> String {
    if isNaN { return "NaN" }
    if isInfinite { return isNegative ? "-inf" : "inf" }
    let parts = swift.split(separator: "e")
    let sign = swift.hasPrefix("-") ? "-" : ""
    let mantissa = (parts.first ?? "0").drop { $0 == "-" }.split(separator: ".")
    let whole = mantissa.first.map(String.init) ?? "0"
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    // Digits without zeros at either end, and the power of ten of the first.
    exponent += whole.count - 1
    let leading = (whole + fraction).drop { $0 == "0" }
    exponent -= (whole + fraction).count - leading.count
    var digits = String(leading)
    while digits.hasSuffix("0") { digits.removeLast() }
    if digits.isEmpty { return sign + "0.0" }
    if exponent >= 16 || exponent < -4 {
        let rest = digits.dropFirst()
        return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e\(exponent)"
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    let padded = digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count))
    let tail = padded.dropFirst(exponent + 1)
    return sign + padded.prefix(exponent + 1) + "." + (tail.isEmpty ? "0" : tail)
}
