internal import SagaCore
internal import SagaEngine
internal import SagaSchedules

/// Workers and their streams.
extension Simulation {
    func handleWorker(_ event: SimulationEvent) {
        guard let index = workerIndex(of: event) else { return }
        if workers[index].isPaused { return workers[index].backlog.append(event) }
        switch event {
        case .workerConnect(_, let life): if life == workers[index].life { connect(index) }
        case .toWorker(let stream, let message): if workers[index].stream == stream { take(message, index, stream) }
        case .streamLost(let stream): streamLost(stream, index)
        case .performEffect(_, let activity): performEffect(index, activity)
        case .activityEnds(_, let activity): activityEnds(index, activity)
        case .heartbeat(_, let activity): heartbeat(index, activity)
        case .workerSends(let stream, let input): if mayLeave(input, index) { send(input, over: stream) }
        default: break
        }
    }

    private func workerIndex(of event: SimulationEvent) -> Int? {
        switch event {
        case .workerConnect(let index, _), .performEffect(let index, _), .activityEnds(let index, _),
            .heartbeat(let index, _):
            index
        case .toWorker(let stream, _), .streamLost(let stream), .workerSends(let stream, _): streams[stream]?.worker
        default: nil
        }
    }

    // MARK: Streams

    private func connect(_ index: Int) {
        guard workers[index].stream == nil else { return }
        guard let server = home else {
            return put(.workerConnect(index, life: workers[index].life), after: 200_000)
        }
        let id = nextStream
        nextStream += 1
        streams[id] = WorkerStream(worker: index, incarnation: server.incarnation)
        workers[index].stream = id
        let running = workers[index].running.map(\.task.reference).sorted()
        if !running.isEmpty { coverage.hit(.runningTaskAnnounced) }
        var offer = WorkerOffer(
            namespace: Self.namespace, identity: "worker-\(index).\(workers[index].life)",
            queues: [(name: "default", slots: Int32(max(0, SimulatedWorker.slots - running.count)))],
            activityTypes: [
                SimulatedWorkflows.stepType, SimulatedWorkflows.undoType, SimulatedWorkflows.probeType,
                ScheduleWorkflow.firingType,
            ],
            workflowTypes: SimulatedWorkflows.registry.types, running: running)
        if options.codeSlots > 0 { offer.codeSlots = ["default": Int32(options.codeSlots)] }
        note("worker \(index) opens stream \(id), still running \(running.count)")
        send(.workerOpened(id, offer), over: id)
        for position in workers[index].reports.indices { sendReport(index, position) }
    }

    /// Puts a message on the stream, after everything that is on it already.
    private func send(_ input: ShardInput, over id: WorkerID) {
        guard let stream = streams[id], stream.isOpenAtWorker else { return }
        stream.lastToServer = max(stream.lastToServer, now + networkDelay())
        put(.fromWorker(id, input), at: stream.lastToServer)
        cutByChance(id)
    }

    func fromWorker(_ id: WorkerID, _ input: ShardInput) {
        guard let stream = streams[id], stream.isOpenAtServer, let server = server(stream.incarnation) else { return }
        switch input {
        case .workerClosed:
            streams[id]?.isOpenAtServer = false
            if server.shard.awaitsCodeSlot(of: id) { coverage.hit(.codeSlotAwaitedOfLostWorker) }
        case .workflowTaskAnswered(_, let sagaID, let generation, _):
            if streams[id]?.codeOut[sagaID] == generation { streams[id]?.codeOut[sagaID] = nil }
        case .workerDraining: streams[id]?.drainedAt = now
        case .heartbeat(_, let reference, let details):
            checker.ledger.signs.insert(reference)
            heard(details, of: reference, id, server)
        case .activityEnded(_, let reference, _), .stepAdvanced(_, let reference, _, _):
            checker.arrived(reference)
            reportedAttempts.insert(reference)
        default: break
        }
        give(input, to: server)
    }

