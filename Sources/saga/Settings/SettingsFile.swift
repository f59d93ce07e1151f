/// A file of settings: `name = value`, one a line, `#` begins a comment line. The names are those of the flags.
struct SettingsFile: Equatable {
    struct Entry: Equatable {
        var name: String
        var value: String
        /// From 1.
        var line: Int
    }

    private(set) var entries: [Entry] = []
    /// Where it was read from, for messages.
    let path: String

    /// Reads the text of a file.
    /// - Throws: `Failure` that names the line.
    init(_ text: String, path: String) throws(Failure) {
        self.path = path
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(raw)
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let equals = line.firstIndex(of: "=") else {
                throw Failure(.usage, "\(path), line \(index + 1): not of the form: name = value")
            }
            let name = String(Self.trimmed(line[..<equals]))
            guard !name.isEmpty else { throw Failure(.usage, "\(path), line \(index + 1): the name is empty") }
            guard value(name) == nil else {
                throw Failure(.usage, "\(path), line \(index + 1): \(name) is there twice")
            }
            entries.append(
                Entry(name: name, value: String(Self.trimmed(line[line.index(after: equals)...])), line: index + 1))
        }
    }

    func value(_ name: String) -> String? { entries.first { $0.name == name }?.value }

    /// Refuses what nobody reads: a misspelt name must not be ignored.
    func check(against known: [String]) throws(Failure) {
        for entry in entries where !known.contains(entry.name) {
            throw Failure(
                .usage, "\(path), line \(entry.line): unknown setting \(entry.name)",
                hint: "known settings: \(known.joined(separator: ", "))")
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }
}
