internal import SagaCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The bytes of a small file.
/// - Throws: `SagaError` of kind configuration that names the file and the system's reason.
func readFile(_ path: String, limit: Int) throws(SagaError) -> [UInt8] {
    guard let file = fopen(path, "rb") else {
        throw SagaError(kind: .configuration, message: "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        bytes.append(contentsOf: chunk[..<count])
        guard bytes.count <= limit else {
            throw SagaError(kind: .configuration, message: "\(path) is larger than \(limit) bytes")
        }
        if count < chunk.count {
            guard ferror(file) == 0 else {
                throw SagaError(kind: .configuration, message: "cannot read \(path): it broke off")
            }
            return bytes
        }
    }
}
