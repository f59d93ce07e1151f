/// Every suite, in the order in which they run.
enum BenchSuites {
    static let all: [any BenchSuite] = [
        AppendSuite(),
        GrowthSuite(),
        CodecSuite(),
        ReplaySuite(),
        SnapshotSuite(),
        RecoverySuite(),
        EngineSuite(),
        RPCSuite(),
        WireSuite(),
    ]
}
