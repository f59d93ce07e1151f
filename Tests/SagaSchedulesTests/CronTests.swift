import SagaCore
import SagaSchedules
import Testing

/// When a schedule is due. The expected times are those of an independent calendar (Python's zoneinfo, minute by minute).
@Suite struct CronTests {
    private func next(_ cron: String, _ zone: String, after seconds: Int64) throws -> Int64? {
        let clock = ScheduleClock(try CronExpression(cron), try TimeZones.system.rules(zone))
        return clock.next(after: Timestamp(microseconds: seconds * 1_000_000)).map { $0.microseconds / 1_000_000 }
    }

    @Test func fieldsAreWhatCronSays() throws {
        // 2026-11-23 03:05:52 UTC, a Monday.
        let now: Int64 = 1_795_403_152
        for (cron, due) in [
            ("* * * * *", 1_795_403_160), ("*/15 * * * *", 1_795_403_700), ("0 4 * * *", 1_795_406_400),
            ("0 0 1 * *", 1_796_083_200), ("0 9-17/4 * * MON-FRI", 1_795_424_400), ("30 2 * * 7", 1_795_919_400),
            ("30 2 * * sun", 1_795_919_400), ("0 0 13 * 5", 1_795_737_600), ("0 12 29 2 *", 1_835_438_400),
            ("5,10 3 23 nov *", 1_795_403_400), ("@hourly", 1_795_406_400), ("@daily", 1_795_478_400),
            ("@weekly", 1_795_910_400), ("@monthly", 1_796_083_200), ("@yearly", 1_798_761_600),
            ("@every 90s", 1_795_403_160), ("@every 1h", 1_795_406_400),
        ] as [(String, Int64)] {
            #expect(try next(cron, "", after: now) == due, "\(cron)")
        }
    }

    @Test func whatIsDueIsStrictlyLater() throws {
        #expect(try next("0 4 * * *", "", after: 1_795_406_399) == 1_795_406_400)
        #expect(try next("0 4 * * *", "", after: 1_795_406_400) == 1_795_406_400 + 86_400)
        #expect(try next("@every 90s", "", after: 1_795_403_160) == 1_795_403_250)
    }

    /// Zurich, 2026-03-29: 02:00 becomes 03:00.
    @Test func aTimeThatDoesNotExistIsDueAtTheChange() throws {
        let change: Int64 = 1_774_746_000
        #expect(try next("30 2 * * *", "Europe/Zurich", after: change - 3_600) == change)
        // Several of them are one.
        #expect(try next("0,30,45 2 * * *", "Europe/Zurich", after: change - 3_600) == change)
        #expect(try next("0,30,45 2 * * *", "Europe/Zurich", after: change) == change + 23 * 3_600)
        // What goes by elapsed time goes on as if nothing were.
        #expect(try next("*/30 * * * *", "Europe/Zurich", after: change - 1_800) == change)
        #expect(try next("*/30 * * * *", "Europe/Zurich", after: change) == change + 1_800)
    }

    /// Zurich, 2026-10-25: 03:00 becomes 02:00.
    @Test func aTimeThatComesTwiceIsDueOnce() throws {
        let change: Int64 = 1_792_890_000
        let first = change - 1_800
        #expect(try next("30 2 * * *", "Europe/Zurich", after: change - 7_200) == first)
        #expect(try next("30 2 * * *", "Europe/Zurich", after: first) == first + 25 * 3_600)
        // By elapsed time it comes twice.
        #expect(try next("30 * * * *", "Europe/Zurich", after: first) == first + 3_600)
    }

    /// Half an hour, and in the south.
    @Test func otherChangesOfClocks() throws {
        // Lord Howe, 2026-10-04: 02:00 becomes 02:30 (UTC 15:30 of the day before).
        let change: Int64 = 1_791_041_400
        #expect(try next("15 2 * * *", "Australia/Lord_Howe", after: change - 7_200) == change)
        // Far beyond the table of the file its rule holds: New York, 2050-07-01 12:00.
        #expect(try next("0 12 1 7 *", "America/New_York", after: 2_530_000_000) == 2_540_304_000)
    }

    @Test func wrongExpressionsAreRefusedAndNamed() {
        for (text, word) in [
            ("", "empty"), ("* * * *", "five"), ("60 * * * *", "minute"), ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"), ("* * * 13 *", "month"), ("* * * * 8", "day of week"),
            ("5-1 * * * *", "backwards"), ("*/0 * * * *", "step"), ("1,, * * * *", "minute"), ("+5 * * * *", "minute"),
            ("@never", "@daily"), ("@every", "90s"), ("@every 0s", "1ms"), ("@every -1s", "90s"),
            ("@every 99999999999999999999d", "90s"), ("é * * * *", "minute"),
        ] {
            let failure = #expect(throws: ScheduleError.self, "\(text)") { try CronExpression(text) }
            #expect(failure?.message.contains(word) == true, "\(text): \(failure?.message ?? "")")
        }
        #expect(throws: ScheduleError.self) { try CronExpression(String(repeating: "1,", count: 200) + "1 * * * *") }
    }

    @Test func whatIsNeverDueIsFound() throws {
        #expect(try next("0 0 31 2 *", "", after: 0) == nil)
        let spec = ScheduleSpec(
            scheduleID: "s", cron: "0 0 30 2 *", start: ScheduledStart(workflowID: "w", workflowType: "t"))
        #expect(throws: ScheduleError.self) { try spec.check(now: Timestamp(microseconds: 0)) }
    }
}

@Suite struct TimeZoneTests {
    @Test func namesLeadOnlyToZones() {
        for name in [
            "../../etc/passwd", "/etc/passwd", "Europe//Zurich", "", "Europe/Zürich", "Nowhere/Town", "..", "a b",
        ] {
            if name.isEmpty { continue }
            #expect(throws: ScheduleError.self, "\(name)") { try TimeZones.system.rules(name) }
        }
        // A directory is no file.
        #expect(throws: ScheduleError.self) { try TimeZones.system.rules("Europe") }
    }

    /// A zone of two types and one change, by hand; and everything that can be cut off or turned in it.
    @Test func damagedFilesAreRefusedOrRead() throws {
        var bytes: [UInt8] = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
        bytes += [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4]
        bytes += [0, 0, 0, 0, 0, 0] + Array("UTC\0".utf8)
        bytes += Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
        bytes += [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8]
        bytes += [0, 0, 0, 0, 0, 0, 0x10, 0] + [1] + [0, 0, 0, 0, 0, 0] + [0, 0, 0x0E, 0x10, 0, 4]
        bytes += Array("UTC\0CET\0".utf8) + Array("\nCET-1\n".utf8)
        let rules = try TimeZoneRules(bytes)
        #expect(rules.offset(at: 4_095) == 0 && rules.offset(at: 4_096) == 3_600 && rules.offset(at: .max) == 3_600)
        // Without its last line it has no rule for the future, and that is all right.
        for count in 0..<(bytes.count - 8) {
            #expect(throws: ScheduleError.self, "\(count)") { try TimeZoneRules(Array(bytes[..<count])) }
        }
        for at in bytes.indices {
            for bit in 0..<8 {
                var bad = bytes
                bad[at] ^= 1 << bit
                // Either is fine; a trap is not.
                guard let rules = try? TimeZoneRules(bad) else { continue }
                _ = rules.offset(at: 5_000)
                _ = ScheduleClock(try CronExpression("0 3 * * *"), rules).next(after: Timestamp(microseconds: 0))
            }
        }
    }
}
