// swift-tools-version: 6.2
import PackageDescription

// A package of its own: executables without a main would break `swift test` in the root package, and unsafe flags are
// allowed in a root package only. Built by ci/fuzz with --sanitize fuzzer --sanitize address.
//
// `Engine` is a link to the Sources of the root: what is fuzzed is compiled here once more, with the sanitizers, and as part of this
// package, so that declarations with `package` access can be reached.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Engine/\(name)", swiftSettings: settings)
}

func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(name: "CLZ4", path: "Engine/CLZ4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CProtobufC", path: "Engine/CProtobufC", pkgConfig: "libprotobuf-c"),
        .target(
            name: "CSagaProto", dependencies: ["CProtobufC"], path: "Engine/CSagaProto",
            linkerSettings: [.linkedLibrary("protobuf-c")]),
        library("SagaCodec", ["CLZ4"]),
        library("SagaCore", ["SagaCodec"]),
        library("SagaWire", ["SagaCodec", "SagaCore", "CSagaProto", "CProtobufC"]),

        // One a target. ci/fuzz runs every folder of Sources.
        fuzzer("FuzzFrameParser", ["SagaWire"]),
        fuzzer("FuzzServerSession", ["SagaWire"]),
        fuzzer("FuzzMessages", ["SagaWire"]),
    ]
)
