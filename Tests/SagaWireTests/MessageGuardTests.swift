import SagaWire
import Testing

/// What the guard refuses, and how it says so (wire.md, "What bad input gets").
@Suite struct MessageGuardTests {
    private func refused<M: WireMessage>(
        _ type: M.Type, _ bytes: [UInt8], _ limits: MessageLimits = .request
    ) -> WireError? {
        do throws(WireError) {
            _ = try M(decoding: bytes, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    private func field(_ number: UInt64, _ type: UInt64, _ body: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        RandomMessage.varint(number << 3 | type, &out)
        if type == 2 { RandomMessage.varint(UInt64(body.count), &out) }
        return out + body
    }

    @Test func brokenShapes() {
        let cases: [([UInt8], WireError)] = [
            ([0x0A], WireError(field: "encoding", reason: .truncated)),
            ([0x0A, 5, 1], WireError(field: "encoding", reason: .truncated)),
            ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], WireError(field: "encoding", reason: .truncated)),
            ([0x0A, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00], WireError(field: "encoding", reason: .varint)),
            ([0x08, 1], WireError(field: "encoding", reason: .wireType)),
            ([0x0B], WireError(field: "", reason: .wireType)),
            ([0x0C], WireError(field: "", reason: .wireType)),
            ([0x0F], WireError(field: "", reason: .wireType)),
            ([0x00, 0], WireError(field: "", reason: .fieldNumber)),
            ([0x80], WireError(field: "", reason: .truncated)),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], WireError(field: "", reason: .varint)),
            ([0xFA, 0xFF, 0xFF, 0xFF, 0x1F], WireError(field: "", reason: .fieldNumber)),
            ([UInt8](repeating: 0xFF, count: 11), WireError(field: "", reason: .varint)),
            ([0x0A, 1, 0x61, 0x0A, 1, 0x62], WireError(field: "encoding", reason: .repeated)),
        ]
        for (bytes, expected) in cases { #expect(refused(Wire.Payload.self, bytes) == expected, "\(bytes)") }
    }

