/// One open call or stream.
struct StreamRecord {
    struct State: OptionSet {
        let rawValue: UInt8
        /// The peer has said END.
        static let receivedEnd = State(rawValue: 1)
        /// We have said END, or it waits in the queue.
        static let sentEnd = State(rawValue: 2)
        /// The peer gave the stream up; the slot stays taken until the handler has ended.
        static let abandoned = State(rawValue: 4)
        /// The REQUEST is complete and was handed on (server), or has left the queue (client).
        static let requested = State(rawValue: 8)
        /// Credit is given by whoever consumes the items, not when they are parsed.
        static let manualCredit = State(rawValue: 16)
        /// Removed, but still in the array.
        static let dead = State(rawValue: 32)
        /// The last message of the stream waits in the queue; the record goes when it has left.
        static let closing = State(rawValue: 64)
        /// In the ring of streams that have something to send.
        static let ready = State(rawValue: 128)
    }

    let id: StreamID
    var state: State
    /// Whatever the delegate keeps for this stream.
    var context: AnyObject?
    /// Only for streams with items or with messages longer than a frame.
    var flow: StreamFlow?
}

/// The open streams of a connection, sorted by id: ids only grow, so adding is an append and finding a binary search.
struct StreamTable {
    private(set) var records: [StreamRecord] = []
    private var head = 0
    private var deadCount = 0

    /// Streams that are open.
    var count: Int { records.count - head - deadCount }

    /// Adds a stream whose id is above every id before it; returns its index.
    mutating func append(_ record: StreamRecord) -> Int {
        records.append(record)
        return records.count - 1
    }

    /// The index of an open stream.
    func find(_ id: StreamID) -> Int? {
        var low = head
        var high = records.count
        if low < high, records[low].id == id { high = low + 1 }
        while low < high {
            let middle = (low + high) / 2
            let candidate = records[middle].id
            if candidate == id { return records[middle].state.contains(.dead) ? nil : middle }
            if candidate < id { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    subscript(index: Int) -> StreamRecord {
        get { records[index] }
        _modify { yield &records[index] }
    }

    /// Removes a stream. Every index taken before is void afterwards.
    mutating func remove(at index: Int) {
        records[index].context = nil
        records[index].flow = nil
        records[index].state = .dead
        deadCount += 1
        while head < records.count, records[head].state.contains(.dead) {
            head += 1
            deadCount -= 1
        }
        if head == records.count {
            records.removeAll(keepingCapacity: records.count <= 32)
            head = 0
        } else if head + deadCount > 32, head + deadCount > records.count / 2 {
            records.removeSubrange(..<head)
            records.removeAll { $0.state.contains(.dead) }
            head = 0
            deadCount = 0
        }
    }

    /// The open streams, lowest id first.
    var open: [StreamRecord] { records[head...].filter { !$0.state.contains(.dead) } }
}
