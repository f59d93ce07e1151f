internal import Glibc
internal import NIOCore

/// A connection's socket, to write to beside its channel: a descriptor of its own, because the channel closes its when it
/// likes. It is used only while the channel has nothing of its own to write, so that the order of bytes is kept.
struct DirectSocket: ~Copyable {
    private let descriptor: CInt

    /// On the channel's event loop; nil if the system gives no second descriptor.
    init?(_ channel: any Channel) {
        let copied = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            fcntl($0, F_DUPFD_CLOEXEC, 0)
        }
        guard let copied, copied >= 0 else { return nil }
        descriptor = copied
    }

    deinit { close(descriptor) }

    /// Writes what the system takes at once.
    /// - Returns: How many bytes; 0 also if the connection is broken, which its event loop will find out, too.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }
}
