internal import Glibc
internal import NIOCore

extension Channel {
    /// Keeps the socket from programs that this process starts. NIO opens its sockets to be inherited: a command that lives
    /// on would hold a listener's port, take connections that nobody answers, and keep closed ones open. Call it on the
    /// event loop, once the socket is there.
    func closeOnExec() {
        try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
            let flags = fcntl(handle, F_GETFD)
            if flags >= 0 { _ = fcntl(handle, F_SETFD, flags | FD_CLOEXEC) }
        }
    }
}
