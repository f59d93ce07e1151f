import Glibc

/// A folder of its own for one test, gone with it.
final class TemporaryFolder {
    let path: String

    struct Failure: Error { let what: String }

    init() throws {
        var template = Array("/tmp/saga-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(what: "mkdtemp: \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        guard let folder = opendir(path) else { return }
        removeContents(of: folder, at: path)
        rmdir(path)
    }

    private func removeContents(of folder: OpaquePointer, at path: String) {
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            let child = path + "/" + name
            if let nested = opendir(child) {
                removeContents(of: nested, at: child)
                rmdir(child)
            } else {
                unlink(child)
            }
        }
    }

    func write(_ name: String, _ text: String) throws {
        guard let file = fopen(path + "/" + name, "w") else { throw Failure(what: name) }
        defer { fclose(file) }
        guard fputs(text, file) >= 0 else { throw Failure(what: name) }
    }

    func read(_ name: String) throws -> String {
        guard let file = fopen(path + "/" + name, "r") else { throw Failure(what: name) }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
