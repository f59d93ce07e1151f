extension SessionCore {
    /// Lets time pass: time-outs, PING. `now` is monotonic nanoseconds; call it every half second or so.
    ///
    /// The hot path reads no clock: it sets a flag, which is turned into a time here.
    func advance(_ now: UInt64) {
        self.now = max(now, self.now)
        if sawInput {
            sawInput = false
            lastInput = self.now
        }
        if sawOutput {
            sawOutput = false
            lastOutput = self.now
        }
        guard acceptsInput else { return }
        if state == .awaitingHello {
            if elapsed(since: openedAt) >= limits.helloDeadline { timeOut("no hello in time") }
            return
        }
        if elapsed(since: lastInput) >= limits.closeAfter { return timeOut("the peer was silent for too long") }
        if frameIsLate() { return timeOut("a frame took too long to arrive") }
        if assemblies > 0 { checkAssemblies() }
        if elapsed(since: lastOutput) >= limits.pingAfter {
            pingSequence &+= 1
            withUnsafeBytes(of: pingSequence.bigEndian) { writeFrame(.ping, stream: 0, body: $0) }
        }
    }

    private func elapsed(since time: UInt64) -> UInt64 { now - min(time, now) }

    private func timeOut(_ message: String) {
        close(WireStatus(.deadlineExceeded, message))
        closeReason = .timedOut(message)
    }

    /// The first byte of a frame starts its clock, at the precision of the ticks.
    private func frameIsLate() -> Bool {
        guard parser.hasPartialFrame else {
            partialSince = nil
            return false
        }
        guard let since = partialSince, partialFrame == parser.frames else {
            partialFrame = parser.frames
            partialSince = now
            return false
        }
        return elapsed(since: since) >= limits.frameDeadline
    }

    private func checkAssemblies() {
        let late = table.open.filter { record in
            guard let flow = record.flow, flow.assembly != nil else { return false }
            return elapsed(since: flow.assemblyStarted) >= limits.messageDeadline
        }
        for record in late {
            guard let index = table.find(record.id) else { continue }
            let status = WireStatus(.deadlineExceeded, "a message took too long to arrive")
            if record.flow?.assemblyKind == .request { droppedRequests.append(record.id) }
            if case .abandoned(let stream, let context, let status) = abandon(index, status) {
                deferred.append(.abandoned(stream, context, status))
            }
        }
    }

    /// The news that has gathered for the delegate.
    func takeDeferred() -> [Deferred] {
        guard !deferred.isEmpty else { return [] }
        defer { deferred = [] }
        return deferred
    }
}