    /// The server sends a message to a worker.
    func toWorker(_ id: WorkerID, _ message: WorkerMessage, _ server: ServerProcess) {
        switch message {
        case .activityTask(let task):
            // The owner's hand-outs must fit what is durable now; a zombie's, what was durable once.
            let isOwner = server.incarnation == epochOwner
            if !isOwner { coverage.hit(.zombieHandedOut) }
            checker.handedOut(
                task, isOwner: isOwner,
                at: options.isVirtual ? checker.clock : options.faults.clockJump == 0 ? wall : nil)
            judgeDraining(id, task.reference)
            judgeDetails(task, server)
            judgeLimit(id, task.reference, server)
            if !handedOut.insert(task.reference).inserted { coverage.hit(.taskHandedOutTwice) }
        case .acknowledge(let reference, let verdict):
            streams[id]?.out.remove(reference)
            // Two workers may have had the same attempt: what counts is what this one has said.
            let report = streams[id].flatMap { workers[$0.worker].reports.first { $0.reference == reference } }
            var isSuccess = false
            if case .completed? = report?.result, report?.isSecond == false { isSuccess = true }
            // The answer to a duplicate comes when the worker has let go of the report, or has another one.
            var isLater = report == nil || report?.isSecond == true
            if case .completesLater? = report?.result { isLater = true }
            checker.acknowledged(reference, verdict, isSuccess: isSuccess, isLater: isLater)
        case .workflowTask(let task) where options.codeSlots > 0: judgeSlots(id, task)
        case .evict(let sagaID) where options.codeSlots > 0:
            if streams[id]?.codeOut.removeValue(forKey: sagaID) != nil { coverage.hit(.codeSlotTakenBack) }
        default: break
        }
        guard let stream = streams[id], stream.isOpenAtServer else { return }
        stream.lastToWorker = max(stream.lastToWorker, now + networkDelay())
        put(.toWorker(id, message), at: stream.lastToWorker)
        cutByChance(id)
    }

    private func judgeDraining(_ id: WorkerID, _ reference: TaskReference) {
        guard let drainedAt = streams[id]?.drainedAt, drainedAt < now else { return }
        checker.report(Violation("drain", "\(reference) goes to stream \(id), which takes no new task"))
    }

    private func cutByChance(_ id: WorkerID) {
        guard isFaulty, faultChance.happens(options.faults.streamCut) else { return }
        coverage.hit(.streamCut)
        cut(id, atServerAfter: networkDelay() * 4, atWorkerAfter: networkDelay() * 4)
    }

    /// The connection breaks; each side notices in its own time, and what is under way until then arrives.
    private func cut(_ id: WorkerID, atServerAfter server: Int64, atWorkerAfter worker: Int64) {
        note("stream \(id) breaks")
        put(.fromWorker(id, .workerClosed(id)), after: server)
        put(.streamLost(id), after: worker)
    }

    private func streamLost(_ id: WorkerID, _ index: Int) {
        guard streams[id]?.isOpenAtWorker == true else { return }
        streams[id]?.isOpenAtWorker = false
        guard workers[index].stream == id else { return }
        workers[index].stream = nil
        workers[index].isDraining = false
        // The code of a lost stream is dropped; activities go on.
        dropCode(index)
        put(.workerConnect(index, life: workers[index].life), after: network.draw(1_000...400_000))
    }

    private func dropCode(_ index: Int) {
        for live in workers[index].code { live.instance.evict() }
        workers[index].code = []
        workers[index].answering = [:]
    }

    // MARK: Life and death of the process

    func killWorker(_ index: Int) {
        deaths += 1
        note("worker \(index) dies with \(workers[index].running.count) activities")
        dropCode(index)
        if let id = workers[index].stream {
            streams[id]?.isOpenAtWorker = false
            put(.fromWorker(id, .workerClosed(id)), after: networkDelay())
        }
        workers[index].stream = nil
        workers[index].running = []
        workers[index].reports = []
        workers[index].backlog = []
        workers[index].isPaused = false
        workers[index].isDraining = false
        workers[index].life += 1
        put(.workerConnect(index, life: workers[index].life), after: network.draw(10_000...2_000_000))
    }

    /// The worker takes no new task, ends what it has, and is replaced: a roll-out.
    private func drainByChance(_ index: Int) {
        guard isFaulty, !workers[index].isDraining, let id = workers[index].stream,
            faultChance.happens(options.faults.workerDrain)
        else { return }
        coverage.hit(.workerDrained)
        if !workers[index].running.isEmpty { coverage.hit(.workerDrainedWithTasks) }
        note("worker \(index) drains")
        workers[index].isDraining = true
        send(.workerDraining(id), over: id)
    }

    private func endIfDrained(_ index: Int) {
        guard workers[index].isDraining, workers[index].running.isEmpty, workers[index].reports.isEmpty,
            let id = workers[index].stream
        else { return }
        note("worker \(index) is drained")
        send(.workerClosed(id), over: id)
        streams[id]?.isOpenAtWorker = false
        workers[index].stream = nil
        workers[index].isDraining = false
        workers[index].life += 1
        dropCode(index)
        put(.workerConnect(index, life: workers[index].life), after: network.draw(10_000...2_000_000))
    }

