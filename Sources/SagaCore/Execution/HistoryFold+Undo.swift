internal import SagaCodec

// What steps say of themselves, read over where it lies. The undo of a completed step is packed of that, and not made before somebody asks
// for it: so what it is packed of is looked through as carefully as if it were.

extension HistoryFold {
    /// Whether the end of a step leaves nothing in the state: it has no undo and is no pivot. Walks over the fields of
    /// `ActivityTaskScheduled`.
    static func leavesNothing(_ events: PostcardReader, _ attributes: FrameRange) throws(CodecError) -> Bool {
        var scheduled = events
        scheduled.cursor = events.base + Int(attributes.offset)
        scheduled.end = scheduled.cursor + Int(attributes.count)
        // The number of the command, the step, the activity and its queue.
        try scheduled.skipVarint()
        try scheduled.skipBytes()
        try scheduled.skipBytes()
        try scheduled.skipBytes()
        try skipPayload(&scheduled)
        try skipPolicies(&scheduled)
        if try scheduled.readOptionTag() { return false }
        // The idempotency key and the priority.
        try scheduled.skipBytes()
        try scheduled.skipVarint()
        return try !scheduled.readBool()
    }

    @inline(__always)
    static func skipPolicies(_ reader: inout PostcardReader) throws(CodecError) {
        // The retry policy.
        try reader.skipVarint()
        try reader.skipVarint()
        try reader.skipRaw(8)
        try reader.skipVarint()
        try reader.skipRaw(8)
        try reader.skipBytes()
        // The time-outs.
        try reader.skipVarint()
        try reader.skipVarint()
        try reader.skipVarint()
        try reader.skipVarint()
    }

    @inline(__always)
    static func skipPayload(_ reader: inout PostcardReader) throws(CodecError) {
        try reader.skipBytes()
        try reader.skipBytes()
        var entries = try reader.readCount()
        while entries > 0 {
            try reader.skipBytes()
            try reader.skipBytes()
            entries &-= 1
        }
    }

    /// Whether a text begins there; its end is known.
    @inline(__always)
    static func checkText(_ reader: PostcardReader, at start: UnsafeRawPointer) throws(CodecError) {
        var text = reader
        text.cursor = start
        _ = try text.readBorrowedUTF8()
    }

    @inline(__always)
    static func checkPayload(_ reader: inout PostcardReader) throws(CodecError) {
        // The encoding and the data.
        _ = try reader.readBorrowedUTF8()
        try reader.skipBytes()
        var entries = try reader.readCount()
        while entries > 0 {
            _ = try reader.readBorrowedUTF8()
            _ = try reader.readBorrowedUTF8()
            entries &-= 1
        }
    }
}

/// Stored forms of what steps say of retries, time-outs and their undo, which decoded well. The steps of a saga have few of them, so most
/// are known by a comparison.
struct KnownPolicies: Sendable {
    private struct Known {
        var count = 0
        var undo = 0..<0
        var queue = 0..<0
    }

    /// What was read over.
    struct Found {
        /// The undo spec; nil if there is none.
        var undo: UnsafeRawBufferPointer?
        /// The task queue in it, with the count in front.
        var queue: UnsafeRawBufferPointer
    }

    private static let slots = 16
    private static let room = 256

    private var known: [Known] = []
    private var bytes: [UInt8] = []

    /// Reads over the policies of a step and its undo spec.
    /// - Parameter activity: Where the name of its activity begins.
    @inline(__always)
    mutating func skip(_ reader: inout PostcardReader, activity: UnsafeRawPointer) throws(CodecError) -> Found {
        let start = reader.cursor
        let slot = Self.slot(activity, before: reader.end)
        if slot < known.count {
            let found = known[slot]
            let isKnown = bytes.withUnsafeBytes { bytes in
                found.count <= reader.end - start && Self.areEqual(start, bytes, from: slot &* Self.room, found.count)
            }
            if isKnown {
                reader.cursor = start + found.count
                return Self.found(found, at: start)
            }
        }
        return try decode(&reader, slot)
    }

    @inline(__always)
    private static func found(_ known: Known, at start: UnsafeRawPointer) -> Found {
        Found(
            undo: known.undo.isEmpty
                ? nil : UnsafeRawBufferPointer(start: start + known.undo.lowerBound, count: known.undo.count),
            queue: UnsafeRawBufferPointer(start: start + known.queue.lowerBound, count: known.queue.count))
    }

    @inline(never)
    private mutating func decode(_ reader: inout PostcardReader, _ slot: Int) throws(CodecError) -> Found {
        let start = reader.cursor
        try HistoryFold.skipPolicies(&reader)
        var new = Known()
        if try reader.readOptionTag() {
            let undo = reader.cursor
            var parts = reader
            _ = try UndoSpec(from: &reader)
            // The activity.
            try parts.skipBytes()
            let queue = parts.cursor
            try parts.skipBytes()
            new.queue = queue - start..<parts.cursor - start
            new.undo = undo - start..<reader.cursor - start
        }
        new.count = reader.cursor - start
        if new.count <= Self.room {
            if known.isEmpty {
                known = Array(repeating: Known(), count: Self.slots)
                bytes = Array(repeating: 0, count: Self.slots * Self.room)
            }
            known[slot] = new
            let form = UnsafeRawBufferPointer(start: start, count: new.count)
            bytes.replaceSubrange(slot * Self.room..<slot * Self.room + new.count, with: form)
        }
        return Self.found(new, at: start)
    }

    @inline(__always)
    private static func slot(_ activity: UnsafeRawPointer, before end: UnsafeRawPointer) -> Int {
        guard end - activity >= 16 else { return 0 }
        var words = activity.loadUnaligned(as: SIMD2<UInt64>.self)
        // The name and its length; what stands behind a short name differs from step to step.
        let length = UInt64(words[0] & 0xFF) &+ 1
        if length < 8 {
            words[0] &= (1 << (8 &* length)) &- 1
            words[1] = 0
        } else if length < 16 {
            words[1] &= (1 << (8 &* (length &- 8))) &- 1
        }
        return Int(truncatingIfNeeded: ((words[0] ^ words[1]) &* 0x9E37_79B9_7F4A_7C15) >> 60)
    }

    /// Whether the bytes at both places are the same; nothing equals no bytes.
    @inline(__always)
    private static func areEqual(
        _ left: UnsafeRawPointer, _ bytes: UnsafeRawBufferPointer, from place: Int, _ count: Int
    ) -> Bool {
        guard count >= 8, let base = bytes.baseAddress, place + count <= bytes.count else { return false }
        let right = base + place
        // The last words overlap.
        let last = count &- 8
        var difference =
            left.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            ^ right.loadUnaligned(fromByteOffset: last, as: UInt64.self)
        var at = 0
        while at < last {
            difference |=
                left.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                ^ right.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            at &+= 8
        }
        return difference == 0
    }
}
