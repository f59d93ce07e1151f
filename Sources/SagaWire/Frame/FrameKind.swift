/// What a frame is: byte 4 of its header (`wire.md`, "Frame"). A new kind goes only to a peer that announced it.
package enum FrameKind: UInt8, Sendable, CaseIterable {
    case hello = 1
    case welcome = 2
    case request = 3
    case response = 4
    case error = 5
    case item = 6
    case end = 7
    case cancel = 8
    case credit = 9
    case ping = 10
    case pong = 11
    case goAway = 12

    /// True for kinds that belong to the connection and travel on stream 0 only.
    var isConnectionLevel: Bool {
        switch self {
        case .hello, .welcome, .ping, .pong, .goAway: true
        case .request, .response, .error, .item, .end, .cancel, .credit: false
        }
    }

    /// True for kinds whose message may be longer than one frame.
    var mayContinue: Bool {
        switch self {
        case .request, .response, .error, .item: true
        case .hello, .welcome, .end, .cancel, .credit, .ping, .pong, .goAway: false
        }
    }
}

/// Byte 5 of a frame's header.
package struct FrameFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The body is an LZ4 block with its raw size in front; only if both sides said so.
    package static let compressed = FrameFlags(rawValue: 1)
    /// The message continues in the next frame of the same stream.
    package static let more = FrameFlags(rawValue: 2)

    static let known: FrameFlags = [.compressed, .more]
}

/// The id of a call or stream on one connection: from 1, strictly increasing; 0 is the connection itself.
package typealias StreamID = UInt32
