import SagaWire

/// The first two bytes choose a message type and the limits, the rest is what a peer sent as that message. Whatever the
/// guard lets pass protobuf-c must take, and what comes out must survive the way back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 2 else { return 0 }
    let choice = Int(start[0]) | Int(start[1] & 0x3F) << 8
    var limits = start[1] & 0x40 == 0 ? MessageLimits.request : .response
    // Small limits, so that a fuzzer with small inputs reaches them.
    if start[1] & 0x80 != 0 {
        limits.fields = 64
        limits.elements = 16
        limits.unknownFields = 4
        limits.memoryBytes = 4_096
    }
    allWireMessages[choice % allWireMessages.count].check(
        UnsafeRawBufferPointer(start: start + 2, count: count - 2), limits)
    return 0
}

extension WireMessage {
    fileprivate static func check(_ input: UnsafeRawBufferPointer, _ limits: MessageLimits) {
        let value: Self
        do throws(WireError) {
            // A copy of its own, so that ASan sees a read beyond the end, and a value that still points into it.
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count, alignment: 1)
            defer { copy.deallocate() }
            copy.copyMemory(from: input)
            value = try Self(decoding: UnsafeRawBufferPointer(copy), limits: limits)
        } catch {
            precondition(error.reason != .malformed, "the guard let pass what protobuf-c refuses")
            precondition(!"\(error)".isEmpty)
            return
        }
        do throws(WireError) {
            let bytes = try value.serialized()
            let again = try Self(decoding: bytes, limits: .response)
            // NaN is not equal to itself, so the bytes decide.
            let back = try again.serialized()
            precondition(back == bytes, "the message changed on the way")
        } catch {
            preconditionFailure("what was decoded cannot be sent: \(error)")
        }
    }
}
