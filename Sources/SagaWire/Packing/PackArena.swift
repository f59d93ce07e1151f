internal import CSagaProto
internal import SagaCore

/// An encoded message that is measured and not written yet.
package struct PackedMessage: ~Copyable {
    private let message: UnsafePointer<ProtobufCMessage>
    /// Bytes that it takes.
    package let count: Int

    init(_ message: UnsafePointer<ProtobufCMessage>) {
        self.message = message
        count = protobuf_c_message_get_packed_size(message)
    }

    /// Writes the message; returns the bytes written, which is 0 if `buffer` is smaller than ``count``.
    package borrowing func write(to buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let start = buffer.baseAddress, buffer.count >= count else { return 0 }
        return protobuf_c_message_pack(message, start.assumingMemoryBound(to: UInt8.self))
    }
}

/// Builds protobuf-c's structs for one message to be sent.
struct PackArena {
    /// Twice what the largest message holds, for structs and pointers beside the data.
    static let budget = 64 << 20
    /// No receiver takes a larger message.
    static let largestMessage = 64 << 20

    private let arena: UnsafeMutablePointer<saga_arena>
    /// The first thing that went wrong; what was built then must not be sent.
    private(set) var failure: WireError?

    init(_ arena: UnsafeMutablePointer<saga_arena>) { self.arena = arena }

    private mutating func take<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T>? {
        let (size, overflow) = MemoryLayout<T>.stride.multipliedReportingOverflow(by: count)
        if !overflow, let piece = saga_arena_take(arena, size) { return piece.bindMemory(to: T.self, capacity: count) }
        if failure == nil { failure = WireError(field: "", reason: .memory(limit: Self.budget)) }
        return nil
    }

    mutating func message<M: CMessage>(_ value: M) -> UnsafeMutablePointer<M.CStruct>? {
        guard let c = take(M.CStruct.self, 1) else { return nil }
        value.fill(c, &self)
        return c
    }

    mutating func messages<M: CMessage>(_ values: [M]) -> UnsafeMutablePointer<UnsafeMutablePointer<M.CStruct>?>? {
        guard let list = take(UnsafeMutablePointer<M.CStruct>?.self, values.count) else { return nil }
        for (index, value) in values.enumerated() {
            guard let c = message(value) else { return nil }
            list[index] = c
        }
        return list
    }

    /// A C string. `field` names it if it holds a NUL, which C would take for its end.
    mutating func text(_ value: String, _ field: StaticString) -> UnsafeMutablePointer<CChar>? {
        let count = value.utf8.count
        guard let copy = take(CChar.self, count + 1) else { return nil }
        let raw = UnsafeMutableRawBufferPointer(start: copy, count: count)
        if value.utf8.withContiguousStorageIfAvailable({ raw.copyMemory(from: UnsafeRawBufferPointer($0)) }) == nil {
            raw.copyBytes(from: value.utf8)
        }
        copy[count] = 0
        if memchr(copy, 0, count) != nil && failure == nil {
            failure = WireError(field: "\(field)", reason: .nul)
        }
        return copy
    }

    mutating func texts(_ values: [String], _ field: StaticString) -> UnsafeMutablePointer<
        UnsafeMutablePointer<CChar>?
    >? {
        guard let list = take(UnsafeMutablePointer<CChar>?.self, values.count) else { return nil }
        for (index, value) in values.enumerated() {
            guard let c = text(value, field) else { return nil }
            list[index] = c
        }
        return list
    }

    mutating func bytes(_ value: [UInt8]) -> ProtobufCBinaryData {
        guard let copy = take(UInt8.self, value.count) else { return ProtobufCBinaryData(len: 0, data: nil) }
        UnsafeMutableRawBufferPointer(start: copy, count: value.count).copyBytes(from: value)
        return ProtobufCBinaryData(len: value.count, data: copy)
    }

    mutating func byteArrays(_ values: [[UInt8]]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
        guard let list = take(ProtobufCBinaryData.self, values.count) else { return nil }
        for (index, value) in values.enumerated() { list[index] = bytes(value) }
        return list
    }

    mutating func sagaID(_ value: SagaID) -> ProtobufCBinaryData {
        guard let copy = take(UInt8.self, 16) else { return ProtobufCBinaryData(len: 0, data: nil) }
        let raw = UnsafeMutableRawPointer(copy)
        raw.storeBytes(of: value.high.bigEndian, as: UInt64.self)
        raw.storeBytes(of: value.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        return ProtobufCBinaryData(len: 16, data: copy)
    }

    mutating func sagaIDs(_ values: [SagaID]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
        guard let list = take(ProtobufCBinaryData.self, values.count) else { return nil }
        for (index, value) in values.enumerated() { list[index] = sagaID(value) }
        return list
    }

    mutating func scalars<T>(_ values: [T]) -> UnsafeMutablePointer<T>? {
        guard let list = take(T.self, values.count) else { return nil }
        for (index, value) in values.enumerated() { list[index] = value }
        return list
    }

    mutating func bools(_ values: [Bool]) -> UnsafeMutablePointer<protobuf_c_boolean>? {
        scalars(values.map { $0 ? 1 : 0 })
    }

    mutating func enums<E: CEnum>(_ values: [E]) -> UnsafeMutablePointer<E.CValue>? {
        scalars(values.compactMap { E.CValue(rawValue: UInt32(bitPattern: $0.rawValue)) })
    }
}

/// Fills the structs, measures, and lets `body` write before everything is given back.
func packMessage<M: CMessage, R>(_ value: M, _ body: (borrowing PackedMessage) -> R) throws(WireError) -> R {
    guard let raw = saga_arena_acquire(PackArena.budget) else {
        throw WireError(field: "", reason: .memory(limit: PackArena.budget))
    }
    defer { saga_arena_release(raw) }
    var arena = PackArena(raw)
    let c = arena.message(value)
    if let failure = arena.failure { throw failure }
    guard let c else { throw WireError(field: "", reason: .memory(limit: PackArena.budget)) }
    // Every struct of protobuf-c begins with its message.
    return body(PackedMessage(UnsafeRawPointer(c).assumingMemoryBound(to: ProtobufCMessage.self)))
}
