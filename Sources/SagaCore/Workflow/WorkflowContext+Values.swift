extension WorkflowContext {
    // MARK: Values

    /// Computes something once: the value is kept in the history, and on replay given again without computing it.
    /// - Parameter compute: Must be quick, and must not fail halfway; what may fail belongs into an activity.
    public func sideEffect<Value: Codable>(
        file: StaticString = #fileID, line: UInt = #line, _ compute: () throws -> Value
    ) throws -> Value {
        try checkIn()
        let payload: Payload
        if let recorded = takeForeseenValue() {
            payload = recorded
        } else {
            payload = try converter.encode(try compute())
        }
        _ = try issue(.recordSideEffect(payload), site: CallSite(file, line))
        // Decoded also the first time, so that replay gives the very same.
        return try converter.decode(Value.self, from: payload)
    }

    // MARK: Versions

    /// Whether the run takes the new side of a change: true for runs that come here for the first time, false for those
    /// whose history was here before the change (semantics, section 6). Asked twice it answers the same.
    public func patched(_ changeID: String) throws -> Bool {
        try checkIn()
        return try side(ofPatch: changeID, records: true)
    }

    /// Says that all open runs have the new side, so that the old code can go. Runs that recorded the patch replay with it;
    /// new ones record nothing.
    public func deprecatePatch(_ changeID: String) throws {
        try checkIn()
        _ = try side(ofPatch: changeID, records: false)
    }

    // MARK: Search attributes

    /// Sets an attribute that List filters by: a text, a number or a boolean.
    public func setSearchAttribute<Value: Encodable>(_ name: String, _ value: Value) throws {
        try upsertSearchAttributes([NamedPayload(name: name, payload: try converter.encode(value))])
    }

    /// Sets several attributes at once; others stay as they are.
    public func upsertSearchAttributes(_ attributes: [NamedPayload]) throws {
        _ = try issue(.upsertSearchAttributes(attributes), site: nil)
        merge(searchAttributes: attributes)
    }

    // MARK: Timers

    /// Names what a timer's callback does. It runs beside the rest of the code when the timer fires.
    public func setTimerCallback(_ callback: String, _ handler: @escaping (_ timerID: String) async throws -> Void)
        throws
    {
        try checkIn()
        messages.timers[callback] = handler
    }

    /// Sets a durable timer without waiting for it.
    /// - Returns: With which it can be dropped.
    @discardableResult
    public func startTimer(
        _ timerID: String, _ duration: Duration, callback: String, file: StaticString = #fileID, line: UInt = #line
    ) throws -> TimerHandle {
        let number = try issue(
            .startTimer(timerID: timerID, durationMicros: max(0, duration.wholeMicroseconds), callback: callback),
            site: CallSite(file, line))
        messages.callbacks[number] = (callback, timerID)
        return TimerHandle(number: number)
    }

    /// Drops a timer that has not fired; its callback does not run.
    public func cancelTimer(_ timer: TimerHandle) throws {
        guard messages.callbacks.removeValue(forKey: timer.number) != nil else { return }
        _ = try issue(.cancelTimer(timer.number), site: nil)
    }
}

/// A timer that was set without waiting for it.
public struct TimerHandle: Hashable, Sendable {
    let number: CommandNumber
}

extension [NamedPayload] {
    /// These, with others in their place or added.
    package func merging(_ new: [NamedPayload]) -> [NamedPayload] {
        var merged = self
        for attribute in new {
            if let index = merged.firstIndex(where: { $0.name == attribute.name }) {
                merged[index] = attribute
            } else {
                merged.append(attribute)
            }
        }
        return merged
    }
}
