package import Logging
package import SagaTransport
internal import SagaWire
internal import Synchronization

/// Keeps one connection to the server up: connects when somebody needs it, once for all who wait, and again when it is
/// lost, with growing and jittered pauses so that a thousand clients do not come back at the same moment.
package final class ConnectionKeeper: Sendable {
    private struct State {
        var connection: ClientConnection?
        /// The attempt under way.
        var attempt: Task<Result<ClientConnection, SagaClientError>, Never>?
        var failures: UInt32 = 0
        /// No attempt before this.
        var notBefore: ContinuousClock.Instant?
        var isClosed = false
    }

    package let options: ConnectionOptions
    package let group: TransportGroup
    private let configuration: ClientConfiguration
    private let logger: Logger
    private let state = Mutex(State())

    package init(_ options: ConnectionOptions, group: TransportGroup, logger: Logger) throws(SagaClientError) {
        self.options = options
        self.group = group
        self.logger = logger
        configuration = try options.transport()
    }

    /// The connection, if it takes calls now: nearly always, and without the ways of waiting for one.
    var ready: ClientConnection? {
        state.withLock { state in
            guard !state.isClosed, let connection = state.connection, connection.isUsable else { return nil }
            return connection
        }
    }

    /// A connection that takes calls.
    /// - Throws: What ended the last attempt: at once if another cannot help (credentials, certificates), else `.unavailable`
    ///   at the deadline.
    package func connection(until deadline: ContinuousClock.Instant) async throws(SagaClientError) -> ClientConnection {
        var last: SagaClientError?
        while true {
            let (ready, attempt) = try current()
            if let ready { return ready }
            guard let attempt else { continue }
            let result = await firstOf(attempt, until: deadline)
            switch result {
            case .success(let connection): return connection
            case .failure(let error):
                guard error.isTransient else { throw error }
                // What the last attempt said tells more than that time is up.
                guard ContinuousClock.now < deadline else { throw last ?? error }
                last = error
            // The next round waits for the pause inside its attempt.
            }
            if Task.isCancelled { throw SagaClientError(.cancelled, "the call was cancelled") }
        }
    }

    private func current() throws(SagaClientError) -> (
        ClientConnection?, Task<Result<ClientConnection, SagaClientError>, Never>?
    ) {
        let found = state.withLock {
            state -> Result<
                (ClientConnection?, Task<Result<ClientConnection, SagaClientError>, Never>?), SagaClientError
            > in
            if state.isClosed { return .failure(SagaClientError(.cancelled, "the client is closed")) }
            if let connection = state.connection {
                if connection.isUsable { return .success((connection, nil)) }
                // After GOAWAY with a pause, or a loss: the next attempt follows.
                state.connection = nil
                let pause = connection.goAway.map { Duration.milliseconds(Int64(clamping: $0.retryAfterMS)) }
                if let pause { state.notBefore = max(state.notBefore ?? .now, .now + pause) }
            }
            if let attempt = state.attempt { return .success((nil, attempt)) }
            let pause = state.notBefore
            let attempt = Task { await self.connect(notBefore: pause) }
            state.attempt = attempt
            return .success((nil, attempt))
        }
        return try found.get()
    }

    private func connect(notBefore: ContinuousClock.Instant?) async -> Result<ClientConnection, SagaClientError> {
        if let notBefore, notBefore > .now { try? await Task.sleep(until: notBefore, clock: .continuous) }
        if state.withLock({ $0.isClosed }) { return .failure(SagaClientError(.cancelled, "the client is closed")) }
        let result: Result<ClientConnection, SagaClientError>
        do throws(TransportError) {
            result = .success(try await ClientConnection.connect(configuration, group: group, logger: logger))
        } catch {
            var failure = SagaClientError(error, isMutation: false)
            // Nothing was asked yet, so a slow network is like an absent server: worth another attempt.
            if failure.code == .deadlineExceeded { failure.code = .unavailable }
            result = .failure(failure)
        }
        let isClosed = state.withLock { state in
            state.attempt = nil
            switch result {
            case .success(let connection):
                state.failures = 0
                state.notBefore = nil
                if !state.isClosed { state.connection = connection }
            case .failure:
                state.failures = state.failures &+ 1
                state.notBefore = .now + pause(after: state.failures)
            }
            return state.isClosed
        }
        if isClosed, case .success(let connection) = result { await connection.close() }
        return result
    }

    /// How long to wait after so many failures: doubling, and between half and all of it by chance.
    package func pause(after failures: UInt32) -> Duration {
        let exponent = min(failures > 0 ? failures - 1 : 0, 20)
        let longest = min(options.backoff.upperBound, options.backoff.lowerBound * (1 << exponent))
        return longest * Double.random(in: 0.5...1)
    }

    private func firstOf(
        _ attempt: Task<Result<ClientConnection, SagaClientError>, Never>, until deadline: ContinuousClock.Instant
    ) async -> Result<ClientConnection, SagaClientError> {
        await withTaskGroup(of: Result<ClientConnection, SagaClientError>?.self) { group in
            // Awaiting a task's value does not hear of cancellation, so the loser is an abandoned wait: it ends with the
            // attempt, which is bounded itself.
            let box = OneShot()
            Task { box.give(await attempt.value) }
            group.addTask { await box.take() }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                box.give(nil)
                return nil
            }
            let first = await group.next().flatMap { $0 }
            group.cancelAll()
            box.give(nil)
            if let first { return first }
            var late = SagaClientError(.unavailable, "no connection to \(options.address) in time")
            late.source = .connection
            return .failure(late)
        }
    }

    /// Closes the connection; nothing is connected any more.
    package func close() async {
        let (connection, attempt) = state.withLock { state in
            state.isClosed = true
            defer { state.connection = nil }
            return (state.connection, state.attempt)
        }
        await connection?.close()
        // An attempt that runs on would use the event loop after its end.
        attempt?.cancel()
        _ = await attempt?.value
    }
}

/// A value that comes once, for one who waits.
private final class OneShot: Sendable {
    typealias Value = Result<ClientConnection, SagaClientError>?

    private struct State {
        var value: Value?
        var waiter: CheckedContinuation<Value, Never>?
    }

    private let state = Mutex(State())

    func give(_ value: Value) {
        let waiter = state.withLock { state -> CheckedContinuation<Value, Never>? in
            guard state.value == nil else { return nil }
            state.value = .some(value)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: value)
    }

    func take() async -> Value {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Value? in
                if let value = state.value { return .some(value) }
                state.waiter = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
