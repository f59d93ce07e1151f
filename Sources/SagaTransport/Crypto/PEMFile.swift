internal import Glibc

/// Small text files: read with a limit, written whole or not at all.
enum PEMFile {
    /// Largest file read. A chain of certificates is a few kilobytes.
    static let maxSize = 1 << 20

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func read(_ path: String) throws(TLSError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TLSError(.configuration, "cannot open \(path): \(SystemError.text(errno))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= maxSize {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count < 0 {
                if errno == EINTR { continue }
                throw TLSError(.configuration, "cannot read \(path): \(SystemError.text(errno))")
            }
            bytes.append(contentsOf: chunk[..<count])
        }
        throw TLSError(.configuration, "\(path) is larger than \(maxSize) bytes")
    }

    /// Writes beside the target, then renames: a reader sees the old file or the new one, and a key never has more
    /// rights than `mode`.
    static func write(_ text: String, to path: String, mode: mode_t) throws(TLSError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw TLSError(.configuration, "cannot write \(path): \(SystemError.text(errno))")
        }
        let bytes = Array(text.utf8)
        var written = 0
        var failure: Int32 = 0
        while written < bytes.count, failure == 0 {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { failure = errno }
        }
        if failure == 0, fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        if failure == 0, rename(temporary, path) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(temporary)
            throw TLSError(.configuration, "cannot write \(path): \(SystemError.text(failure))")
        }
    }
}

/// errno in words.
enum SystemError {
    static func text(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