    /// A point at which the worker's process may die.
    func diesNow(_ index: Int, _ what: Sometimes) -> Bool {
        guard countBoundary(faultRate: options.faults.workerDeath) else { return false }
        coverage.hit(what)
        killWorker(index)
        return true
    }

    private func pauseByChance(_ index: Int) {
        guard isFaulty, faultChance.happens(options.faults.workerPause) else { return }
        coverage.hit(.workerPaused)
        workers[index].isPaused = true
        let length = faultChance.draw(100_000...12_000_000)
        note("worker \(index) stands still for \(length) us")
        put(.workerResumes(index), after: length)
        if let id = workers[index].stream, length > 3_000_000, faultChance.happens(700_000) {
            // The server gives it up; it will go on as a zombie until it notices.
            coverage.hit(.zombieStreamClosed)
            cut(id, atServerAfter: 3_000_000, atWorkerAfter: 3_000_000)
        }
    }

    func workerResumes(_ index: Int) {
        guard workers[index].isPaused else { return }
        note("worker \(index) goes on")
        workers[index].isPaused = false
        let backlog = workers[index].backlog
        workers[index].backlog = []
        for event in backlog { put(event, after: 0) }
    }

    // MARK: Messages

    private func take(_ message: WorkerMessage, _ index: Int, _ stream: WorkerID) {
        switch message {
        case .workflowTask(let task): run(task, index, stream)
        case .activityTask(let task): begin(task, index)
        case .query(let task): answer(task, index, stream)
        case .cancel(let reference): cancel(reference, index)
        case .acknowledge(let reference, _): workers[index].reports.removeAll { $0.reference == reference }
        case .evict(let sagaID):
            // What it was asked last is not answered any more.
            workers[index].answering[sagaID] = nil
            dropCode(of: sagaID, index)
        }
        pauseByChance(index)
        drainByChance(index)
        endIfDrained(index)
    }

    private func dropCode(of sagaID: SagaID, _ index: Int) {
        guard let position = workers[index].code.firstIndex(where: { $0.sagaID == sagaID }) else { return }
        workers[index].code.remove(at: position).instance.evict()
    }

    private func run(_ task: WorkflowTask, _ index: Int, _ stream: WorkerID) {
        // The cache is full, say; code that is being given a history in pages is in use.
        let idle = workers[index].code.indices.filter { !workers[index].code[$0].isLoading }
        if isFaulty, !idle.isEmpty, faultChance.happens(options.faults.codeEviction) {
            coverage.hit(.codeEvicted)
            workers[index].code.remove(at: idle[faultChance.pick(0...(idle.count - 1))]).instance.evict()
        }
        guard let answer = Outside.$current.withValue(outsideOfCode, operation: { answer(to: task, index) }) else {
            return
        }
        if case .needHistory = answer { coverage.hit(.needHistory) }
        var delay = network.draw(0...20) * 100
        if isFaulty, faultChance.happens(options.faults.slowCode) {
            coverage.hit(.slowCode)
            delay = faultChance.draw(200_000...20_000_000)
        }
        let input = ShardInput.workflowTaskAnswered(stream, task.sagaID, generation: task.generation, answer)
        if options.codeSlots > 0 { workers[index].answering[task.sagaID] = task.generation }
        put(.workerSends(stream, input), after: delay)
    }

    private func answer(to task: WorkflowTask, _ index: Int) -> WorkflowTaskAnswer? {
        if isFaulty, faultChance.happens(options.faults.badCode) {
            workers[index].hasBadCodeUntil = now + faultChance.draw(100_000...6_000_000)
        }
        if isFaulty, now < workers[index].hasBadCodeUntil {
            // A bad release: nothing that it runs fits its history.
            dropCode(of: task.sagaID, index)
            if task.more { return nil }
            checker.ledger.badCode.insert(task.sagaID)
            coverage.hit(.codeDidNotFit)
            let isMisfit = task.sagaID.low % 2 == 0
            return .failed(
                isMisfit ? .nondeterminism : .codeFailure,
                SagaError(kind: isMisfit ? .replay : .workflowExecution, message: "a bad release"))
        }
        if task.firstEventID == 0 {
            dropCode(of: task.sagaID, index)
            guard
                let definition = SimulatedWorkflows.registry.definition(
                    task.workflowType, version: task.workflowVersion)
            else {
                return .failed(.codeFailure, SagaError(kind: .configuration, message: "unknown type"))
            }
            let instance = WorkflowInstance(task: task, definition: definition, converter: .json)
            workers[index].code.append((task.sagaID, instance, true))
        }
        guard let position = workers[index].code.firstIndex(where: { $0.sagaID == task.sagaID }) else {
            return .needHistory(from: 0)
        }
        workers[index].code[position].isLoading = task.more
        let instance = workers[index].code[position].instance
        var answer = instance.activate(task)
        if case .completed(_, _, _, let verdicts)? = answer {
            let work = instance.takeLocalWork()
            if !work.isEmpty {
                guard runLocally(work, task, index, instance) else { return nil }
                answer = instance.answer(verdicts)
            }
        }
        switch answer {
        case .needHistory?, .failed?: dropCode(of: task.sagaID, index)
        case .completed(let seen, let commands, _, _)?:
            guard let last = commands.first(where: { $0.command.isClosing })?.command else { break }
            checker.ledger.closedHavingSeen(seen, task.sagaID)
            if case .continueAsNew(_, let carryUndo, _) = last { checker.ledger.carryWanted[task.sagaID] = carryUndo }
        case nil: break
        }
        return answer
    }

