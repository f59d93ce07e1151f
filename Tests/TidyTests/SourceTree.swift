import Foundation

/// One text file of the project.
struct SourceFile: Sendable {
    /// From the top of the project: `Sources/SagaCore/Event/EventType.swift`.
    let path: String
    let lines: [String]
    /// The lines without comments and texts: what the compiler acts on. Empty for other languages than Swift.
    let code: [String]

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isGenerated: Bool {
        path.contains("/Generated/") || path.hasPrefix("Sources/CSagaProto/") || path.contains("_pb2")
    }

    /// The target that a source file belongs to: `SagaCore`.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }
}

/// The files of the project, read once.
enum SourceTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let folders = ["Sources", "Tests", "benchmarks", "ci", "docs", "proto", "sdk-stubs"]
    private static let kinds: Set<String> = [
        "swift", "md", "py", "sh", "c", "h", "proto", "yml", "yaml", "toml", "json", "modulemap", "txt", "",
    ]
    private static let skipped: Set<String> = [
        ".build", ".git", "node_modules", "__pycache__", "build", "dist", "results", "corpus-data",
    ]

    static let files: [SourceFile] = load()
    static let sources = files.filter { $0.isSwift && $0.path.hasPrefix("Sources/") }

    private static func load() -> [SourceFile] {
        var paths = ["Package.swift"]
        let top = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        paths += top.filter { $0.hasSuffix(".md") }
        for folder in folders { collect(folder, into: &paths) }
        return paths.sorted().compactMap { path in
            guard let data = try? Data(contentsOf: root.appending(path: path)), data.count < 4_000_000,
                !data.prefix(4_096).contains(0), let text = String(bytes: data, encoding: .utf8)
            else { return nil }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return SourceFile(path: path, lines: lines, code: path.hasSuffix(".swift") ? SwiftCode.lines(of: text) : [])
        }
    }

    private static func collect(_ folder: String, into paths: inout [String]) {
        let directory = root.appending(path: folder)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [] {
            if name.hasPrefix(".") || skipped.contains(name) { continue }
            let path = folder + "/" + name
            // A link to the sources, so that the fuzz targets compile them once more.
            if path == "Tests/Fuzz/Engine" { continue }
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isDirectory)
            else { continue }
            if isDirectory.boolValue {
                collect(path, into: &paths)
            } else if kinds.contains((name as NSString).pathExtension) {
                paths.append(path)
            }
        }
    }
}

/// Takes comments and the contents of texts out of Swift source, line by line.
enum SwiftCode {
    static func lines(of text: String) -> [String] {
        var result: [String] = []
        var line: [UInt8] = []
        var state = State.code
        let bytes = Array(text.utf8)
        var at = 0
        func next(_ offset: Int) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\n") {
                if state == .lineComment || state == .text { state = .code }
                result.append(String(decoding: line, as: UTF8.self))
                line = []
                at += 1
                continue
            }
            switch state {
            case .code:
                if byte == UInt8(ascii: "/") && next(1) == UInt8(ascii: "/") {
                    state = .lineComment
                } else if byte == UInt8(ascii: "/") && next(1) == UInt8(ascii: "*") {
                    state = .blockComment
                } else if byte == quote && next(1) == quote && next(2) == quote {
                    state = .longText
                    line += [quote, quote]
                    at += 2
                } else if byte == quote {
                    state = .text
                    line.append(quote)
                } else {
                    line.append(byte)
                }
            case .lineComment: break
            case .blockComment:
                if byte == UInt8(ascii: "*") && next(1) == UInt8(ascii: "/") {
                    state = .code
                    at += 1
                }
            case .text:
                // What stands in an interpolation is taken for text as well: a rule may miss it, never invent it.
                if byte == UInt8(ascii: "\\") {
                    at += 1
                } else if byte == quote {
                    state = .code
                    line.append(quote)
                }
            case .longText:
                if byte == UInt8(ascii: "\\") {
                    at += 1
                } else if byte == quote && next(1) == quote && next(2) == quote {
                    state = .code
                    at += 2
                }
            }
            at += 1
        }
        result.append(String(decoding: line, as: UTF8.self))
        return result
    }

    private static let quote = UInt8(ascii: "\"")

    private enum State { case code, lineComment, blockComment, text, longText }
}

extension String {
    /// Whether a word stands in the text: not as a part of a longer name, nor (unless it begins with a dot) as a member of
    /// something else.
    func hasWord(_ word: String) -> Bool {
        let text = Array(utf8)
        let wanted = Array(word.utf8)
        guard wanted.count <= text.count, let first = wanted.first, let last = wanted.last else { return false }
        for start in 0...(text.count - wanted.count) where text[start] == first {
            guard text[start..<start + wanted.count].elementsEqual(wanted) else { continue }
            let before = start > 0 ? text[start - 1] : 0
            let after = start + wanted.count < text.count ? text[start + wanted.count] : 0
            if first != UInt8(ascii: ".") && (Self.isNamePart(before) || before == UInt8(ascii: ".")) { continue }
            if Self.isNamePart(last) && Self.isNamePart(after) { continue }
            return true
        }
        return false
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }
}
