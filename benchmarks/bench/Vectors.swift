import ArgumentParser
import CodecCorpus
import Foundation

struct Vectors: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks golden and malformed vectors of the Rust crates.",
        discussion: """
            A file is tab-separated, one case a line, # for comments: name, value, hex (golden); name, type, hex, answer \
            (malformed); index, framed hex, JSON (corpus events). Exit 1 if a case failed or there was none; a case of an \
            unknown type has failed.
            """)

    @Argument(help: "Files to check.")
    var files: [String]

    func run() throws {
        var check = VectorCheck()
        for file in files { check.check(try String(contentsOfFile: file, encoding: .utf8)) }
        for failure in check.failures { print("FAILED \(failure)") }
        print("vectors: \(check.passed) passed, \(check.failed) failed")
        if check.passed + check.failed == 0 { print("no case in \(files.joined(separator: ", "))") }
        if check.failed > 0 || check.passed == 0 { throw ExitCode(1) }
    }
}
