internal import Glibc
internal import SagaCore

/// What one service really did: a file of its own, one line per fact, appended and synced before the answer.
///
/// It stands for the service's database, and it is what the demo counts: the engine's history is not asked. Lines have
/// tab-separated fields: microseconds since 1970, verb, idempotency key of the step, workflow id, reference. Verbs:
/// `booked`, `cancelled` (also the mark for a step whose effect never came), `refused` (an effect that came after it).
struct ServiceBook: Sendable {
    let path: String

    /// Books under a key; the same key again gives the same reference and does nothing.
    /// - Returns: The reference.
    func book(key: String, workflowID: String, newReference: String) throws -> String {
        try withLockedFile { file in
            let entries = try file.entries(key: key)
            if entries.contains(where: { $0.verb == "cancelled" }) {
                try file.append("refused", key, workflowID, "-")
                throw TravelError.alreadyCancelled(key: key)
            }
            if let booked = entries.first(where: { $0.verb == "booked" }) { return booked.reference }
            try file.append("booked", key, workflowID, newReference)
            return newReference
        }
    }

    /// Cancels what was booked under a key, and leaves a mark there, so that a late booking is refused.
    /// - Returns: The reference of what was cancelled; nil if nothing had been booked.
    func cancel(key: String, workflowID: String) throws -> String? {
        try withLockedFile { file in
            let entries = try file.entries(key: key)
            let booked = entries.first { $0.verb == "booked" }
            if !entries.contains(where: { $0.verb == "cancelled" }) {
                try file.append("cancelled", key, workflowID, booked?.reference ?? "-")
            }
            return booked?.reference
        }
    }

    private func withLockedFile<Result>(_ body: (OpenBook) throws -> Result) throws -> Result {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ServiceBookError.last(path) }
        // Closing gives the lock back.
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw ServiceBookError.last(path) }
        return try body(OpenBook(path: path, descriptor: descriptor))
    }
}

/// A book that is open and locked.
private struct OpenBook {
    struct Entry {
        var verb: Substring
        var reference: String
    }

    let path: String
    let descriptor: Int32

    /// The facts under a key, oldest first.
    func entries(key: String) throws -> [Entry] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &part, part.count, off_t(bytes.count))
            guard count >= 0 else { throw ServiceBookError.last(path) }
            if count == 0 { break }
            bytes.append(contentsOf: part[..<count])
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 5, fields[2] == key else { return nil }
            return Entry(verb: fields[1], reference: String(fields[4]))
        }
    }

    func append(_ verb: String, _ key: String, _ workflowID: String, _ reference: String) throws {
        let line = Array("\(currentTime().microseconds)\t\(verb)\t\(key)\t\(workflowID)\t\(reference)\n".utf8)
        // One write of one line: with O_APPEND and the lock it is whole or not there.
        guard write(descriptor, line, line.count) == line.count, fsync(descriptor) == 0 else {
            throw ServiceBookError.last(path)
        }
    }
}

extension ServiceBookError {
    static func last(_ path: String) -> ServiceBookError {
        ServiceBookError(path: path, reason: String(cString: strerror(errno)))
    }
}
