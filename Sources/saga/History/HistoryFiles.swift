internal import Glibc
internal import SagaCore
internal import SagaEngine
internal import SagaPostgres
internal import SagaSQLite

/// A file that is written piece by piece; others see it when it is whole.
struct FileSink {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private(set) var bytes = 0

    init(_ path: String) throws(Failure) {
        self.path = path
        temporary = "\(path).\(getpid()).new"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(.usage, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    mutating func write(_ part: [UInt8]) throws(Failure) {
        var rest = part[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure(.usage, "cannot write \(path): \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
        bytes += part.count
    }

    func end() throws(Failure) {
        let isSynced = fsync(descriptor) == 0
        close(descriptor)
        guard isSynced, rename(temporary, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(temporary)
            throw Failure(.usage, "cannot write \(path): \(reason)")
        }
    }

    func abandon() {
        close(descriptor)
        unlink(temporary)
    }
}

/// Histories on their way into a file.
struct HistorySink {
    private var file: FileSink
    private var writer: HistoryFileWriter
    private var isBegun = false
    private(set) var events: UInt64 = 0

    init(_ file: FileSink, _ format: HistoryFile.Format) {
        self.file = file
        writer = HistoryFileWriter(format) { EventJSON.event($0) }
    }

    var bytes: Int { file.bytes }

    mutating func write(_ item: HistoryFile.Item) throws(Failure) {
        if case .events(let list) = item { events += UInt64(list.count) }
        do throws(HistoryFileError) {
            let head = isBegun ? [] : try writer.begin()
            isBegun = true
            let part = head + (try writer.write(item))
            do throws(Failure) { try file.write(part) } catch { throw HistoryFileError(error.message) }
        } catch {
            throw Failure(.usage, error.message)
        }
    }

    mutating func end() throws(Failure) {
        do throws(HistoryFileError) {
            let head = isBegun ? [] : try writer.begin()
            let part = head + (try writer.end())
            do throws(Failure) { try file.write(part) } catch { throw HistoryFileError(error.message) }
        } catch {
            throw Failure(.usage, error.message)
        }
        try file.end()
    }

    func abandon() { file.abandon() }
}

/// Histories as they come out of a file.
struct HistorySource: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var reader = HistoryFileReader()
    private var isOver = false

    init(_ path: String) throws(Failure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.usage, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// The next few items, which may be none; nil at the end.
    mutating func next() throws(Failure) -> [HistoryFile.Item]? {
        if isOver { return nil }
        var part = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &part, part.count)
        if count < 0 && errno == EINTR { return [] }
        guard count >= 0 else { throw Failure(.usage, "cannot read \(path): \(String(cString: strerror(errno)))") }
        do throws(HistoryFileError) {
            if count == 0 {
                try reader.end()
                isOver = true
                return nil
            }
            return try reader.read(part[..<count])
        } catch {
            throw Failure(.usage, "\(path): \(error.message)")
        }
    }

    /// Reads a file to its end: every checksum, and whether each run's events fit one after the other.
    static func check(_ path: String) throws(Failure) {
        var source = try HistorySource(path)
        var state: ExecutionState?
        while let items = try source.next() {
            for case .events(let events) in items {
                for event in events {
                    if state?.sagaID != event.sagaID { state = ExecutionState(sagaID: event.sagaID) }
                    do throws(SagaError) { try state?.apply(event) } catch {
                        throw Failure(.usage, "\(path): \(error.message)")
                    }
                }
            }
        }
    }

    /// All runs of a file, for comparing.
    static func runs(_ path: String) throws(Failure) -> [[HistoryEvent]] {
        var source = try HistorySource(path)
        var runs: [[HistoryEvent]] = []
        while let items = try source.next() {
            for case .events(let events) in items {
                for event in events {
                    if let last = runs.last?.last, last.sagaID == event.sagaID {
                        runs[runs.count - 1].append(event)
                    } else {
                        runs.append([event])
                    }
                }
            }
        }
        return runs
    }
}

/// A store that a command opens by itself, without a server.
enum OpenedStore {
    static func with<Result>(_ text: String, _ body: (any EventStore) async throws -> Result) async throws -> Result {
        guard let settings = ServerSettings.Store(text), settings != .memory else {
            throw Failure(
                .usage, text.isEmpty ? "which store? give --store" : "\(Wording.safe(text)) is no store",
                hint: "sqlite:PATH or postgres://…")
        }
        let store = try await open(settings)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            if let error = error as? StoreError { throw Failure(.failed, "\(settings.text): \(error.message)") }
            throw error
        }
    }

    private static func open(_ settings: ServerSettings.Store) async throws(Failure) -> any EventStore {
        do throws(StoreError) {
            switch settings {
            case .sqlite(let path): return try SQLiteEventStore(path: path)
            case .postgres(let connection):
                return try await PostgresEventStore.open(PostgresOptions(connection: connection))
            case .memory: throw StoreError(.misconfigured, "a memory store has nothing")
            }
        } catch {
            throw Failure(
                error.reason == .unavailable ? .unreachable : .usage,
                "cannot open the store \(settings.text): \(error)",
                hint: "a SQLite file that a server has open cannot be used beside it")
        }
    }
}
