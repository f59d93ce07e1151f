import SagaWire

/// The same bytes in one piece, byte by byte and in pieces as the input itself says: the frames must be the same, and so
/// must the error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    let whole = parse(input) { $0 }
    let single = parse(input) { _ in 1 }
    let split = parse(input) { rest in 1 + Int(input[count - rest]) * 3 }
    precondition(whole == single && whole == split, "the frames depend on the segments")
    return 0
}

struct Outcome: Equatable {
    var frames: [FrameHeader] = []
    var bodies = 0
    var checksum: UInt64 = 0
    var error: FrameError?
}

func parse(_ input: UnsafeRawBufferPointer, piece: (_ rest: Int) -> Int) -> Outcome {
    var outcome = Outcome()
    var parser = FrameParser(maxLength: 4_096)
    var position = 0
    while position < input.count, outcome.error == nil {
        let size = min(max(1, piece(input.count - position)), input.count - position)
        // A copy of its own, so that ASan sees a body that points into an older piece.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
        defer { copy.deallocate() }
        copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[position..<position + size]))
        var rest = UnsafeRawBufferPointer(copy)
        do {
            while let frame = try parser.next(&rest) {
                outcome.frames.append(frame.header)
                outcome.bodies += frame.body.count
                for byte in frame.body { outcome.checksum = outcome.checksum &* 31 &+ UInt64(byte) }
            }
        } catch {
            outcome.error = error
        }
        precondition(parser.partialByteCount <= 4_100, "more was kept than a frame")
        position += size
    }
    return outcome
}
