import SagaCodec
import SagaCore
import Testing

@testable import saga

/// Whole timelines as text: what people see is what is compared.
@Suite struct TimelineTests {
    private func text(_ history: SampleHistory) -> String {
        TimelineText().lines(Timeline(history.events)).joined(separator: "\n")
    }

    @Test func aRefusedPaymentIsShownWithItsUndosBesideTheSteps() {
        #expect(
            text(.refused()) == """
                trip-1  travel.booking v1  run 01939f0e-1c00-7000-8000-000000000001
                Failed after 1.542 s · everything undone
                Domain PaymentRefused: the card was refused

                event      time    done                                             undone (read upwards)
                    0  +0.000 s  · started  by demo · queue default · {"traveller":"Ada"}
                    1  +0.004 s  ✓ flight  travel.flight.book  112 ms               ✓ 2. travel.flight.cancel  1.270 s  at +0.272 s
                    4  +0.116 s  ✓ car  travel.car.book  98 ms                      ✓ 1. travel.car.cancel  8 ms  at +0.264 s
                    7  +0.214 s  ✗ payment  travel.payment.book · no effect  50 ms  – nothing to undo
                                   attempt 1: Domain PaymentRefused: the card was refused
                   10  +0.264 s  · unwinding begins  the saga failed
                   15  +1.542 s  · unwinding is over  everything undone
                   16  +1.542 s  ✗ closed: Failed  Domain PaymentRefused: the card was refused · everything undone
                """)
    }

    @Test func anOpenSagaShowsWhatRunsAndWhatWaits() {
        var history = SampleHistory()
        history.start()
        let flight = history.schedule("flight", 0, after: 1)
        history.add(
            .activityTaskRetryScheduled(
                ActivityTaskRetryScheduled(
                    scheduledEventID: flight, attempt: 1,
                    error: SagaError(kind: .activityExecution, message: "no line"),
                    outcome: .unknown, dueAt: Timestamp(microseconds: 1_790_000_001_000_000))), after: 20)
        history.add(
            .timerCreated(
                TimerCreated(
                    commandNumber: 1, timerID: "deadline", dueAt: Timestamp(microseconds: 1_790_000_060_000_000))))
        #expect(
            text(history) == """
                trip-1  travel.booking v1  run 01939f0e-1c00-7000-8000-000000000001
                Running since 2026-09-21 14:13:20 UTC

                event      time    done
                    0  +0.000 s  · started  by demo · queue default · {"traveller":"Ada"}
                    1  +0.001 s  … flight  travel.flight.book
                                   attempt 1: ActivityExecution: no line
                    3  +0.021 s  … timer deadline  due +01:00.000
                """)
    }

    @Test func aBlockedUndoIsShownWhereItStands() {
        var history = SampleHistory()
        let error = SagaError(kind: .domain, message: "no")
        let down = SagaError(kind: .eventStore, message: "the airline is down")
        history.start()
        let flight = history.schedule("flight", 0, after: 1)
        history.complete(flight, after: 10)
        history.add(.compensationStarted(CompensationStarted(cause: .failed, error: error)))
        history.beginUndo(flight, "flight")
        history.add(
            .compensationStepFailed(CompensationStepFailed(stepEventID: flight, attempt: 3, error: down)), after: 5)
        history.add(.compensationBlocked(CompensationBlocked(stepEventID: flight, error: down)))
        history.add(
            .workflowExecutionBlocked(
                WorkflowExecutionBlocked(cause: .undoFailed, message: "retry, skip or resolve", error: down)))
        let lines = text(history).split(separator: "\n").map(String.init)
        #expect(lines[1] == "Blocked, open since 2026-09-21 14:13:20 UTC")
        #expect(lines[4].contains("✓ flight"))
        #expect(lines[4].contains("✗ 1. travel.flight.cancel  5 ms  at +0.011 s"))
        #expect(lines[5].contains("↩ attempt 3: EventStore: the airline is down"))
        #expect(lines.last?.contains("blocked  an undo failed for good · retry, skip or resolve") == true)
    }

    /// A history may be cut anywhere: while it grows, and at the end of a page.
    @Test func everyPrefixOfAHistoryCanBeShown() {
        let events = SampleHistory.refused().events
        for count in 1...events.count {
            let lines = TimelineText().lines(Timeline(Array(events.prefix(count))))
            #expect(lines.count >= 5, "\(count) events")
        }
        #expect(Timeline([]).rows.isEmpty)
    }

    /// An event may name one that is not there, in a history that was damaged or cut at its start.
    @Test func eventsWithoutTheirCauseDoNoHarm() {
        let events = Array(SampleHistory.refused().events.dropFirst(5))
        #expect(!TimelineText().lines(Timeline(events)).isEmpty)
    }

    @Test func asciiHasNoOtherCharacters() {
        var text = TimelineText()
        text.symbols = .ascii
        let lines = text.lines(Timeline(SampleHistory.refused().events)).map { line in
            line.replacing("·", with: "-")
        }
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
    }

    @Test func namesCannotMoveTheCursor() {
        var history = SampleHistory()
        history.start("evil\u{1B}[2J\u{202E}id", input: "{\"a\":\"\u{9B}31m\"}")
        let lines = TimelineText().lines(Timeline(history.events))
        #expect(lines[0].hasPrefix(#"evil\u{1b}[2J\u{202e}id"#))
        #expect(lines.allSatisfy { line in line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B } })
    }

    @Test func eventLinesNameWhatHappened() {
        let events = SampleHistory.refused().events
        let start = events[0].timestamp
        #expect(
            EventText.line(events[1], startedAt: start)
                == "    1    +0.004 s  ActivityTaskScheduled           flight · travel.flight.book · undo travel.flight.cancel"
        )
        #expect(
            EventText.line(events[9], startedAt: start)
                == "    9    +0.264 s  ActivityTaskFailed              event 7 attempt 1 · no effect · Domain PaymentRefused: the card was refused"
        )
    }
}

