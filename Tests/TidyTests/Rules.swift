import Testing

/// Something that must not stand in the source.
struct Rule: Sendable, CustomTestStringConvertible {
    let name: String
    /// What to do instead, for the one who breaks it.
    let instead: String
    /// The words that it forbids, in code.
    let words: [String]
    /// Beginnings of the paths that it holds for.
    let places: [String]
    /// Where it does not hold, and why. An exception that is not needed any more fails the test.
    let exceptions: [String: String]

    init(
        _ name: String, instead: String, words: [String], places: [String], exceptions: [String: String] = [:]
    ) {
        self.name = name
        self.instead = instead
        self.words = words
        self.places = places
        self.exceptions = exceptions
    }

    var testDescription: String { name }

    /// The modules without clock, socket, file, thread or random.
    static let pure = ["SagaCodec", "SagaCore", "SagaRuntime", "SagaEngine", "SagaWire", "SagaSimulator"].map {
        "Sources/\($0)/"
    }

    /// A new rule is one more entry here.
    static let all = [
        Rule(
            "no clock in pure modules", instead: "take the time as a value from outside",
            words: [
                "Date()", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday", "time(nil)", "Clock()",
                "DispatchTime",
            ], places: pure,
            exceptions: [
                "Sources/SagaEngine/Driver/": "the shell around the shards: it reads the clock for them",
                "Sources/SagaRuntime/": "runs user code on threads of its own, in real time",
            ]),
        Rule(
            "no randomness in pure modules", instead: "take random bits or a seeded generator from outside",
            words: [
                "Int.random(in", "UInt64.random(in", "Double.random(in", "Bool.random()", "SystemRandomNumberGenerator",
                "UUID()", "arc4random", "getrandom", ".shuffled()", ".randomElement()",
            ], places: pure,
            exceptions: ["Sources/SagaEngine/Driver/": "the shell around the shards: it draws the seeds for them"]),
        Rule(
            "no tasks and threads in pure modules", instead: "return an effect, and let the shell do it",
            words: [
                "Task {", "Task.detached", "Task.sleep", "DispatchQueue", "pthread_create", "Thread(", "withTaskGroup",
                "withThrowingTaskGroup", "usleep(", "sleep(",
            ], places: pure,
            exceptions: [
                "Sources/SagaEngine/Driver/": "the shell around the shards: appends and timers run here",
                "Sources/SagaRuntime/": "runs user code on threads of its own",
                "Sources/SagaCore/Workflow/WorkflowContext+Steps.swift": "declares the durable sleep of workflow code",
                "Sources/SagaCore/Workflow/WorkflowContext+Messages.swift": "races code against a durable timer",
                "Sources/SagaSimulator/Workload/":
                    "workflow code of the simulator: task groups are a part of its language",
            ]),
        Rule(
            "no output from libraries", instead: "log through swift-log, or return the text",
            words: ["print(", "debugPrint(", "dump(", "Swift.print(", "NSLog("], places: ["Sources/"],
            exceptions: [
                "Sources/sim/": "an executable", "Sources/embedded-payment/": "an executable",
                "Sources/torture-order/": "an executable",
                "Sources/saga/Terminal/": "an executable; only this folder writes to the terminal",
            ]),
        Rule(
            "no traps", instead: "throw a typed error, or make the case impossible by type",
            words: [
                "try!", "as!", "fatalError(", "preconditionFailure(", "assertionFailure(", "Glibc.abort(",
                "unsafeBitCast(", "unowned(unsafe)",
            ], places: ["Sources/"],
            exceptions: [
                "Sources/SagaCodec/TextStorage.swift":
                    "short strings, whose bits a test compares with the library's own",
                "Sources/SagaCodec/UTF8Validation.swift":
                    "sixteen bytes seen as two words; the library has no such view",
            ]),
        Rule(
            "no Foundation", instead: "use the standard library; Dispatch, Synchronization or Glibc in adapters",
            words: ["import Foundation", "import FoundationEssentials", "import FoundationNetworking"],
            places: ["Sources/"]),
        Rule(
            "no XCTest", instead: "use Swift Testing", words: ["import XCTest", "XCTestCase"],
            places: ["Tests/", "Sources/"]),
        Rule(
            "no @testable", instead: "use package access", words: ["@testable"], places: ["Tests/"],
            exceptions: ["Tests/SagaCommandTests/": "an executable's types have no other module to be seen from"]),
    ]
}

/// What each target may import: the arrows of ARCHITECTURE.md.
enum Imports {
    static let system = ["Glibc", "Musl", "Darwin", "Dispatch", "Synchronization"]
    static let nio = ["NIOCore", "NIOPosix"]

    /// Whatever is not listed here may not import anything.
    static let allowed: [String: [String]] = [
        "SagaCodec": ["CLZ4", "Synchronization"],
        "SagaCore": ["SagaCodec", "Synchronization", "Glibc", "Musl", "Darwin"],
        "SagaRuntime": ["SagaCodec", "SagaCore"] + system,
        "SagaSchedules": ["SagaCore"] + system,
        "SagaEngine": ["SagaCodec", "SagaCore", "SagaRuntime", "SagaSchedules", "Logging"] + system,
        "SagaMemory": ["SagaCodec", "SagaCore", "Synchronization"],
        "SagaPostgres": ["SagaCodec", "SagaCore", "CPostgres"] + system,
        "SagaSQLite": ["SagaCodec", "SagaCore", "CSQLite"] + system,
        "SagaWire": ["SagaCodec", "SagaCore", "CSagaProto", "CProtobufC"],
        "SagaTransport": ["SagaWire", "SagaCore", "COpenSSL", "Logging"] + nio + system,
        "SagaClient": ["SagaCodec", "SagaCore", "SagaWire", "SagaTransport", "Logging"] + nio + system,
        "SagaWorker": [
            "SagaCodec", "SagaCore", "SagaRuntime", "SagaClient", "SagaWire", "SagaTransport", "Logging",
        ] + system,
        "SagaServer": [
            "SagaCodec", "SagaCore", "SagaEngine", "SagaSchedules", "SagaWire", "SagaTransport", "Logging",
            "ServiceLifecycle",
            "UnixSignals",
        ] + nio + system,
        "SagaDefinitionFile": ["SagaCodec", "SagaCore", "Yams"],
        "SagaTestKit": [
            "Synchronization", "SagaCodec", "SagaCore", "SagaEngine", "SagaRuntime", "SagaMemory", "Glibc", "Musl",
            "Darwin",
        ],
        "SagaCatalogue": ["SagaCore", "SagaEngine", "SagaMemory", "Logging"],
        "SagaSimulator": ["SagaCodec", "SagaCore", "SagaEngine", "SagaRuntime", "SagaSchedules", "Synchronization"],
        "Examples": ["SagaCore", "Glibc", "Musl", "Darwin"],
    ]

    /// Programs put things together and may import any of them.
    static let programs: Set<String> = ["saga", "sim", "embedded-payment", "travel-worker", "torture-order"]
}
