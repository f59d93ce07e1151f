internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Admin: namespaces, their limits and their clocks.
extension ServerConnection {
    /// The caller's namespace; for administrators all that are configured, have a clock of their own, or open sagas.
    func namespaces(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListNamespacesRequest.self, body)
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let own = request.principal.namespace
        let seesAll = request.principal.permissions.contains(.administer)
        try read(request, header) { [core] _ in
            let open = await core.driver.openSagas()
            let clocks = Dictionary(
                core.driver.virtualClocks.map { ($0.namespace, $0) }, uniquingKeysWith: { first, _ in first })
            var names: Set<String> = [own]
            if seesAll {
                names.formUnion(open.keys)
                names.formUnion(clocks.keys)
                names.formUnion(core.configuration.retention.keys)
                names.formUnion(core.namespaces.keys.filter { $0 != [String: NamespaceOptions].others })
            }
            let listed = names.sorted().prefix(Self.maximumNamespaces).map { name in
                let limits = core.namespaces[options: name].limits
                return Wire.NamespaceInfo(
                    name: name, openSagas: UInt64(clamping: open[name] ?? 0), virtualClock: clocks[name] != nil,
                    timeMicros: core.driver.time(of: name).microseconds,
                    retentionMicros: max(0, core.configuration.retention[name]?.wholeMicroseconds ?? 0),
                    maxOpenSagas: UInt64(clamping: limits.maximumOpenSagas), clockHeld: clocks[name]?.isHeld ?? false,
                    startsPer1000Seconds: UInt64(max(0, min(limits.startsPerSecond * 1_000, 1e15))),
                    maxPayloadBytes: UInt64(clamping: limits.maximumPayloadBytes))
            }
            return try Wire.ListNamespacesResponse(namespaces: Array(listed)).serialized()
        }
    }

    private static var maximumNamespaces: Int { 10_000 }

    func setVirtualClock(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.SetVirtualClockRequest.self, body)
        try request.require(.administer, "move the clock of a namespace")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.range(wire.advanceToMicros, "advance_to_us", 0...Int64.max)
        let isHeld: Bool?
        switch wire.mode {
        case .unspecified: isHeld = nil
        case .automatic: isHeld = false
        case .held: isHeld = true
        case .unrecognized(let value): throw Check.invalid("mode", "has the unknown value \(value)")
        }
        let clock = ClockCall(
            namespace: request.principal.namespace, begins: true,
            advanceTo: wire.advanceToMicros == 0 ? nil : Timestamp(microseconds: wire.advanceToMicros), isHeld: isHeld,
            identity: request.principal.name)
        try call(request, header, isMutation: true, .clock(clock)) { (_, reply) throws(WireStatus) in
            guard case .clock(let reading) = reply else { throw .unexpected(reply) }
            return try encode(
                Wire.SetVirtualClockResponse(timeMicros: reading.time.microseconds, held: reading.isHeld))
        }
    }
}
