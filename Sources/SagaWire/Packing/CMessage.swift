internal import CSagaProto
internal import SagaCodec
internal import SagaCore

/// The door between a message value and protobuf-c's struct. No C pointer leaves this module.
protocol CMessage: WireMessage {
    associatedtype CStruct

    /// protobuf-c's description of the message.
    static var descriptor: UnsafePointer<ProtobufCMessageDescriptor> { get }
    /// Copies everything out of a struct that protobuf-c unpacked from bytes the guard let pass.
    init(copying c: UnsafePointer<CStruct>)
    /// Initialises the struct and copies everything into it and the arena.
    func fill(_ c: UnsafeMutablePointer<CStruct>, _ arena: inout PackArena)
}

/// An enum of the IDL beside protobuf-c's.
protocol CEnum {
    associatedtype CValue: RawRepresentable where CValue.RawValue == UInt32
    init(rawValue: Int32)
    var rawValue: Int32 { get }
}

// MARK: - Decoding

/// Bytes that the guard let pass, as protobuf-c's struct. What that took is given back at the end of this
/// value, so the message is copied out before (``CMessage/init(copying:)``).
struct UnpackedMessage: ~Copyable {
    private let arena: UnsafeMutablePointer<saga_arena>
    /// The struct that belongs to the descriptor; its first member is the message.
    let message: UnsafeRawPointer

    @inline(never)
    init(
        _ bytes: UnsafeRawBufferPointer, _ limits: MessageLimits,
        _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) throws(WireError) {
        var check = MessageGuard(limits)
        try check.run(bytes, descriptor)
        guard let arena = saga_arena_acquire(max(0, limits.memoryBytes)) else {
            throw WireError(field: "", reason: .memory(limit: limits.memoryBytes))
        }
        // An empty buffer may have no address; protobuf-c does not read it then.
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let message = saga_arena_unpack(arena, descriptor, bytes.count, start) else {
            let isSpent = arena.pointee.refused != 0
            saga_arena_release(arena)
            throw WireError(field: "", reason: isSpent ? .memory(limit: limits.memoryBytes) : .malformed)
        }
        self.arena = arena
        self.message = UnsafeRawPointer(message)
    }

    deinit { saga_arena_release(arena) }

    /// Said where the struct is needed no longer: until then it lives.
    consuming func end() {}
}

/// Copies of what protobuf-c unpacked.
enum Unpacked {
    @inline(__always)
    static func message<M: CMessage>(_ c: UnsafeMutablePointer<M.CStruct>?) -> M? {
        guard let c else { return nil }
        return M(copying: UnsafePointer(c))
    }

    static func messages<M: CMessage>(_ count: Int, _ c: UnsafeMutablePointer<UnsafeMutablePointer<M.CStruct>?>?) -> [M]
    {
        guard let c, count > 0 else { return [] }
        var result: [M] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            if let element = c[index] { result.append(M(copying: UnsafePointer(element))) }
        }
        return result
    }

    @inline(__always)
    static func text(_ c: UnsafePointer<CChar>?) -> String {
        guard let c, c.pointee != 0 else { return "" }
        // The guard has seen that it is UTF-8, so nothing is lost where it is not a text.
        return TextStorage.string(UnsafeRawBufferPointer(start: c, count: strlen(c))) ?? ""
    }

    static func texts(_ count: Int, _ c: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
        guard let c, count > 0 else { return [] }
        return (0..<count).map { text(c[$0]) }
    }

    @inline(__always)
    static func bytes(_ c: ProtobufCBinaryData) -> [UInt8] {
        guard c.len > 0 else { return [] }
        return [UInt8](UnsafeBufferPointer(start: c.data, count: c.len))
    }

    static func byteArrays(_ count: Int, _ c: UnsafeMutablePointer<ProtobufCBinaryData>?) -> [[UInt8]] {
        guard let c, count > 0 else { return [] }
        return (0..<count).map { bytes(c[$0]) }
    }

    /// The guard has checked that there are 16 bytes or none.
    @inline(__always)
    static func sagaID(_ c: ProtobufCBinaryData) -> SagaID? {
        guard c.len == 16, let data = c.data else { return nil }
        let raw = UnsafeRawPointer(data)
        return SagaID(
            high: UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    static func sagaIDs(_ count: Int, _ c: UnsafeMutablePointer<ProtobufCBinaryData>?) -> [SagaID] {
        guard let c, count > 0 else { return [] }
        return (0..<count).compactMap { sagaID(c[$0]) }
    }

    static func scalars<T>(_ count: Int, _ c: UnsafeMutablePointer<T>?) -> [T] {
        guard let c, count > 0 else { return [] }
        return [T](UnsafeBufferPointer(start: c, count: count))
    }

    static func bools(_ count: Int, _ c: UnsafeMutablePointer<protobuf_c_boolean>?) -> [Bool] {
        scalars(count, c).map { $0 != 0 }
    }

    static func enums<E: CEnum>(_ count: Int, _ c: UnsafeMutablePointer<E.CValue>?) -> [E] {
        scalars(count, c).map { E(rawValue: Int32(truncatingIfNeeded: $0.rawValue)) }
    }
}