    // MARK: Activities

    private func begin(_ task: ActivityTask, _ index: Int) {
        // Handed out twice to the same process: it runs already, or its report is on its way.
        guard !workers[index].running.contains(where: { $0.task.reference == task.reference }) else { return }
        if task.activityType == ScheduleWorkflow.firingType { return beginFiring(task, index) }
        let behavior = self.behavior(of: task)
        let id = nextActivity
        nextActivity += 1
        let failure = behavior.failure(ofAttempt: task.reference.attempt)
        let running = SimulatedWorker.Running(id: id, task: task, failure: failure)
        if !task.reference.isUndo, failure == nil { running.later = behavior.later }
        workers[index].running.append(running)
        let effectAt = behavior.micros
        var endsAt = effectAt + network.draw(1...10) * 100
        switch failure {
        case .hangsBefore?, .hangsAfter?: endsAt = effectAt + network.draw(3_000_000...15_000_000)
        default: break
        }
        put(.performEffect(index, activity: id), after: effectAt)
        put(.activityEnds(index, activity: id), after: endsAt)
        if task.timeouts.heartbeatMicros > 0 { put(.heartbeat(index, activity: id), after: 0) }
    }

    private func behavior(of task: ActivityTask) -> RunPlan.Behavior {
        guard let index = plan(of: task.workflowID), task.activityType != SimulatedWorkflows.probeType else {
            return RunPlan.Behavior()
        }
        var behavior = plans[index].behavior(of: task.stepID, isUndo: task.reference.isUndo)
        if task.reference.isUndo, operatorActions[task.reference.sagaID, default: 0] >= 2 {
            // A person has seen to it.
            behavior.failures = 0
        }
        return behavior
    }

    private func performEffect(_ index: Int, _ activity: UInt64) {
        guard let position = workers[index].position(of: activity) else { return }
        let running = workers[index].running[position]
        switch running.failure {
        case .refusal?, .beforeEffect?, .noEffect?, .hangsBefore?: return
        case .afterEffect?, .hangsAfter?, nil: break
        }
        if running.isCancelled || running.later != nil { return }
        if diesNow(index, .workerDiedBeforeEffect) { return }
        workers[index].running[position].isEffectDone = true
        let task = running.task
        if task.activityType == SimulatedWorkflows.probeType { return }
        if let undo = task.undo {
            if undo.data != nil { coverage.hit(.declaredUndoBound) }
            checker.ledger.undo(undo.stepKey, undoKey: task.idempotencyKey)
        } else {
            checker.ledger.perform(task.idempotencyKey)
        }
        note("worker \(index) performs \(task.idempotencyKey)")
        if diesNow(index, .workerDiedAfterEffect) { return }
    }

