import Testing

// A misspelt upcoming-feature flag is ignored without a word; here it is an error.
#if !hasFeature(ExistentialAny)
    #error("ExistentialAny is off: is the flag in Package.swift spelt right?")
#endif
#if !hasFeature(InternalImportsByDefault)
    #error("InternalImportsByDefault is off: is the flag in Package.swift spelt right?")
#endif
#if !hasFeature(MemberImportVisibility)
    #error("MemberImportVisibility is off: is the flag in Package.swift spelt right?")
#endif
#if !hasFeature(NonisolatedNonsendingByDefault)
    #error("NonisolatedNonsendingByDefault is off: is the flag in Package.swift spelt right?")
#endif
#if !swift(>=6)
    #error("the Swift 6 language mode is off")
#endif

/// The house style, checked. Each finding names the file, the line and what to do instead.
@Suite struct TidyTests {
    /// So that no rule passes by looking at nothing.
    @Test func theTreeIsThere() {
        #expect(SourceTree.sources.count > 100)
        #expect(SourceTree.files.contains { $0.path == "Sources/SagaCore/Ports/EventStore.swift" })
        #expect(SourceTree.files.contains { $0.path == "Package.swift" })
    }

    @Test(arguments: Rule.all)
    func forbiddenWordsDoNotOccur(_ rule: Rule) {
        var findings: [String] = []
        var needed: Set<String> = []
        for file in SourceTree.files where rule.places.contains(where: { file.path.hasPrefix($0) }) {
            for (index, line) in file.code.enumerated() {
                guard let word = rule.words.first(where: { line.hasWord($0) }) else { continue }
                if let exception = rule.exceptions.keys.first(where: { file.path.hasPrefix($0) }) {
                    needed.insert(exception)
                } else {
                    findings.append("\(file.path):\(index + 1): \(word): \(rule.instead)")
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
        let idle = Set(rule.exceptions.keys).subtracting(needed)
        #expect(idle.isEmpty, "exceptions that nobody needs any more: \(idle.sorted())")
    }

    @Test func targetsImportOnlyWhatTheyMay() {
        var findings: [String] = []
        for file in SourceTree.sources {
            guard let target = file.target, !Imports.programs.contains(target) else { continue }
            for (index, line) in file.code.enumerated() {
                guard let module = Self.importedModule(line) else { continue }
                if Imports.allowed[target]?.contains(module) != true {
                    findings.append("\(file.path):\(index + 1): \(target) may not import \(module)")
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    /// The module of an import line: `public import struct NIOCore.ByteBuffer` gives NIOCore.
    private static func importedModule(_ line: String) -> String? {
        var words = line.split(separator: " ")
        while let first = words.first, first.hasPrefix("@") || Self.accessLevels.contains(String(first)) {
            words.removeFirst()
        }
        guard words.first == "import" else { return nil }
        words.removeFirst()
        if let first = words.first, Self.importKinds.contains(String(first)) { words.removeFirst() }
        return words.first?.split(separator: ".").first.map(String.init)
    }

    private static let accessLevels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let importKinds: Set<String> = [
        "struct", "class", "enum", "protocol", "func", "typealias", "var", "let",
    ]

    /// A file has one subject. The numbers only ever go down.
    @Test func filesAreShort() {
        let limit = 600
        let exceptions: [String: (lines: Int, why: String)] = [:]
        var findings: [String] = []
        for file in SourceTree.files where !file.isGenerated {
            guard [".swift", ".py", ".c", ".h", ".sh"].contains(where: { file.path.hasSuffix($0) }) else { continue }
            let allowed = exceptions[file.path]?.lines ?? limit
            if file.lines.count > allowed {
                findings.append("\(file.path): \(file.lines.count) lines; \(allowed) allowed")
            }
        }
        for (path, exception) in exceptions {
            let count = SourceTree.files.first { $0.path == path }?.lines.count ?? 0
            if count <= limit { findings.append("\(path): needs no exception any more (\(exception.why))") }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    /// The project stands alone: it names no folder of the machine it was written on, and leaves no note to come back.
    @Test func noNamesOfAWorkplaceAndNoUnfinishedBusiness() {
        // Put together here, so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        let places = ["/wo" + "rk/", "../sha" + "red", "/home/", "/Users/", "/root/", "/tmp/hel" + "pers"]
        var findings: [String] = []
        for file in SourceTree.files where !file.path.hasPrefix("Tests/TidyTests/") {
            for (index, line) in file.lines.enumerated() {
                if let mark = marks.first(where: { line.hasWord($0) }) {
                    findings.append("\(file.path):\(index + 1): \(mark): finish it, or write an issue")
                }
                if let place = places.first(where: { line.hasPlace($0) }) {
                    findings.append("\(file.path):\(index + 1): \(place): a path of one machine")
                }
            }
        }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    /// Every target of ours takes its settings from the one array.
    @Test func everySwiftTargetHasTheSharedSettings() throws {
        let package = try #require(SourceTree.files.first { $0.path == "Package.swift" })
        let text = package.code.joined(separator: "\n")
        // Targets without Swift have no Swift settings.
        let targets =
            text.split(separator: ".target(").dropFirst() + text.split(separator: ".executableTarget(").dropFirst()
        let cTargets = package.lines.filter { $0.contains(".target(name: \"C") }.count
        let with = targets.filter { $0.contains("swiftSettings: settings") }.count
        #expect(targets.count > 5)
        #expect(with >= targets.count - cTargets, "\(with) of \(targets.count) targets, \(cTargets) of them in C")
    }

    private func report(_ findings: [String]) -> String {
        findings.prefix(40).joined(separator: "\n") + (findings.count > 40 ? "\n… \(findings.count) in all" : "")
    }
}

extension String {
    /// Whether an absolute path or a path out of the project stands in the text, not as the end of a longer path.
    fileprivate func hasPlace(_ place: String) -> Bool {
        var rest = self[...]
        while let range = rest.firstRange(of: place) {
            let before = range.lowerBound > startIndex ? self[index(before: range.lowerBound)] : " "
            if place.hasPrefix(".") || !(before.isLetter || before.isNumber || "_-./~*}$)".contains(before)) {
                return true
            }
            rest = self[range.upperBound...]
        }
        return false
    }
}
