internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The zones of this machine: the compiled zone files that every Unix system has (package `tzdata`). A zone is read when it is
/// first asked for.
public final class TimeZones: Sendable {
    /// The system's own.
    public static let system = TimeZones(directory: "/usr/share/zoneinfo")

    private let directory: String
    private let known = Mutex<[String: TimeZoneRules]>([:])

    /// - Parameter directory: Where the files are, by the name of the zone.
    public init(directory: String) { self.directory = directory }

    /// - Parameter name: An IANA name such as `Europe/Zurich`; empty or `UTC` needs no file.
    /// - Throws: `ScheduleError` if there is no such zone here.
    public func rules(_ name: String) throws(ScheduleError) -> TimeZoneRules {
        if name.isEmpty || name == "UTC" { return .utc }
        if let rules = known.withLock({ $0[name] }) { return rules }
        guard Self.isName(name) else { throw ScheduleError("\"\(name.prefix(64))\" is no name of a time zone") }
        guard let bytes = Self.load("\(directory)/\(name)", limit: TimeZoneRules.maximumBytes) else {
            throw ScheduleError("the time zone \(name) is not known here: there is no file \(directory)/\(name)")
        }
        let rules = try TimeZoneRules(bytes)
        known.withLock { $0[name] = rules }
        return rules
    }

    /// Letters, digits, `_`, `+` and `-`, in parts; no way out of the directory.
    private static func isName(_ name: String) -> Bool {
        guard name.utf8.count <= 64 else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy { byte in
                    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                        || byte == 0x5F || byte == 0x2B || byte == 0x2D
                }
        }
    }

    private static func load(_ path: String, limit: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= limit {
            let count = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        return nil
    }
}
