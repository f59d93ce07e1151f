/// What a transport needs to know of a session: bytes in, bytes out, time, and the end.
///
/// ``ServerSession`` and ``ClientSession`` conform; the transport is generic over it and never looks inside.
package protocol WireSession: AnyObject {
    var core: SessionCore { get }
    /// The connection is up (TLS included) and may carry frames.
    func connected()
    /// Bytes have arrived. They are read in place and not kept beyond the call.
    func receive(_ bytes: UnsafeRawBufferPointer)
    /// Goes on with input that was kept back, if there is room for its answers now.
    func resume()
    /// Lets time pass, in monotonic nanoseconds.
    func tick(_ now: UInt64)
    /// Formats more of what waits to be sent; call it when output was taken.
    func fillOutput()
    /// Says GOAWAY (servers) and lets the open streams finish; a client just opens no further ones.
    func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64)
    /// The connection is over. Called once; the delegate hears `closed`.
    func disconnected(_ reason: SessionCloseReason)
}
