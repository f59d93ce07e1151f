import SagaCodec
import SagaCore

/// Parameters of one statement, in binary, made anew for each call: for reads and other small statements.
struct PgParameters {
    private(set) var bytes: [UInt8] = []
    /// Where each parameter lies; nil is SQL's NULL.
    private(set) var ranges: [Range<Int>?] = []

    private mutating func add(_ value: some FixedWidthInteger) {
        let start = bytes.count
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        ranges.append(start..<bytes.count)
    }

    func int64(_ value: Int64) -> Self { adding { $0.add(value) } }
    func int32(_ value: Int32) -> Self { adding { $0.add(value) } }
    func null() -> Self { adding { $0.ranges.append(nil) } }

    func id(_ id: SagaID) -> Self {
        adding {
            let start = $0.bytes.count
            $0.bytes += id.bytes
            $0.ranges.append(start..<$0.bytes.count)
        }
    }

    func text(_ text: String) -> Self {
        adding {
            let start = $0.bytes.count
            $0.bytes += Array(text.utf8)
            $0.ranges.append(start..<$0.bytes.count)
        }
    }

    func data(_ data: [UInt8]) -> Self {
        adding {
            let start = $0.bytes.count
            $0.bytes += data
            $0.ranges.append(start..<$0.bytes.count)
        }
    }

    func int16Array(_ values: [Int16]) -> Self {
        let array = PgArray(.int2)
        for value in values { array.add(value) }
        return adding { parameters in
            array.withBytes { parameters = parameters.data(Array($0)) }
        }
    }

    func textArray(_ values: [String]) -> Self {
        let array = PgArray(.text)
        for value in values { array.add(value) }
        return adding { parameters in
            array.withBytes { parameters = parameters.data(Array($0)) }
        }
    }

    private func adding(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }

    /// The parameters as libpq wants them; valid inside the body only.
    func withBuffers<Value, Failure: Error>(
        _ body: ([UnsafeRawBufferPointer?]) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
            let base = UnsafeRawBufferPointer(buffer)
            return try body(ranges.map { range in range.map { UnsafeRawBufferPointer(rebasing: base[$0]) } })
        }
    }
}

/// An array parameter in PostgreSQL's binary form, in memory that is kept from one commit to the next.
final class PgArray {
    enum Element: UInt32 {
        case bytes = 17
        case int8 = 20
        case int2 = 21
        case int4 = 23
        case text = 25
        case timestamp = 1184
        case uuid = 2950
    }

    private let element: Element
    private var writer = PostcardWriter(capacity: 4_096)
    private(set) var count: UInt32 = 0
    private var hasNull = false

    /// Bytes beyond which an array gives its memory back: a single huge append must not keep it.
    private static let keptBytes = 4 << 20

    init(_ element: Element) {
        self.element = element
        clear()
    }

    /// Makes it empty.
    func clear() {
        if writer.count > Self.keptBytes { writer = PostcardWriter(capacity: 4_096) }
        writer.reset()
        count = 0
        hasNull = false
        // Dimensions, whether there are nulls, element type, length, lower bound.
        for word in [1, 0, element.rawValue, 0, 1] { put(word) }
    }

    private func put(_ word: UInt32) { writer.writeRaw4(word.byteSwapped) }

    func addNull() {
        put(.max)
        count += 1
        hasNull = true
    }

    func add(_ value: Int64) {
        put(8)
        writer.writeRaw8(UInt64(bitPattern: value).byteSwapped)
        count += 1
    }

    func add(_ value: Int32) {
        put(4)
        put(UInt32(bitPattern: value))
        count += 1
    }

    func add(_ value: Int16) {
        put(2)
        withUnsafeBytes(of: value.bigEndian) { writer.writeRaw($0) }
        count += 1
    }

    func add(_ id: SagaID) {
        put(16)
        writer.writeRaw16(id.high.byteSwapped, id.low.byteSwapped)
        count += 1
    }

    func add(_ text: String) {
        var copy = text
        copy.withUTF8 { utf8 in
            put(UInt32(truncatingIfNeeded: utf8.count))
            writer.writeRaw(UnsafeRawBufferPointer(utf8))
        }
        count += 1
    }

    func add(bytes: [UInt8]) {
        put(UInt32(truncatingIfNeeded: bytes.count))
        bytes.withUnsafeBytes { writer.writeRaw($0) }
        count += 1
    }

    /// The events of one append, as `history.events` holds them.
    /// - Returns: How many bytes they take.
    @discardableResult
    func add(_ events: [HistoryEvent], of sagaID: SagaID, from first: EventID, hasBlobs: Bool = false) -> Int {
        let position = writer.count
        put(0)
        PackedEvents.encode(events[...], into: &writer, hasBlobs: hasBlobs)
        let checksum = writer.withBytes { bytes in
            RowChecksum.of(
                UnsafeRawBufferPointer(rebasing: bytes[(position + 4)...]), sagaID: sagaID, firstEventID: first,
                count: events.count)
        }
        put(checksum)
        let length = writer.count - position - 4
        writer.patchRaw4(UInt32(truncatingIfNeeded: length).byteSwapped, at: position)
        count += 1
        return length
    }

    /// Takes the last element back, which has so many bytes.
    func removeLast(of length: Int) {
        writer.truncate(to: writer.count - length - 4)
        count -= 1
    }

    /// The finished array; valid inside the body only.
    func withBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        writer.patchRaw4((hasNull ? 1 : 0 as UInt32).byteSwapped, at: 4)
        writer.patchRaw4(count.byteSwapped, at: 12)
        return try writer.withBytes(body)
    }

    /// The bytes of the finished array; they stay where they are until the next change.
    var buffer: UnsafeRawBufferPointer { withBytes { $0 } }

    /// The bytes of its one element, as a parameter that is no array has them; nil if that is NULL, or if there is not one. They stay
    /// where they are until the next change.
    var only: UnsafeRawBufferPointer? {
        guard count == 1, !hasNull else { return nil }
        // Behind the five words of the array and the element's length.
        return writer.withBytes { UnsafeRawBufferPointer(rebasing: $0.dropFirst(24)) }
    }
}

/// The checksum of a stored row: over its events and what they are keyed by, so that a damaged byte and a row under the
/// wrong key are both noticed.
enum RowChecksum {
    static func of(
        _ events: UnsafeRawBufferPointer, sagaID: SagaID, firstEventID: EventID, count: Int
    ) -> UInt32 {
        var key = sagaID.high &* 0x9E37_79B9_7F4A_7C15 ^ sagaID.low
        key = (key ^ key >> 29) &* 0xBF58_476D_1CE4_E5B9 ^ firstEventID &* 0x94D0_49BB_1331_11EB
        key = (key ^ key >> 32) &* 0xD6E8_FEB8_6659_FD93 ^ UInt64(truncatingIfNeeded: count)
        return Checksum.of(events) ^ UInt32(truncatingIfNeeded: key ^ key >> 32)
    }
}
