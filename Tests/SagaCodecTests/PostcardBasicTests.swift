import SagaCodec
import Testing

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private struct Point: PostcardCodable, Equatable {
    var x: Int32
    var y: Int32
    var name: String?
    init(x: Int32, y: Int32, name: String?) {
        self.x = x
        self.y = y
        self.name = name
    }
    func encode(into writer: inout PostcardWriter) {
        writer.write(x)
        writer.write(y)
        writer.write(name)
    }
    init(from reader: inout PostcardReader) throws(CodecError) {
        x = try reader.read()
        y = try reader.read()
        name = try reader.read()
    }
}

@Suite struct PostcardBasicTests {
    @Test func scalarsHaveTheCratesBytes() {
        #expect(hex(Postcard.encode(UInt16(16384))) == "808001")
        #expect(hex(Postcard.encode(Int32(-134_217_728))) == "ffffff7f")
        #expect(hex(Postcard.encode(Int8(-64))) == "c0")
        #expect(hex(Postcard.encode(Int128.min)) == "ffffffffffffffffffffffffffffffffffff03")
        #expect(hex(Postcard.encode(Float(-1.5))) == "0000c0bf")
        #expect(hex(Postcard.encode("hé")) == "0368c3a9")
        #expect(hex(Postcard.encode([UInt8]([1, 2, 3]))) == "03010203")
        #expect(hex(Postcard.encode(["b": UInt8(2), "a": 1])) == "02016101016202")
    }

    @Test func valuesComeBack() throws {
        let point = Point(x: -1, y: 300, name: "ünï")
        #expect(try Postcard.decodeStrict(Point.self, from: Postcard.encode(point)) == point)
        for value in [0, 1, 127, 128, 16383, 16384, UInt64(1) << 56, (1 << 56) - 1, .max] {
            #expect(try Postcard.decodeStrict(UInt64.self, from: Postcard.encode(value)) == value)
        }
    }

    @Test func strictRefusesWhatTheCrateAccepts() throws {
        #expect(try Postcard.decode(UInt32.self, from: [0x81, 0]) == 1)
        #expect(throws: CodecError(.nonCanonical, at: 0)) { try Postcard.decodeStrict(UInt32.self, from: [0x81, 0]) }
        #expect(try Postcard.decode(UInt8.self, from: [1, 2]) == 1)
        #expect(throws: CodecError(.trailingBytes, at: 1)) { try Postcard.decodeStrict(UInt8.self, from: [1, 2]) }
    }

    @Test func everyTruncationIsATypedError() {
        let bytes = Postcard.encode(Point(x: .min, y: .max, name: "0123456789"))
        for count in 0..<bytes.count {
            #expect(throws: CodecError.self) { try Postcard.decode(Point.self, from: [UInt8](bytes[..<count])) }
        }
    }

    @Test func aWriterGrowsAndIsReused() {
        var writer = PostcardWriter(capacity: 1)
        let text = String(repeating: "x", count: 5000)
        for _ in 0..<3 {
            writer.reset()
            writer.write(text)
            #expect(writer.count == 5002)
        }
    }
}
