import Dispatch
import SagaCore

/// Hears the notifications of the database, on a connection of its own, as long as somebody listens. A connection that breaks
/// is made again, and then everybody is woken: something may have been missed.
final class SignalLane: @unchecked Sendable {
    // Safety: everything but the hub is touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.postgres.signals", qos: .userInitiated)
    private let options: PostgresOptions
    private let hub = WakeUpHub()
    private var connection: PgConnection?
    /// Tells when the server has sent something.
    private var source: (any DispatchSourceRead)?
    private var isRetrying = false
    private var isClosed = false

    /// The one channel of the database; that of the port is the payload.
    let channel: String

    init(_ options: PostgresOptions) {
        self.options = options
        channel = "\(options.schema)_signals"
    }

    func wakeUps(on channel: String) async throws(StoreError) -> AsyncStream<Void> {
        try await withCheckedContinuation { (answer: Answer<AsyncStream<Void>>) in
            queue.async { [self] in
                if isClosed { return answer.resume(returning: .failure(CommitQueue.closed)) }
                do throws(PgFailure) {
                    try connect()
                    answer.resume(returning: .success(hub.listen(on: channel)))
                } catch {
                    answer.resume(returning: .failure(error.storeError("listen for signals")))
                }
            }
        }.get()
    }

    func close() async {
        await withCheckedContinuation { done in
            queue.async { [self] in
                isClosed = true
                disconnect()
                hub.close()
                done.resume()
            }
        }
    }

    // MARK: On the queue

    private func connect() throws(PgFailure) {
        if let connection, connection.isUsable { return }
        disconnect()
        let fresh = try PgConnection(options, role: .listener)
        try fresh.run("LISTEN \(channel)")
        // A descriptor of the source's own: libpq closes its one as soon as the server has gone, and while the source still
        // watched that number it would belong to whatever is opened next.
        let watched = try fresh.duplicateSocket()
        let source = DispatchSource.makeReadSource(fileDescriptor: watched, queue: queue)
        source.setEventHandler { [weak self] in self?.read() }
        source.setCancelHandler { PgConnection.closeDuplicate(watched) }
        connection = fresh
        self.source = source
        source.activate()
    }

    private func disconnect() {
        source?.cancel()
        source = nil
        connection = nil
    }

    private func read() {
        guard let connection else { return }
        do throws(PgFailure) {
            for channel in try connection.takeNotifications() { hub.wake(channel) }
            if hub.isEmpty { disconnect() }
        } catch {
            disconnect()
            reconnect(after: .milliseconds(50))
        }
    }

    private func reconnect(after pause: DispatchTimeInterval) {
        guard !isRetrying, !isClosed, !hub.isEmpty else { return }
        isRetrying = true
        queue.asyncAfter(deadline: .now() + pause) { [weak self] in
            guard let self else { return }
            isRetrying = false
            guard !isClosed, !hub.isEmpty else { return }
            do throws(PgFailure) {
                try connect()
                hub.wakeAll()
            } catch {
                reconnect(after: .seconds(1))
            }
        }
    }
}
