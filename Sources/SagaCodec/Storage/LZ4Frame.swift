internal import CLZ4

/// One LZ4 block with what is needed to open it safely: for snapshots and large payloads.
///
/// | bytes | |
/// |---|---|
/// | 1 | form: 2 stored as it is, 3 LZ4; earlier forms 0 and 1 |
/// | 4 | raw size, least significant byte first |
/// | 4 | checksum: of forms 2 and 3 a ``LaneChecksum`` of form, raw size and block, of 0 and 1 the xxHash32 of the raw bytes |
/// | rest | the block |
///
/// Every form is read; 2 and 3 are written, but where a release that knows only 0 and 1 may have to read it. The newer checksum is of
/// what is stored, which is shorter, and is checked before anything is decompressed.
///
/// The raw size is checked against the caller's limit, and against what a block of this length can hold at all, before
/// anything is allocated. Not the LZ4 frame format of the command line tool: that one has no use here for its streaming,
/// and cannot be opened without one more allocation.
public enum LZ4Frame {
    /// Bytes in front of the block.
    public static let headerSize = 9

    /// The largest raw size, unless the caller says less: 64 MiB.
    public static let defaultLimit = 64 << 20

    /// How a frame is checked.
    package enum Check {
        /// Forms 2 and 3.
        case lanes
        /// Forms 0 and 1, which every release reads.
        case xxHash32
    }

    private struct Form {
        var code: UInt8

        init(code: UInt8) { self.code = code }

        init(isCompressed: Bool, _ check: Check) {
            self.init(code: (isCompressed ? 1 : 0) | (check == .lanes ? 2 : 0))
        }

        var isKnown: Bool { code <= 3 }
        var isCompressed: Bool { code & 1 == 1 }
        var check: Check { code & 2 == 0 ? .xxHash32 : .lanes }
    }

    /// Compresses; bytes that do not become shorter are stored as they are.
    /// - Parameter acceleration: 1 compresses best; larger is faster and longer.
    /// - Throws: ``CodecError/Reason/limitExceeded`` beyond what LZ4 takes in one block (about 2 GB).
    public static func compress(_ raw: UnsafeRawBufferPointer, acceleration: Int32 = 1) throws(CodecError) -> [UInt8] {
        try compress(raw, acceleration: acceleration, check: .lanes)
    }

    /// Compresses, with a checksum of one's choice.
    package static func compress(
        _ raw: UnsafeRawBufferPointer, acceleration: Int32 = 1, check: Check
    ) throws(CodecError) -> [UInt8] {
        guard raw.count <= Int(LZ4_MAX_INPUT_SIZE), let size = Int32(exactly: raw.count) else {
            throw CodecError(.limitExceeded, at: 0)
        }
        let bound = max(Int(LZ4_compressBound(size)), raw.count)
        return [UInt8](unsafeUninitializedCapacity: headerSize + bound) { buffer, count in
            let frame = UnsafeMutableRawBufferPointer(buffer)
            let block = UnsafeMutableRawBufferPointer(rebasing: frame[headerSize...])
            var length = 0
            if let source = raw.baseAddress, let target = block.baseAddress {
                length = Int(
                    LZ4_compress_fast(
                        source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self), size,
                        Int32(clamping: block.count), acceleration))
            }
            var form = Form(isCompressed: true, check)
            if length <= 0 || length >= raw.count {
                form = Form(isCompressed: false, check)
                block.copyMemory(from: raw)
                length = raw.count
            }
            let stored = UnsafeRawBufferPointer(rebasing: block[..<length])
            frame[0] = form.code
            frame.storeBytes(of: UInt32(truncatingIfNeeded: raw.count).littleEndian, toByteOffset: 1, as: UInt32.self)
            frame.storeBytes(
                of: (check == .lanes ? lanes(form, raw.count, stored) : Checksum.of(raw)).littleEndian,
                toByteOffset: 5, as: UInt32.self)
            count = headerSize + length
        }
    }

    /// The newer checksum: the block's, seeded with what stands in front of it.
    private static func lanes(_ form: Form, _ size: Int, _ block: UnsafeRawBufferPointer) -> UInt32 {
        LaneChecksum.of(block, seed: UInt64(form.code) << 32 | UInt64(truncatingIfNeeded: size))
    }

    public static func compress(_ raw: [UInt8], acceleration: Int32 = 1) throws(CodecError) -> [UInt8] {
        try raw.withUnsafeBufferPointer { (buffer) throws(CodecError) in
            try compress(UnsafeRawBufferPointer(buffer), acceleration: acceleration, check: .lanes)
        }
    }

    package static func compress(_ raw: [UInt8], check: Check) throws(CodecError) -> [UInt8] {
        try raw.withUnsafeBufferPointer { (buffer) throws(CodecError) in
            try compress(UnsafeRawBufferPointer(buffer), check: check)
        }
    }

    /// The raw size that a frame claims, checked against `limit` and the block's length.
    public static func rawSize(
        of frame: UnsafeRawBufferPointer, limit: Int = defaultLimit
    ) throws(CodecError) -> Int {
        var reader = PostcardReader(frame)
        let form = Form(code: try reader.readByte())
        let size = Int(try reader.readRaw4())
        try reader.skipRaw(4)
        guard size <= limit else { throw CodecError(.limitExceeded, at: 1) }
        guard form.isKnown else { throw CodecError(.unknownFormat, at: 0) }
        // No LZ4 block expands to more than 255 times its length (and a few bytes): the claim is false.
        guard form.isCompressed ? size <= reader.remaining * 255 : size == reader.remaining else {
            throw CodecError(.unexpectedEnd, at: 1)
        }
        return size
    }

    /// Opens a frame.
    /// - Parameter limit: the largest raw size that may be allocated.
    /// - Throws: ``CodecError`` with ``CodecError/Reason/limitExceeded``, ``CodecError/Reason/unexpectedEnd`` (the block is no
    ///   LZ4 of that size), ``CodecError/Reason/badChecksum`` or ``CodecError/Reason/unknownFormat``.
    public static func decompress(
        _ frame: UnsafeRawBufferPointer, limit: Int = defaultLimit
    ) throws(CodecError) -> [UInt8] {
        let size = try rawSize(of: frame, limit: limit)
        let form = Form(code: frame[0])
        let block = UnsafeRawBufferPointer(rebasing: frame[headerSize...])
        let checksum = UInt32(littleEndian: frame.loadUnaligned(fromByteOffset: 5, as: UInt32.self))
        if form.check == .lanes, lanes(form, size, block) != checksum { throw CodecError(.badChecksum, at: 5) }
        var written = -1
        let raw = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            if !form.isCompressed {
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: block)
                written = size
            } else if let source = block.baseAddress, let target = UnsafeMutableRawBufferPointer(buffer).baseAddress {
                written = Int(
                    LZ4_decompress_safe(
                        source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self),
                        Int32(clamping: block.count), Int32(clamping: size)))
            }
            count = max(0, min(written, size))
        }
        guard written == size else { throw CodecError(.unexpectedEnd, at: headerSize) }
        if form.check == .xxHash32, raw.withUnsafeBytes({ Checksum.of($0) }) != checksum {
            throw CodecError(.badChecksum, at: 5)
        }
        return raw
    }

    public static func decompress(_ frame: [UInt8], limit: Int = defaultLimit) throws(CodecError) -> [UInt8] {
        try frame.withUnsafeBufferPointer { (buffer) throws(CodecError) in
            try decompress(UnsafeRawBufferPointer(buffer), limit: limit)
        }
    }
}
