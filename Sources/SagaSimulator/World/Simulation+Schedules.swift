internal import SagaCore
internal import SagaEngine
internal import SagaSchedules

/// Schedules: their code runs like any other, and what starts their runs is the engine's own machine, moved call by call.
struct SimulatedFiring {
    var machine: FiringMachine
    var firing: Firing
    var worker: Int
    var activity: UInt64
}

extension Simulation {
    /// The plan behind a workflow id; a scheduled run has that of its schedule.
    func plan(of workflowID: String) -> Int? {
        if let index = planOfID[workflowID] { return index }
        // A child of `run-3`, or one of its own.
        if let slash = workflowID.firstIndex(of: "/") { return planOfID[String(workflowID[..<slash])] }
        // `run-3` and the due time.
        let parts = workflowID.split(separator: "-", maxSplits: 2)
        return parts.count == 3 ? planOfID["\(parts[0])-\(parts[1])"] : nil
    }

    /// A worker begins to start a scheduled run.
    func beginFiring(_ task: ActivityTask, _ index: Int) {
        let id = nextActivity
        nextActivity += 1
        workers[index].running.append(SimulatedWorker.Running(id: id, task: task, failure: nil))
        guard let firing = try? PlainJSON.decode(Firing.self, task.input) else {
            return checker.report(Violation("schedule", "the input of a firing does not read"))
        }
        firings.append(
            SimulatedFiring(machine: FiringMachine(firing), firing: firing, worker: index, activity: id))
        move(firings.count - 1, nil)
    }

    /// The machine takes an answer, and wants something.
    func move(_ index: Int, _ answer: Result<CallReply, CallFailure>?) {
        let (worker, activity) = (firings[index].worker, firings[index].activity)
        // Its worker may have died.
        guard let position = workers[worker].position(of: activity) else { return }
        switch firings[index].machine.next(answer) {
        case .call(let call): ask(call, index)
        case .again:
            workers[worker].running[position].failure = .beforeEffect
            put(.activityEnds(worker, activity: activity), after: 100)
        case .done(let result):
            let firing = firings[index].firing
            checker.ledger.perform(workers[worker].running[position].task.idempotencyKey)
            switch result.outcome {
            case .started:
                coverage.hit(.scheduledRunStarted)
                let run = SagaID(result.sagaID).flatMap { checker.run($0) }
                if run?.started?.workflowID != firing.workflowID {
                    checker.report(
                        Violation("schedule", "\(firing.workflowID) is said to be started, and is not durable"))
                }
            case .busy: coverage.hit(.scheduledRunHeldBack)
            case .refused:
                checker.report(Violation("schedule", "\(firing.workflowID) is refused: \(result.message)"))
            }
            workers[worker].running[position].output = try? PlainJSON.encode(result)
            put(.activityEnds(worker, activity: activity), after: 100)
        }
    }

    private func ask(_ call: Call, _ index: Int) {
        guard let server = home else {
            return move(index, .failure(CallFailure(.unavailable, "no server")))
        }
        let id = nextCall
        nextCall += 1
        firingCalls[id] = (index, server.incarnation)
        put(.toServer(server.incarnation, .call(id, call)), after: networkDelay())
    }

    /// A server is gone, and what it was asked.
    func loseFirings(of incarnation: UInt32) {
        for call in firingCalls.keys.sorted() where firingCalls[call]?.incarnation == incarnation {
            guard let index = firingCalls.removeValue(forKey: call)?.index else { continue }
            move(index, .failure(CallFailure(.unavailable, "the connection is lost", outcomeUnknown: true)))
        }
    }
}

/// What clients do with a schedule.
enum ScheduleOperation: String, Hashable {
    case pause, resume, trigger, delete

    func payload(_ requestID: String) -> Payload {
        switch self {
        case .pause: .json("true")
        case .resume: .json("false")
        case .trigger: .json("\"trigger-\(requestID)\"")
        case .delete: .json("true")
        }
    }

    /// The handler of the schedule's code.
    var name: String { self == .resume ? "pause" : rawValue }
}

/// The converter of workflow code, for values of the simulator's own.
enum PlainJSON {
    static func encode(_ value: some Encodable) throws -> Payload {
        let converter: any PayloadConverter = .json
        return try converter.encode(value)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ payload: Payload) throws -> Value {
        let converter: any PayloadConverter = .json
        return try converter.decode(type, from: payload)
    }
}

extension RunPlan {
    /// What the first run receives.
    var payload: Payload {
        if let schedule, let payload = try? PlainJSON.encode(ScheduleWorkflow.Input(spec: schedule)) { return payload }
        return .json("[\(input.map(String.init).joined(separator: ","))]")
    }
}
