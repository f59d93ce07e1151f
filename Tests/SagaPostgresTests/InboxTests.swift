import Foundation
import Logging
import SagaCore
import SagaEngine
import SagaPostgres
import Synchronization
import Testing

private struct Echo: DurableWorkflow {
    static let typeID = "order"
    func run(_ context: WorkflowContext, _ input: Order) async throws -> Int {
        let more: Order = try await context.waitForSignal("more")
        return input.amount + more.amount
    }
}

private struct Order: Codable, Sendable {
    var amount: Int
}

/// Starts and signals from SQL, inside the application's own transaction.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct InboxTests {
    private func engine(_ cluster: PrivateCluster) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Echo.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try await SagaEngine(
            store: try await PostgresEventStore.open(PostgresOptions(connection: cluster.address)),
            workflows: workflows,
            activities: ActivityRegistry(), logger: logger)
    }

    private func outcome(_ side: SideSession, _ request: String) async throws -> [String] {
        try await side.until("SELECT 1 FROM saga.outcome('\(request)') WHERE outcome <> 'waiting'")
        return try #require(
            side.run(
                "SELECT outcome, coalesce(saga_id::text, ''), coalesce(message, '') FROM saga.outcome('\(request)')"
            ).first)
    }

    @Test func aTransactionStartsAndSignalsAndWhatIsRolledBackDoesNot() async throws {
        try await PrivateCluster.with { cluster in
            let engine = try await engine(cluster)
            let side = try SideSession(cluster.address)
            side.run("CREATE TABLE public.orders (id text)")
            side.run("BEGIN; INSERT INTO public.orders VALUES ('lost')")
            let lost = side.value("SELECT saga.start('order', 'lost', '{\"amount\": 1}')")
            side.run("ROLLBACK")
            side.run("BEGIN; INSERT INTO public.orders VALUES ('order-1')")
            let start = side.value("SELECT saga.start('order', 'order-1', '{\"amount\": 40}')")
            side.run("COMMIT")
            let started = try await outcome(side, start)
            #expect(started[0] == "started")
            let again = try await outcome(
                side, side.value("SELECT saga.start('order', 'order-1', '{\"amount\": 9}')"))
            #expect(again == ["already started", started[1], ""])
            let signal = side.value("SELECT saga.signal('order-1', 'more', '{\"amount\": 2}')")
            #expect(try await outcome(side, signal) == ["signaled", started[1], ""])
            let handle = engine.handle(Echo.self, id: "order-1")
            #expect(try await handle.result() == 42)
            let late = try await outcome(side, side.value("SELECT saga.signal('order-1', 'more')"))
            #expect(late[0] == "refused" && !late[2].isEmpty)
            let unknown = try await outcome(side, side.value("SELECT saga.signal('nobody', 'more')"))
            #expect(unknown[0] == "refused")
            let malformed = try await outcome(side, side.value("SELECT saga.start('order', E'a\\nb')"))
            #expect(malformed[0] == "parked")
            #expect(malformed[2].contains("U+A"))
            #expect(side.run("SELECT FROM saga.outcome('\(lost)')").isEmpty)
            #expect(side.run("SELECT workflow_id FROM saga.inbox") == [["a\nb"]])
            #expect(side.run("SELECT count(*) FROM saga.visibility") == [["1"]])
            await engine.shutDown()
        }
    }

    /// Requests come while no engine runs, and while engines are stopped in the middle; each has its effect once.
    @Test func requestsOutliveEnginesAndHaveTheirEffectOnce() async throws {
        try await PrivateCluster.with { cluster in
            var running: SagaEngine? = try await engine(cluster)
            let side = try SideSession(cluster.address)
            side.run("SELECT saga.start('order', 'w' || n, '{\"amount\": 1}') FROM generate_series(1, 300) n")
            try await side.until("SELECT 1 FROM saga.inbox_outcomes HAVING count(*) > 20")
            // The store goes away under the engine; what it had taken up and not written is found again.
            side.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'saga'")
            side.run("SELECT saga.start('order', 'w' || n, '{\"amount\": 1}') FROM generate_series(200, 500) n")
            await running?.shutDown()
            running = nil
            side.run("SELECT saga.signal('w' || n, 'more', '{\"amount\": 1}') FROM generate_series(1, 500) n")
            let second = try await engine(cluster)
            try await side.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM saga.inbox)")
            // A second start that comes when the saga is closed is refused; which of the two it is, is a matter of time.
            let secondStarts = "('already started', 'refused')"
            let outcomes = side.run(
                """
                SELECT CASE WHEN outcome IN \(secondStarts) THEN 'again' ELSE outcome END, count(*)
                FROM saga.inbox_outcomes GROUP BY 1 ORDER BY 1
                """)
            #expect(outcomes == [["again", "101"], ["signaled", "500"], ["started", "500"]])
            #expect(side.run("SELECT count(*), count(DISTINCT workflow_id) FROM saga.visibility") == [["500", "500"]])
            try await side.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM saga.visibility WHERE status <> 3)")
            await second.shutDown()
        }
    }

    @Test func onlyWhoMayExecuteCanAsk() async throws {
        try await PrivateCluster.with { cluster in
            let first = try SideSession(cluster.address)
            first.run("CREATE ROLE saga_app LOGIN; CREATE ROLE stranger LOGIN")
            _ = try await PostgresEventStore.migrate(PostgresOptions(connection: cluster.address))
            let app = try SideSession(cluster.address.replacing("user=postgres", with: "user=saga_app"))
            #expect(app.run("SELECT saga.start('order', 'a')").count == 1)
            for statement in ["SELECT FROM saga.inbox", "SELECT FROM saga.meta", "DELETE FROM saga.history"] {
                #expect(app.refuses(statement), "\(statement)")
            }
            let stranger = try SideSession(cluster.address.replacing("user=postgres", with: "user=stranger"))
            #expect(stranger.refuses("SELECT saga.start('order', 'a')"))
            // Nobody's table can stand before ours.
            app.run("CREATE TEMP TABLE inbox (LIKE pg_class)")
            #expect(app.run("SELECT saga.start('order', 'b')").count == 1)
            #expect(first.run("SELECT count(*) FROM saga.inbox") == [["2"]])
            #expect(first.run("SELECT DISTINCT requested_by FROM saga.inbox") == [["saga_app"]])
        }
    }
}
