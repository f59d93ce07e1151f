internal import SagaCodec

/// The entries of an undo log, oldest first.
///
/// Most undos never run. So an entry that is made of stored rows stays packed, in the form that a snapshot has it in, until somebody asks for
/// it; of each there is only what is asked of all.
struct UndoTable: Sendable {
    /// What is asked of entries without making them.
    struct Head: Hashable, Sendable {
        var stepEventID: EventID
        var closingEventID: EventID
        var scope: UInt32
        var group: UInt32
        var firstAttempt: UInt32
        var status: UndoEntry.Status
        /// Where it stands in `packed`; for one that is whole a count of 0, and its place in `whole`.
        fileprivate var place: FrameRange
    }

    private(set) var heads: [Head] = []
    private var whole: [UndoEntry] = []
    /// Stored forms of entries, one behind the other. What became whole is not taken out before all have.
    private var packed: [UInt8] = []
    private var packedCount = 0

    /// Bytes beyond which nothing is packed: places are 32 bits.
    private static let maximumPacked = 1 << 30

    /// An entry.
    subscript(_ position: Int) -> UndoEntry {
        let head = heads[position]
        return head.place.count == 0 ? whole[Int(head.place.offset)] : unpacked(head)
    }

    private func unpacked(_ head: Head) -> UndoEntry { withForm(head) { Self.entry(head, from: $0) } }

    private static func entry(_ head: Head, from form: UnsafeRawBufferPointer) -> UndoEntry {
        do throws(CodecError) { return try Postcard.decodeStrict(UndoEntry.self, from: form) } catch {
            // What is packed was looked through before: this does not happen, and if it did, a person should see it.
            return UndoEntry(
                stepEventID: head.stepEventID, closingEventID: head.closingEventID, stepID: "",
                undo: UndoSpec(activityType: ""), taskQueue: "", input: .empty, outcome: .unknown, stepKey: "",
                idempotencyKey: "", scope: head.scope, group: head.group, status: .blocked,
                lastError: SagaError(
                    kind: .codec, message: "the undo of step \(head.stepEventID) cannot be read: \(error)",
                    isNonRetryable: true))
        }
    }

    private func withForm<Result>(_ head: Head, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        packed.withUnsafeBytes { packed in
            let start = Int(head.place.offset)
            return body(UnsafeRawBufferPointer(rebasing: packed[start..<start + Int(head.place.count)]))
        }
    }

    mutating func append(_ entry: consuming UndoEntry) {
        heads.append(Head(entry, wholeAt: whole.count))
        whole.append(entry)
    }

    /// Changes an entry, which is whole from then on.
    mutating func update(_ position: Int, _ change: (inout UndoEntry) -> Void) {
        if heads[position].place.count != 0 {
            whole.append(unpacked(heads[position]))
            heads[position].place = FrameRange(offset: UInt32(truncatingIfNeeded: whole.count - 1), count: 0)
            packedCount -= 1
            if packedCount == 0 { packed = [] }
        }
        let place = Int(heads[position].place.offset)
        change(&whole[place])
        heads[position] = Head(whole[place], wholeAt: place)
    }

    // MARK: Packed entries

    /// Adds the entry of a step that has completed, packed.
    mutating func append(_ parts: borrowing UndoParts) {
        let start = packed.count
        let most = parts.maximumBytes
        var head = Head(
            stepEventID: parts.stepEventID, closingEventID: parts.closingEventID, scope: parts.scope,
            group: parts.group, firstAttempt: 0, status: parts.isDormant ? .dormant : .open, place: FrameRange())
        guard start + most <= Self.maximumPacked else {
            let form = [UInt8](unsafeUninitializedCapacity: most) { parts.write(to: $0, &$1) }
            return append(form.withUnsafeBytes { Self.entry(head, from: $0) })
        }
        // A run whose steps have undos has some of them.
        if start == 0 { packed.reserveCapacity(min(4 * most, 4_096)) }
        packed.append(addingCapacity: most) { (room: inout OutputSpan<UInt8>) in
            room.withUnsafeMutableBufferPointer { parts.write(to: $0, &$1) }
        }
        head.place = FrameRange(
            offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: packed.count - start))
        packedCount += 1
        heads.append(head)
    }

    /// As an array of entries is written.
    func encode(into writer: inout PostcardWriter) {
        writer.writeVarint(UInt64(heads.count))
        for head in heads {
            if head.place.count == 0 {
                whole[Int(head.place.offset)].encode(into: &writer)
            } else {
                withForm(head) { writer.writeRaw($0) }
            }
        }
    }
}

extension UndoTable.Head {
    fileprivate init(_ entry: borrowing UndoEntry, wholeAt place: Int) {
        stepEventID = entry.stepEventID
        closingEventID = entry.closingEventID
        scope = entry.scope
        group = entry.group
        firstAttempt = entry.firstAttempt
        status = entry.status
        self.place = FrameRange(offset: UInt32(truncatingIfNeeded: place), count: 0)
    }
}

