import Foundation
import Testing

/// The list of docs/lra.md and the tests agree.
@Suite struct ListTests {
    @Test func theListNamesEveryScenarioAndEveryTest() throws {
        let here = URL(fileURLWithPath: #filePath)
        let folder = here.deletingLastPathComponent()
        let root = folder.deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/lra.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { row in
            row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }.dropFirst()
        #expect(rows.count == 58)
        #expect(Set(rows.map { $0[0] + "." + $0[1] }).count == 58, "each scenario once")

        var listed: Set<String> = []
        for row in rows {
            let last = try #require(row.last)
            if last.hasPrefix("– ") {
                #expect(last.count > 20, "\(row[1]) is left out without a reason")
            } else {
                let name = last.trimmingCharacters(in: ["`"])
                #expect(listed.insert(name).inserted, "\(name) is listed twice")
            }
        }
        let left = rows.count - listed.count
        #expect(text.contains("\(listed.count) are ported, \(left) are not"))

        var tests: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        where file.pathExtension == "swift" && file != here {
            var suite = ""
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                if line.contains("@Suite"), let name = line.firstMatch(of: /struct (\w+)/) { suite = String(name.1) }
                if let name = line.firstMatch(of: /func (\w+)\(.*\) async throws \{/), line.hasPrefix("    "),
                    !suite.isEmpty, !line.contains("private")
                {
                    tests.insert("\(suite).\(name.1)")
                }
            }
        }
        #expect(tests == listed, "only there: \(listed.subtracting(tests)); only here: \(tests.subtracting(listed))")
    }
}
