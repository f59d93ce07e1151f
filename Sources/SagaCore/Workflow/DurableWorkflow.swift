/// Code that describes a saga: its steps in order. It may be stopped at any await and go on later, on another machine
/// (manual, section 7.4; semantics, section 6).
///
/// The code must be deterministic: time, chance and everything outside come through the context.
public protocol DurableWorkflow: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// The name that callers start it by.
    static var typeID: String { get }
    /// The version of the code, recorded with each run. Default 1.
    static var version: UInt32 { get }

    init()

    /// The saga.
    func run(_ context: WorkflowContext, _ input: Input) async throws -> Output
}

extension DurableWorkflow {
    /// 1, unless the type says otherwise.
    public static var version: UInt32 { 1 }
}

/// The workflow types that a worker serves (manual, section 7.5).
public struct WorkflowRegistry: Sendable {
    private var definitions: [String: [WorkflowDefinition]] = [:]
    /// The types in the order they were registered.
    public private(set) var types: [RegisteredType] = []

    public init() {}

    /// Adds a type. The same type and version twice keeps the later one.
    public mutating func register<W: DurableWorkflow>(_ workflow: W.Type, converter: any PayloadConverter = .json) {
        let definition = WorkflowDefinition(type: W.typeID, version: W.version) { context, input in
            let value = try converter.decode(W.Input.self, from: input)
            return try converter.encode(try await W().run(context, value))
        }
        var versions = definitions[W.typeID, default: []].filter { $0.version != W.version }
        versions.append(definition)
        versions.sort { $0.version < $1.version }
        definitions[W.typeID] = versions
        types.removeAll { $0.name == W.typeID && $0.version == W.version }
        types.append(RegisteredType(name: W.typeID, version: W.version))
    }

    /// The code of a type: that version, or the newest if `version` is 0.
    package func definition(_ type: String, version: UInt32) -> WorkflowDefinition? {
        guard let versions = definitions[type] else { return nil }
        return version == 0 ? versions.last : versions.first { $0.version == version }
    }
}

/// A type that a worker offers.
public struct RegisteredType: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Version of the code.
    public var version: UInt32
    /// The oldest version of recorded histories that it can replay; not above `version`.
    public var oldestVersion: UInt32

    /// - Parameter oldestVersion: Nil: `version` alone.
    public init(name: String, version: UInt32, oldestVersion: UInt32? = nil) {
        self.name = name
        self.version = version
        self.oldestVersion = min(oldestVersion ?? version, version)
    }

    /// Whether it can run code of a version; 0 stands for any.
    package func runs(_ version: UInt32) -> Bool { version == 0 || (oldestVersion...self.version).contains(version) }
}

/// Workflow code without its types.
package struct WorkflowDefinition: Sendable {
    package var type: String
    package var version: UInt32
    package var run: @Sendable (WorkflowContext, Payload) async throws -> Payload
}
