#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Directories and files of tests, without Foundation.
enum TemporaryDirectory {
    struct Failure: Error {
        let what: String
        let code: Int32
    }

    /// Makes an empty directory, and removes it with all it has when the body is done.
    static func with<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let made = try make()
        defer { remove(made) }
        return try await body(made)
    }

    /// Makes an empty directory; whoever asks for it removes it.
    static func make() throws -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/saga-test-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { throw Failure(what: "mkdtemp", code: errno) }
        return made
    }

    static func remove(_ directory: String) {
        for name in names(in: directory) {
            let path = directory + "/" + name
            if unlink(path) != 0 { remove(path) }
        }
        rmdir(directory)
    }

    static func removeFile(_ path: String) { unlink(path) }

    static func names(in directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// The permission bits of a file.
    static func mode(of path: String) throws -> mode_t {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(what: path, code: errno) }
        return status.st_mode & 0o777
    }

    /// Changes one byte of a file.
    static func write(_ byte: UInt8, at offset: Int, of path: String) throws {
        let file = open(path, O_WRONLY)
        guard file >= 0 else { throw Failure(what: path, code: errno) }
        defer { close(file) }
        var byte = byte
        guard pwrite(file, &byte, 1, off_t(offset)) == 1 else { throw Failure(what: path, code: errno) }
    }

    static func bytes(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw Failure(what: path, code: errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0 { throw Failure(what: path, code: errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw Failure(what: path, code: errno) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            if count <= 0 { throw Failure(what: path, code: errno) }
            written += count
        }
    }
}

private func systemWrite(_ file: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int { write(file, start, count) }
