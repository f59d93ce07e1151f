import Foundation
import Testing

/// The table of docs/manual-examples.md: what it names is there.
@Suite struct TableTests {
    @Test func theTableNamesFilesAndTestsThatExist() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let root = folder.deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/manual-examples.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map {
            $0.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
        }
        #expect(rows.count > 20)
        var listed: Set<String> = []
        for row in rows {
            let place = String(try #require(row.count > 3 ? row[2] : nil))
            for match in place.matches(of: /`([A-Za-z\/-]+(\.swift)?)`/) {
                let path = String(match.1)
                guard path.contains("/") || path == "SagaCodec" else { continue }
                let found = ["", "Sources/"].contains { prefix in
                    FileManager.default.fileExists(atPath: root.appendingPathComponent(prefix + path).path)
                }
                #expect(found, "\(path) is not there")
            }
            let test = row[3].trimmingCharacters(in: [" ", "`"])
            #expect(listed.insert(test).inserted, "\(test) is listed twice")
        }
        for section in 5...12 {
            #expect(rows.contains { $0[0].contains(" \(section).") }, "nothing of section \(section)")
        }
        var tests: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        where file.pathExtension == "swift" && file.lastPathComponent != "TableTests.swift" {
            var suite = ""
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                if line.contains("@Suite"), let name = line.firstMatch(of: /struct (\w+)/) { suite = String(name.1) }
                if let name = line.firstMatch(of: /^    (@Test )?func (\w+)\(/), !suite.isEmpty,
                    !line.contains("private")
                {
                    tests.insert("\(suite).\(name.2)")
                }
            }
        }
        #expect(tests == listed, "only there: \(listed.subtracting(tests)); only here: \(tests.subtracting(listed))")
    }
}
