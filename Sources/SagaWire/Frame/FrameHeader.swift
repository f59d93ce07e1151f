/// The twelve bytes in front of every frame body, big endian.
package struct FrameHeader: Sendable, Hashable {
    /// Bytes of a header, the length field included.
    package static let size = 12
    /// Bytes that `length` counts beside the body.
    package static let lengthOverhead = 8

    /// Everything after the length field: at least 8.
    package var length: UInt32
    /// The raw kind; see ``FrameKind``.
    package var kind: UInt8
    package var flags: FrameFlags
    /// The method of a REQUEST, 0 elsewhere.
    package var method: UInt16
    package var stream: StreamID

    package init(length: UInt32, kind: UInt8, flags: FrameFlags, method: UInt16, stream: StreamID) {
        self.length = length
        self.kind = kind
        self.flags = flags
        self.method = method
        self.stream = stream
    }

    /// Reads a header from twelve bytes at `base`; the caller has checked that they are there.
    @inline(__always)
    init(at base: UnsafeRawPointer) {
        length = UInt32(bigEndian: base.loadUnaligned(as: UInt32.self))
        kind = base.load(fromByteOffset: 4, as: UInt8.self)
        flags = FrameFlags(rawValue: base.load(fromByteOffset: 5, as: UInt8.self))
        method = UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        stream = UInt32(bigEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    }

    /// Writes the header into twelve bytes at `base`; the caller has made room for them.
    @inline(__always)
    static func write(
        to base: UnsafeMutableRawPointer, kind: FrameKind, flags: FrameFlags, method: UInt16, stream: StreamID,
        bodyCount: Int
    ) {
        let length = UInt32(truncatingIfNeeded: bodyCount + lengthOverhead)
        base.storeBytes(of: length.bigEndian, as: UInt32.self)
        base.storeBytes(of: kind.rawValue, toByteOffset: 4, as: UInt8.self)
        base.storeBytes(of: flags.rawValue, toByteOffset: 5, as: UInt8.self)
        base.storeBytes(of: method.bigEndian, toByteOffset: 6, as: UInt16.self)
        base.storeBytes(of: stream.bigEndian, toByteOffset: 8, as: UInt32.self)
    }

    /// One whole frame as bytes, for tools, tests and small control frames.
    package static func frame(
        kind: FrameKind, flags: FrameFlags = [], method: UInt16 = 0, stream: StreamID, body: [UInt8] = []
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            write(to: base, kind: kind, flags: flags, method: method, stream: stream, bodyCount: body.count)
        }
        return bytes + body
    }
}

/// A frame as the parser hands it out: the body points into the parser's input and is valid only until the next call.
package struct Frame {
    package let header: FrameHeader
    package let body: UnsafeRawBufferPointer
}

/// Why a byte sequence is not a frame. Either one ends the connection.
package enum FrameError: Error, Sendable, Hashable {
    /// `length` is below 8.
    case lengthTooSmall(UInt32)
    /// `length` is over the limit that holds at this point.
    case lengthTooLarge(UInt32, limit: Int)
}
