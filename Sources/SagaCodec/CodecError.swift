/// Why bytes could not be decoded (or, rarely, a value not encoded), and where.
///
/// The value is trivial on purpose: a typed `throws(CodecError)` costs the hot path one comparison and no allocation.
@frozen
public struct CodecError: Error, Sendable, Equatable {
    /// What was wrong. The raw values are stable and may be logged.
    @frozen
    public enum Reason: UInt8, Sendable, Equatable {
        /// The input ends inside a value, or a length says more than the input has.
        case unexpectedEnd = 1
        /// A varint has too many bytes or does not fit its integer type.
        case badVarint = 2
        /// Strict decoding only: the value has a shorter form.
        case nonCanonical = 3
        /// A bool is neither 0 nor 1.
        case badBool = 4
        /// An option tag is neither 0 nor 1.
        case badOption = 5
        /// Text is not valid UTF-8.
        case badUTF8 = 6
        /// A character is empty, too long, or no Unicode scalar.
        case badCharacter = 7
        /// An enum tag, or a value of a restricted type, that the type does not know.
        case badTag = 8
        /// Strict decoding only: bytes follow the value.
        case trailingBytes = 9
        /// A length or count is beyond a limit.
        case limitExceeded = 10
        /// Values are nested deeper than the limit.
        case depthExceeded = 11
        /// The text is not JSON here.
        case badSyntax = 12
        /// A number does not fit the asked type, or the format has no form for it (JSON: NaN, infinity).
        case badNumber = 13
        /// The stored checksum is not that of the bytes.
        case badChecksum = 14
        /// A frame or blob of an unknown kind.
        case unknownFormat = 15
        /// A schema version this program cannot read.
        case unsupportedVersion = 16
        /// The format cannot express the value, or a `Codable` implementation asked for something it does not have.
        case unsupported = 17
        /// Another type stands here than was asked for (self-describing formats).
        case typeMismatch = 18
        /// An object lacks a key that was asked for (self-describing formats).
        case missingKey = 19
    }

    /// Bytes from the start of the input to the value that failed (encoding: 0).
    public let offset: Int
    public let reason: Reason

    @inlinable
    public init(_ reason: Reason, at offset: Int) {
        self.offset = offset
        self.reason = reason
    }
}

extension CodecError: CustomStringConvertible {
    public var description: String { "\(reason) at byte \(offset)" }
}
