public import SagaCore
internal import SagaWire

/// Sagas as data, which run in the server with no workflow worker (semantics, section 7).
extension SagaClient {
    /// A definition that is registered.
    public struct RegisteredDefinition: Sendable, Hashable {
        public var definition: SagaDefinition
        public var registeredAt: Timestamp
    }

    /// A definition in short.
    public struct DefinitionInfo: Sendable, Hashable {
        public var name: String
        /// Its newest version.
        public var version: UInt32
        /// When that was registered.
        public var registeredAt: Timestamp
        public var stepCount: Int
    }

    /// Registers a definition; durable when it returns. A changed one becomes the next version; runs keep the version that they
    /// began with.
    /// - Returns: Its version, and whether the same was registered before.
    /// - Throws: `SagaClientError`, invalid argument if something is wrong with it; ``validate(_:)`` tells all.
    @discardableResult
    public func register(_ definition: SagaDefinition) async throws(SagaClientError) -> (
        version: UInt32, unchanged: Bool
    ) {
        let response = try await call(Wire.Definitions.Register.self) { header in
            Wire.RegisterDefinitionRequest(header: header, definition: Wire.SagaDefinition(definition))
        }
        return (response.version, response.unchanged)
    }

    /// Lets the server check a definition; nothing is stored.
    /// - Returns: Everything that is wrong with it.
    public func validate(_ definition: SagaDefinition) async throws(SagaClientError) -> [DefinitionProblem] {
        let response = try await call(Wire.Definitions.Validate.self) { header in
            Wire.ValidateDefinitionRequest(header: header, definition: Wire.SagaDefinition(definition))
        }
        return response.problems.map { DefinitionProblem($0) }
    }

    /// A registered definition; version 0 is the newest.
    public func definition(
        _ name: String, version: UInt32 = 0
    ) async throws(SagaClientError) -> RegisteredDefinition {
        let response = try await call(Wire.Definitions.Get.self) { header in
            Wire.GetDefinitionRequest(header: header, name: name, version: version)
        }
        guard let wire = response.definition else {
            throw SagaClientError(.dataLoss, "the server's answer has no definition")
        }
        do throws(WireError) {
            return RegisteredDefinition(
                definition: try SagaDefinition(wire),
                registeredAt: Timestamp(microseconds: response.registeredMicros))
        } catch {
            throw SagaClientError(.dataLoss, "the definition does not read: \(error)")
        }
    }

    /// The registered definitions, by name.
    public func definitions() async throws(SagaClientError) -> [DefinitionInfo] {
        var found: [DefinitionInfo] = []
        var token: [UInt8] = []
        repeat {
            let present = token
            let response = try await call(Wire.Definitions.List.self) { header in
                Wire.ListDefinitionsRequest(header: header, pageSize: 1_000, pageToken: present)
            }
            found += response.definitions.map {
                DefinitionInfo(
                    name: $0.name, version: $0.version,
                    registeredAt: Timestamp(microseconds: $0.registeredMicros), stepCount: Int($0.steps))
            }
            token = response.nextPageToken
        } while !token.isEmpty
        return found
    }
}