@Suite struct EventJSONTests {
    @Test func anEventHasTheCataloguesNamesAndItsAttributes() throws {
        let event = SampleHistory.refused().events[1]
        let json = EventJSON.event(event)
        #expect(json["event_type"] == "ActivityTaskScheduled")
        #expect(json["event_code"] == 20)
        #expect(json["category"] == "activity")
        #expect(json["timestamp_us"] == 1_790_000_000_004_000)
        let attributes = try #require(json["attributes"])
        #expect(attributes["step_id"] == "flight")
        #expect(attributes["undo"]?["activity_type"] == "travel.flight.cancel")
        #expect(attributes["undo"]?["undo_failed_step"] == "if_unknown")
        #expect(attributes["timeouts"]?["start_to_close_us"] == 300_000_000)
        #expect(attributes["retry"]?["non_retryable_kinds"] == [])
        #expect(attributes["input"] == ["encoding": "json", "data": [:]])
        // The text reads back as the same value.
        #expect(try JSONCoding.parse(Array(json.compactText().utf8)) == json)
    }

    @Test func errorsKeepTheirParts() {
        var error = SagaError(kind: .domain, message: "no", code: "No").with("order", "7")
        error.causes = [ErrorCause(kind: .timeout, message: "slow")]
        #expect(
            EventJSON.error(error) == [
                "kind": "Domain", "category": "domain", "code": "No", "message": "no",
                "context": [["key": "order", "value": "7"]], "causes": [["kind": "Timeout", "message": "slow"]],
            ])
    }

    @Test func dataThatIsNotJSONIsBase64() {
        #expect(
            EventJSON.payload(Payload(encoding: "bytes", data: [0, 255, 16, 1]))
                == ["encoding": "bytes", "base64": "AP8QAQ=="])
        #expect(EventJSON.payload(.empty) == nil)
    }

    @Test(arguments: [([], ""), ([0x66], "Zg=="), ([0x66, 0x6F], "Zm8="), ([0x66, 0x6F, 0x6F], "Zm9v")])
    func base64IsRFC4648(bytes: [UInt8], text: String) { #expect(Base64.encode(bytes) == text) }

    @Test(arguments: [
        ("scheduledEventID", "scheduled_event_id"), ("startToCloseMicros", "start_to_close_us"), ("sagaID", "saga_id"),
        ("input", "input"), ("codeGone", "code_gone"),
    ])
    func keysAreThoseOfTheWire(name: String, key: String) { #expect(EventJSON.snakeCase(name) == key) }
}

@Suite struct WordingTests {
    @Test(arguments: [
        (Int64(0), "0 µs"), (999, "999 µs"), (112_400, "112 ms"), (1_284_000, "1.284 s"), (123_000_000, "2 min 3 s"),
        (3_900_000_000, "1 h 5 min"), (273_600_000_000, "3 d 4 h"), (-5, "0 µs"),
    ])
    func durations(micros: Int64, text: String) { #expect(Wording.duration(micros: micros) == text) }

    @Test(arguments: [
        (Int64(335_000), "+0.335 s"), (59_999_000, "+59.999 s"), (62_003_000, "+01:02.003"),
        (3_723_000_000, "+1:02:03.000"),
    ])
    func offsets(micros: Int64, text: String) { #expect(Wording.offset(micros: micros) == text) }

    @Test func tablesAreAsWideAsTheirWidestCell() {
        #expect(TextColumns.table(["a", "b"], [["long", "x"], ["s", "y"]]) == ["a     b", "long  x", "s     y"])
    }
}