    @Test func numbers() {
        // WelcomeResponse-like scalars: GoAway has uint32, string, uint64 and an enum.
        #expect(refused(Wire.GoAway.self, [0x08] + [UInt8](repeating: 0x80, count: 9) + [0x02])?.reason == .varint)
        #expect(refused(Wire.GoAway.self, [0x08] + [UInt8](repeating: 0x80, count: 9) + [0x01]) == nil)
        #expect(refused(Wire.GoAway.self, [0x08, 0x80]) == WireError(field: "last_stream_id", reason: .truncated))
        #expect(refused(Wire.GoAway.self, [0x0D, 1, 2, 3, 4]) == WireError(field: "last_stream_id", reason: .wireType))
        #expect(
            refused(Wire.RetryPolicy.self, [0x19, 1, 2]) == WireError(field: "backoff_coefficient", reason: .truncated))
    }

    @Test func texts() {
        func text(_ bytes: [UInt8]) -> WireError.Reason? { refused(Wire.Payload.self, field(1, 2, bytes))?.reason }
        #expect(text(Array("Größe ✈️".utf8)) == nil)
        #expect(text([0xFF, 0xFE, 0x41]) == .utf8)
        #expect(text([0xC0, 0x80]) == .utf8)
        #expect(text([0xED, 0xA0, 0x80]) == .utf8)
        #expect(text([0xF4, 0x90, 0x80, 0x80]) == .utf8)
        #expect(text([0xE2, 0x9C]) == .utf8)
        #expect(text(Array("ad\0mx".utf8)) == .nul)
        #expect(text([0]) == .nul)
        #expect(text([UInt8](repeating: 0x61, count: 100) + [0] + [0x61]) == .nul)
        // Bytes fields take anything.
        #expect(refused(Wire.Payload.self, field(2, 2, [0, 0xFF])) == nil)
    }

    @Test func pathsNameTheFieldAndTheElement() {
        let entry = field(1, 2, [0xFF])
        let payload = field(3, 2, field(1, 2, [0x61])) + field(1, 2, [0x6A]) + field(3, 2, entry)
        #expect(refused(Wire.Payload.self, payload) == WireError(field: "metadata[1].key", reason: .utf8))
        let named = field(2, 2, payload)
        #expect(
            refused(Wire.UpsertSearchAttributesCommand.self, field(1, 2, []) + field(1, 2, []) + field(1, 2, named))
                == WireError(field: "attributes[2].payload.metadata[1].key", reason: .utf8))
        #expect(
            "\(WireError(field: "attributes[2].name", reason: .utf8))" == "field attributes[2].name is not valid UTF-8")
        #expect("\(WireError(field: "", reason: .truncated))".hasPrefix("message ends too early"))
    }

    @Test func sagaIDsHaveSixteenBytes() {
        #expect(
            refused(Wire.Evict.self, field(1, 2, [1, 2, 3]))
                == WireError(field: "saga_id", reason: .length(expected: 16, found: 3)))
    }

    @Test func aOneofIsSetOnce() {
        let drain = field(7, 2, [])
        #expect(refused(Wire.ServerItem.self, drain) == nil)
        #expect(refused(Wire.ServerItem.self, drain + drain) == WireError(field: "drain", reason: .repeated))
        #expect(refused(Wire.ServerItem.self, drain + field(4, 2, [])) == WireError(field: "evict", reason: .repeated))
        // Two oneofs of one message do not disturb each other.
        let options = [0x38, 1, 0x40, 1] as [UInt8]
        #expect(refused(Wire.StartOptions.self, options) == nil)
        #expect(refused(Wire.StartOptions.self, options + [0x38, 2])?.reason == .repeated)
    }

    @Test func unknownFieldsAreIgnoredAndCounted() throws {
        let unknown = field(1_000, 0, [7]) + field(1_001, 2, [1, 2]) + field(1_002, 5, [1, 2, 3, 4])
        let known = field(1, 2, [0x61])
        let value = try Wire.Payload(decoding: unknown + known + field(1_003, 1, [UInt8](repeating: 9, count: 8)))
        #expect(value == Wire.Payload(encoding: "a"))
        var many: [UInt8] = []
        for _ in 0..<1_025 { many += field(1_000, 0, [7]) }
        #expect(refused(Wire.Payload.self, many)?.reason == .tooManyUnknownFields(limit: 1_024))
    }

    /// 2 MB of empty sub-messages would be 146 MB of structs.
    @Test func amplificationIsRefused() {
        var bytes: [UInt8] = []
        while bytes.count < 2 << 20 { bytes += [0x12, 0x00] }
        #expect(
            refused(Wire.GetHistoryResponse.self, bytes)
                == WireError(field: "events", reason: .tooManyElements(limit: 65_536)))
        // The same spread over many parents meets the limit on fields of the whole message.
        let parent = field(1, 2, (0..<8_000).flatMap { _ in [0x5A, 0x00] as [UInt8] })
        let many = (0..<40).flatMap { _ in parent }
        #expect(refused(Wire.ListWorkflowsResponse.self, many)?.reason == .tooManyFields(limit: 1 << 18))
        var limits = MessageLimits.request
        limits.fields = 100
        let flat = (0..<101).flatMap { _ in field(1, 2, []) }
        #expect(refused(Wire.ListWorkflowsResponse.self, flat, limits)?.reason == .tooManyFields(limit: 100))
    }

    @Test func packedNumbersCountToo() {
        let numbers = [UInt8](repeating: 1, count: 65_537)
        #expect(
            refused(Wire.CompensationSummary.self, field(2, 2, numbers))
                == WireError(field: "open_entries", reason: .tooManyElements(limit: 65_536)))
        #expect(refused(Wire.CompensationSummary.self, field(2, 2, Array(numbers.dropFirst()))) == nil)
        #expect(
            refused(Wire.CompensationSummary.self, field(2, 2, [1, 0x80]))
                == WireError(field: "open_entries", reason: .truncated))
        #expect(
            refused(Wire.RetryPolicy.self, field(6, 2, [17, 18]))
                == WireError(field: "non_retryable_kinds", reason: .unknownEnumValue(18)))
    }

    @Test func sizeAndMemoryAreLimited() {
        var limits = MessageLimits.request
        limits.messageBytes = 100
        #expect(refused(Wire.Payload.self, field(2, 2, [UInt8](repeating: 1, count: 90)), limits) == nil)
        #expect(
            refused(Wire.Payload.self, field(2, 2, [UInt8](repeating: 1, count: 99)), limits)
                == WireError(field: "", reason: .tooLarge(limit: 100)))
        limits = .request
        limits.memoryBytes = 64 << 10
        let events = (0..<5_000).flatMap { _ in field(2, 2, []) }
        #expect(refused(Wire.GetHistoryResponse.self, events, limits)?.reason == .memory(limit: 64 << 10))
        #expect(refused(Wire.GetHistoryResponse.self, events) == nil)
        // One piece that is larger than all that is left.
        let large = field(2, 2, [UInt8](repeating: 1, count: 100_000))
        #expect(refused(Wire.Payload.self, large, limits)?.reason == .memory(limit: 64 << 10))
    }
}
