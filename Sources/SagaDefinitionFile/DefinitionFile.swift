internal import SagaCodec
public import SagaCore
internal import Yams

/// Definitions of sagas as YAML files (docs/declarative.md). The one place that knows YAML.
public enum DefinitionFile {
    /// Bytes of a file at most.
    public static let maximumBytes = 262_144
    /// Bytes of a line at most: they bound how deep the parser can be led.
    static let maximumLine = 8_192
    /// Aliases (`*name`) of a file at most: few enough that they cannot grow.
    static let maximumAliases = 32
    /// Values within values.
    static let maximumDepth = 64
    /// Values in all, those behind aliases counted each time.
    static let maximumNodes = 50_000

    /// Reads a file.
    /// - Parameter text: YAML.
    /// - Returns: A definition that is valid.
    /// - Throws: Everything that is wrong, each with its line.
    public static func read(_ text: String) throws(InvalidDefinition) -> SagaDefinition {
        if let problem = limitProblem(text) { throw InvalidDefinition(problems: [problem]) }
        let root: Node
        do {
            guard let node = try Parser(yaml: text).singleRoot() else {
                throw InvalidDefinition(problems: [DefinitionProblem(line: 1, message: "the file is empty")])
            }
            root = node
        } catch let error as InvalidDefinition {
            throw error
        } catch {
            throw InvalidDefinition(problems: [problem(of: error)])
        }
        var reader = DefinitionReader()
        let definition = reader.definition(root)
        if !reader.problems.isEmpty { throw InvalidDefinition(problems: reader.problems) }
        let problems = definition.problems
        if !problems.isEmpty { throw InvalidDefinition(problems: problems.map { reader.lines.located($0) }) }
        return definition
    }

    private static func limitProblem(_ text: String) -> DefinitionProblem? {
        let bytes = Array(text.utf8)
        if bytes.count > maximumBytes {
            return DefinitionProblem(message: "the file has \(bytes.count) bytes; \(maximumBytes) are allowed")
        }
        var line: UInt32 = 1
        var lineStart = 0
        var aliases = 0
        for (index, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") {
                line += 1
                lineStart = index + 1
            }
            if byte == 0 { return DefinitionProblem(line: line, message: "there is a NUL character") }
            if index - lineStart > maximumLine {
                return DefinitionProblem(line: line, message: "the line has more than \(maximumLine) bytes")
            }
            // Whatever might be an alias counts, also in texts: the limit is far above what files need.
            let before = index > 0 ? bytes[index - 1] : UInt8(ascii: " ")
            if byte == UInt8(ascii: "*"), index + 1 < bytes.count, isNameByte(bytes[index + 1]), !isNameByte(before) {
                aliases += 1
            }
            if aliases > maximumAliases {
                return DefinitionProblem(line: line, message: "more than \(maximumAliases) aliases")
            }
        }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...0xFF:
            true
        default: false
        }
    }

    private static func problem(of error: any Error) -> DefinitionProblem {
        func problem(_ message: String, _ mark: Mark) -> DefinitionProblem {
            DefinitionProblem(line: UInt32(clamping: mark.line), message: "this is not YAML: \(message)")
        }
        switch error {
        case YamlError.scanner(_, let message, let mark, _), YamlError.parser(_, let message, let mark, _),
            YamlError.composer(_, let message, let mark, _):
            return problem(message, mark)
        case YamlError.reader(let message, _, _, _): return DefinitionProblem(message: "this is not YAML: \(message)")
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            return problem("\(keys.joined(separator: ", ")) stands there twice", context.mark)
        default: return DefinitionProblem(message: "this is not YAML")
        }
    }
}

/// Where the parts of steps stand.
struct FieldLines {
    /// A text, and the line where it begins.
    struct Text {
        var line: UInt32
        var text: String
    }

    private var fields: [String: [Text]] = [:]

    mutating func note(_ step: UInt32, _ field: String, _ line: UInt32, _ text: String) {
        fields["\(step) \(field)", default: []].append(Text(line: line, text: text))
    }

    /// A problem with the line of the part that it is about: of the very text, if it names a reference in it.
    func located(_ problem: DefinitionProblem) -> DefinitionProblem {
        guard let texts = fields["\(problem.line) \(problem.field)"], let first = texts.first else { return problem }
        var located = problem
        located.line = first.line
        if let start = problem.message.range(of: "${"),
            let end = problem.message[start.upperBound...].firstIndex(of: "}")
        {
            let reference = problem.message[start.lowerBound...end]
            if let text = texts.first(where: { $0.text.contains(reference) }) { located.line = text.line }
        }
        return located
    }
}

extension String {
    /// Where a text first stands.
    fileprivate func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
