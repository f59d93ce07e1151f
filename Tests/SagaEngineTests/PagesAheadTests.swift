import SagaCodec
import SagaCore
import SagaEngine
import Synchronization
import Testing

/// Pages of a long history are read before they are folded: in order, not too many, and no longer than they are wanted.
@Suite struct PagesAheadTests {
    /// A history of pages of ten events, each with so many bytes of payload, that counts what is read.
    private final class History: Sendable {
        static let id = SagaID(high: 0x019C_0475_8D7B_7000, low: 1 << 63 | 3)
        let read = Mutex(0)
        let pages: Int
        let bytes: Int
        let failsAt: Int?

        init(pages: Int, bytes: Int = 10, failsAt: Int? = nil) {
            self.pages = pages
            self.bytes = bytes
            self.failsAt = failsAt
        }

        func page(from first: EventID) throws(StoreError) -> PackedHistory {
            let number = Int(first) / 10
            let isFirst = read.withLock { read in
                read += 1
                return read - 1 == number
            }
            #expect(isFirst, "page \(number) is read once, in its turn")
            if number == failsAt { throw StoreError(.unavailable, "no page \(number)") }
            var page = PackedHistory(sagaID: Self.id)
            if number >= pages { return page }
            let row = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes)
            do throws(CodecError) { try page.append(row, firstEventID: first, count: 10) } catch {
                throw StoreError(.corrupt, "\(error)")
            }
            return page
        }

        func ahead(end: EventID?) -> PagesAhead {
            PagesAhead(from: 0, end: end) { (first) async throws(StoreError) in try self.page(from: first) }
        }

        /// Waits until so many pages have been read.
        func hasRead(_ count: Int) async {
            while read.withLock({ $0 }) < count { await Task.yield() }
        }
    }

    @Test(arguments: [nil, 200] as [EventID?])
    func pagesComeInOrder(_ end: EventID?) async throws {
        let history = History(pages: 20)
        let ahead = history.ahead(end: end)
        defer { ahead.close() }
        for number in 0..<20 {
            let page = try #require(await ahead.next()).get()
            #expect(page.rows.first?.firstEventID == EventID(number * 10))
        }
        // Where the end is not known it is a page without rows.
        if end == nil { #expect(try #require(await ahead.next()).get().rows.isEmpty) }
        #expect(await ahead.next() == nil)
        #expect(history.read.withLock { $0 } == (end == nil ? 21 : 20))
    }

    /// Small pages up to a number, and beyond the bytes no other, also after large ones have taken the places of small ones.
    @Test(arguments: [10, PagesAhead.maximumBytes / 2 + 1, PagesAhead.maximumBytes])
    func notTooManyWait(_ bytes: Int) async throws {
        let history = History(pages: 30, bytes: bytes)
        let ahead = history.ahead(end: 300)
        defer { ahead.close() }
        let most = bytes == 10 ? PagesAhead.maximumPages : bytes < PagesAhead.maximumBytes ? 2 : 1
        for taken in 0..<20 {
            await history.hasRead(taken + most)
            // Whatever was to be read is read by now, if it were.
            for _ in 0..<50 { await Task.yield() }
            #expect(history.read.withLock { $0 } == taken + most)
            #expect(try #require(await ahead.next()).get().rows.first?.firstEventID == EventID(taken * 10))
        }
    }

    @Test func whatFailsComesBehindWhatDidNot() async throws {
        let history = History(pages: 10, failsAt: 3)
        let ahead = history.ahead(end: nil)
        defer { ahead.close() }
        for _ in 0..<3 { _ = try #require(await ahead.next()).get() }
        let failed = try #require(await ahead.next())
        #expect(throws: StoreError.self) { try failed.get() }
        #expect(await ahead.next() == nil)
    }

    /// Who waits to read the next page goes away.
    @Test func closingEndsTheReading() async throws {
        weak var left: PagesAhead?
        let history = History(pages: 1_000)
        do {
            let ahead = history.ahead(end: nil)
            left = ahead
            _ = try #require(await ahead.next()).get()
            await history.hasRead(1 + PagesAhead.maximumPages)
            ahead.close()
        }
        while left != nil { await Task.yield() }
        #expect(history.read.withLock { $0 } < 1_000)
    }
}
