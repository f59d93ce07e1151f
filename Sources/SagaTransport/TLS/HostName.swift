internal import Glibc

/// Telling addresses from names.
enum HostName {
    /// True for an IPv4 or IPv6 address in text form.
    static func isAddress(_ host: String) -> Bool { bytes(of: host) != nil }

    /// True for addresses that never leave this machine: 127.0.0.0/8 and ::1. Names are not resolved here.
    static func isLoopbackAddress(_ address: String) -> Bool {
        guard let bytes = bytes(of: address) else { return false }
        if bytes.count == 4 { return bytes[0] == 127 }
        return bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
    }

    /// The 4 or 16 bytes of an address.
    ///
    /// Plain bytes rather than `in_addr`: several modules define that, and which one is seen depends on the build.
    private static func bytes(of address: String) -> [UInt8]? {
        for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: size)
            if inet_pton(family, address, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
