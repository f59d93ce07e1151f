import SagaWire
import Testing

/// A frame copied out, so that it outlives the parser's input.
struct CopiedFrame: Equatable {
    let header: FrameHeader
    let body: [UInt8]
}

/// Feeds `segments` one after the other; collects the frames.
func parseAll(_ segments: [[UInt8]], maxLength: Int = 65_536) throws(FrameError) -> (frames: [CopiedFrame], rest: Int) {
    var parser = FrameParser(maxLength: maxLength)
    var frames: [CopiedFrame] = []
    for segment in segments {
        // Its own allocation, freed before the next: a body that pointed into an old segment would be noticed.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, segment.count), alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: segment)
        var input = UnsafeRawBufferPointer(rebasing: copy[..<segment.count])
        while let frame = try parser.next(&input) {
            frames.append(CopiedFrame(header: frame.header, body: [UInt8](frame.body)))
        }
        #expect(input.isEmpty)
    }
    return (frames, parser.partialByteCount)
}

/// Frames of many sizes, the empty body and the largest among them.
func sampleFrames(using generator: inout SplitMix, count: Int) -> [CopiedFrame] {
    (0..<count).map { index in
        let sizes = [0, 1, 7, 8, 11, 12, 13, 200, 4_096, 65_528]
        let size = sizes[Int(generator.next() % UInt64(sizes.count))]
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
        let header = FrameHeader(
            length: UInt32(size + 8), kind: UInt8(generator.next() % 14), flags: FrameFlags(rawValue: 2),
            method: UInt16(truncatingIfNeeded: generator.next()), stream: UInt32(truncatingIfNeeded: generator.next()))
        return CopiedFrame(header: header, body: body)
    }
}

func bytes(of frame: CopiedFrame) -> [UInt8] {
    let header = frame.header
    var bytes: [UInt8] = []
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: header.length >> UInt32(shift))) }
    bytes += [header.kind, header.flags.rawValue]
    bytes += [UInt8(truncatingIfNeeded: header.method >> 8), UInt8(truncatingIfNeeded: header.method)]
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: header.stream >> UInt32(shift))) }
    return bytes + frame.body
}

/// A seeded generator, so that a failing split can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct FrameParserTests {
    @Test func everythingInOneSegment() throws {
        var generator = SplitMix(state: 1)
        let frames = sampleFrames(using: &generator, count: 300)
        let parsed = try parseAll([frames.flatMap(bytes(of:))])
        #expect(parsed.frames == frames)
        #expect(parsed.rest == 0)
    }

    @Test func oneByteAtATime() throws {
        var generator = SplitMix(state: 2)
        let frames = sampleFrames(using: &generator, count: 12)
        let parsed = try parseAll(frames.flatMap(bytes(of:)).map { [$0] })
        #expect(parsed.frames == frames)
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func randomSplits(seed: UInt64) throws {
        var generator = SplitMix(state: 1_000 + seed)
        let frames = sampleFrames(using: &generator, count: 8)
        var stream = frames.flatMap(bytes(of:))
        let cut = Int(generator.next() % UInt64(stream.count + 1))
        let complete = seed % 2 == 0
        if !complete { stream.removeLast(cut) }
        var segments: [[UInt8]] = []
        var position = 0
        while position < stream.count {
            let largest = [1, 3, 16, 5_000, 100_000][Int(generator.next() % 5)]
            let size = min(stream.count - position, 1 + Int(generator.next() % UInt64(largest)))
            segments.append(Array(stream[position..<position + size]))
            position += size
        }
        let parsed = try parseAll(segments)
        let expected = parsed.frames.count
        #expect(parsed.frames == Array(frames.prefix(expected)))
        #expect(parsed.frames.flatMap(bytes(of:)).count + parsed.rest == stream.count)
        if complete { #expect(expected == frames.count) }
    }

    @Test func tenThousandTinyFrames() throws {
        let one = HeaderOnly.ping
        let parsed = try parseAll([Array(repeating: one, count: 10_000).flatMap { $0 }])
        #expect(parsed.frames.count == 10_000)
    }

    @Test(arguments: [0, 1, 7] as [UInt32]) func lengthBelowEight(length: UInt32) {
        #expect(throws: FrameError.lengthTooSmall(length)) { try parseAll([lengthBytes(length)]) }
        #expect(throws: FrameError.lengthTooSmall(length)) { try parseAll(lengthBytes(length).map { [$0] }) }
    }

    @Test(arguments: [65_537, 1 << 31, UInt32.max] as [UInt32]) func lengthOverTheLimit(length: UInt32) {
        #expect(throws: FrameError.lengthTooLarge(length, limit: 65_536)) { try parseAll([lengthBytes(length)]) }
        #expect(throws: FrameError.lengthTooLarge(length, limit: 65_536)) {
            try parseAll(lengthBytes(length).map { [$0] })
        }
    }

    @Test func lengthAtTheLimitIsKeptOnlyAsItArrives() throws {
        let parsed = try parseAll([lengthBytes(65_536) + [3, 0, 0, 1]])
        #expect(parsed.frames.isEmpty)
        #expect(parsed.rest == 8)
    }

    private func lengthBytes(_ length: UInt32) -> [UInt8] {
        withUnsafeBytes(of: length.bigEndian) { [UInt8]($0) }
    }
}

enum HeaderOnly {
    static let ping = FrameHeader.frame(kind: .ping, stream: 0, body: [1, 2, 3, 4, 5, 6, 7, 8])
}
