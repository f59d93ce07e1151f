import SagaCore
import SagaWire
import Testing

@Suite struct EventMappingTests {
    /// Every event type, every field set: wire to core to wire gives the same, and both sides have the same fields.
    @Test func everyEventCrossesWithoutLoss() throws {
        var seen: Set<EventType> = []
        for code in EventType.allCases {
            for seed in 0..<20 {
                let wire = try randomEvent(code, seed: UInt64(seed))
                let event = try HistoryEvent(wire)
                #expect(event.eventType == code)
                #expect(difference(wire, Wire.HistoryEvent(event)) == nil)
                let bytes = try Wire.HistoryEvent(event).serialized()
                let back = try HistoryEvent(Wire.HistoryEvent(decoding: bytes))
                #expect(difference(event, back) == nil)
                seen.insert(event.eventType)

                let coreFields = fieldCount(event.attributes)
                let wireFields = fieldCount(try #require(wire.attributes))
                #expect(coreFields == wireFields, "\(code): a field of the core is not in the IDL, or the reverse")
            }
        }
        #expect(seen.count == EventType.allCases.count)
    }

    /// A program of before stores its first form, and sends the fields of it: what comes of them is today's form.
    @Test func anOlderFormIsTodaysOnceItIsHere() throws {
        for code in EventType.allCases {
            var wire = try randomEvent(code, seed: 1)
            wire.eventVersion = 1
            let event = try HistoryEvent(wire)
            #expect(event.eventVersion == EventCatalog.current.version(of: code))
            let stored = PackedEvents.encode([event])
            #expect(
                try PackedEvents.decode(stored, sagaID: event.sagaID, firstEventID: event.eventID).first?.attributes
                    == event.attributes)
        }
    }

