internal import NIOCore

/// A token bucket: on average `rate` a second, at most two seconds' worth at once.
struct TokenBucket {
    private let rate: Double
    private var tokens: Double
    private var last: UInt64

    init(rate: Int, now: UInt64) {
        self.rate = Double(max(1, rate))
        tokens = self.rate * 2
        last = now
    }

    /// True if nothing was taken for so long that the bucket is full again.
    func isFull(_ now: UInt64) -> Bool { tokens + earned(now) >= rate * 2 }

    mutating func take(_ now: UInt64) -> Bool {
        tokens = min(rate * 2, tokens + earned(now))
        last = max(last, now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    private func earned(_ now: UInt64) -> Double { now > last ? Double(now - last) / 1e9 * rate : 0 }
}

/// How many connections may come in: in all, and from one network, so that one sender cannot use up the whole.
struct AcceptBudget {
    private var all: TokenBucket
    private var networks: [[UInt8]: TokenBucket] = [:]
    private let perNetwork: Int

    /// Networks that are told apart; beyond it, full buckets are forgotten, and then the oldest knowledge is.
    static let maxNetworks = 4_096

    init(perSecond: Int, perSecondAndNetwork: Int, now: UInt64) {
        all = TokenBucket(rate: perSecond, now: now)
        perNetwork = perSecondAndNetwork
    }

    mutating func admit(_ address: SocketAddress?, now: UInt64) -> Bool {
        if let network = Self.network(of: address) {
            if networks[network] == nil {
                if networks.count >= Self.maxNetworks { networks = networks.filter { !$0.value.isFull(now) } }
                if networks.count >= Self.maxNetworks { networks.removeAll() }
                networks[network] = TokenBucket(rate: perNetwork, now: now)
            }
            guard networks[network]?.take(now) == true else { return false }
        }
        return all.take(now)
    }

    /// The first 24 bits of an IPv4 address, the first 56 of an IPv6 one.
    static func network(of address: SocketAddress?) -> [UInt8]? {
        switch address {
        case .v4(let four):
            // sin_addr and sin6_addr stand at these offsets on every system.
            withUnsafeBytes(of: four.address) { Array($0[4..<7]) }
        case .v6(let six):
            withUnsafeBytes(of: six.address) { Array($0[8..<15]) }
        default: nil
        }
    }
}
