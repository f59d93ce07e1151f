internal import SagaWire
internal import Synchronization

/// What a client connection tells its users, from the event loop to any thread.
final class ClientShared: Sendable {
    private struct State {
        var welcome: [UInt8] = []
        var goAway: WireGoAway?
        var closeReason: SessionCloseReason?
        var closeObservers: [@Sendable (SessionCloseReason) -> Void] = []
        var goAwayObservers: [@Sendable (WireGoAway) -> Void] = []
    }

    private let state = Mutex(State())

    var welcome: [UInt8] {
        get { state.withLock { $0.welcome } }
        set { state.withLock { $0.welcome = newValue } }
    }

    var goAway: WireGoAway? {
        get { state.withLock { $0.goAway } }
        set { state.withLock { $0.goAway = newValue } }
    }

    var closeReason: SessionCloseReason? { state.withLock { $0.closeReason } }

    /// Whether calls can be made.
    var isUsable: Bool { state.withLock { $0.closeReason == nil && $0.goAway == nil } }

    func didClose(_ reason: SessionCloseReason) {
        let observers = state.withLock { state in
            state.closeReason = reason
            return exchange(&state.closeObservers, with: [])
        }
        for observer in observers { observer(reason) }
    }

    func whenClosed(_ observer: @escaping @Sendable (SessionCloseReason) -> Void) {
        let reason = state.withLock { state in
            if state.closeReason == nil { state.closeObservers.append(observer) }
            return state.closeReason
        }
        if let reason { observer(reason) }
    }

    func didGoAway(_ message: WireGoAway) {
        for observer in state.withLock({ exchange(&$0.goAwayObservers, with: []) }) { observer(message) }
    }

    func whenGoAway(_ observer: @escaping @Sendable (WireGoAway) -> Void) {
        let message = state.withLock { state in
            if state.goAway == nil { state.goAwayObservers.append(observer) }
            return state.goAway
        }
        if let message { observer(message) }
    }
}
