// swift-tools-version: 6.2
import PackageDescription

// A package of its own: executables without a main would break `swift test` in the root package, and unsafe flags are
// allowed in a root package only. Built by ci/fuzz with --sanitize fuzzer --sanitize address.
//
// The targets use declarations with `package` access, so they are compiled under the root package's name, which SwiftPM
// takes from the folder it lies in.
let folder = Context.packageDirectory.split(separator: "/").dropLast().last.map(String.init) ?? "saga-engine"
let identity = String(folder.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-parse-as-library", "-package-name", identity]),
]

func fuzzer(_ name: String, _ dependencies: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies.map { .product(name: $0, package: folder) }, swiftSettings: settings)
}

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(path: "..")],
    targets: [
        fuzzer("FuzzFrameParser", ["SagaWire"]),
        fuzzer("FuzzServerSession", ["SagaWire"]),
        fuzzer("FuzzMessages", ["SagaWire"]),
    ]
)
