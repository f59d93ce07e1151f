/// Every limit of the frame protocol, in one place.
///
/// A peer can make this side hold at most: one partial frame (``maxFrame``), the messages that are being assembled
/// (``maxAssemblingBytes``), the output that it does not read (``maxQueuedBytes`` plus one frame for each call in
/// flight) and the item windows of its open streams. Design: `wire.md`, "Frame" and "What bad input gets".
package struct WireLimits: Sendable, Hashable {
    /// Nanoseconds in a second: the unit of every duration here.
    package static let second: UInt64 = 1_000_000_000

    /// Largest value of a frame's `length` field (everything after the field itself). Default 64 KiB.
    package var maxFrame = 65_536
    /// Largest body of HELLO in bytes. Default 4 KiB.
    package var maxHello = 4_096
    /// Largest message in bytes, also while it is assembled from several frames. Default 4 MiB.
    package var maxMessage = 4 << 20
    /// Items that a stream may carry in one direction before credit is granted again. Default 64.
    package var windowItems = 64
    /// Bytes of items that a stream may carry in one direction before credit is granted again. Default 256 KiB.
    package var windowBytes = 256 << 10
    /// Calls and streams in flight on one connection; a cancelled one counts until its handler has ended. Default 1,024.
    package var maxStreams = 1_024
    /// Bytes of unfinished messages that one connection may hold. Default 8 MiB.
    package var maxAssemblingBytes = 8 << 20
    /// Bytes of messages of one connection that wait to be sent. Default 8 MiB.
    package var maxQueuedBytes = 8 << 20
    /// Items of one stream that wait for credit. Default 1,024.
    package var maxQueuedItems = 1_024
    /// Formatted output above which no further fragment of a waiting message is added, so that stream 0 stays quick.
    /// Default 64 KiB.
    package var outputHighWater = 64 << 10
    /// Formatted output above which an item waits for its turn, although it is short and has credit. Default 256 KiB: the tasks
    /// of a large commit leave without a queue.
    package var itemHighWater = 256 << 10
    /// Formatted output at which a server looks at no further input, so that small requests with long answers cannot
    /// fill its memory. Default 1 MiB.
    package var maxOutput = 1 << 20
    /// Largest window that credit may add up to, in items or bytes. Default 2^30.
    package var maxWindow = 1 << 30

    /// From the first byte of the connection until HELLO was accepted, TLS included. Default 5 s.
    package var helloDeadline = 5 * second
    /// From the first byte of a frame until its last. Default 10 s.
    package var frameDeadline = 10 * second
    /// From the first frame of a message until its last. Default 60 s.
    package var messageDeadline = 60 * second
    /// Time without a byte sent after which PING is sent. Default 20 s.
    package var pingAfter = 20 * second
    /// Time without a byte received after which the connection is closed. Default 60 s.
    package var closeAfter = 60 * second
    /// A peer that takes none of the waiting output for this long is cut off. Default 30 s.
    package var stalledWriter = 30 * second
    /// After an error or a close, how long to wait for the peer to take the last bytes. Default 2 s.
    package var linger = 2 * second
    /// Advice that goes out with RESOURCE_EXHAUSTED. Default 1,000 ms.
    package var retryAfterMS: UInt64 = 1_000

    package init() {}

    /// Largest body that fits into one frame.
    var maxFrameBody: Int { maxFrame - FrameHeader.lengthOverhead }
}

/// What a peer may have on the way on one stream before it waits for credit.
package struct StreamWindow: Sendable, Hashable {
    package var items: Int
    package var bytes: Int

    /// For the stream of a worker, which carries the tasks or the reports of a whole commit at once: with a window of
    /// ``WireLimits/windowItems`` both sides would wait for each other several times in each.
    package static let work = StreamWindow(items: 1_024, bytes: 1 << 20)
}
