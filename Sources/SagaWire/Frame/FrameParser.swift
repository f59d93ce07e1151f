/// Cuts a byte stream into frames: bytes in, frames out, no I/O.
///
/// A complete frame inside the input is handed out where it lies, without a copy. Only a frame that is cut off at the
/// end of the input is copied out, after its length was checked, and never more of it than has arrived.
package struct FrameParser: ~Copyable {
    /// Largest `length` accepted from here on.
    package var maxLength: Int
    /// Frames handed out so far; tells a slow frame from a new one.
    package private(set) var frames: UInt64 = 0

    private var tail: UnsafeMutableRawPointer?
    private var tailCount = 0
    private var tailCapacity = 0
    /// The last frame handed out lies in `tail`, which is free again at the next call.
    private var tailDelivered = false

    private static let firstTail = 256

    package init(maxLength: Int) {
        self.maxLength = maxLength
    }

    deinit {
        tail?.deallocate()
    }

    /// True while the beginning of a frame waits for its rest.
    package var hasPartialFrame: Bool { tailCount > 0 && !tailDelivered }

    /// Bytes held back for a frame that is not complete yet.
    package var partialByteCount: Int { tailDelivered ? 0 : tailCount }

    /// Takes the next frame off the front of `input`.
    ///
    /// - Returns: the frame, or nil when `input` is used up; its incomplete end is kept for the next call.
    /// - Throws: ``FrameError``; the stream cannot be read any further then.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) throws(FrameError) -> Frame? {
        if tailDelivered { releaseTail() }
        if tailCount > 0 { return try continueTail(&input) }
        guard let base = input.baseAddress, input.count > 0 else { return nil }
        if input.count >= FrameHeader.size {
            let header = FrameHeader(at: base)
            try check(header.length)
            let total = Int(header.length) + 4
            if input.count >= total {
                frames &+= 1
                let body = UnsafeRawBufferPointer(start: base + FrameHeader.size, count: total - FrameHeader.size)
                input = UnsafeRawBufferPointer(start: base + total, count: input.count - total)
                return Frame(header: header, body: body)
            }
        } else if input.count >= 4 {
            try check(UInt32(bigEndian: base.loadUnaligned(as: UInt32.self)))
        }
        append(base, input.count)
        input = UnsafeRawBufferPointer(start: nil, count: 0)
        return nil
    }

    private mutating func continueTail(_ input: inout UnsafeRawBufferPointer) throws(FrameError) -> Frame? {
        try take(upTo: FrameHeader.size, from: &input)
        guard let header = tailHeader() else { return nil }
        let total = Int(header.length) + 4
        try take(upTo: total, from: &input)
        guard tailCount == total, let tail else { return nil }
        frames &+= 1
        tailDelivered = true
        return Frame(
            header: header,
            body: UnsafeRawBufferPointer(start: tail + FrameHeader.size, count: total - FrameHeader.size))
    }

    /// Moves bytes from `input` until the tail has `count`, checking the length field as soon as it is there.
    private mutating func take(upTo count: Int, from input: inout UnsafeRawBufferPointer) throws(FrameError) {
        let missing = count - tailCount
        guard missing > 0, let base = input.baseAddress else { return }
        let taken = min(missing, input.count)
        let hadLength = tailCount >= 4
        append(base, taken)
        input = UnsafeRawBufferPointer(start: base + taken, count: input.count - taken)
        if !hadLength, tailCount >= 4, let tail {
            try check(UInt32(bigEndian: tail.loadUnaligned(as: UInt32.self)))
        }
    }

    private func tailHeader() -> FrameHeader? {
        guard tailCount >= FrameHeader.size, let tail else { return nil }
        return FrameHeader(at: tail)
    }

    @inline(__always)
    private func check(_ length: UInt32) throws(FrameError) {
        if length < FrameHeader.lengthOverhead { throw .lengthTooSmall(length) }
        if Int(length) > maxLength { throw .lengthTooLarge(length, limit: maxLength) }
    }

    /// Grows with what has arrived, not with what a header promises.
    private mutating func append(_ bytes: UnsafeRawPointer, _ count: Int) {
        let needed = tailCount + count
        if needed > tailCapacity {
            let capacity = max(needed, min(tailCapacity * 2, maxLength + 4), Self.firstTail)
            let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            if let tail {
                grown.copyMemory(from: tail, byteCount: tailCount)
                tail.deallocate()
            }
            tail = grown
            tailCapacity = capacity
        }
        (tail.unsafelyUnwrapped + tailCount).copyMemory(from: bytes, byteCount: count)
        tailCount = needed
    }

    private mutating func releaseTail() {
        tail?.deallocate()
        tail = nil
        tailCount = 0
        tailCapacity = 0
        tailDelivered = false
    }
}
