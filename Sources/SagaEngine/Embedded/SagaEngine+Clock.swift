public import SagaCore

/// The engine's clock, if its time is virtual (`SagaEngineConfig.namespaces`).
extension SagaEngine {
    /// What the clock shows.
    public func clock() async throws(CallFailure) -> ClockReading {
        try await ask(ClockCall(namespace: Self.namespace))
    }

    /// Moves the virtual clock on, and does on the way what becomes due: it goes from one thing to the next, and waits at each
    /// until nothing is under way.
    /// - Returns: What it shows then.
    /// - Throws: `CallFailure` with `.failedPrecondition` if time is real.
    @discardableResult
    public func advanceClock(by time: Duration) async throws(CallFailure) -> ClockReading {
        let now = try await clock().time
        return try await advanceClock(to: now.adding(microseconds: max(0, time.wholeMicroseconds)))
    }

    /// Moves the virtual clock on to a time. See `advanceClock(by:)`.
    @discardableResult
    public func advanceClock(to time: Timestamp) async throws(CallFailure) -> ClockReading {
        try await ask(ClockCall(namespace: Self.namespace, advanceTo: time, identity: "embedded"))
    }

    /// From now on the virtual clock moves by hand only, or by itself again. A test that sends something at a time of its own
    /// choice holds it, because otherwise it jumps as soon as nothing is under way.
    @discardableResult
    public func holdClock(_ isHeld: Bool = true) async throws(CallFailure) -> ClockReading {
        try await ask(ClockCall(namespace: Self.namespace, isHeld: isHeld, identity: "embedded"))
    }

    private func ask(_ request: ClockCall) async throws(CallFailure) -> ClockReading {
        guard case .clock(let reading) = try await call(.clock(request)) else {
            throw CallFailure(.internalError, "the engine gave another answer than was asked for")
        }
        return reading
    }
}
