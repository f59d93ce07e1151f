import SagaCodec
import Testing

/// The writer's own arithmetic: varints in one store, copies in overlapping ones, room that grows.
@Suite struct WriterTests {
    private static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(truncatingIfNeeded: rest)]
    }

    @Test func varintsOfEveryLengthAreTheCrates() throws {
        var values: [UInt64] = [0, 1, .max, .max - 1]
        for bit in 0..<64 {
            let power = UInt64(1) << UInt64(bit)
            values += [power, power - 1, power + 1, power | 1 << 5]
        }
        var random = Lehmer(state: 3)
        for round in 0..<20_000 { values.append(random.next() >> UInt64(round % 64)) }
        for value in values {
            let bytes = Postcard.encode(value)
            #expect(bytes == Self.varint(value))
            #expect(try Postcard.decodeStrict(UInt64.self, from: bytes) == value)
            // With bytes behind it, so that the reader takes it in one load.
            let padded = bytes + [UInt8](repeating: 0xFF, count: 8)
            #expect(try Postcard.decode(UInt64.self, from: padded) == value)
        }
    }

    @Test func textsAndBytesOfEveryLengthComeBackWhereverTheyStand() throws {
        for count in 0...300 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) & 0x7F }
            let text = String(decoding: bytes, as: UTF8.self)
            // A small writer, so that the room grows in the middle; a byte in front, so that nothing is aligned.
            var writer = PostcardWriter(capacity: 1)
            writer.write(UInt8(count & 1))
            writer.write(text)
            writer.write(bytes)
            writer.write(UInt64(count))
            #expect(
                writer.array() == [UInt8(count & 1)] + Self.varint(UInt64(count)) + bytes + Self.varint(UInt64(count))
                    + bytes
                    + Self.varint(UInt64(count)))
        }
    }

    @Test func numbersAloneGrowTheRoom() {
        var writer = PostcardWriter(capacity: 1)
        var expected: [UInt8] = []
        for index in 0..<5_000 {
            let value = UInt64.max >> UInt64(index % 64)
            writer.write(value)
            expected += Self.varint(value)
        }
        #expect(writer.array() == expected)
    }

    @Test(arguments: [0, 1, 126, 127, 128, 129, 16_383, 16_384, 70_000])
    func lengthsStandInFrontOfWhatWasWritten(_ length: Int) {
        var writer = PostcardWriter(capacity: 8)
        writer.write(UInt8(9))
        writer.writeLengthPrefixed { writer in
            for index in 0..<length { writer.writeRawByte(UInt8(truncatingIfNeeded: index)) }
        }
        writer.write(UInt8(7))
        let body = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        #expect(writer.array() == [9] + Self.varint(UInt64(length)) + body + [7])
    }

    /// A guess of the length's width that was wrong costs a move, never a wrong byte.
    @Test(arguments: [0, 1, 126, 127, 128, 129, 16_383, 16_384, 70_000], [1, 2])
    func guessedLengthsStandInFrontOfWhatWasWritten(_ length: Int, _ width: Int) {
        var writer = PostcardWriter(capacity: 1)
        writer.write(UInt8(9))
        let place = writer.beginLengthPrefixed(width: width)
        for index in 0..<length { writer.writeRawByte(UInt8(truncatingIfNeeded: index)) }
        writer.endLengthPrefixed(at: place, width: width)
        writer.write(UInt8(7))
        let body = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        #expect(writer.array() == [9] + Self.varint(UInt64(length)) + body + [7])
    }

    /// Short texts are stored sixteen bytes at a time: nothing of that may stay.
    @Test func textsOfAllLengthsAreWrittenAsTheirBytes() {
        var writer = PostcardWriter(capacity: 1)
        var fixed = BincodeWriter<BincodeFixed>(capacity: 1)
        var expected: [UInt8] = []
        var wide: [UInt8] = []
        for letters in ["a", "é", "漢", "🚂", "a€"] {
            for count in 0...40 {
                let text = String(repeating: letters, count: count)
                // One that lies inside itself, and one that does not.
                for value in [text, String((text + "0123456789abcdef").dropLast(16))] {
                    writer.write(value)
                    fixed.write(value)
                    expected += Self.varint(UInt64(value.utf8.count)) + Array(value.utf8)
                    wide += (0..<8).map { UInt8(truncatingIfNeeded: value.utf8.count >> ($0 * 8)) } + Array(value.utf8)
                }
            }
        }
        #expect(writer.array() == expected)
        #expect(fixed.buffer.array() == wide)
    }
}
