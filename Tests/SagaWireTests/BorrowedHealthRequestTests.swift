import Foundation
import SagaWire
import Testing

/// Health's own road gives what the ordinary one gives.
@Suite struct BorrowedHealthRequestTests {
    private func answer(_ request: Wire.HealthRequest) throws -> (header: Wire.RequestHeader?, response: [UInt8]) {
        let bytes = try request.serialized()
        return try bytes.withUnsafeBytes { raw in
            let borrowed = try BorrowedHealthRequest(decoding: raw)
            #expect(borrowed.echoCount == request.echo.count)
            let response = borrowed.answer(serverTimeMicros: 1_234_567) { packed in
                [UInt8](unsafeUninitializedCapacity: packed.count) { buffer, count in
                    count = packed.write(to: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            return (borrowed.header(beyond: 128, 86_400_000), response)
        }
    }

    @Test(arguments: [0, 1, 128, 4_096])
    func theEchoComesBack(_ count: Int) throws {
        let echo = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let expected = try Wire.HealthResponse(serverTimeMicros: 1_234_567, echo: echo).serialized()
        #expect(try answer(Wire.HealthRequest(echo: echo)).response == expected)
    }

    @Test func onlyAHeaderThatCouldBeWrongIsCopied() throws {
        var header = Wire.RequestHeader(deadlineMillis: 5_000, requestID: String(repeating: "r", count: 128))
        #expect(try answer(Wire.HealthRequest(header: nil)).header == nil)
        #expect(try answer(Wire.HealthRequest(header: header)).header == nil)
        header.requestID += "r"
        #expect(try answer(Wire.HealthRequest(header: header)).header == header)
        header = Wire.RequestHeader(deadlineMillis: 86_400_001)
        #expect(try answer(Wire.HealthRequest(header: header)).header == header)
        header = Wire.RequestHeader(namespace: "other")
        #expect(try answer(Wire.HealthRequest(header: header)).header == header)
        header = Wire.RequestHeader(traceparent: "00-1-2-3")
        #expect(try answer(Wire.HealthRequest(header: header)).header == header)
    }

    @Test func badBytesAreRefusedAsElsewhere() {
        let bytes: [UInt8] = [0x12, 0x05, 0x01]
        #expect(throws: WireError.self) { try bytes.withUnsafeBytes { _ = try BorrowedHealthRequest(decoding: $0) } }
        #expect(throws: WireError.self) { try Wire.HealthRequest(decoding: bytes) }
    }
}
