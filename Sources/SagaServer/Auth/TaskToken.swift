package import SagaCore
internal import SagaTransport

/// Names a task that was handed out, unforgeably: whoever reports about a task must have been given it (wire.md, "Services").
///
/// ```
/// version (1) · kind (1) · saga id (16) · event id or generation (8) · attempt (4) · undo (1) · expiry µs (8) · tag (32)
/// ```
/// Big endian. The tag is HMAC-SHA256 under the store's key over everything before it and the namespace, so that a token
/// of another namespace, of another store, or with any bit changed is refused.
package struct TaskToken: Hashable, Sendable {
    /// What it names.
    package enum Subject: Hashable, Sendable {
        case activity(TaskReference)
        case workflow(SagaID, generation: UInt64)
        case query(SagaID, id: UInt64)
    }

    package var subject: Subject
    /// After this it is refused.
    package var expiresAt: Timestamp

    package init(_ subject: Subject, expiresAt: Timestamp) {
        self.subject = subject
        self.expiresAt = expiresAt
    }

    /// How long a token is.
    static let size = bodySize + 32
    private static let bodySize = 39
    private static let version: UInt8 = 1

    /// Writes and signs.
    func encoded(key: TaskTokenKey, namespace: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.size)
        let (kind, sagaID, number, attempt, isUndo): (UInt8, SagaID, UInt64, UInt32, Bool)
        switch subject {
        case .activity(let task):
            (kind, sagaID, number, attempt, isUndo) = (1, task.sagaID, task.eventID, task.attempt, task.isUndo)
        case .workflow(let id, let generation): (kind, sagaID, number, attempt, isUndo) = (2, id, generation, 0, false)
        case .query(let id, let query): (kind, sagaID, number, attempt, isUndo) = (3, id, query, 0, false)
        }
        bytes.append(Self.version)
        bytes.append(kind)
        append(sagaID.high, to: &bytes)
        append(sagaID.low, to: &bytes)
        append(number, to: &bytes)
        append(attempt, to: &bytes)
        bytes.append(isUndo ? 1 : 0)
        append(UInt64(bitPattern: expiresAt.microseconds), to: &bytes)
        bytes += key.tag(of: bytes[...], namespace: namespace)
        return bytes
    }

    /// Reads and checks; nil if the token is forged, damaged, foreign or expired. The caller is not told which.
    init?(_ bytes: [UInt8], key: TaskTokenKey, namespace: String, now: Timestamp) {
        guard bytes.count == Self.size, bytes[0] == Self.version else { return nil }
        let body = bytes[..<Self.bodySize]
        let tag = Array(bytes[Self.bodySize...])
        guard Crypto.constantTimeEquals(tag, key.tag(of: body, namespace: namespace)) else { return nil }
        self.init(claimed: body)
        guard now < expiresAt else { return nil }
    }

    /// The attempt that a token says it names, which proves nothing; nil if it is none of an activity, or has expired.
    static func claimedActivity(_ bytes: [UInt8], now: Timestamp) -> TaskReference? {
        guard bytes.count == size, bytes[0] == version, let token = TaskToken(claimed: bytes[..<bodySize]),
            now < token.expiresAt, case .activity(let task) = token.subject
        else { return nil }
        return task
    }

    private init?(claimed body: ArraySlice<UInt8>) {
        let sagaID = SagaID(high: number(body, at: 2, 8), low: number(body, at: 10, 8))
        let second = number(body, at: 18, 8)
        switch body[1] {
        case 1:
            subject = .activity(
                TaskReference(
                    sagaID: sagaID, eventID: second, attempt: UInt32(truncatingIfNeeded: number(body, at: 26, 4)),
                    isUndo: body[30] == 1))
        case 2: subject = .workflow(sagaID, generation: second)
        case 3: subject = .query(sagaID, id: second)
        default: return nil
        }
        expiresAt = Timestamp(microseconds: Int64(bitPattern: number(body, at: 31, 8)))
    }
}

/// The store's key for task tokens.
package struct TaskTokenKey: Sendable {
    private let key: HMACKey

    /// - Parameter bytes: 32 bytes from `StoreMetadata.taskTokenKey`.
    package init(_ bytes: [UInt8]) { key = HMACKey(bytes) }

    func tag(of body: ArraySlice<UInt8>, namespace: String) -> [UInt8] { key.tag(of: body, namespace) }
}

private func append<Number: FixedWidthInteger>(_ value: Number, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
}

private func number(_ bytes: ArraySlice<UInt8>, at offset: Int, _ count: Int) -> UInt64 {
    bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
}
