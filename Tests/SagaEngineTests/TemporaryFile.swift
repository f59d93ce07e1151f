import Foundation

/// Files of this test process, in a folder of its own.
enum TemporaryFile {
    private static let folder: URL = {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("saga-engine-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }()

    /// A path that nobody else has.
    static func path(_ name: String) -> String { folder.appendingPathComponent("\(UUID().uuidString)-\(name)").path }
}
