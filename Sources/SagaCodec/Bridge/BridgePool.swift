import Synchronization

/// A coder that is used for one value after the other.
protocol BridgePooled: AnyObject, Sendable {}

// A coder belongs to whoever took it out of the pool, one thread at a time.
extension BridgeEncoder: @unchecked Sendable {}
extension BridgeDecoder: @unchecked Sendable {}

/// A few idle coders. A new one costs four allocations, and each keyed container of it a look-up of types in the runtime, which
/// together is more than the work on a small value.
struct BridgePool<Coder: BridgePooled>: ~Copyable, Sendable {
    // Words that hold a retained reference, or nothing.
    private let first = Atomic<UInt>(0)
    private let second = Atomic<UInt>(0)
    private let third = Atomic<UInt>(0)
    private let fourth = Atomic<UInt>(0)

    @inline(__always)
    func take() -> Coder? {
        Self.take(first) ?? Self.take(second) ?? Self.take(third) ?? Self.take(fourth)
    }

    /// False if the pool is full.
    @inline(__always)
    func put(_ coder: Coder) -> Bool {
        let word = UInt(bitPattern: Unmanaged.passRetained(coder).toOpaque())
        if Self.put(word, first) || Self.put(word, second) || Self.put(word, third) || Self.put(word, fourth) {
            return true
        }
        Unmanaged.passUnretained(coder).release()
        return false
    }

    private static func take(_ slot: borrowing Atomic<UInt>) -> Coder? {
        guard slot.load(ordering: .relaxed) != 0 else { return nil }
        return UnsafeRawPointer(bitPattern: slot.exchange(0, ordering: .acquiringAndReleasing))
            .map { Unmanaged<Coder>.fromOpaque($0).takeRetainedValue() }
    }

    private static func put(_ word: UInt, _ slot: borrowing Atomic<UInt>) -> Bool {
        slot.compareExchange(expected: 0, desired: word, ordering: .acquiringAndReleasing).exchanged
    }
}

/// Something that was made for one type of coding keys.
class BridgeSlot {
    let id: ObjectIdentifier
    init(_ id: ObjectIdentifier) { self.id = id }
}

final class EncodingSlot<Key: CodingKey>: BridgeSlot {
    let container: KeyedEncodingContainer<Key>

    init(_ id: ObjectIdentifier, _ container: KeyedEncodingContainer<Key>) {
        self.container = container
        super.init(id)
    }
}

final class DecodingSlot<Key: CodingKey>: BridgeSlot {
    let container: KeyedDecodingContainer<Key>

    init(_ id: ObjectIdentifier, _ container: KeyedDecodingContainer<Key>) {
        self.container = container
        super.init(id)
    }
}

/// Slots by their key types; of two types that meet, the later one stays.
struct BridgeSlots {
    private static let count = 64
    private var slots: ContiguousArray<BridgeSlot?> = []

    subscript(_ id: ObjectIdentifier) -> BridgeSlot? {
        @inline(__always)
        get {
            guard !slots.isEmpty, let slot = slots[Self.place(of: id)], slot.id == id else { return nil }
            return slot
        }
        set {
            if slots.isEmpty { slots = ContiguousArray(repeating: nil, count: Self.count) }
            slots[Self.place(of: id)] = newValue
        }
    }

    mutating func removeAll() { slots = [] }

    @inline(__always)
    private static func place(of id: ObjectIdentifier) -> Int {
        let address = UInt(bitPattern: id)
        return Int(truncatingIfNeeded: (address >> 3 ^ address >> 9) & UInt(count - 1))
    }
}
