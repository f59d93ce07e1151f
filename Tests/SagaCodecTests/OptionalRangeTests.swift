import SagaCodec
import Testing

/// Options of text and bytes that are left where they are: read without a branch on whether they are there, so each way out of that
/// road is tried, and held to the plain forms.
@Suite struct OptionalRangeTests {
    /// What the plain forms make of the same bytes.
    private func plain(_ input: [UInt8], from start: Int, strict: Bool, text: Bool) -> Result<FrameRange?, CodecError> {
        input.withUnsafeBytes { bytes in
            var reader = PostcardReader(bytes, strict: strict)
            do throws(CodecError) {
                try reader.skipRaw(start)
                guard try reader.readOptionTag() else { return .success(nil) }
                return .success(text ? try reader.readTextRange() : try reader.readBytesRange())
            } catch {
                return .failure(error)
            }
        }
    }

    private func short(
        _ input: [UInt8], from start: Int, strict: Bool, text: Bool
    ) -> (result: Result<FrameRange?, CodecError>, offset: Int) {
        input.withUnsafeBytes { bytes in
            var reader = PostcardReader(bytes, strict: strict)
            do throws(CodecError) {
                try reader.skipRaw(start)
                let found = text ? try reader.readOptionalTextRange() : try reader.readOptionalBytesRange()
                return (.success(found.range), reader.offset)
            } catch {
                return (.failure(error), reader.offset)
            }
        }
    }

    private func check(_ input: [UInt8], from start: Int) {
        for strict in [false, true] {
            for text in [false, true] {
                let expected = plain(input, from: start, strict: strict, text: text)
                let found = short(input, from: start, strict: strict, text: text)
                #expect(found.result == expected, "\(input.count) bytes from \(start), strict \(strict), text \(text)")
                if case .success(let range) = expected {
                    let end = range.map { Int($0.offset) + Int($0.count) } ?? start + 1
                    #expect(found.offset == end)
                }
            }
        }
    }

    /// Every length around the limits, with room before and behind and without, and with one byte that is not ASCII at each place.
    @Test func agreesWithThePlainForms() {
        let noise = (0..<48).map { UInt8(truncatingIfNeeded: 0x80 | $0) }
        for count in Array(0...34) + [63, 127, 128, 300] {
            let length: [UInt8] = count < 128 ? [UInt8(count)] : [UInt8(count & 0x7F) | 0x80, UInt8(count >> 7)]
            for before in [[], [0x41], noise] {
                for behind in [[], noise] {
                    let text = (0..<count).map { UInt8(0x20 + $0 % 0x5F) }
                    check(before + [1] + length + text + behind, from: before.count)
                    check(before + [0] + behind, from: before.count)
                    for place in 0..<min(count, 40) {
                        var broken = text
                        broken[place] = 0xFF
                        check(before + [1] + length + broken + behind, from: before.count)
                    }
                }
            }
            // Cut off, at each place.
            let whole = [1] + length + (0..<count).map { _ in UInt8(0x61) }
            for cut in 0..<whole.count { check(Array(whole[..<cut]), from: 0) }
        }
    }

    @Test func takesTextOfOtherScripts() {
        for text in ["ä", "日本語", "naïve café with a long tail behind it", String(repeating: "é", count: 16)] {
            let bytes = Array(text.utf8)
            check([1, UInt8(bytes.count)] + bytes, from: 0)
            check(Array(repeating: 0x61, count: 40) + [1, UInt8(bytes.count)] + bytes, from: 40)
        }
    }

    @Test func refusesOtherTags() {
        for tag in [2, 0x7F, 0x80, 0xFF] as [UInt8] {
            check([tag, 1, 0x61], from: 0)
            #expect(
                short([tag, 1, 0x61], from: 0, strict: true, text: true).result
                    == .failure(CodecError(.badOption, at: 0)))
        }
    }

    /// A padded length is what `decode` accepts and `decodeStrict` does not.
    @Test func padsAsThePlainFormsDo() {
        check([1, 0x81, 0x00, 0x61], from: 0)
        check([1, 0x80, 0x00], from: 0)
    }

    @Test func skipsTheSame() throws {
        for input in [[0], [1, 0], [1, 3, 1, 2, 3], [0, 9], [1, 0x80, 0x01] + Array(repeating: 7, count: 128)]
            as [[UInt8]]
        {
            try input.withUnsafeBytes { bytes in
                var skipping = PostcardReader(bytes)
                var reading = PostcardReader(bytes)
                try skipping.skipOptionalBytes()
                _ = try reading.readOptionalBytesRange()
                #expect(skipping.offset == reading.offset)
            }
        }
        for input in [[], [2], [1], [1, 3, 1, 2]] as [[UInt8]] {
            input.withUnsafeBytes { bytes in
                _ = #expect(throws: CodecError.self) {
                    var reader = PostcardReader(bytes)
                    try reader.skipOptionalBytes()
                }
            }
        }
    }

    /// Bytes that a flag announces: there, not there, long, and cut off.
    @Test func skipsWhatAFlagAnnounces() throws {
        let long = [0x80, 0x02] + Array(repeating: 5 as UInt8, count: 256)
        let cases: [(input: [UInt8], isThere: Bool, end: Int?)] = [
            ([], false, 0), ([], true, nil), ([0], true, 1), ([3, 1, 2, 3], true, 4), ([3, 1, 2], true, nil),
            ([0xFF], false, 0), ([3, 1, 2, 3], false, 0), (long, true, 258), (long, false, 0), ([0x80], true, nil),
        ]
        for (input, isThere, end) in cases {
            input.withUnsafeBytes { bytes in
                var reader = PostcardReader(bytes, strict: true)
                do throws(CodecError) {
                    try reader.skipBytes(ifThere: isThere)
                    #expect(reader.offset == end, "\(input.prefix(4))")
                } catch {
                    #expect(end == nil, "\(input.prefix(4)): \(error)")
                }
            }
        }
    }

    /// The option that is written again is the one that was read.
    @Test func writesWhatItRead() throws {
        for input in [[0], [1, 0], [1, 3, 0x61, 0x62, 0x63]] as [[UInt8]] {
            try input.withUnsafeBytes { bytes in
                var reader = PostcardReader(bytes, strict: true)
                let range = try reader.readOptionalTextRange()
                var writer = PostcardWriter()
                writer.writeRange(range, of: bytes)
                #expect(writer.array() == input)
                #expect(OptionalFrameRange(range.range) == range)
            }
        }
    }
}
