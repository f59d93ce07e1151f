/// What will happen, by simulated time; equal times come up in the order in which they were put in.
///
/// The heap orders small keys; the elements, which are large, stay in their slots. What is put in for the present moment, a
/// third of all, comes after everything that is there for it, so it waits in a line of its own.
struct EventQueue<Element> {
    private struct Key {
        var time: Int64
        var sequence: UInt64
        var slot: Int

        func isBefore(_ other: Key) -> Bool {
            time == other.time ? sequence < other.sequence : time < other.time
        }
    }

    private var heap: [Key] = []
    private var slots: [Element?] = []
    private var freeSlots: [Int] = []
    private var nextSequence: UInt64 = 0
    /// What is due at `present`, from `lineHead` on.
    private var line: [Element?] = []
    private var lineHead = 0
    private var present: Int64 = .min

    /// - Parameter time: Not before that of the last element taken.
    mutating func push(_ element: Element, at time: Int64) {
        if time == present { return line.append(element) }
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            slots[free] = element
        } else {
            slot = slots.count
            slots.append(element)
        }
        let key = Key(time: time, sequence: nextSequence, slot: slot)
        nextSequence += 1
        heap.append(key)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard key.isBefore(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = key
    }

    mutating func pop() -> (time: Int64, element: Element)? {
        // What the heap has for the present moment was put in before it came.
        if lineHead < line.count, heap.first.map({ $0.time > present }) ?? true {
            lineHead += 1
            return line[lineHead - 1].take().map { (present, $0) }
        }
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if first.time > present {
            present = first.time
            line.removeAll(keepingCapacity: true)
            lineHead = 0
        }
        if !heap.isEmpty { sink(last) }
        freeSlots.append(first.slot)
        return slots[first.slot].take().map { (first.time, $0) }
    }

    /// Puts a key in place of the first.
    private mutating func sink(_ key: Key) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(key) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = key
    }
}
