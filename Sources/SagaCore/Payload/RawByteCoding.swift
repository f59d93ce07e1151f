public import SagaCodec

/// A small enum stored as its raw byte: adding a case does not move the others.
public protocol RawByteCodable: PostcardCodable, RawRepresentable where RawValue == UInt8 {}

extension RawByteCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let offset = reader.offset
        let raw: UInt8 = try reader.read()
        guard let value = Self(rawValue: raw) else {
            throw CodecError(.badTag, at: offset)
        }
        self = value
    }

    public func encode(into writer: inout PostcardWriter) { writer.write(rawValue) }
}

extension ErrorKind: RawByteCodable {}
