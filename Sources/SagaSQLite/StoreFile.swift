import SagaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The place of a store on disk: made with rights for its owner only, and locked for one process at a time.
///
/// The lock is an advisory lock on a file beside the database. It goes with the process, however that ends, so nothing
/// has to be cleaned up after a crash. (A lock on the database file itself would be lost when any descriptor of it is
/// closed.)
final class StoreFile: Sendable {
    /// The database file, without symbolic links.
    let path: String
    private let lock: Int32

    /// Makes what is missing and takes the lock.
    init(path: String) throws(StoreError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreError(.misconfigured, "the path of a SQLite store is empty or has a NUL character")
        }
        let canonical = try Self.canonical(path)
        let lock = open(canonical + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Self.failure("cannot open \(canonical).lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let inUse = errno == EWOULDBLOCK
            let failure = Self.failure("cannot lock \(canonical).lock")
            close(lock)
            if inUse {
                throw StoreError(
                    .misconfigured,
                    "\(canonical) is in use by another server or program; stop that one first, or use another file")
            }
            throw failure
        }
        let file = open(canonical, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let failure = Self.failure("cannot open \(canonical)")
            close(lock)
            throw failure
        }
        // Closed before SQLite opens it: closing a descriptor later would drop SQLite's own locks.
        close(file)
        self.path = canonical
        self.lock = lock
    }

    deinit {
        // Said, not left to `close`: a program that is just being started holds a copy of the descriptor for a moment.
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// The path without symbolic links, so that one file has one lock; makes missing directories.
    private static func canonical(_ path: String) throws(StoreError) -> String {
        if let resolved = resolve(path) { return resolved }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        var directory = slash.map { String(path[..<$0]) } ?? "."
        if directory.isEmpty { directory = "/" }
        guard !name.isEmpty, name != ".", name != ".." else {
            throw StoreError(.misconfigured, "\(path) names a directory; a SQLite store needs a file")
        }
        try makeDirectory(directory)
        guard let resolved = resolve(directory) else { throw failure("cannot find \(directory)") }
        return resolved == "/" ? "/" + name : resolved + "/" + name
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Makes a directory and those above it, for the owner only; what exists is left as it is.
    private static func makeDirectory(_ path: String) throws(StoreError) {
        for (index, byte) in path.utf8.enumerated() where byte == UInt8(ascii: "/") && index > 0 {
            _ = mkdir(String(path[..<path.utf8.index(path.startIndex, offsetBy: index)]), 0o700)
        }
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw failure("cannot make the directory \(path)") }
    }

    private static func failure(_ what: String) -> StoreError {
        let code = errno
        return StoreError(.misconfigured, "\(what): \(String(cString: strerror(code))) (errno \(code))")
    }
}
