import SagaCore
import SagaWire

// The same events as protobuf messages: protobuf-c behind the generated values, as they go to workers and clients.
extension ReplaySuite {
    func protobuf(_ context: BenchContext, _ history: HistoryWorkload) throws {
        guard context.wants("protobuf-c/encode") || context.wants("protobuf-c/decode") else { return }
        let events = Array(history.runs.flatMap(\.events).prefix(10_000))
        let messages = try events.map { try Wire.HistoryEvent($0).serialized() }
        let bytes = messages.reduce(0) { $0 + $1.count }
        func bench(_ part: String) -> BenchCase {
            BenchCase(name: "protobuf-c/\(part)", operations: events.count, bytes: bytes, clock: .cpu)
        }
        try context.measure(bench("encode")) {
            var total: UInt64 = 0
            for event in events { total &+= UInt64(try Wire.HistoryEvent(event).serialized().count) }
            return total
        }
        try context.measure(bench("decode")) {
            var total: UInt64 = 0
            for message in messages {
                var event = try HistoryEvent(Wire.HistoryEvent(decoding: message))
                total &+= event.eventID
                sink(&event)
            }
            return total
        }
    }
}
