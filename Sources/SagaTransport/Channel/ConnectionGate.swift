internal import Glibc

/// Lets one thread at a time work on a connection: its event loop, which waits for its turn, or another thread that has
/// something to send and goes in only if nobody is there. So an answer of an idle server leaves on the thread that made it;
/// waking the event loop for it would cost more than all the rest.
///
/// The event loop's thread may go in again while it is inside: callbacks of a connection send to that connection.
final class ConnectionGate: @unchecked Sendable {
    // Safety: `isLoopInside` is touched on the event loop's thread only.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @exclusivity(unchecked) private var isLoopInside = false

    init() {
        lock.initialize(to: pthread_mutex_t())
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// On the event loop: waits until the gate is free. Others hold it for the time of one send.
    @inline(__always)
    func onLoop<Value>(_ body: () -> Value) -> Value {
        if isLoopInside { return body() }
        pthread_mutex_lock(lock)
        isLoopInside = true
        defer {
            isLoopInside = false
            pthread_mutex_unlock(lock)
        }
        return body()
    }

    /// On any other thread: nil, and nothing done, if somebody is inside, which may be the caller itself.
    func ifFree<Value>(_ body: () -> Value) -> Value? {
        guard pthread_mutex_trylock(lock) == 0 else { return nil }
        defer { pthread_mutex_unlock(lock) }
        return body()
    }
}
