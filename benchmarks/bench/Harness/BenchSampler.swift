import Foundation

/// Decides how many calls make a sample, and keeps the samples.
struct BenchSampler {
    /// Calls of the block in each sample.
    private(set) var calls = 1
    private let clock: BenchCase.Clock
    private let operations: Double
    private let wanted: Int
    private let target: Double
    private var calibrated = false
    private var nanoseconds: [Double] = []
    private var allocations: UInt64 = 0

    init(_ bench: BenchCase, quick: Bool) {
        clock = bench.clock
        operations = Double(max(bench.operations, 1))
        wanted = quick ? 10 : 15
        target = quick ? 2e6 : 2e7
    }

    var count: Int { nanoseconds.count }

    /// Whether another sample is wanted.
    mutating func next() -> Bool { count < wanted }

    /// Nanoseconds on the case's clock.
    var now: Double {
        var time = timespec()
        clock_gettime(clock == .cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    /// The first call only sets the number of calls for the rest.
    mutating func add(from start: Double, allocations: UInt64) {
        let elapsed = max(now - start, 1)
        if !calibrated {
            calibrated = true
            calls = max(1, Int(target / elapsed))
            return
        }
        nanoseconds.append(elapsed / Double(calls) / operations)
        self.allocations += allocations
    }

    private var sorted: [Double] { nanoseconds.sorted() }

    var median: Double {
        let all = sorted
        guard !all.isEmpty else { return 0 }
        let middle = all.count / 2
        return all.count.isMultiple(of: 2) ? (all[middle - 1] + all[middle]) / 2 : all[middle]
    }

    var best: Double { sorted.first ?? 0 }

    /// Half of the distance between the quartiles, as a part of the median.
    var spread: Double {
        let all = sorted
        guard all.count >= 4, median > 0 else { return 0 }
        return (all[all.count * 3 / 4] - all[all.count / 4]) / 2 / median
    }

    var allocationsPerOperation: Double {
        guard count > 0 else { return 0 }
        return Double(allocations) / Double(count * calls) / operations
    }
}
