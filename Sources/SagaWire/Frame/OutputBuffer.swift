/// Bytes that are ready to leave: frames are written at its end, the transport takes from its front.
///
/// Written to directly (``reserve(_:)``, ``commit(_:)``), so that a small answer is encoded once, in place.
package struct OutputBuffer: ~Copyable {
    private var storage: UnsafeMutableRawPointer?
    package private(set) var capacity = 0
    private var head = 0
    private var tail = 0
    /// The most that waited since the last ``trim(isBusy:)``.
    private var highest = 0

    /// What an idle connection keeps at most.
    private static let idleCapacity = 2_048
    /// What a busy one keeps: to grow anew for each burst would be paid in copies.
    private static let busyCapacity = 128 << 10
    private static let firstCapacity = 1_024

    package init() {}

    deinit {
        storage?.deallocate()
    }

    /// Bytes that wait to be taken.
    package var count: Int { tail - head }

    /// Makes room for `byteCount` more bytes and returns where they go.
    @inline(__always)
    package mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
        if let storage, tail + byteCount <= capacity { return storage + tail }
        return grow(byteCount)
    }

    /// Says how many of the reserved bytes were written.
    @inline(__always)
    package mutating func commit(_ byteCount: Int) {
        tail += byteCount
    }

    /// The waiting bytes; valid until the next call that changes the buffer.
    package var readable: UnsafeRawBufferPointer {
        guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: storage + head, count: tail - head)
    }

    /// Forgets the first `byteCount` waiting bytes (at most ``count``).
    package mutating func consume(_ byteCount: Int) {
        highest = max(highest, tail)
        head += min(byteCount, tail - head)
        guard head == tail else { return }
        head = 0
        tail = 0
        if capacity > Self.busyCapacity { release() }
    }

    /// Gives back what the connection has not needed since the last call; to be called now and then.
    /// - Parameter isBusy: It sent or received something since: then it keeps a buffer of which it used a quarter.
    package mutating func trim(isBusy: Bool) {
        let used = max(highest, tail)
        highest = 0
        guard count == 0, capacity > Self.idleCapacity, !isBusy || used < capacity / 4 else { return }
        release()
    }

    private mutating func release() {
        storage?.deallocate()
        storage = nil
        capacity = 0
    }

    private mutating func grow(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let used = tail - head
        let needed = used + byteCount
        let size = max(needed, min(capacity * 2, needed * 2), Self.firstCapacity)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        if let storage {
            grown.copyMemory(from: storage + head, byteCount: used)
            storage.deallocate()
        }
        storage = grown
        capacity = size
        head = 0
        tail = used
        return grown + used
    }
}
