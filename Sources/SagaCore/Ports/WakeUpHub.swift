internal import Synchronization

/// Those who listen on channels in this process.
package final class WakeUpHub: Sendable {
    private struct State {
        var listeners: [[UInt8]: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var next: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    package init() {}

    /// A further listener; its stream is over at once if the hub is closed.
    package func listen(on channel: String) -> AsyncStream<Void> {
        // One wake-up is kept until the listener looks: as good as many.
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let key = Array(channel.utf8)
        let id = state.withLock { state -> UInt64? in
            if state.isClosed { return nil }
            state.next += 1
            state.listeners[key, default: [:]][state.next] = continuation
            return state.next
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.forget(key, id) }
        return stream
    }

    package func wake(_ channel: String) {
        let listeners = state.withLock { $0.listeners[Array(channel.utf8)] }
        for (_, listener) in listeners ?? [:] { listener.yield() }
    }

    /// Wakes everybody: something may have been missed.
    package func wakeAll() {
        let listeners = state.withLock { $0.listeners.values.flatMap(\.values) }
        for listener in listeners { listener.yield() }
    }

    /// Whether nobody listens.
    package var isEmpty: Bool { state.withLock { $0.listeners.isEmpty } }

    package func close() {
        let listeners = state.withLock { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return state.listeners.values.flatMap(\.values)
        }
        // Outside of the lock: the end of a stream comes back to `forget`.
        for listener in listeners { listener.finish() }
    }

    private func forget(_ channel: [UInt8], _ id: UInt64) {
        state.withLock { state in
            state.listeners[channel]?[id] = nil
            if state.listeners[channel]?.isEmpty == true { state.listeners[channel] = nil }
        }
    }
}
