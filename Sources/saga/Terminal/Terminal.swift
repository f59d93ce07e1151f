internal import Glibc
internal import SagaCodec

/// Standard output and standard error.
enum Terminal {
    /// Whether standard output can show more than ASCII.
    static let isUnicode: Bool = {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = environment(name), !value.isEmpty else { continue }
            let upper = value.uppercased()
            return upper.contains("UTF-8") || upper.contains("UTF8")
        }
        return false
    }()

    static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }

    static func print(_ value: JSONValue) { print(value.compactText()) }

    static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

    /// An environment variable; nil if it is not set.
    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // A reader that went away (`saga list | head`) is not our error.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// How results are printed.
enum OutputFormat: String, CaseIterable, Sendable {
    /// For people.
    case text
    /// For programs: one JSON value a line.
    case json
}
