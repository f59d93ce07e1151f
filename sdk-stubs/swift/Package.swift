// swift-tools-version: 6.2
// A package outside the main one, as a user's is: an example that embeds the client, the program of the README, and the harness of
// the conformance suite. Built by `sdk-stubs/test swift`.
import Foundation
import PackageDescription

// Programs that `sdk` puts here: the one in the README, and one that `saga new` made.
let made = ["readme", "new-worker"].filter { name in
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/Sources/\(name)/main.swift")
}.map { name in
    Target.executableTarget(name: name, dependencies: [.product(name: "SagaWorker", package: "saga-engine")])
}

let package = Package(
    name: "saga-swift-examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // The first line; a user writes `url:` and a version.
        .package(name: "saga-engine", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "client-example",
            dependencies: [
                // The second. The third is `import SagaClient`.
                .product(name: "SagaClient", package: "saga-engine")
            ]),
        .executableTarget(
            name: "harness",
            dependencies: [.product(name: "SagaWorker", package: "saga-engine")]),
    ] + made
)
