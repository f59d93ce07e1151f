import SagaCodec
import SagaCore
import Testing

/// The packed table of ids against a dictionary.
@Suite struct EventsByIDTests {
    private func uuid(_ number: UInt64) -> String {
        SagaID(time: Timestamp(microseconds: 1_790_000_000_000_000), random: (number &* 0x9E37_79B9_7F4A_7C15, number))
            .description
    }

    /// Ids of every kind: UUIDs, what nearly is one, short, long, empty.
    private func id(_ number: Int) -> String {
        switch number % 7 {
        case 0, 1, 2: uuid(UInt64(number))
        case 3: uuid(UInt64(number)).uppercased()
        case 4: String(uuid(UInt64(number)).map { $0 == "-" ? "0" : $0 })
        case 5: "s\(number)"
        default: String(repeating: "é", count: number % 90) + "\(number)"
        }
    }

    @Test(arguments: [0, 1, 7, 1_023, 1_024, 1_025, 30_000]) func itIsADictionary(_ count: Int) throws {
        var table = EventsByID()
        var expected: [String: EventID] = [:]
        for number in 0..<count {
            let eventID = EventID(number) &* 1_000_003
            let isNew = table.add(id(number), eventID)
            #expect(isNew)
            expected[id(number)] = eventID
        }
        for number in 0..<count {
            let isNew = table.add(id(number), 5)
            #expect(!isNew)
        }
        #expect(table.count == expected.count && expected.count == count)
        for (id, eventID) in expected { #expect(table[id] == eventID) }
        for number in count..<count + 50 { #expect(table[id(number)] == nil) }
        // The stored form is that of a dictionary, and comes back.
        let bytes = Postcard.encode(table)
        #expect(bytes == Postcard.encode(expected))
        let back = try Postcard.decodeStrict(EventsByID.self, from: bytes)
        #expect(back == table)
        if count > 0 {
            var other = back
            other.add("another", 1)
            #expect(other != table)
            #expect(back == table, "a copy is not changed")
        }
    }

    @Test func equalIsByIdsAndEvents() {
        var (one, other) = (EventsByID(), EventsByID())
        for number in 0..<2_000 { one.add(id(number), EventID(number)) }
        for number in (0..<2_000).reversed() { other.add(id(number), EventID(number)) }
        #expect(one == other)
        var third = EventsByID()
        for number in 0..<2_000 { third.add(id(number), EventID(number == 1_234 ? 0 : number)) }
        #expect(one != third)
    }

    @Test(arguments: [0, 10, 3_000]) func theNewestAreFound(_ count: Int) {
        var table = EventsByID()
        for number in 0..<count { table.add(id(number), EventID(number)) }
        let all = table.newest(100, after: nil) { _, _ in true }.map(\.eventID).sorted().suffix(100)
        let events = (0..<count).map { EventID($0) }
        #expect(Array(all) == Array(events.suffix(100)))
        let some = table.newest(100, after: 2_950) { _, event in event % 2 == 0 }.map(\.eventID).sorted()
        #expect(some == events.filter { $0 > 2_950 && $0 % 2 == 0 })
        // Few of the youngest are wanted: older ones are looked for.
        let old = table.newest(5, after: nil) { _, event in event < 20 }.map(\.eventID).sorted()
        #expect(Array(old.suffix(5)) == Array(events.filter { $0 < 20 }.suffix(5)))
        let named = table.newest(100, after: nil) { id, _ in id == self.id(3) }.map(\.id)
        #expect(Set(named).count == (count > 3 ? 1 : 0))
    }
}
