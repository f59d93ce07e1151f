internal import CLZ4

/// One bare LZ4 block, from and into memory of the caller's: for the bodies of frames, whose size stands elsewhere.
package enum LZ4Block {
    /// Most bytes that one byte of a block can stand for: a larger claim is false before anything is opened.
    package static let maximumExpansion = 255

    /// Compresses.
    /// - Returns: the length of the block, or nil if it would not fit into `target`.
    package static func compress(
        _ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard let source = raw.baseAddress, let start = target.baseAddress, let size = Int32(exactly: raw.count),
            size > 0
        else { return nil }
        let length = LZ4_compress_default(
            source.assumingMemoryBound(to: CChar.self), start.assumingMemoryBound(to: CChar.self), size,
            Int32(clamping: target.count))
        return length > 0 ? Int(length) : nil
    }

    /// Opens a block.
    /// - Returns: false unless the block is one of exactly as many bytes as `target` has.
    package static func decompress(
        _ block: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard let source = block.baseAddress, let start = target.baseAddress, let length = Int32(exactly: block.count),
            let size = Int32(exactly: target.count)
        else { return false }
        let written = LZ4_decompress_safe(
            source.assumingMemoryBound(to: CChar.self), start.assumingMemoryBound(to: CChar.self), length, size)
        return written == size
    }
}
