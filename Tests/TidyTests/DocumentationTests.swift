import Testing

/// Every public declaration of the core says what it means.
@Suite struct DocumentationTests {
    /// Members whose meaning is that of the protocol they belong to, and memberwise initialisers.
    private static let selfExplaining = [
        "init(", "init?(", "init<", "func encode(", "let eventType", "var description", "var debugDescription",
        "func <", "func ==", "func hash(",
    ]

    @Test func everyPublicDeclarationOfTheCoreIsDocumented() {
        var findings: [String] = []
        var seen = 0
        for file in SourceTree.sources where file.target == "SagaCore" {
            for (index, code) in file.code.enumerated() {
                guard let declaration = Self.publicDeclaration(code) else { continue }
                seen += 1
                if Self.selfExplaining.contains(where: { declaration.hasPrefix($0) }) { continue }
                if !Self.isDocumented(file.lines, index) {
                    findings.append("\(file.path):\(index + 1): \(declaration.prefix(70))")
                }
            }
        }
        #expect(seen > 500, "the scan finds declarations")
        #expect(findings.isEmpty, "\(findings.count) without a comment:\n\(findings.joined(separator: "\n"))")
    }

    /// What a line declares, from its keyword on; nil if it declares nothing public.
    private static func publicDeclaration(_ line: String) -> String? {
        var words = line.split(separator: " ", omittingEmptySubsequences: true)[...]
        while let word = words.first, word.hasPrefix("@") { words = words.dropFirst() }
        guard words.first == "public" || words.first == "open" else { return nil }
        words = words.dropFirst()
        while let word = words.first, modifiers.contains(String(word)) { words = words.dropFirst() }
        guard let keyword = words.first, !["import", "extension"].contains(keyword) else { return nil }
        return words.joined(separator: " ")
    }

    private static let modifiers: Set<String> = [
        "static", "final", "mutating", "nonmutating", "indirect", "nonisolated", "convenience", "override", "required",
        "private(set)", "package(set)", "internal(set)", "lazy", "weak",
    ]

    private static func isDocumented(_ lines: [String], _ index: Int) -> Bool {
        var above = index - 1
        while above >= 0, lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
        return above >= 0 && lines[above].drop(while: { $0 == " " }).hasPrefix("///")
    }
}
