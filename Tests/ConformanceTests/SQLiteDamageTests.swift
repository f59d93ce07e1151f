import SagaCore
import SagaSQLite
import SagaSamples
import Testing

/// What is stored is changed behind the store's back; it must be noticed, and the error must say where.
@Suite struct SQLiteDamageTests {
    private static let marker = Array("SAGA-TEST-MARKER-OF-RUN".utf8)

    private struct Prepared {
        let path: String
        var lab = Lab(epoch: 0)
        var ids: [SagaID] = []
    }

    /// Two runs of five rows with three events each, each event with a text that can be found in the file.
    private func prepare(_ directory: String) async throws -> Prepared {
        var prepared = Prepared(path: directory + "/saga.db")
        let store = try SQLiteEventStore(path: prepared.path)
        prepared.lab.epoch = try await store.takeOver()
        for run in 0..<2 {
            let id = prepared.lab.newID()
            prepared.ids.append(id)
            for row in 0..<5 {
                var entry =
                    row == 0
                    ? prepared.lab.start(id, workflow: "w\(run)", events: 3) : prepared.lab.more(id, events: 3)
                prepared.lab.forget(entry)
                for index in entry.events.indices {
                    let data = Self.marker + Array("-\(run)-\(entry.events[index].eventID).".utf8)
                    entry.events[index].attributes = .sideEffectRecorded(
                        SideEffectRecorded(commandNumber: 1, value: Payload(encoding: "bytes", data: data)))
                    entry.events[index].eventVersion = 1
                }
                prepared.lab.adopt(entry.events, of: id)
                #expect(try await store.append(prepared.lab.batch([entry])) == [.appended])
            }
        }
        await store.close()
        return prepared
    }

    /// Reads all of a run; gives the error if there is one.
    private func damage(_ prepared: Prepared, run: Int) async throws -> StoreError? {
        let store = try SQLiteEventStore(path: prepared.path)
        do {
            let events = try await store.history(prepared.ids[run])
            #expect(events == prepared.lab.histories[prepared.ids[run]], "read without an error, so it must be right")
            await store.close()
            return nil
        } catch let error as StoreError {
            await store.close()
            return error
        }
    }

    @Test func aDamagedByteInTheFileIsNoticed() async throws {
        try await TemporaryDirectory.with { directory in
            let prepared = try await prepare(directory)
            let good = try TemporaryDirectory.bytes(of: prepared.path)
            for event in [0, 1, 7, 14] {
                // One bit of the user's data of one event.
                let text = Self.marker + Array("-0-\(event).".utf8)
                let found = good.indices.filter { good[$0...].starts(with: text) && good[$0] == text[0] }
                let place = try #require(found.first)
                var bad = good
                bad[place + 5] ^= 0x10
                try TemporaryDirectory.write(bad, to: prepared.path)
                let error = try #require(try await damage(prepared, run: 0))
                #expect(error.reason == .corrupt)
                #expect(error.message.contains("\(prepared.ids[0])"))
                #expect(error.message.contains("event \(event / 3 * 3)"), "\(error)")
                let other = try await damage(prepared, run: 1)
                #expect(other == nil, "the other run is whole")
            }
        }
    }

    @Test(arguments: [
        "UPDATE history SET checksum = checksum + 1 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET event_count = 2 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET event_count = 4 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET event_count = 0 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET event_count = -9 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET event_count = 9000000000 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET next_event_id = 7 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET next_event_id = -6 WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET events = x'' WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET events = substr(events, 1, length(events) - 1) WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET events = CAST(events || x'00' AS BLOB) WHERE run = 1 AND next_event_id = 6",
        "UPDATE history SET events = zeroblob(length(events)) WHERE run = 1 AND next_event_id = 6",
        "DELETE FROM history WHERE run = 1 AND next_event_id = 6",
        "DELETE FROM history WHERE run = 1 AND next_event_id = 3",
        "UPDATE history SET run = 9 WHERE run = 1; UPDATE history SET run = 1 WHERE run = 2",
        """
        UPDATE history SET events = (SELECT events FROM history WHERE run = 2 AND next_event_id = 6)
        WHERE run = 1 AND next_event_id = 6
        """,
    ])
    func aTamperedRowIsNoticed(_ sql: String) async throws {
        try await TemporaryDirectory.with { directory in
            let prepared = try await prepare(directory)
            try RawDatabase(prepared.path).execute(sql)
            let error = try #require(try await damage(prepared, run: 0))
            #expect(error.reason == .corrupt)
            #expect(error.message.contains("\(prepared.ids[0])"))
        }
    }

    @Test(arguments: [
        "status = 77", "status = -1", "closed_at = 5", "part = -3", "saga_id = x'00'",
        "workflow_id = CAST(x'FF' AS TEXT)",
    ])
    func aTamperedRunIsNoticed(_ change: String) async throws {
        try await TemporaryDirectory.with { directory in
            let prepared = try await prepare(directory)
            try RawDatabase(prepared.path).execute("UPDATE executions SET \(change) WHERE run = 1")
            let store = try SQLiteEventStore(path: prepared.path)
            let failure = await #expect(throws: StoreError.self) {
                try await store.list(ExecutionQuery(namespace: "default"))
            }
            #expect(failure?.reason == .corrupt)
            await store.close()
        }
    }

    /// Every page of the file is hit in turn: whatever is answered is right, or an error; nothing traps, nothing invents.
    @Test func randomDamageGivesErrorsNeverWrongAnswers() async throws {
        try await TemporaryDirectory.with { directory in
            let prepared = try await prepare(directory)
            let good = try TemporaryDirectory.bytes(of: prepared.path)
            var random = TestRandom(seed: 11)
            var noticed = 0
            for round in 0..<150 {
                var bad = good
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    // Anywhere, but mostly in what is used.
                    let at = Int.random(in: 0..<bad.count, using: &random)
                    bad[at] = round % 2 == 0 ? bad[at] ^ 1 << UInt8.random(in: 0..<8, using: &random) : 0xFF
                }
                try TemporaryDirectory.write(bad, to: prepared.path)
                do {
                    let store = try SQLiteEventStore(path: prepared.path)
                    for id in prepared.ids {
                        do {
                            let events = try await store.history(id)
                            let right = prepared.lab.histories[id] ?? []
                            // A run may be lost from its index, or its last rows from theirs: never changed.
                            #expect(events == Array(right.prefix(events.count)), "round \(round)")
                        } catch {
                            noticed += 1
                        }
                        _ = try? await store.execution(id)
                        _ = try? await store.list(ExecutionQuery(namespace: "default"))
                        _ = try? await store.openExecutions(after: nil, limit: 10)
                        _ = try? await store.metadata()
                    }
                    await store.close()
                } catch {
                    noticed += 1
                }
                for suffix in ["-wal", "-shm"] { TemporaryDirectory.removeFile(prepared.path + suffix) }
            }
            #expect(noticed > 20, "\(noticed) of 150 rounds gave an error")
        }
    }
}
