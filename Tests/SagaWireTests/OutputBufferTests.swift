import SagaWire
import Testing

@Suite struct OutputBufferTests {
    private func pass(_ byteCount: Int, through buffer: inout OutputBuffer) {
        let place = buffer.reserve(byteCount)
        place.initializeMemory(as: UInt8.self, repeating: 7, count: byteCount)
        buffer.commit(byteCount)
        buffer.consume(byteCount)
    }

    @Test func aBusyConnectionKeepsWhatItUses() {
        var buffer = OutputBuffer()
        pass(100_000, through: &buffer)
        buffer.trim(isBusy: true)
        #expect(buffer.capacity >= 100_000)
        // A burst in this tick; small answers in the next.
        pass(60_000, through: &buffer)
        pass(200, through: &buffer)
        buffer.trim(isBusy: true)
        #expect(buffer.capacity >= 100_000)
        pass(200, through: &buffer)
        buffer.trim(isBusy: true)
        #expect(buffer.capacity == 0)
        pass(200, through: &buffer)
        buffer.trim(isBusy: true)
        #expect(buffer.capacity == 1_024, "what is small is kept")
    }

    @Test func aQuietOneKeepsNothingLarge() {
        var buffer = OutputBuffer()
        pass(100_000, through: &buffer)
        buffer.trim(isBusy: false)
        #expect(buffer.capacity == 0)
    }

    @Test func whatWaitsIsNotLost() {
        var buffer = OutputBuffer()
        pass(100_000, through: &buffer)
        buffer.trim(isBusy: true)
        buffer.reserve(1).storeBytes(of: 9, as: UInt8.self)
        buffer.commit(1)
        buffer.trim(isBusy: false)
        #expect(Array(buffer.readable) == [9])
    }
}
