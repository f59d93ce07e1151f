internal import SagaCodec

/// What a peer may announce in HELLO, and the answer in WELCOME.
package enum WireFeature {
    /// Bodies of frames may be LZ4 blocks (flag bit 0).
    package static let lz4 = "lz4"
}

/// Compressed bodies: an LZ4 block with its raw size, a big-endian u32, in front (`wire.md`, "Frame").
///
/// Each frame is compressed by itself, and its raw body is no longer than an uncompressed one may be. So every limit and
/// window counts raw bytes, and a compressed frame can make its receiver hold no more than any other frame.
extension SessionCore {
    /// Shorter bodies are sent as they are.
    static var compressedAbove: Int { 1_024 }
    /// Bytes of the raw size in front of the block.
    private static var sizeBytes: Int { 4 }

    /// Writes a frame compressed, if the peer takes that and it makes the frame shorter.
    /// - Returns: false if nothing was written.
    func writeCompressed(
        _ kind: FrameKind, flags: FrameFlags, method: UInt16, stream: StreamID, body: UnsafeRawBufferPointer
    ) -> Bool {
        guard compresses, body.count > Self.compressedAbove, kind.mayContinue else { return false }
        let base = output.reserve(FrameHeader.size + body.count)
        let start = base + FrameHeader.size
        // One byte less than the body has: what does not become shorter does not fit.
        let room = UnsafeMutableRawBufferPointer(
            start: start + Self.sizeBytes, count: body.count - Self.sizeBytes - 1)
        guard let length = LZ4Block.compress(body, into: room) else { return false }
        start.storeBytes(of: UInt32(truncatingIfNeeded: body.count).bigEndian, as: UInt32.self)
        let count = Self.sizeBytes + length
        FrameHeader.write(
            to: base, kind: kind, flags: flags.union(.compressed), method: method, stream: stream, bodyCount: count)
        output.commit(FrameHeader.size + count)
        return true
    }

    /// Opens the body of a compressed frame. The size that it claims is checked before anything is allocated.
    /// - Returns: nil if the body is not what it says.
    func opened(_ frame: Frame) -> Frame? {
        let body = frame.body
        guard body.count > Self.sizeBytes else { return nil }
        let size = Int(UInt32(bigEndian: body.loadUnaligned(as: UInt32.self)))
        let block = UnsafeRawBufferPointer(rebasing: body[Self.sizeBytes...])
        guard size > 0, size <= limits.maxFrameBody, size <= block.count * LZ4Block.maximumExpansion else { return nil }
        let buffer = MessageBuffer(capacity: size)
        guard buffer.fill(size, { LZ4Block.decompress(block, into: $0) }) else { return nil }
        openedBody = buffer
        return Frame(header: frame.header, body: buffer.bytes)
    }
}
