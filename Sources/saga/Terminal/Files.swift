internal import Glibc

/// Small text files: settings, certificates, tokens.
enum Files {
    /// Largest file that is read, in bytes.
    static let maximumBytes = 4 << 20

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The whole file.
    /// - Parameter path: `-` means standard input.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot read", path) }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: part[..<count])
            guard bytes.count <= maximumBytes else {
                throw Failure(.usage, "\(path) is larger than \(maximumBytes) bytes")
            }
        }
    }

    static func readText(_ path: String) throws(Failure) -> String { String(decoding: try read(path), as: UTF8.self) }

    /// Writes a file as a whole: others see the old one or the new one.
    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws(Failure) {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("cannot write", temporary) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let isSynced = fsync(descriptor) == 0
        close(descriptor)
        guard written == bytes.count, isSynced, rename(temporary, path) == 0 else {
            let error = failure("cannot write", path)
            unlink(temporary)
            throw error
        }
    }

    /// Makes a folder unless it is there.
    static func makeFolder(_ path: String, mode: mode_t = 0o700) throws(Failure) {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("cannot make the folder", path) }
    }

    /// The path from the root.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure(.usage, "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
