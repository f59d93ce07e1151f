import Foundation
import SagaCore
import SagaEngine
import Synchronization

/// The same three steps as code and as a definition, through one engine, in turns: what a definition costs against code, in
/// processor time, which other programs on the machine disturb less.
extension EngineSuite {
    /// The steps of `BenchTrip` as data.
    static let declaredTrip: SagaDefinition = {
        func step(_ id: String, _ input: String) -> StepDefinition {
            StepDefinition(
                id: id,
                kind: .activity(
                    ActivityStep(
                        activityType: BenchStep.typeID, input: .template(input),
                        undo: UndoSpec(activityType: BenchUndo.typeID))))
        }
        // The first reads the input; the others use what came before.
        return SagaDefinition(
            name: "bench.declared",
            steps: [
                step("a", #""${input.number}""#), step("b", #""${steps.a.output}""#),
                step("c", #""${steps.b.output}""#),
            ],
            output: .template(#"["${steps.a.output}","${steps.b.output}","${steps.c.output}"]"#))
    }()

    func measureDeclared(_ context: BenchContext) async throws {
        for store in EngineStore.allCases where context.wants("\(store.rawValue) declarative") {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-engine-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let engine = try await SagaEngine(
                store: try store.open(folder), workflows: BenchTrip.workflows, activities: BenchTrip.activities)
            try await engine.register(Self.declaredTrip)
            let (rounds, count) = context.quick ? (5, 400) : (7, 4_000)
            var costs: (code: [BenchTime], declared: [BenchTime]) = ([], [])
            for round in -1..<rounds {
                let start = BenchTime.now()
                try await trips(engine, count, "code-\(round)", isDeclared: false)
                let middle = BenchTime.now()
                try await trips(engine, count, "declared-\(round)", isDeclared: true)
                // The first round only warms up.
                if round >= 0 {
                    costs.code.append((middle - start) / Double(count))
                    costs.declared.append((BenchTime.now() - middle) / Double(count))
                }
            }
            await engine.shutDown()
            let code = median(costs.code)
            let declared = median(costs.declared)
            var result = context.result(
                "\(store.rawValue) declarative, against code-first", unit: "us/saga",
                value: declared.processor * 1e6, better: .lower)
            result.reference = "code-first"
            result.referenceKind = "measured"
            result.ratio = declared.processor / code.processor
            result.samples = rounds * count
            result.operationsPerSecond = 1 / declared.wall
            context.record(result)
        }
    }

    private func median(_ times: [BenchTime]) -> BenchTime {
        BenchTime(
            wall: times.map(\.wall).sorted()[times.count / 2],
            processor: times.map(\.processor).sorted()[times.count / 2])
    }

    private func trips(_ engine: SagaEngine, _ count: Int, _ prefix: String, isDeclared: Bool) async throws {
        let width = 64
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<width {
                group.addTask {
                    for number in stride(from: lane, to: count, by: width) {
                        let order = BenchOrder(number: number, isRefused: false)
                        if isDeclared {
                            let handle = try await engine.startDefinition(
                                "bench.declared", id: "\(prefix)-\(number)", input: order, as: [Int].self)
                            guard try await handle.result() == [number, number, number] else {
                                throw BenchFailure("engine: declared saga \(number) returned something else")
                            }
                        } else {
                            let handle = try await engine.startWorkflow(
                                BenchTrip.self, id: "\(prefix)-\(number)", input: order)
                            guard try await handle.result() == 6 else {
                                throw BenchFailure("engine: saga \(number) returned something else")
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
