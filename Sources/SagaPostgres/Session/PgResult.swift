import CPostgres
import SagaCore

/// Rows that the server sent, in binary. Every access is checked: a column that is not what was asked for gives nil.
final class PgResult {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(handle) }

    var count: Int { Int(PQntuples(handle)) }

    /// Bytes of memory that it takes.
    var memory: Int { PQresultMemorySize(handle) }

    func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(handle, Int32(row), Int32(column)) != 0 }

    /// A value's bytes; they stay valid while the result lives.
    func bytes(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        guard let start = PQgetvalue(handle, Int32(row), Int32(column)) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, Int32(row), Int32(column))))
    }

    func int64(_ row: Int, _ column: Int) -> Int64? {
        let bytes = bytes(row, column)
        guard bytes.count == 8, !isNull(row, column) else { return nil }
        return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
    }

    func int32(_ row: Int, _ column: Int) -> Int32? {
        let bytes = bytes(row, column)
        guard bytes.count == 4, !isNull(row, column) else { return nil }
        return Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))
    }

    func int16(_ row: Int, _ column: Int) -> Int16? {
        let bytes = bytes(row, column)
        guard bytes.count == 2, !isNull(row, column) else { return nil }
        return Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))
    }

    func bool(_ row: Int, _ column: Int) -> Bool? {
        let bytes = bytes(row, column)
        guard bytes.count == 1, !isNull(row, column) else { return nil }
        return bytes[0] != 0
    }

    /// Text; nil if it is not valid UTF-8.
    func text(_ row: Int, _ column: Int) -> String? {
        isNull(row, column) ? nil : String(validating: bytes(row, column), as: UTF8.self)
    }

    func sagaID(_ row: Int, _ column: Int) -> SagaID? {
        let bytes = bytes(row, column)
        guard bytes.count == 16, !isNull(row, column) else { return nil }
        return SagaID(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    func timestamp(_ row: Int, _ column: Int) -> Timestamp? {
        int64(row, column).flatMap { PgTime.timestamp($0) }
    }

    /// A one-dimensional `bigint[]` without nulls.
    func int64Array(_ row: Int, _ column: Int) -> [Int64]? {
        let bytes = bytes(row, column)
        guard !isNull(row, column), bytes.count >= 12 else { return nil }
        func word(_ at: Int) -> Int { Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: Int32.self))) }
        if word(0) == 0 { return [] }
        guard word(0) == 1, word(4) == 0, bytes.count >= 20, word(12) >= 0, bytes.count == 20 + 12 * word(12) else {
            return nil
        }
        return (0..<word(12)).map { index in
            Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24 + 12 * index, as: Int64.self))
        }
    }
}

/// PostgreSQL's `timestamptz`: microseconds since 2000-01-01, UTC.
enum PgTime {
    static let epoch: Int64 = 946_684_800_000_000
    /// What `timestamptz` can hold, up to the year 294,276.
    static let range: ClosedRange<Int64> = -210_866_803_200_000_000...9_223_371_331_199_999_999

    /// The stored form; nil if it does not fit.
    static func stored(_ time: Timestamp) -> Int64? {
        range.contains(time.microseconds) ? time.microseconds - epoch : nil
    }

    static func timestamp(_ stored: Int64) -> Timestamp? {
        let (sum, overflow) = stored.addingReportingOverflow(epoch)
        return overflow ? nil : Timestamp(microseconds: sum)
    }
}
