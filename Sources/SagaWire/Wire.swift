/// The wire protocol's messages, methods and enums as Swift values, generated from `proto/saga/v1` (wire.md).
///
/// Every message is a struct with value semantics that knows how to read itself from bytes of a peer and how to write
/// itself. A message type is `Wire.` and its name in the IDL; so is an enum.
package enum Wire {
    /// Which sides of a method send more than one message.
    package enum Streaming: Sendable, Hashable {
        /// One request, one response.
        case unary
        /// One request, items from the server.
        case server
        /// Items from the client (the first in the REQUEST frame), one response.
        case client
        /// Items both ways (the client's first in the REQUEST frame).
        case bidirectional
    }
}

/// A method with its message types, so that a call is checked by the compiler.
package protocol WireCall: Sendable {
    associatedtype Request: WireMessage
    associatedtype Response: WireMessage
    /// The method's number, name and kind.
    static var method: Wire.Method { get }
}

/// What every message can do.
package protocol WireMessage: Sendable, Equatable {
    /// Full name in the IDL, `saga.v1.Payload`.
    static var protoName: String { get }

    /// Reads a message that a peer sent. Nothing in `bytes` is trusted.
    /// - Parameters:
    ///   - bytes: The whole message, nothing else.
    ///   - limits: What the message may cost.
    /// - Throws: ``WireError`` that names the field.
    init(decoding bytes: UnsafeRawBufferPointer, limits: MessageLimits) throws(WireError)

    /// Prepares the encoded form and hands it to `body`, which knows its size before it is written.
    /// - Throws: ``WireError`` if a string holds a NUL, or if the message is larger than any receiver takes.
    func withPacked<R>(_ body: (borrowing PackedMessage) -> R) throws(WireError) -> R
}

extension WireMessage {
    /// Reads a message from an array; see ``init(decoding:limits:)``.
    package init(decoding bytes: [UInt8], limits: MessageLimits = .request) throws(WireError) {
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(WireError) in try Self(decoding: raw, limits: limits) }
        }
        self = try result.get()
    }

    /// The encoded message.
    /// - Throws: ``WireError``; see ``withPacked(_:)``.
    package func serialized() throws(WireError) -> [UInt8] {
        try withPacked { packed in
            [UInt8](unsafeUninitializedCapacity: packed.count) { buffer, count in
                count = packed.write(to: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    /// Appends the encoded message.
    /// - Throws: ``WireError``; see ``withPacked(_:)``. Then nothing is appended.
    package func encode(into bytes: inout [UInt8]) throws(WireError) {
        bytes.append(contentsOf: try serialized())
    }
}
