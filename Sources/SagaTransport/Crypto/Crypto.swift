internal import COpenSSL
internal import Glibc

/// The few primitives of libcrypto that tokens and keys need: the only door to them in the project.
package enum Crypto {
    /// Bytes of a SHA-256 digest or an HMAC-SHA256 tag.
    package static let digestSize = 32

    /// SHA-256 of `bytes`.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestSize)
        _ = SHA256(bytes, bytes.count, &digest)
        return digest
    }

    /// HMAC-SHA256 of `message` under `key`: 32 bytes.
    package static func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: digestSize)
        var count = UInt32(digestSize)
        let keyCount = Int32(clamping: key.count)
        let made = HMAC(EVP_sha256(), key, keyCount, message, message.count, &tag, &count)
        precondition(made != nil && count == UInt32(digestSize), "libcrypto has no HMAC-SHA256")
        return tag
    }

    /// Compares without telling by its duration where the first difference is. Lengths are no secret.
    package static func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// `count` bytes from the system's random source by way of libcrypto's generator.
    package static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        guard count > 0 else { return bytes }
        precondition(RAND_bytes(&bytes, Int32(clamping: count)) == 1, "the system has no randomness")
        return bytes
    }
}

/// Bytes that must not reach a log: no description, overwritten when the last owner lets go.
package final class Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let storage: SecretStorage

    package init(_ bytes: [UInt8]) { storage = SecretStorage(bytes) }

    /// The bytes themselves; keep the copy short-lived.
    package var bytes: [UInt8] { storage.bytes }

    package var description: String { "Secret" }
    package var debugDescription: String { "Secret" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Immutable after init, so it may be shared between threads.
private final class SecretStorage: @unchecked Sendable {
    private let base: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        base = .allocate(byteCount: bytes.count, alignment: 1)
        base.copyBytes(from: bytes)
    }

    deinit {
        if let start = base.baseAddress { OPENSSL_cleanse(start, base.count) }
        base.deallocate()
    }

    var bytes: [UInt8] { [UInt8](base) }
}
