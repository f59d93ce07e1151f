internal import Glibc

/// Telling addresses from names.
enum HostName {
    /// True for an IPv4 or IPv6 address in text form.
    static func isAddress(_ host: String) -> Bool {
        var storage = in6_addr()
        return inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1
    }

    /// True for addresses that never leave this machine: 127.0.0.0/8 and ::1. Names are not resolved here.
    static func isLoopbackAddress(_ address: String) -> Bool {
        var four = in_addr()
        if inet_pton(AF_INET, address, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, address, &six) == 1 else { return false }
        return withUnsafeBytes(of: &six) { bytes in
            bytes.count == 16 && bytes[15] == 1 && bytes.prefix(15).allSatisfy { $0 == 0 }
        }
    }
}
