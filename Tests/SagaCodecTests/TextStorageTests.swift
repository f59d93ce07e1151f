import SagaCodec
import Testing

/// Strings that are made without the standard library's own initialisers must be the same, bit for bit: what it knows of a
/// string's form decides how it compares and hashes.
@Suite struct TextStorageTests {
    private static func made(_ bytes: [UInt8]) -> String? { bytes.withUnsafeBytes { TextStorage.string($0) } }

    private static func bits(_ text: String) -> [UInt64] {
        withUnsafeBytes(of: text) { bytes in
            (0..<2).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
    }

    @Test func shortTextsHaveTheSameBits() throws {
        let letters = Array("Zz0~\u{7F}\u{1}a-/{}[]:,".utf8)
        for count in 0...15 {
            for turn in letters.indices {
                let bytes = (0..<count).map { letters[($0 + turn) % letters.count] }
                let text = try #require(Self.made(bytes))
                #expect(Self.bits(text) == Self.bits(String(decoding: bytes, as: UTF8.self)), "\(bytes)")
            }
        }
    }

    @Test func textsOfAllLengthsAndScriptsAreTheSame() throws {
        var random = Lehmer(state: 11)
        let scalars: [Unicode.Scalar] = [
            "a", "Z", " ", "\u{0}", "é", "ß", "\u{301}", "漢", "€", "🚂", "\u{10FFFF}", "\u{D7FF}",
        ]
        for round in 0..<20_000 {
            var text = ""
            for _ in 0..<round % 40 { text.unicodeScalars.append(scalars[Int(random.next() % UInt64(scalars.count))]) }
            let bytes = Array(text.utf8)
            let found = try #require(Self.made(bytes))
            #expect(found == text && Array(found.utf8) == bytes && found.hashValue == text.hashValue)
            #expect(found.count == text.count && found.utf16.count == text.utf16.count)
            if bytes.count <= 15 {
                #expect(Self.bits(found) == Self.bits(String(decoding: bytes, as: UTF8.self)), "\(bytes)")
            }
            // It lives on and grows like any other.
            var grown = found
            grown += "x"
            #expect(grown == text + "x")
        }
    }

    /// What is not UTF-8 is refused at every length, wherever the bad byte stands.
    @Test func badTextIsRefusedAtEveryLength() {
        for count in 1...70 {
            for at in 0..<count {
                for bad: UInt8 in [0x80, 0xC0, 0xF5, 0xFF] {
                    var bytes = [UInt8](repeating: 0x61, count: count)
                    bytes[at] = bad
                    #expect(Self.made(bytes) == nil, "\(bad) at \(at) of \(count)")
                }
            }
            #expect(Self.made([UInt8](repeating: 0x61, count: count)) == String(repeating: "a", count: count))
        }
    }

    /// Readers load sixteen bytes where they are there: what lies behind a text must not matter, and what lies in it must.
    @Test func textsAreTheSameWhateverFollows() throws {
        for behind: [UInt8] in [[], [0x61], [UInt8](repeating: 0xFF, count: 40), [UInt8](repeating: 0, count: 15)] {
            for count in 0...40 {
                let ascii = (0..<count).map { UInt8(0x30 + $0 % 64) }
                let bytes = [UInt8(count)] + ascii + behind
                let text = try Postcard.decode(String.self, from: bytes)
                #expect(Self.bits(text)[1] >> 56 == Self.bits(String(decoding: ascii, as: UTF8.self))[1] >> 56)
                #expect(text == String(decoding: ascii, as: UTF8.self))
                if count < 16 { #expect(Self.bits(text) == Self.bits(String(decoding: ascii, as: UTF8.self))) }
                let wide = [UInt8(count), 0, 0, 0, 0, 0, 0, 0] + ascii + behind
                #expect(try Bincode<BincodeFixed>.decode(String.self, from: wide) == text)
                #expect(Self.ranges(bytes) == count)
                for at in 0..<count {
                    var bad = bytes
                    bad[1 + at] = 0xC0
                    #expect(throws: CodecError(.badUTF8, at: 1)) { try Postcard.decode(String.self, from: bad) }
                    #expect(Self.ranges(bad) == nil)
                }
            }
        }
    }

    /// The length of a text that is read in place, borrowed and as a range; nil if either is refused.
    private static func ranges(_ bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { bytes in
            var first = PostcardReader(bytes)
            var second = PostcardReader(bytes)
            guard let range = try? first.readTextRange(), let text = try? second.readBorrowedUTF8() else { return nil }
            return Int(range.count) == text.count && first.offset == second.offset ? text.count : -1
        }
    }
}
