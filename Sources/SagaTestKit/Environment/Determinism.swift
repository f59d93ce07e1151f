internal import SagaCore
internal import SagaEngine

/// Workflow code that does not do the same twice.
public struct Nondeterminism: Error, CustomStringConvertible {
    /// Where it went another way.
    public var description: String
}

extension SagaTestEnvironment {
    /// Runs today's code over the durable history of a run.
    func checkReplay(of sagaID: SagaID) async throws {
        let events = try await engine.history(of: sagaID)
        // A declarative saga has no code, and neither has a run that only undoes what another one did.
        guard case .workflowExecutionStarted(let started)? = events.first?.attributes,
            workflows.types.contains(where: { $0.name == started.workflowType })
        else { return }
        guard let verdict = WorkflowReplayer.replay(events, workflows, converter: converter), !verdict.fits else {
            return
        }
        throw Nondeterminism(description: verdict.text)
    }

    /// Runs a test twice and compares what it recorded, event by event and value by value: the code must not depend on a clock,
    /// on chance, on the order of a dictionary or on anything else outside of its context. That is more than replay sees,
    /// which compares commands but not what they carry.
    /// - Parameters:
    ///   - make: Makes the environment, with its fakes.
    ///   - body: The test: starts sagas, and waits for them.
    /// - Throws: ``Nondeterminism`` that names the first event that differs.
    public static func requireSameTwice(
        _ make: () -> SagaTestEnvironment, _ body: (SagaTestEnvironment) async throws -> Void
    ) async throws {
        let first = make()
        try await body(first)
        let second = make()
        try await body(second)
        let (left, right) = (try await first.histories(), try await second.histories())
        for (one, other) in zip(left, right) {
            for (event, again) in zip(one, other) where event != again {
                throw Nondeterminism(
                    description: "event \(event.eventID) of run \(event.sagaID) differs the second time: first"
                        + " \(event.attributes), then \(again.attributes)")
            }
            if one.count != other.count {
                throw Nondeterminism(
                    description: "run \(one.first.map { "\($0.sagaID)" } ?? "") has \(one.count) events the first time,"
                        + " \(other.count) the second")
            }
        }
        if left.count != right.count {
            throw Nondeterminism(description: "there are \(left.count) runs the first time, \(right.count) the second")
        }
    }
}
