import SagaCore
import SagaSQLite
import SagaSamples
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct DurabilityTests {
    @Test(arguments: StoreUnderTest.durable)
    func everythingIsThereAfterReopening(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            var store = try await kind.open(directory)
            var lab = Lab(epoch: try await store.takeOver())
            let first = try await store.metadata()
            let ids = (0..<20).map { _ in lab.newID() }
            for round in 0..<5 {
                for (index, id) in ids.enumerated() {
                    let entry = round == 0 ? lab.start(id, workflow: "w\(index)") : lab.more(id, events: 3)
                    #expect(try await store.append(lab.batch([entry])) == [.appended])
                }
                await store.close()
                store = try await kind.open(directory)
                #expect(try await store.metadata() == first)
                for (index, id) in ids.enumerated() {
                    #expect(try await store.history(id) == lab.histories[id])
                    let row = try await store.latestExecution(namespace: "default", workflowID: "w\(index)")
                    #expect(row == lab.row(id, workflow: "w\(index)", next: EventID(2 + 3 * round)))
                }
            }
            #expect(try await store.takeOver() == lab.epoch + 1)
            await store.close()
        }
    }

    /// A process appends, notes each acknowledgement in a file, and kills itself with SIGKILL from another thread at a
    /// random moment. Whatever it had noted is there afterwards.
    @Test(arguments: 1...12)
    func everyAcknowledgedAppendSurvivesSIGKILL(round: Int) async throws {
        try await TemporaryDirectory.with { directory in
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [directory = directory as String, round = round as Int] in
                try await CrashingWriter.run(directory: directory, seed: UInt64(round))
            }
            let notes = try TemporaryDirectory.bytes(of: directory + "/notes")
            #expect(notes.count >= CrashingWriter.appendsBeforeTheKill, "the writer came that far")
            let acknowledged = CrashingWriter.eventCounts(of: notes)
            let store = try SQLiteEventStore(path: directory + "/saga.db")
            for (index, count) in acknowledged.enumerated() {
                let events = try await store.history(CrashingWriter.id(index))
                #expect(events.count >= count, "run \(index)")
                #expect(events == CrashingWriter.events(index, 0..<events.count), "run \(index)")
                // At most the one append that was under way is there without a note.
                #expect(events.count <= count + CrashingWriter.eventsPerAppend, "run \(index)")
            }
            #expect(try await store.takeOver() == 2)
            await store.close()
        }
    }
}

/// The program that the crash test runs in a process of its own.
enum CrashingWriter {
    static let runs = 8
    static let eventsPerAppend = 3
    static let appendsBeforeTheKill = 20

    static func id(_ index: Int) -> SagaID { SagaID(high: 0x0199_0000_0000_7000, low: 1 << 63 | UInt64(index)) }

    /// The same events in the process that writes and in the one that checks.
    static func events(_ index: Int, _ range: Range<Int>) -> [HistoryEvent] {
        range.map { number in
            var maker = SampleMaker(seed: UInt64(index * 100_000 + number))
            return maker.event(maker.pick(), id: EventID(number), of: id(index))
        }
    }

    /// Events per run, from notes of one byte an append.
    static func eventCounts(of notes: [UInt8]) -> [Int] {
        var counts = [Int](repeating: 0, count: runs)
        for note in notes { counts[Int(note) % runs] += eventsPerAppend }
        return counts
    }

    static func run(directory: String, seed: UInt64) async throws {
        var random = TestRandom(seed: seed)
        let notes = open(directory + "/notes", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var tuning = SQLiteTuning()
        // Small, so that some of the kills hit a checkpoint.
        tuning.checkpointPages = 8
        let store = try SQLiteEventStore(
            path: directory + "/saga.db", partitionCount: Partition.defaultCount, tuning: tuning)
        let epoch = try await store.takeOver()
        var counts = [Int](repeating: 0, count: runs)
        for number in 0... {
            if number == appendsBeforeTheKill { killSoon(microseconds: UInt32.random(in: 0..<50_000, using: &random)) }
            let index = Int.random(in: 0..<runs, using: &random)
            let first = counts[index]
            counts[index] += eventsPerAppend
            var entry = AppendEntry(
                sagaID: id(index), expectedNextEventID: EventID(first), events: events(index, first..<counts[index]))
            if first == 0 {
                entry.start = .unused
                entry.row = ExecutionRow(
                    sagaID: id(index), namespace: "default", workflowID: "w\(index)", workflowType: "T",
                    status: .running, startedAt: id(index).time, nextEventID: EventID(eventsPerAppend),
                    partition: Partition.of(namespace: "default", workflowID: "w\(index)"))
            }
            let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
            guard try await store.append(batch) == [.appended] else { exit(3) }
            var note = UInt8(index)
            guard write(notes, &note, 1) == 1 else { exit(4) }
        }
    }

    private static func killSoon(microseconds: UInt32) {
        var thread = pthread_t()
        let delay = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        delay.initialize(to: microseconds)
        pthread_create(
            &thread, nil,
            { delay in
                usleep(delay?.load(as: UInt32.self) ?? 0)
                kill(getpid(), SIGKILL)
                return nil
            }, delay)
    }
}
