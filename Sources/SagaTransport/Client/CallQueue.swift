/// Calls in the order they came; taking from the front costs nothing.
struct CallQueue {
    private var calls: [ClientCall?] = []
    private var head = 0

    var count: Int { calls.count - head }

    var first: ClientCall? { head < calls.count ? calls[head] : nil }

    mutating func append(_ call: ClientCall) { calls.append(call) }

    mutating func removeFirst() {
        guard head < calls.count else { return }
        calls[head] = nil
        head += 1
        if head == calls.count {
            calls.removeAll()
            head = 0
        } else if head >= 1_024 {
            calls.removeSubrange(..<head)
            head = 0
        }
    }

    mutating func removeAll() -> [ClientCall] {
        defer { self = CallQueue() }
        return calls[head...].compactMap { $0 }
    }
}
