internal import SagaCore
internal import SagaEngine

/// Tortures a saga: runs it again and again on a virtual clock, with the real engine and a store in memory, and injects an
/// error, an undo's error, a repeat, a time-out and a crash at every point (docs/torture.md).
///
/// It finds steps that are not idempotent and steps that are not compensated, by looking at what really stands outside.
public enum SagaTorture {
    /// Tortures one saga.
    /// - Parameters:
    ///   - subject: The saga and its world.
    ///   - maximumCrashes: Crash points that are tried in each of the two directions; beyond them points are left out
    ///     evenly. Default 500.
    /// - Throws: Whatever the subject's world throws when it is made or observed.
    public static func run(_ subject: TortureSubject, maximumCrashes: Int = 500) async throws -> TortureReport {
        let plain = try await TortureRun(subject, TortureScenario(title: "nothing goes wrong"))
        try await plain.run()
        let steps = try await plain.steps()
        var report = TortureReport(saga: subject.name, steps: steps.map(\.name))
        report.count(plain)
        guard plain.closed?.status == .completed else {
            if plain.findings.isEmpty {
                let status = plain.closed?.status.name ?? "open"
                plain.report(.failsByItself, "", "it is \(status)\(plain.failure)")
            }
            for finding in plain.findings { report.add(finding) }
            return report
        }
        for finding in plain.findings { report.add(finding) }
        let end = plain.finalFacts
        for scenario in TortureScenario.all(steps: steps) {
            _ = try await torture(subject, scenario, end, &report)
        }
        // A crash at every point, on the way forward and on the way back.
        var ways = [TortureScenario(title: "")]
        if let last = steps.last?.name {
            ways.append(TortureScenario(title: "the saga is stopped after step \(last)", unwindAfter: last))
        }
        for way in ways {
            let points = try await torture(subject, way, end, &report)
            let stride = max(1, (points + maximumCrashes - 1) / max(1, maximumCrashes))
            var point = 1
            while point <= points {
                _ = try await torture(subject, way.crashing(at: point), end, &report)
                point += stride
            }
        }
        return report
    }

    /// - Returns: How many points there were at which the process might have died.
    private static func torture(
        _ subject: TortureSubject, _ scenario: TortureScenario, _ end: [String], _ report: inout TortureReport
    ) async throws -> Int {
        let run = try await TortureRun(subject, scenario)
        try await run.run()
        try await run.judge(against: end)
        report.count(run)
        for finding in run.findings { report.add(finding) }
        return run.boundaries
    }
}

extension TortureReport {
    fileprivate mutating func count(_ run: TortureRun) {
        scenarios += 1
        crashes += run.crashes
        executions += run.executions
    }
}

extension TortureRun {
    /// The steps that were handed out, in order, and whether each has an undo.
    fileprivate func steps() async throws -> [(name: String, hasUndo: Bool)] {
        try await history().compactMap { event -> (name: String, hasUndo: Bool)? in
            guard case .activityTaskScheduled(let step) = event.attributes,
                let name = names.name(event.sagaID, event.eventID)
            else { return nil }
            return (name, step.undo != nil)
        }
    }

    /// What stands at the end, so that it can be compared with another run's.
    fileprivate var finalFacts: [String] { facts.present.map(names.readable).sorted() }

    fileprivate var failure: String {
        guard case .workflowExecutionFailed(let value)? = closed?.closing else { return "" }
        return ": \(value.error.message)"
    }

    /// Judges what stands at the end.
    fileprivate func judge(against end: [String]) async throws {
        guard let closed, !findings.contains(where: { $0.kind == .notDeterministic }) else { return }
        if closed.status == .completed {
            guard scenario.mustEndTheSame else { return }
            let (more, less) = (FactLog.difference(finalFacts, end), FactLog.difference(end, finalFacts))
            if !(more.isEmpty && less.isEmpty), !findings.contains(where: { $0.kind == .stepNotIdempotent }) {
                report(.endsDifferently, "", FactLog.words(more: more, less: less))
            }
            return
        }
        let exempt = try await stepsThatMayStand()
        // After an undo that fails for good the rest was given up: that is no fault of theirs.
        guard !findings.contains(where: { $0.kind == .undoFails }) else { return }
        let known = findings.filter { $0.kind == .lateEffect }.map(\.step)
        for (step, what) in facts.remains() where !exempt.contains(step) && !known.contains(step) {
            report(.notCompensated, step, what)
        }
    }

    /// Steps that a pivot made final, or that their policy or their author lets stand.
    private func stepsThatMayStand() async throws -> Set<String> {
        var exempt: Set<String> = []
        var scheduled: [EventID: ActivityTaskScheduled] = [:]
        var undoable: [String] = []
        for event in try await history() {
            switch event.attributes {
            case .activityTaskScheduled(let step):
                scheduled[event.eventID] = step
                if subject.standing.contains(step.stepID), let name = names.name(event.sagaID, event.eventID) {
                    exempt.insert(name)
                }
            case .activityTaskCompleted(let value):
                guard let name = names.name(event.sagaID, value.scheduledEventID) else { continue }
                if scheduled[value.scheduledEventID]?.pivot == true {
                    exempt.formUnion(undoable)
                    // A pivot without an undo of its own is the point of no return itself.
                    if scheduled[value.scheduledEventID]?.undo == nil { exempt.insert(name) }
                }
                undoable.append(name)
            case .activityTaskFailed(let value): addKept(value.scheduledEventID, event, scheduled, &exempt)
            case .activityTaskTimedOut(let value): addKept(value.scheduledEventID, event, scheduled, &exempt)
            case .markerRecorded(let marker): if marker.kind == .undoCommitted { exempt.formUnion(undoable) }
            default: break
            }
        }
        return exempt
    }

    private func addKept(
        _ eventID: EventID, _ event: HistoryEvent, _ scheduled: [EventID: ActivityTaskScheduled],
        _ exempt: inout Set<String>
    ) {
        guard scheduled[eventID]?.undo?.undoFailedStep == .never, let name = names.name(event.sagaID, eventID) else {
            return
        }
        exempt.insert(name)
    }
}
