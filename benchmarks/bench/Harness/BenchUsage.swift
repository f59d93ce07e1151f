import Foundation

/// What this process has used of the machine. It counts where other programs share it, and wall time does not.
struct BenchUsage {
    /// In user code and in the kernel, of all threads.
    var cpuSeconds: Double
    /// Times that a thread gave its core up or lost it.
    var switches: Double

    /// Until now.
    init() {
        var usage = rusage()
        // 0 is RUSAGE_SELF, which Glibc and Darwin import as different types.
        _ = getrusage(0, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        switches = Double(usage.ru_nvcsw + usage.ru_nivcsw)
    }

    private init(cpuSeconds: Double, switches: Double) {
        self.cpuSeconds = cpuSeconds
        self.switches = switches
    }

    static func - (later: BenchUsage, earlier: BenchUsage) -> BenchUsage {
        BenchUsage(cpuSeconds: later.cpuSeconds - earlier.cpuSeconds, switches: later.switches - earlier.switches)
    }
}
