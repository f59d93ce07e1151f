import Foundation

/// Figures of a debug build mean nothing: it replaces itself by the release build.
enum BenchRelease {
    #if DEBUG
        static let isDebug = true
        private static let guardVariable = "SAGA_BENCH_RERUN"

        /// Does not return, unless the release build cannot be started, which is an error.
        static func rerunIfDebug() throws {
            guard ProcessInfo.processInfo.environment[guardVariable] == nil else {
                throw BenchFailure("still a debug build after starting the release build")
            }
            let binary = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            var root = binary.deletingLastPathComponent()
            while root.path != "/" && root.lastPathComponent != ".build" { root.deleteLastPathComponent() }
            let package = root.path == "/" ? "." : root.deletingLastPathComponent().path
            FileHandle.standardError.write(
                Data("bench: this is a debug build; running the release build instead\n".utf8))
            setenv(guardVariable, "1", 1)
            let words =
                ["swift", "run", "-c", "release", "--package-path", package, "bench"]
                + CommandLine.arguments.dropFirst()
            var pointers = words.map { strdup($0) }
            pointers.append(nil)
            execvp("swift", pointers)
            throw BenchFailure("cannot start swift: \(String(cString: strerror(errno)))")
        }
    #else
        static let isDebug = false

        static func rerunIfDebug() throws {}
    #endif
}