extension UndoTable: Equatable {
    /// By what the entries say, however they stand.
    static func == (left: UndoTable, right: UndoTable) -> Bool {
        guard left.heads.count == right.heads.count else { return false }
        // Copies of one another, as a rule.
        if left.heads == right.heads, left.packed == right.packed, left.whole == right.whole { return true }
        return left.heads.indices.allSatisfy { left[$0] == right[$0] }
    }
}

/// What the undo entry of a step that has completed is made of: parts of the stored forms of its two events, looked through and left where
/// they are.
struct UndoParts: ~Copyable {
    var stepEventID: EventID
    var closingEventID: EventID
    /// Texts and payloads with their counts, as they are stored.
    var stepID: UnsafeRawBufferPointer
    var undo: UnsafeRawBufferPointer
    /// The task queue and the input, one behind the other; the input alone if the undo has a queue of its own.
    var input: UnsafeRawBufferPointer
    /// The queue of the undo; empty if it stands in front of the input.
    var taskQueue: UnsafeRawBufferPointer
    /// The output, and the data of the undo with the tag of its option.
    var output: UnsafeRawBufferPointer
    var stepKey: UnsafeRawBufferPointer
    /// The text of the key.
    var keyText: UnsafeRawBufferPointer
    var scope: UInt32
    var group: UInt32
    var isDormant: Bool
    /// Whether ``margin`` bytes may be read behind each of the parts.
    var hasMargin: Bool

    static let margin = 32

    /// Bytes that the entry takes at most.
    var maximumBytes: Int {
        // Numbers of ten bytes at most, tags, the suffix, and what is copied beyond an end.
        192 &+ stepID.count &+ undo.count &+ taskQueue.count &+ input.count &+ output.count &+ stepKey.count
            &+ keyText.count
    }

    /// Writes the entry as `UndoEntry.encode` does.
    /// - Parameters:
    ///   - room: Has room for `maximumBytes` more than there are.
    ///   - count: The bytes in it.
    @inline(__always)
    func write(to room: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        guard let base = room.baseAddress, room.count - count >= maximumBytes else { return }
        var cursor = UnsafeMutableRawPointer(base) + count
        Self.put(stepEventID, at: &cursor)
        Self.put(closingEventID, at: &cursor)
        put(stepID, at: &cursor)
        put(undo, at: &cursor)
        put(taskQueue, at: &cursor)
        put(input, at: &cursor)
        Self.put(byte: 1, at: &cursor)
        put(output, at: &cursor)
        Self.put(byte: StepOutcome.completed.rawValue, at: &cursor)
        put(stepKey, at: &cursor)
        Self.put(UInt64(truncatingIfNeeded: keyText.count &+ 5), at: &cursor)
        put(keyText, at: &cursor)
        // "/undo"
        cursor.storeBytes(of: UInt32(littleEndian: 0x646E_752F), as: UInt32.self)
        cursor.storeBytes(of: 0x6F, toByteOffset: 4, as: UInt8.self)
        cursor += 5
        Self.put(UInt64(scope), at: &cursor)
        Self.put(UInt64(group), at: &cursor)
        // No child; the status.
        Self.put(byte: 0, at: &cursor)
        Self.put(byte: isDormant ? 8 : 0, at: &cursor)
        // The attempt, the first one of the round, no error.
        Self.put(byte: 1, at: &cursor)
        Self.put(byte: 0, at: &cursor)
        Self.put(byte: 0, at: &cursor)
        count = cursor - UnsafeMutableRawPointer(base)
    }

    /// Short parts are copied in blocks, and a bit of what follows with them, which the next part writes over.
    @inline(__always)
    private func put(_ part: UnsafeRawBufferPointer, at cursor: inout UnsafeMutableRawPointer) {
        guard let base = part.baseAddress else { return }
        if hasMargin && part.count <= 128 {
            var at = 0
            while at < part.count {
                let block = base.loadUnaligned(fromByteOffset: at, as: SIMD32<UInt8>.self)
                cursor.storeBytes(of: block, toByteOffset: at, as: SIMD32<UInt8>.self)
                at &+= 32
            }
        } else {
            cursor.copyMemory(from: base, byteCount: part.count)
        }
        cursor += part.count
    }

    @inline(__always)
    private static func put(byte: UInt8, at cursor: inout UnsafeMutableRawPointer) {
        cursor.storeBytes(of: byte, as: UInt8.self)
        cursor += 1
    }

    @inline(__always)
    private static func put(_ number: UInt64, at cursor: inout UnsafeMutableRawPointer) {
        var rest = number
        while rest >= 0x80 {
            put(byte: UInt8(truncatingIfNeeded: rest) | 0x80, at: &cursor)
            rest >>= 7
        }
        put(byte: UInt8(truncatingIfNeeded: rest), at: &cursor)
    }
}
