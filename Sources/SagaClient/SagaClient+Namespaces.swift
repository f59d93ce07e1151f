public import SagaCore
internal import SagaWire

/// A namespace, its limits and its clock.
public struct NamespaceDescription: Hashable, Sendable {
    public var name: String
    /// Sagas that are open.
    public var openSagas: UInt64
    /// Whether its time is virtual.
    public var isVirtual: Bool
    /// Whether its virtual clock moves by hand only.
    public var isClockHeld: Bool
    /// What its clock shows.
    public var time: Timestamp
    /// How long closed sagas are kept; nil is for ever.
    public var retention: Duration?
    /// Most open sagas; nil is any number.
    public var maximumOpenSagas: UInt64?
    /// Most starts in a second, on average; nil is any number.
    public var startsPerSecond: Double?
    /// Most bytes of a payload; nil is the protocol's limit of 2 MiB.
    public var maximumPayloadBytes: UInt64?
}

/// What the virtual clock of a namespace shows.
public struct VirtualTime: Hashable, Sendable {
    public var time: Timestamp
    /// Whether it moves by hand only.
    public var isHeld: Bool
}

extension SagaClient {
    /// The connection's namespace; for administrators all that the server knows of.
    public func namespaces() async throws(SagaClientError) -> [NamespaceDescription] {
        try await call(Wire.Admin.Namespaces.self) { Wire.ListNamespacesRequest(header: $0) }.namespaces.map { wire in
            NamespaceDescription(
                name: wire.name, openSagas: wire.openSagas, isVirtual: wire.virtualClock, isClockHeld: wire.clockHeld,
                time: Timestamp(microseconds: wire.timeMicros),
                retention: wire.retentionMicros == 0 ? nil : .microseconds(wire.retentionMicros),
                maximumOpenSagas: wire.maxOpenSagas == 0 ? nil : wire.maxOpenSagas,
                startsPerSecond: wire.startsPer1000Seconds == 0 ? nil : Double(wire.startsPer1000Seconds) / 1_000,
                maximumPayloadBytes: wire.maxPayloadBytes == 0 ? nil : wire.maxPayloadBytes)
        }
    }

    /// The virtual clock of the connection's namespace; needs an administrator's rights. A namespace whose time is real gets one,
    /// for good, if the server allows that (`saga dev`) and the namespace has no open saga.
    /// - Parameters:
    ///   - time: Moves the clock on to then, doing on the way what becomes due; answered when it stands there and nothing is
    ///     under way. Default: it is not moved.
    ///   - isHeld: Whether it moves by hand only from now on. Default: as before.
    ///   - deadline: How long to wait for that. Default: the connection's.
    /// - Throws: `failedPrecondition` if time is real and stays so.
    @discardableResult
    public func setVirtualClock(
        advanceTo time: Timestamp? = nil, isHeld: Bool? = nil, deadline: Duration? = nil
    ) async throws(SagaClientError) -> VirtualTime {
        let mode: Wire.ClockMode = isHeld.map { $0 ? .held : .automatic } ?? .unspecified
        let response = try await call(Wire.Admin.SetVirtualClock.self, deadline: deadline) { header in
            Wire.SetVirtualClockRequest(header: header, advanceToMicros: time?.microseconds ?? 0, mode: mode)
        }
        return VirtualTime(time: Timestamp(microseconds: response.timeMicros), isHeld: response.held)
    }
}
