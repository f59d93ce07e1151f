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
}
