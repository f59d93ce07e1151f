import SagaCore
import SagaEngine
import SagaTestKit
import Testing

/// Sagas within sagas (docs/lra.md, "Nested").
@Suite(.timeLimit(.minutes(1))) struct NestedTests {
    @Test func aChildIsASagaOfItsOwn() async throws {
        let environment = tours()
        let run = try await environment.tour([.nested("n", [.step("a")])])
        #expect(try await run.result() == ["a"])
        let child = try await environment.nested("n").describe()
        #expect(child.status == .completed)
        #expect(child.sagaID != run.sagaID)
    }

    @Test func aChildKnowsItsParent() async throws {
        let environment = tours()
        let run = try await environment.tour([.nested("n", [.step("a")], end: "go")])
        #expect(try await environment.nested("n").describe().parent?.sagaID == run.sagaID)
        try await environment.nested("n").signal("go", "on")
        #expect(try await run.result() == ["a", "on"])
    }

    @Test func aChildThatFailsEndsItsParent() async throws {
        let environment = tours()
        let run = try await environment.tour([.step("a"), .nested("n", [.step("b")], end: "badly")])
        #expect(try await run.failure().error?.kind == .domain)
        #expect(environment.log == ["a", "b", "undo b", "undo a"])
    }

    @Test func aTreeThatEndsWellUndoesNothing() async throws {
        let environment = tours()
        let deep = Leg.nested("m", [.step("b"), .nested("k", [.step("c")])])
        #expect(try await environment.tour([.step("a"), deep]).result() == ["a", "b", "c"])
        #expect(environment.log == ["a", "b", "c"])
    }

    @Test func aTreeThatEndsBadlyIsUndoneFromItsLeaves() async throws {
        let environment = tours()
        let deep = Leg.nested("m", [.step("b"), .nested("k", [.step("c")])])
        let run = try await environment.tour([.step("a"), deep, .step("d")], end: "badly")
        #expect(try await run.failure().compensation.state == .complete)
        // The children had ended well long ago.
        #expect(environment.log == ["a", "b", "c", "d", "undo d", "undo c", "undo b", "undo a"])
    }

    @Test func aBranchThatFailedIsUndoneAloneIfItsParentGoesOn() async throws {
        let environment = tours()
        let run = try await environment.tour([
            .step("a"), .nested("good", [.step("b")]), .nested("bad", [.step("c")], end: "badly", isOptional: true),
            .nested("other", [.step("d")]),
        ])
        #expect(try await run.result() == ["a", "b", "no bad: Domain", "d"])
        #expect(environment.log == ["a", "b", "c", "undo c", "d"])
        #expect(try await environment.nested("good").describe().status == .completed)
        #expect(try await environment.nested("bad").describe().status == .failed)
    }

    @Test func aChildsUndoLogEndsWithItsParent() async throws {
        let environment = tours()
        let run = try await environment.tour([.nested("n", [.step("a")])], end: "go")
        #expect(try await environment.nested("n").describe().status == .completed)
        try await run.signal("go", "on")
        _ = try await run.result()
        // Nobody can undo it any more: the parent is closed, and the child's run, too.
        let late = await #expect(throws: CallFailure.self) { try await run.cancel() }
        #expect(late?.code == .failedPrecondition)
        try await environment.advance(by: .seconds(86_400))
        #expect(environment.log == ["a"])
    }

    @Test func aChildThatIsAbandonedGoesOn() async throws {
        let environment = tours()
        var leg = Leg.nested("n", [.step("a")], end: "go")
        leg.parentClosePolicy = "abandon"
        #expect(try await environment.tour([leg]).result() == ["tour/n"])
        #expect(try await environment.nested("n").describe().status == .running)
        try await environment.nested("n").signal("go", "on")
        #expect(try await environment.nested("n").result() == ["a", "on"])
    }
}
