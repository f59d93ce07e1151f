internal import Glibc

/// The services' books as a whole: what is booked now, whatever the engine says.
public enum TravelBooks {
    /// One line for each booking that was not cancelled, and each time it was booked: `hotel: <idempotency key>`.
    /// - Parameter directory: Folder of the books.
    public static func standing(in directory: String) throws -> [String] {
        var lines: [String] = []
        for service in TravelService.allCases {
            var booked: [String] = []
            var cancelled: Set<String> = []
            for line in try read("\(directory)/\(service.rawValue).log").split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                guard fields.count == 5 else { continue }
                if fields[1] == "booked" { booked.append(String(fields[2])) }
                if fields[1] == "cancelled" { cancelled.insert(String(fields[2])) }
            }
            lines += booked.filter { !cancelled.contains($0) }.map { "\(service.rawValue): \($0)" }
        }
        return lines
    }

    /// Removes the books and their folder.
    public static func remove(_ directory: String) {
        for service in TravelService.allCases { unlink("\(directory)/\(service.rawValue).log") }
        rmdir(directory)
    }

    private static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        // A service that was never asked has no book.
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            guard count >= 0 else { throw ServiceBookError.last(path) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: part[..<count])
        }
    }
}
