import SagaClient
import Testing

@Suite struct RequestIDTests {
    /// The reference's own vector for a message of eight bytes: key 00 … 0f, message 00 … 07.
    @Test func theMixIsSipHash() {
        let mixed = RequestIDs.mix(0x0706_0504_0302_0100, (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        #expect(mixed == 0x93f5_f579_9a93_2462)
    }

    @Test func whatFollowsTheNumberDoesNotFollowFromIt() throws {
        let (one, other) = (RequestIDs(), RequestIDs())
        let ids = (0..<1_000).map { _ in one.next() }
        #expect(Set(ids).count == 1_000)
        let parts = ids.map { $0.split(separator: "-") }
        #expect(parts.allSatisfy { $0.count == 3 } && Set(parts.map { $0[0] }).count == 1)
        #expect(Set(parts.map { $0[2] }).count == 1_000)
        let stranger = try #require(other.next().split(separator: "-").last)
        #expect(!parts.contains { $0[2] == stranger })
    }
}
