import SagaWire

/// Random numbers that a seed repeats.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Writes random messages from the schema alone. It shares no code with protobuf-c or with the generated Swift, so that
/// it can stand as the other side: canonical proto3, fields by number, nothing that is default outside a oneof.
struct RandomMessage {
    var random: SplitMix64
    /// Everything set, and only values that also mean something: what the core's types can hold.
    var isMeaningful = false

    init(seed: UInt64) { random = SplitMix64(seed) }

    mutating func bytes(of type: String, fill: Int = 60) -> [UInt8] {
        var out: [UInt8] = []
        var chosen: [UInt32: UInt32] = [:]
        let fields = WireSchema.current.messages[type] ?? []
        for field in fields {
            if let oneof = field.oneof, chosen[oneof] == nil {
                let members = fields.filter { $0.oneof == oneof }
                chosen[oneof] = chance(fill) ? members.randomElement(using: &random)?.number : 0
            }
        }
        for field in fields {
            if let oneof = field.oneof {
                if chosen[oneof] == field.number { append(field, &out, fill, keepsDefault: true) }
            } else if field.isRepeated {
                if chance(fill) { appendRepeated(field, &out, fill) }
            } else if chance(fill) {
                append(field, &out, fill, keepsDefault: false)
            }
        }
        return out
    }

    private mutating func chance(_ percent: Int) -> Bool {
        isMeaningful || Int.random(in: 0..<100, using: &random) < percent
    }

    private mutating func appendRepeated(_ field: WireSchema.Field, _ out: inout [UInt8], _ fill: Int) {
        let count = Int.random(in: 1...3, using: &random)
        switch field.kind {
        case .varint, .bool, .enumeration:
            var body: [UInt8] = []
            for _ in 0..<count {
                Self.varint(number(field), &body)
            }
            length(field, body, &out, true)
        default:
            for _ in 0..<count { append(field, &out, fill, keepsDefault: true) }
        }
    }

    private mutating func append(_ field: WireSchema.Field, _ out: inout [UInt8], _ fill: Int, keepsDefault: Bool) {
        switch field.kind {
        case .varint, .bool, .enumeration:
            let value = number(field)
            if value == 0 && !keepsDefault { return }
            Self.varint(UInt64(field.number) << 3, &out)
            Self.varint(value, &out)
        case .fixed32:
            Self.varint(UInt64(field.number) << 3 | 5, &out)
            for _ in 0..<4 { out.append(UInt8.random(in: 1...100, using: &random)) }
        case .fixed64:
            let value = Double(Int.random(in: 1...8, using: &random)) / 8
            Self.varint(UInt64(field.number) << 3 | 1, &out)
            withUnsafeBytes(of: value.bitPattern.littleEndian) { out.append(contentsOf: $0) }
        case .string:
            let texts = ["", "a", "flight", "order-123", "Größe", "予約 ✈️", String(repeating: "x", count: 300)]
            length(field, Array((texts.randomElement(using: &random) ?? "").utf8), &out, keepsDefault)
        case .bytes:
            let count = Int.random(in: 0...40, using: &random)
            length(field, (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }, &out, keepsDefault)
        case .sagaID:
            length(field, (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }, &out, keepsDefault)
        case .message(let name):
            // Deeper messages get emptier, so that the size stays small.
            let body = bytes(of: name, fill: fill * 2 / 3)
            length(field, body, &out, true)
        }
    }

    /// 32-bit fields must hold what survives the way through 32 bits; the schema view does not tell widths, so values
    /// stay small unless the field is known to be wide by its name.
    private func isWide(_ field: WireSchema.Field) -> Bool { field.name.hasSuffix("_us") }

    private mutating func number(_ field: WireSchema.Field) -> UInt64 {
        switch field.kind {
        case .bool: return UInt64.random(in: 0...1, using: &random)
        case .enumeration(var values):
            // Zero means "not given"; the last two compensation states are pictures of now and no part of an event.
            if isMeaningful { values = values.filter { $0 > 0 && !(field.name == "state" && $0 > 3) } }
            return UInt64(bitPattern: Int64(values.randomElement(using: &random) ?? 0))
        default:
            if isMeaningful { return UInt64.random(in: 1...0x7FFF_FFFF, using: &random) }
            let largest: UInt64 = isWide(field) ? .max : 0x7FFF_FFFF
            return UInt64.random(in: 0...largest, using: &random)
        }
    }

    private func length(_ field: WireSchema.Field, _ body: [UInt8], _ out: inout [UInt8], _ keepsDefault: Bool) {
        if body.isEmpty && !keepsDefault { return }
        Self.varint(UInt64(field.number) << 3 | 2, &out)
        Self.varint(UInt64(body.count), &out)
        out.append(contentsOf: body)
    }

    static func varint(_ value: UInt64, _ out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }
}
