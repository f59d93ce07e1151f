import SagaCore
import SagaWire
import Testing

@Suite struct RoundTripTests {
    /// Every message type: bytes of an independent writer come back byte for byte through Swift values.
    @Test func everyMessageSurvives() throws {
        #expect(allWireMessages.count > 200)
        for (index, type) in allWireMessages.enumerated() {
            for seed in 0..<20 {
                var writer = RandomMessage(seed: UInt64(index * 1_000 + seed))
                let bytes = writer.bytes(of: type.protoName)
                try roundTrip(type, bytes)
            }
        }
    }

    private func roundTrip<M: WireMessage>(_ type: M.Type, _ bytes: [UInt8]) throws {
        let value = try M(decoding: bytes)
        let again = try value.serialized()
        // Only the verdict is reported: two hex dumps help nobody.
        let isSame = again == bytes
        #expect(isSame, "\(M.protoName)")
        let isEqual = try M(decoding: again) == value
        #expect(isEqual, "\(M.protoName)")
    }

    @Test func emptyBytesAreTheEmptyMessage() throws {
        #expect(try Wire.Payload(decoding: []) == Wire.Payload())
        #expect(try Wire.Payload().serialized().isEmpty)
        #expect(try Wire.ServerItem(decoding: []).item == nil)
    }

    @Test func presenceIsKeptWhereZeroIsAValue() throws {
        var options = Wire.StartOptions(workflowID: "a")
        #expect(try Wire.StartOptions(decoding: options.serialized()).cancelGraceMicros == nil)
        options.cancelGraceMicros = 0
        options.autoCompensate = false
        let back = try Wire.StartOptions(decoding: options.serialized())
        #expect(back.cancelGraceMicros == 0)
        #expect(back.autoCompensate == false)
        #expect(back == options)
    }

    @Test func emptyMembersOfAOneofAreKept() throws {
        let item = Wire.ServerItem(item: .drain(Wire.Drain()))
        #expect(try Wire.ServerItem(decoding: item.serialized()) == item)
        let timer = Wire.TimerCreated(callback: "")
        #expect(try Wire.TimerCreated(decoding: timer.serialized()).callback == "")
    }

    @Test func sagaIDsAreSixteenBytes() throws {
        let id = SagaID(high: 0x0102_0304_0506_7708, low: 0x890A_0B0C_0D0E_0F10)
        let bytes = try Wire.Evict(sagaID: id).serialized()
        #expect(bytes == [0x0A, 16] + id.bytes)
        #expect(try Wire.Evict(decoding: bytes).sagaID == id)
        #expect(try Wire.Evict(decoding: [0x0A, 0]).sagaID == nil)
    }

    @Test func unknownEnumValuesAreRefusedInRequestsAndKeptInResponses() throws {
        let bytes: [UInt8] = [0x08, 99]
        #expect(throws: WireError(field: "code", reason: .unknownEnumValue(99))) { try Wire.Status(decoding: bytes) }
        let status = try Wire.Status(decoding: bytes, limits: .response)
        #expect(status.code == .unrecognized(99))
        #expect(try status.serialized() == bytes)
    }

    @Test func aStringWithANulIsNotSent() {
        let status = Wire.Status(code: .internal, message: "a\0b")
        #expect(throws: WireError(field: "Status.message", reason: .nul)) { try status.serialized() }
    }

    @Test func packedMessageWritesOnlyWhereItFits() throws {
        let message = Wire.Payload(encoding: "json", data: Array("{}".utf8))
        let expected = try message.serialized()
        let result: ([UInt8], Int) = try message.withPacked { packed in
            var small = [UInt8](repeating: 7, count: packed.count - 1)
            let written = small.withUnsafeMutableBytes { packed.write(to: $0) }
            return (small, written)
        }
        #expect(result.1 == 0)
        #expect(result.0 == [UInt8](repeating: 7, count: expected.count - 1))
        var bytes: [UInt8] = [1, 2]
        try message.encode(into: &bytes)
        #expect(bytes == [1, 2] + expected)
    }

    @Test func methodsKnowThemselves() {
        #expect(Wire.Method(rawValue: 1_792) == .adminHealth)
        #expect(Wire.Method.workersWork.streaming == .bidirectional)
        #expect(Wire.Method.workflowsFollowHistory.streaming == .server)
        #expect(Wire.Method.workflowsStart.mutates)
        #expect(!Wire.Method.adminHealth.mutates)
        #expect(Wire.Workflows.Start.method.service == "Workflows" && Wire.Workflows.Start.method.name == "Start")
    }
}