    @Test func missingPartsAreNamed() throws {
        func thrown(_ wire: Wire.HistoryEvent) -> WireError? {
            do throws(WireError) {
                _ = try HistoryEvent(wire)
                return nil
            } catch {
                return error
            }
        }
        let good = try randomEvent(.activityTaskFailed, seed: 1)
        #expect(thrown(good) == nil)

        var wire = good
        wire.attributes = nil
        #expect(thrown(wire) == WireError(field: "attributes", reason: .missing))
        wire = good
        wire.sagaID = nil
        #expect(thrown(wire) == WireError(field: "saga_id", reason: .missing))
        wire = good
        wire.eventType = 4_711
        #expect(thrown(wire)?.field == "event_type")
        wire.eventType = UInt32(EventType.activityTaskCompleted.rawValue)
        #expect(thrown(wire)?.field == "event_type")
        wire = good
        wire.attributes = .activityTaskFailed(Wire.ActivityTaskFailed(outcome: .unknown))
        #expect(thrown(wire) == WireError(field: "activity_task_failed.error", reason: .missing))
        wire.attributes = .activityTaskFailed(Wire.ActivityTaskFailed(error: Wire.SagaError()))
        #expect(thrown(wire) == WireError(field: "activity_task_failed.outcome", reason: .missing))
        wire.attributes = .activityTaskFailed(
            Wire.ActivityTaskFailed(error: Wire.SagaError(), outcome: .unrecognized(77)))
        #expect(thrown(wire) == WireError(field: "activity_task_failed.outcome", reason: .unknownEnumValue(77)))
        #expect(throws: WireError(field: "events[1].saga_id", reason: .missing)) {
            var broken = good
            broken.sagaID = nil
            _ = try HistoryEvent.list([good, broken], "events")
        }
    }

    @Test func absentPoliciesAreTheDefaults() throws {
        let wire = Wire.ActivityTaskScheduled(activityType: "pay", undo: Wire.UndoSpec(activityType: "refund"))
        let event = try ActivityTaskScheduled(wire)
        #expect(event.retry == .standard)
        #expect(event.timeouts == .standard)
        #expect(event.input == .empty)
        #expect(event.undo?.retry == .undo)
        #expect(event.undo?.undoFailedStep == .ifUnknown)
    }

    @Test func impossiblePoliciesAreRefused() {
        func reason(_ retry: Wire.RetryPolicy) -> String? {
            do throws(WireError) {
                _ = try ActivityTaskScheduled(Wire.ActivityTaskScheduled(retry: retry))
                return nil
            } catch {
                return error.field
            }
        }
        #expect(reason(Wire.RetryPolicy(initialIntervalMicros: -1)) == "retry.initial_interval_us")
        #expect(reason(Wire.RetryPolicy(maximumIntervalMicros: .min)) == "retry.maximum_interval_us")
        #expect(reason(Wire.RetryPolicy(backoffCoefficient: .nan)) == "retry.backoff_coefficient")
        #expect(reason(Wire.RetryPolicy(backoffCoefficient: .infinity)) == "retry.backoff_coefficient")
        #expect(reason(Wire.RetryPolicy(jitter: .nan)) == "retry.jitter")
        #expect(reason(Wire.RetryPolicy(jitter: 1.5)) == "retry.jitter")
        #expect(reason(Wire.RetryPolicy()) == nil)
    }

    @Test func anErrorGetsThroughWhateverItsTexts() throws {
        let error = SagaError(kind: .domain, message: "no\0pe", context: [MetadataEntry(key: "a\0", value: "\0")])
        let wire = Wire.SagaError(error)
        #expect(wire.message == "no\u{FFFD}pe")
        #expect(wire.category == .domain)
        let back = SagaError(try Wire.SagaError(decoding: wire.serialized()))
        #expect(back.context == [MetadataEntry(key: "a\u{FFFD}", value: "\u{FFFD}")])
        #expect(SagaError(Wire.SagaError(kind: .unrecognized(99))).kind == .unknown)
    }

    @Test func enumsShareTheirMeaning() throws {
        for kind in ErrorKind.allCases {
            #expect("\(Wire.ErrorKind(kind))" == "\(kind)")
            #expect(ErrorKind(Wire.ErrorKind(kind)) == kind)
            let category = Wire.ErrorCategory(rawValue: Int32(kind.category.rawValue))
            #expect("\(category)" == "\(kind.category)")
        }
        for value in StepOutcome.allCases { #expect("\(Wire.StepOutcome(value))" == "\(value)") }
        for value in TimeoutKind.allCases { #expect("\(Wire.TimeoutKind(value))" == "\(value)") }
        for value in UnwindCause.allCases { #expect("\(Wire.UnwindCause(value))" == "\(value)") }
        for value in BlockCause.allCases { #expect("\(Wire.BlockCause(value))" == "\(value)") }
        for value in OperatorVerb.allCases { #expect("\(Wire.OperatorVerb(value))" == "\(value)") }
        for value in MarkerKind.allCases { #expect("\(Wire.MarkerKind(value))" == "\(value)") }
        for value in UndoFailedStep.allCases { #expect("\(Wire.UndoFailedStep(value))" == "\(value)") }
        for value in ParentClosePolicy.allCases { #expect("\(Wire.ParentClosePolicy(value))" == "\(value)") }
        for value in EventCategory.allCases {
            #expect("\(Wire.EventCategory(rawValue: Int32(value.rawValue)))" == "\(value)")
        }
        for value in CompensationState.allCases {
            #expect("\(Wire.CompensationState(rawValue: Int32(value.rawValue)))" == "\(value)")
        }
    }

    /// Field 100 + code of the oneof carries the event of that code.
    private func randomEvent(_ type: EventType, seed: UInt64) throws -> Wire.HistoryEvent {
        let number = UInt32(100 + type.rawValue)
        let field = try #require(
            WireSchema.current.messages["saga.v1.HistoryEvent"]?.first { $0.number == number })
        guard case .message(let name) = field.kind else { throw WireError(field: field.name, reason: .wireType) }
        #expect(name == "saga.v1.\(type.name)")
        var writer = RandomMessage(seed: seed &* 1_000 &+ UInt64(type.rawValue))
        writer.isMeaningful = true
        let body = writer.bytes(of: name)
        var bytes: [UInt8] = []
        RandomMessage.varint(UInt64(number) << 3 | 2, &bytes)
        RandomMessage.varint(UInt64(body.count), &bytes)
        bytes += body
        var event = try Wire.HistoryEvent(decoding: bytes)
        event.eventID = seed
        event.sagaID = SagaID(high: seed | 1, low: 2)
        event.eventType = UInt32(type.rawValue)
        event.category = Wire.EventCategory(rawValue: Int32(type.category.rawValue))
        event.timestampMicros = 1_769_599_680_000_000
        event.eventVersion = EventCatalog.current.version(of: type)
        event.isResetPoint = seed % 2 == 0
        event.parentEventID = seed % 3 == 0 ? nil : 0
        event.taskQueue = seed % 2 == 0 ? "q" : nil
        event.traceID = seed % 2 == 1 ? "t" : nil
        return event
    }

    /// Stored properties of the struct inside an enum case.
    private func fieldCount(_ attributes: Any) -> Int {
        guard let payload = Mirror(reflecting: attributes).children.first?.value else { return -1 }
        return Mirror(reflecting: payload).children.count
    }
}

/// The first place where two values differ, by their properties; nil if nowhere. An error's category is left out: it
/// follows from the kind, so a random one does not come back.
func difference(_ left: Any, _ right: Any, at path: String = "") -> String? {
    let (a, b) = (Mirror(reflecting: left), Mirror(reflecting: right))
    if a.children.count != b.children.count { return "\(path): \(left) and \(right)" }
    if a.children.isEmpty { return "\(left)" == "\(right)" ? nil : "\(path): \(left) and \(right)" }
    for (x, y) in zip(a.children, b.children) {
        let label = x.label ?? "?"
        if label == "category" && path.hasSuffix("rror.some") || label == "category" && path.hasSuffix("rror") {
            continue
        }
        if x.label != y.label { return "\(path): \(label) and \(y.label ?? "?")" }
        if let found = difference(x.value, y.value, at: path + "." + label) { return found }
    }
    return nil
}