    private func activityEnds(_ index: Int, _ activity: UInt64) {
        guard let position = workers[index].position(of: activity) else { return }
        let running = workers[index].running.remove(at: position)
        let reference = running.task.reference
        let result: ActivityResult
        if running.isCancelled {
            result = .canceled(outcome: running.isEffectDone ? .unknown : .noEffect, details: nil)
        } else {
            switch running.failure {
            case nil where running.later != nil:
                result = .completesLater
                if let later = running.later, let run = plan(of: running.task.workflowID) {
                    goesOutside(running.task, later, run)
                }
            case nil where running.task.activityType == SimulatedWorkflows.probeType:
                result = .completed(output: .json(probe(running.task)), undoData: nil)
            case nil where running.output != nil:
                result = .completed(output: running.output ?? .empty, undoData: nil)
            case nil, .hangsAfter?:
                result = .completed(output: .json("\(reference.eventID)"), undoData: nil)
            case .refusal?:
                let error = SagaError(kind: .domain, message: "refused")
                result = .failed(error, outcome: error.impliedOutcome)
            case .noEffect?:
                result = .failed(SagaError(kind: .activityExecution, message: "nothing done"), outcome: .noEffect)
            case .beforeEffect?, .afterEffect?, .hangsBefore?:
                let error = SagaError(kind: .activityExecution, message: "broken")
                result = .failed(error, outcome: error.impliedOutcome)
            }
        }
        checker.workerReports(reference, result)
        workers[index].reports.removeAll { $0.reference == reference }
        let isSecond = !workers[index].reported.insert(reference).inserted
        workers[index].reports.append(
            SimulatedWorker.Report(
                reference: reference, result: result, advance: goAhead(index, reference, result), isSecond: isSecond))
        sendReport(index, workers[index].reports.count - 1)
        if diesNow(index, .workerDiedAfterReport) { return }
        pauseByChance(index)
    }

    /// What a probe finds. It says that nothing happened only if nothing can happen any more: it leaves the mark that
    /// refuses a late effect.
    private func probe(_ task: ActivityTask) -> String {
        guard let stepKey = task.undo?.stepKey else { return "null" }
        coverage.hit(.probed)
        if task.reference.eventID % 4 == 0 {
            coverage.hit(.probeWithoutAnswer)
            return "\"who knows\""
        }
        return checker.ledger.probe(stepKey) ? "\"happened\"" : "\"did_not_happen\""
    }

    private func sendReport(_ index: Int, _ position: Int) {
        guard let stream = workers[index].stream else { return }
        let report = workers[index].reports[position]
        if report.timesSent > 0 { coverage.hit(.reportResent) }
        workers[index].reports[position].timesSent += 1
        let input: ShardInput =
            if let advance = report.advance {
                .stepAdvanced(stream, report.reference, report.result, advance)
            } else {
                .activityEnded(stream, report.reference, report.result)
            }
        send(input, over: stream)
        if isFaulty, faultChance.happens(options.faults.duplicateReport) {
            coverage.hit(.reportDuplicated)
            put(.workerSends(stream, input), after: networkDelay() * 100)
        }
    }

    /// Tells the run's code of the success of its step, if it is live here and waits for it.
    private func goAhead(_ index: Int, _ reference: TaskReference, _ result: ActivityResult) -> StepAdvance? {
        guard !reference.isUndo, case .completed(let output, _) = result, now >= workers[index].hasBadCodeUntil,
            let live = workers[index].code.first(where: { $0.sagaID == reference.sagaID }), live.instance.awaitsStep
        else { return nil }
        // Of messages it knows those before this event.
        let seen = live.instance.nextEventID - 1
        let ahead = Outside.$current.withValue(outsideOfCode) { live.instance.goAhead(over: reference.eventID, output) }
        switch ahead {
        case .notNow: return nil
        case .spoiled:
            coverage.hit(.codeSpoiledAhead)
            dropCode(of: reference.sagaID, index)
            return nil
        case .advanced(let advance):
            coverage.hit(.codeWentAhead)
            if let last = advance.commands.first(where: { $0.command.isClosing })?.command {
                checker.ledger.closedHavingSeen(seen, reference.sagaID)
                if case .continueAsNew(_, let carryUndo, _) = last {
                    checker.ledger.carryWanted[reference.sagaID] = carryUndo
                }
            }
            return advance
        }
    }

    private func cancel(_ reference: TaskReference, _ index: Int) {
        guard let position = workers[index].running.firstIndex(where: { $0.task.reference == reference }) else {
            return
        }
        // Some activities listen, some do not.
        guard reference.eventID % 3 != 0 else { return }
        workers[index].running[position].isCancelled = true
        put(.activityEnds(index, activity: workers[index].running[position].id), after: networkDelay())
    }

    private func heartbeat(_ index: Int, _ activity: UInt64) {
        guard let position = workers[index].position(of: activity) else { return }
        let running = workers[index].running[position]
        // What hangs gives no sign of life.
        if running.failure == .hangsBefore || running.failure == .hangsAfter { return }
        coverage.hit(.heartbeat)
        if let stream = workers[index].stream {
            workers[index].running[position].signs += 1
            let details = Int(running.task.reference.attempt) * 1_000 + running.signs
            send(.heartbeat(stream, running.task.reference, .json("\(details)")), over: stream)
        }
        put(.heartbeat(index, activity: activity), after: running.task.timeouts.heartbeatMicros / 3)
    }
}
