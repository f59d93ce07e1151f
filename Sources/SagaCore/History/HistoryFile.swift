public import SagaCodec

/// Histories in a file, to be moved to another store, kept, compared, or replayed against today's code.
///
/// Both forms are written and read piece by piece, so that a long history needs no more memory than a short one, and end
/// with a sum over everything before: a changed byte, a missing piece and a file that was cut off are all noticed.
///
/// Binary: `SAGAHIST`, a version byte, then records of a kind (1 byte), a length (4), that many bytes, and an xxHash32 of
/// kind, length and bytes (4); numbers least significant byte first. JSON: one object a line, each event as people read it,
/// and under `packed` as it is stored; of these two the second counts, and the sum at the end covers both.
public enum HistoryFile {
    /// How a file is written.
    public enum Format: String, Sendable, CaseIterable {
        case binary
        case json
    }

    /// What stands in a file, in order: a run begins with its event 0, its events follow without gaps, then its late effects.
    public enum Item: Sendable {
        /// Some consecutive events of one run, 1 to ``maximumEvents``.
        case events([HistoryEvent])
        /// A late effect of the run.
        case lateEffect(LateEffect)
    }

    /// The version of both forms.
    public static let version: UInt8 = 1
    /// Most events of one item.
    public static let maximumEvents = 1_000
    /// Most bytes of one record or line.
    static let maximumRecordBytes = 96 << 20

    static let magic = Array("SAGAHIST".utf8)

    enum Kind {
        static let events: UInt8 = 1
        static let lateEffect: UInt8 = 2
        static let end: UInt8 = 3
    }

    /// One hash after another, so that the last one stands for all.
    struct Chain {
        var value: UInt32 = 0

        mutating func add(_ hash: UInt32) {
            var bytes: [UInt8] = []
            bytes.appendLittle(value)
            bytes.appendLittle(hash)
            value = bytes.withUnsafeBytes { Checksum.of($0) }
        }
    }
}

/// Why a file is no history.
public struct HistoryFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, and where.
    public var message: String

    package init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// Writes histories piece by piece.
public struct HistoryFileWriter: Sendable {
    private let format: HistoryFile.Format
    private let describe: @Sendable (HistoryEvent) -> JSONValue
    private var chain = HistoryFile.Chain()
    private var events: UInt64 = 0

    /// A file that has nothing yet.
    /// - Parameters:
    ///   - format: Its form.
    ///   - describe: For JSON: an event as people read it, an object.
    public init(_ format: HistoryFile.Format, describe: @escaping @Sendable (HistoryEvent) -> JSONValue = { _ in [:] })
    {
        self.format = format
        self.describe = describe
    }

    /// What stands first.
    public mutating func begin() throws(HistoryFileError) -> [UInt8] {
        switch format {
        case .binary: return HistoryFile.magic + [HistoryFile.version]
        case .json: return try line(["saga_history": .integer(Int64(HistoryFile.version))])
        }
    }

    /// The form of an item.
    public mutating func write(_ item: HistoryFile.Item) throws(HistoryFileError) -> [UInt8] {
        switch item {
        case .events(let list):
            guard let first = list.first else { return [] }
            events += UInt64(list.count)
            if format == .json { return try lines(list) }
            var bytes = first.sagaID.bytes
            bytes.appendLittle(first.eventID)
            // With the checksum that every release reads: files go from one to another.
            do throws(CodecError) {
                bytes += try LZ4Frame.compress(PackedEvents.encode(list), check: .xxHash32)
            } catch {
                throw HistoryFileError("event \(first.eventID) cannot be written: \(error)")
            }
            return record(HistoryFile.Kind.events, bytes)
        case .lateEffect(let effect):
            let bytes = Postcard.encode(effect)
            if format == .binary { return record(HistoryFile.Kind.lateEffect, bytes) }
            return try line([
                "late_effect_of": .string(effect.sagaID.description), "step_id": .string(effect.stepID),
                "packed": .string(Base64.encode(bytes)),
            ])
        }
    }

    /// What stands last; without it the file is cut off.
    public mutating func end() throws(HistoryFileError) -> [UInt8] {
        switch format {
        case .binary:
            var bytes: [UInt8] = []
            bytes.appendLittle(events)
            bytes.appendLittle(chain.value)
            return record(HistoryFile.Kind.end, bytes)
        case .json:
            return try line(["end": .bool(true), "events": JSONValue(events), "checksum": .integer(Int64(chain.value))])
        }
    }

    private mutating func record(_ kind: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var record = [kind]
        record.reserveCapacity(bytes.count + 9)
        record.appendLittle(UInt32(truncatingIfNeeded: bytes.count))
        record += bytes
        let hash = record.checksum
        chain.add(hash)
        record.appendLittle(hash)
        return record
    }

    private mutating func lines(_ events: [HistoryEvent]) throws(HistoryFileError) -> [UInt8] {
        var text: [UInt8] = []
        for event in events {
            var object = describe(event).objectValue ?? [:]
            object["event_id"] = JSONValue(event.eventID)
            object["saga_id"] = .string(event.sagaID.description)
            object["packed"] = .string(Base64.encode(PackedEvents.encode([event])))
            text += try line(.object(object))
        }
        return text
    }

    private mutating func line(_ value: JSONValue) throws(HistoryFileError) -> [UInt8] {
        do throws(CodecError) {
            let text = try JSONCoding.serialize(value)
            chain.add(text.checksum)
            return text + [UInt8(ascii: "\n")]
        } catch {
            throw HistoryFileError("a line cannot be written: \(error)")
        }
    }
}

/// Base 64 with padding, as JSON carries bytes.
public enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let rest = bytes.count - index
            let group =
                UInt32(bytes[index]) << 16 | (rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[index + 2]) : 0)
            text.append(digits[Int(group >> 18)])
            text.append(digits[Int(group >> 12 & 63)])
            text.append(rest > 1 ? digits[Int(group >> 6 & 63)] : UInt8(ascii: "="))
            text.append(rest > 2 ? digits[Int(group & 63)] : UInt8(ascii: "="))
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; nil if it is not exactly what ``encode(_:)`` writes.
    public static func decode(_ text: String) -> [UInt8]? {
        let utf8 = Array(text.utf8)
        guard utf8.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count / 4 * 3)
        var group: UInt32 = 0
        var padding = 0
        for (index, byte) in utf8.enumerated() {
            let digit: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = UInt32(byte - 65)
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = UInt32(byte - 97 + 26)
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte - 48 + 52)
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            case UInt8(ascii: "=") where index >= utf8.count - 2:
                padding += 1
                digit = 0
            default: return nil
            }
            if padding > 0, byte != UInt8(ascii: "=") { return nil }
            group = group << 6 | digit
            guard index % 4 == 3 else { continue }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
            if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
            group = 0
        }
        return encode(bytes) == text ? bytes : nil
    }
}

extension [UInt8] {
    mutating func appendLittle(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// xxHash32 of the bytes.
    var checksum: UInt32 { withUnsafeBytes { Checksum.of($0) } }
}
