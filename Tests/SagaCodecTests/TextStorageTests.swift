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
}
