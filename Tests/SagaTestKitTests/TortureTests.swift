import SagaCore
import SagaTestKit
import Testing

/// A saga without mistakes is left in peace, and each mistake is named.
@Suite struct TortureTests {
    @Test func aGoodSagaIsClean() async throws {
        let report = try await SagaTorture.run(try Shop.subject(.none))
        #expect(report.isClean, "\(report.text)")
        #expect(report.steps == ["reserve", "charge", "voucher"])
        #expect(report.crashes > 20)
        #expect(report.scenarios > 60)
    }

    @Test(arguments: [
        (Shop.Mistake.chargesTwice, TortureFinding.Kind.stepNotIdempotent, "charge"),
        (.refundDoesNothing, .notCompensated, "charge"), (.refundsTwice, .undoNotIdempotent, "charge"),
        (.refundWantsCharge, .undoFails, "charge"), (.takesLateCharge, .lateEffect, "charge"),
        (.voucherStands, .notCompensated, "voucher"),
    ])
    func eachMistakeIsNamed(_ mistake: Shop.Mistake, _ kind: TortureFinding.Kind, _ step: String) async throws {
        let report = try await SagaTorture.run(try Shop.subject(mistake))
        #expect(report.findings.contains { $0.kind == kind && $0.step == step }, "\(report.text)")
        // Nobody else is blamed.
        #expect(report.findings.allSatisfy { $0.step == step }, "\(report.text)")
    }

    @Test func whatIsMeantToStandMayStand() async throws {
        var subject = try Shop.subject(.voucherStands)
        subject.standing = ["voucher"]
        let report = try await SagaTorture.run(subject)
        #expect(report.isClean, "\(report.text)")
    }

    @Test func theSameTortureGivesTheSameReport() async throws {
        let first = try await SagaTorture.run(try Shop.subject(.chargesTwice))
        let second = try await SagaTorture.run(try Shop.subject(.chargesTwice))
        #expect(first.json == second.json)
        #expect(first.json.contains(#""step_not_idempotent""#))
        #expect(first.text.contains("step charge: is not idempotent"))
        // People read the step's name, not its key.
        #expect(first.text.contains("charge <charge>"))
    }

    @Test func theCommandLineSaysWhatIsWrong() async throws {
        let subjects = [try Shop.subject(.none), try Shop.subject(.chargesTwice)]
        let clean = await TortureCommandLine.run(subjects, ["torture", "none"])
        #expect(clean.status == 0)
        let dirty = await TortureCommandLine.run(subjects, ["torture", "chargesTwice", "--output", "json"])
        #expect(dirty.status == 1)
        #expect(dirty.text.hasPrefix("{"))
        #expect(await TortureCommandLine.run(subjects, ["torture", "--list"]).text == "none\nchargesTwice")
        #expect(await TortureCommandLine.run(subjects, ["torture", "nobody"]).status == 2)
        #expect(await TortureCommandLine.run(subjects, ["torture", "--output", "xml"]).status == 2)
    }

    @Test func codeThatIsNotDeterministicIsFound() async throws {
        let subject = try TortureSubject(Dice.self, input: 0) {
            Dice.throwsOfDice.reset()
            var activities = ActivityRegistry()
            let shop = Shop(.none)
            activities.register(Reserve(shop: shop))
            activities.register(Release(shop: shop))
            return TortureWorld(activities: activities) { await shop.facts }
        }
        let report = try await SagaTorture.run(subject)
        #expect(report.findings.contains { $0.kind == .notDeterministic }, "\(report.text)")
    }

    @Test func aSagaThatWaitsForNobodyIsSaidToBeStuck() async throws {
        let subject = try TortureSubject(Waiter.self, input: 0) {
            TortureWorld(activities: ActivityRegistry()) { [] }
        }
        let report = try await SagaTorture.run(subject)
        #expect(report.findings.map(\.kind) == [.stuck])
        let helped = try TortureSubject(Waiter.self, input: 0) {
            TortureWorld(
                activities: ActivityRegistry(), signals: [("go", Payload(encoding: "json", data: Array("1".utf8)))]
            ) { [] }
        }
        #expect(try await SagaTorture.run(helped).isClean)
    }
}
