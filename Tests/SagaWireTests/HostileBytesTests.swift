import SagaWire
import Testing

/// Bytes that nobody wrote on purpose: each is refused with a reason, or is a message like any other.
@Suite struct HostileBytesTests {
    /// What the guard lets pass protobuf-c must take, and what comes out must survive the way back.
    private func survives<M: WireMessage>(_ type: M.Type, _ bytes: [UInt8]) -> String? {
        do throws(WireError) {
            let value = try M(decoding: bytes, limits: .response)
            let again = try M(decoding: try value.serialized(), limits: .response)
            // NaN is not equal to itself, so the bytes decide.
            return try again.serialized() == value.serialized() ? nil : "\(M.protoName) changed on the way: \(bytes)"
        } catch {
            return error.reason == .malformed ? "\(M.protoName): the guard let pass \(bytes)" : nil
        }
    }

    @Test func mutatedMessages() {
        var random = SplitMix64(1)
        var refused = 0
        for (index, type) in allWireMessages.enumerated() {
            for seed in 0..<60 {
                var writer = RandomMessage(seed: UInt64(index * 10_000 + seed))
                var bytes = writer.bytes(of: type.protoName)
                for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
                if let problem = survives(type, bytes) { Issue.record("\(problem)") }
                if (try? type.init(decoding: bytes)) == nil { refused += 1 }
            }
        }
        // Both sides of the fence are visited.
        #expect(refused > 1_000 && refused < allWireMessages.count * 60)
    }

    @Test func everyTruncation() {
        for (index, type) in allWireMessages.enumerated() {
            var writer = RandomMessage(seed: UInt64(index))
            let bytes = writer.bytes(of: type.protoName)
            for count in 0..<min(bytes.count, 400) {
                if let problem = survives(type, Array(bytes.prefix(count))) { Issue.record("\(problem)") }
            }
        }
    }

    @Test func randomBytes() {
        var random = SplitMix64(2)
        for type in allWireMessages {
            for _ in 0..<60 {
                let count = Int.random(in: 0...64, using: &random)
                let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                if let problem = survives(type, bytes) { Issue.record("\(problem)") }
            }
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        guard !bytes.isEmpty else {
            bytes = [UInt8.random(in: .min ... .max, using: &random)]
            return
        }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
        case 3: bytes.remove(at: at)
        case 4: bytes.append(contentsOf: bytes[at...])
        default: bytes.removeSubrange(at..<min(bytes.count, at + 8))
        }
    }
}
