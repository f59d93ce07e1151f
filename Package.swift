// swift-tools-version: 6.2
import PackageDescription

// The build whose engine can be broken on purpose, to prove the simulator (docs/simulation.md); in a scratch path of its own.
let mutants: [SwiftSetting] = Context.environment["SAGA_MUTANTS"] == nil ? [] : [.define("SAGA_MUTANTS")]

// One array for every target of ours: a setting that holds in one place holds everywhere.
// What one module calls of another is specialised and inlined as within one: a tenth of a saga's processor time
// (docs/performance.md). Not where somebody's package depends on this one: SwiftPM takes no such flags from a dependency.
let isDependency = [
    "/.build/checkouts/", "/SourcePackages/checkouts/", "/.build/registry/downloads/",
    "/SourcePackages/registry/downloads/",
].contains { Context.packageDirectory.contains($0) }
let acrossModules: [SwiftSetting] =
    isDependency ? [] : [.unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))]

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ] + acrossModules + mutants

// Release builds of what runs for long bear the Swift runtime in themselves: what is called at every turn, retain and release first,
// is a direct call then (docs/performance.md), and who runs them needs no Swift. The libraries are those that Foundation itself needs.
let ownRuntime: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-use-ld=lld", "-lCoreFoundation", "-l_FoundationCollections", "-l_FoundationCShims",
            "-l_FoundationICU",
        ],
        .when(platforms: [.linux], configuration: .release)),
    // One malloc for all threads' short-lived objects: glibc's gives an eighth of the engine's CPU to what is freed on another thread than it
    // was made on.
    .linkedLibrary("tcmalloc_minimal", .when(platforms: [.linux], configuration: .release)),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "saga-engine",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "SagaCodec", targets: ["SagaCodec"]),
        .library(
            name: "SagaEngine", targets: ["SagaEngine", "SagaCore", "SagaSchedules", "SagaMemory", "SagaSQLite"]),
        .library(name: "SagaPostgres", targets: ["SagaPostgres", "SagaCore"]),
        .library(name: "SagaClient", targets: ["SagaClient", "SagaCore"]),
        .library(name: "SagaWorker", targets: ["SagaWorker", "SagaClient", "SagaCore"]),
        .library(name: "SagaTestKit", targets: ["SagaTestKit", "SagaEngine", "SagaCore"]),
        .executable(name: "saga", targets: ["saga"]),
        .executable(name: "bench", targets: ["bench"]),
        .executable(name: "sim", targets: ["sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // System libraries: the only doors to C that is not ours.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"]), .brew(["protobuf-c"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .systemLibrary(
            name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),

        // The pure part: no socket, file, clock, thread or random.
        library("SagaCodec", ["CLZ4"]),
        library("SagaCore", ["SagaCodec"]),
        library("SagaRuntime", ["SagaCore"]),
        library("SagaSchedules", ["SagaCore"]),

        // The engine and its stores.
        library("SagaEngine", ["SagaCore", "SagaRuntime", "SagaSchedules", logging]),
        library("SagaMemory", ["SagaCore"]),
        library("SagaSQLite", ["SagaCore", "CSQLite"]),
        .target(
            name: "SagaPostgres", dependencies: ["SagaCore", "SagaCodec", "CPostgres"],
            resources: (1...10).map { .embedInCode("Schema/sql/v\($0).sql") },
            swiftSettings: settings),

        // Definitions of sagas as YAML files; the one target that knows YAML.
        library("SagaDefinitionFile", ["SagaCodec", "SagaCore", .product(name: "Yams", package: "Yams")]),

        // For those who test sagas.
        library("SagaTestKit", ["SagaCodec", "SagaCore", "SagaEngine", "SagaRuntime", "SagaMemory"]),

        // The wire.
        .target(name: "CSagaProto", dependencies: ["CProtobufC"], linkerSettings: [.linkedLibrary("protobuf-c")]),
        library("SagaWire", ["SagaCodec", "SagaCore", "CSagaProto", "CProtobufC"]),
        library("SagaTransport", ["SagaWire", "COpenSSL", logging] + nio),
        library("SagaClient", ["SagaCore", "SagaWire", "SagaTransport", logging] + nio),
        library("SagaWorker", ["SagaCore", "SagaRuntime", "SagaClient", "SagaTransport", "SagaWire", logging]),
        library(
            "SagaServer",
            ["SagaCore", "SagaEngine", "SagaSchedules", "SagaWire", "SagaTransport", logging, lifecycle] + nio),

        // What people run.
        .executableTarget(
            name: "saga",
            dependencies: [
                "SagaCore", "SagaServer", "SagaEngine", "SagaSQLite", "SagaPostgres", "SagaMemory", "SagaClient",
                "SagaWorker", "SagaTestKit", "Examples", "SagaDefinitionFile",
                "SagaTransport", "SagaWire", "SagaCodec", logging, lifecycle, arguments,
                unixSignals,
            ], swiftSettings: settings, linkerSettings: ownRuntime),
        .executableTarget(
            name: "travel-worker",
            dependencies: [
                "Examples", "SagaClient", "SagaCore", "SagaWorker", logging, lifecycle, unixSignals, arguments,
            ],
            swiftSettings: settings, linkerSettings: ownRuntime),
        .executableTarget(
            name: "embedded-payment", dependencies: ["Examples", "SagaCore", "SagaEngine", "SagaSQLite"],
            swiftSettings: settings),
        .executableTarget(
            name: "torture-order", dependencies: ["SagaCore", "SagaTestKit"], swiftSettings: settings),
        .executableTarget(
            name: "bench",
            dependencies: [
                "SagaCodec", "SagaCore", "SagaEngine", "SagaRuntime", "SagaMemory", "SagaSQLite", "SagaPostgres",
                "SagaServer",
                "SagaClient", "SagaWorker", "SagaTransport", "SagaWire", "CodecCorpus", "CBenchHooks", "CCorpusProto",
                arguments, logging,
            ], path: "benchmarks/bench", swiftSettings: settings, linkerSettings: ownRuntime),
        .target(
            name: "CodecCorpus", dependencies: ["SagaCodec"], path: "benchmarks/corpus", swiftSettings: settings),
        .target(name: "CBenchHooks", path: "benchmarks/hooks"),
        .target(name: "CCorpusProto", dependencies: ["CProtobufC"], path: "benchmarks/protobuf/Generated"),
        .executableTarget(
            name: "health-echo", dependencies: ["SagaTransport", "SagaWire", logging],
            path: "benchmarks/peers/health-echo", swiftSettings: settings),
        .target(
            name: "SagaSimulator",
            dependencies: ["SagaCodec", "SagaCore", "SagaEngine", "SagaRuntime", "SagaSchedules"],
            swiftSettings: settings),
        library("SagaCatalogue", ["SagaCore", "SagaEngine", "SagaMemory", logging]),
        .executableTarget(
            name: "sim", dependencies: ["SagaSimulator", "SagaCatalogue", "SagaTestKit", arguments],
            swiftSettings: settings, linkerSettings: ownRuntime),
        library("Examples", ["SagaCore"]),

        // Tests: one folder a target, and what crosses targets.
        tests("SagaCodecTests", ["SagaCodec", "CodecCorpus"]),
        .target(name: "SagaSamples", dependencies: ["SagaCore"], path: "Tests/SagaSamples", swiftSettings: settings),
        tests("SagaCoreTests", ["SagaCore", "SagaCodec", "SagaSamples"]),
        tests("SagaSchedulesTests", ["SagaSchedules", "SagaCore", "SagaEngine"]),
        tests("SagaRuntimeTests", ["SagaCore", "SagaRuntime"]),
        tests(
            "SagaEngineTests",
            [
                "SagaCore", "SagaEngine", "SagaRuntime", "SagaSchedules", "SagaMemory", "SagaSQLite", "Examples",
                logging,
            ]),
        tests("ShardTests", ["SagaCore", "SagaEngine"]),
        tests(
            "ConformanceTests",
            [
                "SagaCore", "SagaEngine", "SagaSchedules", "SagaCatalogue", "SagaMemory", "SagaSQLite", "SagaPostgres",
                "SagaSamples", "CSQLite",
            ]),
        tests(
            "SagaPostgresTests",
            ["SagaPostgres", "SagaCore", "SagaEngine", "SagaClient", "SagaSamples", "CPostgres", logging]),
        tests(
            "SagaCatalogueTests",
            ["SagaCatalogue", "SagaTestKit", "SagaEngine", "SagaMemory", "SagaCore", "SagaCodec", logging]),
        tests("SimulationTests", ["SagaSimulator", "SagaCore", "SagaMemory", "SagaSQLite", "sim"]),
        tests(
            "SagaDefinitionFileTests", ["SagaDefinitionFile", "SagaCore", "SagaEngine", "SagaMemory", "Examples"]),
        tests("SagaTestKitTests", ["SagaTestKit", "SagaCore", "SagaEngine", "SagaMemory", "Examples"]),
        tests(
            "ManualTests", ["Examples", "SagaTestKit", "SagaEngine", "SagaMemory", "SagaCore", "SagaCodec"]),
        tests("LRATests", ["SagaTestKit", "SagaEngine", "SagaCore"]),
        tests("SagaWireTests", ["SagaWire", "SagaCore"]),
        tests("SagaTransportTests", ["SagaTransport", "SagaWire", "COpenSSL"] + nio),
        tests(
            "SagaServerTests",
            [
                "SagaServer", "SagaEngine", "SagaMemory", "SagaSQLite", "SagaPostgres", "SagaClient", "SagaWorker",
                "SagaTransport", "SagaWire", "SagaCore", logging,
            ] + nio),
        tests(
            "EndToEndTests",
            [
                "SagaServer", "SagaEngine", "SagaSQLite", "SagaMemory", "SagaClient", "SagaWorker", "SagaTransport",
                "SagaCore", "Examples", "saga", logging,
            ]),
        tests("SagaCommandTests", ["saga", "Examples", "SagaCore", "SagaCodec", "SagaEngine", "SagaMemory"]),
        tests("TidyTests", []),
    ]
)
