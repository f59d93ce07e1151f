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

/// HMAC-SHA256 under one key, which is overwritten when the last owner lets go. For any number of threads.
package final class HMACKey: @unchecked Sendable {
    // Safe to share: never changed after init.
    private let state: UnsafeMutablePointer<saga_hmac>

    package init(_ key: [UInt8]) {
        state = .allocate(capacity: 1)
        saga_hmac_init(state, key, key.count)
    }

    deinit {
        OPENSSL_cleanse(state, MemoryLayout<saga_hmac>.size)
        state.deallocate()
    }

    /// The 32-byte tag of two pieces that follow each other.
    package func tag(of first: ArraySlice<UInt8>, _ second: String) -> [UInt8] {
        var second = second
        return second.withUTF8 { second in
            first.withUnsafeBytes { first in
                [UInt8](unsafeUninitializedCapacity: Crypto.digestSize) { tag, count in
                    saga_hmac_tag(
                        state, first.baseAddress, first.count, second.baseAddress, second.count, tag.baseAddress)
                    count = Crypto.digestSize
                }
            }
        }
    }
}
