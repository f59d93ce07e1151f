public import SagaCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Histories in files, for tests that replay them against today's code (docs/testing.md).
public enum RecordedHistories {
    /// Writes histories into one file, as `saga export` does.
    /// - Throws: `HistoryFileError`.
    public static func write(
        _ histories: [[HistoryEvent]], to path: String, as format: HistoryFile.Format = .binary
    ) throws(HistoryFileError) {
        var writer = HistoryFileWriter(format)
        var bytes = try writer.begin()
        for history in histories {
            var rest = history[...]
            while !rest.isEmpty {
                bytes += try writer.write(.events(Array(rest.prefix(HistoryFile.maximumEvents))))
                rest = rest.dropFirst(HistoryFile.maximumEvents)
            }
        }
        bytes += try writer.end()
        guard let file = fopen(path, "w") else { throw error("it cannot be written", path) }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw error("it cannot be written", path) }
    }

    /// Reads the histories of a file, one for each run.
    /// - Throws: `HistoryFileError`.
    public static func read(_ path: String) throws(HistoryFileError) -> [[HistoryEvent]] {
        guard let file = fopen(path, "r") else { throw error("it cannot be read", path) }
        defer { fclose(file) }
        var reader = HistoryFileReader()
        var histories: [[HistoryEvent]] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { break }
            for case .events(let events) in try reader.read(part[..<count]) {
                if histories.last?.first?.sagaID == events.first?.sagaID, !histories.isEmpty {
                    histories[histories.count - 1] += events
                } else {
                    histories.append(events)
                }
            }
        }
        if ferror(file) != 0 { throw error("it cannot be read to its end", path) }
        try reader.end()
        return histories
    }

    private static func error(_ what: String, _ path: String) -> HistoryFileError {
        HistoryFileError("\(path): \(what): \(String(cString: strerror(errno)))")
    }
}
