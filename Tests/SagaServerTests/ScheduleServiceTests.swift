import SagaClient
import SagaCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct ScheduleServiceTests {
    @Test(arguments: TestStore.all) func aScheduleOverTheWire(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        let client = try await server.client()
        var schedule = Schedule(id: "nightly", cron: "30 4 * * *", workflowType: "counter", input: .json("1"))
        schedule.timeZone = "Europe/Zurich"
        schedule.overlap = .bufferOne
        schedule.catchupWindow = .seconds(600)
        schedule.options.taskQueue = "q"
        let next = try #require(try await client.createSchedule(schedule))
        await #expect(throws: SagaClientError.self) { try await client.createSchedule(schedule) }
        let found = try await client.describeSchedule("nightly")
        #expect(found.nextDue == next && found.upcoming.first == next && found.upcoming.count == 10)
        #expect(found.schedule.timeZone == "Europe/Zurich" && found.schedule.overlap == .bufferOne)
        #expect(found.schedule.catchupWindow == .seconds(600) && found.schedule.options.taskQueue == "q")
        #expect(found.schedule.input == .json("1") && found.schedule.workflowID == "nightly")

        schedule.cron = "@every 1h"
        schedule.isPaused = true
        #expect(try await client.updateSchedule(schedule) == nil)
        let (workflowID, sagaID) = try await client.triggerSchedule("nightly")
        #expect(sagaID != nil && workflowID.hasPrefix("nightly-trigger-"))
        // The run before is open: the next one waits.
        #expect(try await client.triggerSchedule("nightly").sagaID == nil)
        #expect(try await client.describeSchedule("nightly").isBuffered)
        #expect(try await client.pauseSchedule("nightly", false) != nil)
        #expect(try await client.listSchedules().map(\.schedule.id) == ["nightly"])

        // Another namespace has others; and the schedules' own cannot be entered.
        let elsewhere = try await server.client(namespace: "other")
        #expect(try await elsewhere.listSchedules().isEmpty)
        #expect(try await elsewhere.deleteSchedule("nightly") == false)
        await elsewhere.close()
        await #expect(throws: SagaClientError.self) { try await server.client(namespace: "saga:schedules") }

        #expect(try await client.count() == 1, "the schedule itself is not among the sagas")
        #expect(try await client.deleteSchedule("nightly"))
        let gone = await #expect(throws: SagaClientError.self) { try await client.triggerSchedule("nightly") }
        #expect(gone?.code == .notFound)
        await client.close()
        await server.stop()
    }
}
