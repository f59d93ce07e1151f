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

/// A value whose type its holder knows. The standard library's containers are copied by what the runtime knows of them, and a function
/// that is generic over their keys alone looks that up whenever it copies one (500 instructions); here it is an argument of the class.
final class BridgeHeld<Value> {
    private let value: Value
    init(_ value: Value) { self.value = value }

    // Inlined, it would be looked up again.
    @inline(never)
    func copy() -> Value { value }
}

final class EncodingSlot<Key: CodingKey>: BridgeSlot {
    let container: BridgeHeld<KeyedEncodingContainer<Key>>
    /// Whether the keys are numbered from 0.
    let areIndices: Bool

    init(_ id: ObjectIdentifier, _ container: KeyedEncodingContainer<Key>) {
        self.container = BridgeHeld(container)
        areIndices = BridgeKeys.areIndices(Key.self)
        super.init(id)
    }
}

final class DecodingSlot<Key: CodingKey>: BridgeSlot {
    let container: BridgeHeld<KeyedDecodingContainer<Key>>
    /// The keys that are numbered from 0 without a gap, by their numbers, and how many; none if there are more than ``limit``.
    let keys: UnsafeMutablePointer<Key>
    let count: Int

    private static var limit: Int { 256 }

    init(_ id: ObjectIdentifier, _ container: KeyedDecodingContainer<Key>) {
        self.container = BridgeHeld(container)
        var found: [Key] = []
        while found.count <= Self.limit, let key = Key(intValue: found.count) { found.append(key) }
        count = found.count <= Self.limit ? found.count : 0
        keys = .allocate(capacity: max(count, 1))
        for index in 0..<count { (keys + index).initialize(to: found[index]) }
        super.init(id)
    }

    deinit {
        keys.deinitialize(count: count)
        keys.deallocate()
    }
}

/// Slots by their key types; of two types that meet, the later one stays.
struct BridgeSlots {
    private static let count = 256
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
        // Metadata lies at distances that are multiples of each other, which a shift alone would put in one place.
        return Int(truncatingIfNeeded: ((address >> 3) &* 0x9E37_79B9_7F4A_7C15) >> 56)
    }
}
