internal import SagaCore
internal import SagaEngine

/// What attempts are told of those before them, and how many a queue is given.
extension Simulation {
    /// A sign of life comes to a server. It certainly counts if the attempt is the present one, was handed out a moment ago by
    /// this server, to the worker that speaks, and nobody has reported of it.
    func heard(_ details: Payload?, of reference: TaskReference, _ stream: WorkerID, _ server: ServerProcess) {
        guard server.incarnation == epochOwner, !server.isRecovering, !reference.isUndo,
            let said = details.flatMap({ Int(String(decoding: $0.data, as: UTF8.self)) }),
            let at = handedOutAt[reference], now - at < 250_000, streams[stream]?.out.contains(reference) == true,
            !reportedAttempts.contains(reference),
            checker.run(reference.sagaID)?.steps[reference.eventID]?.attempt == reference.attempt
        else { return }
        var step = reference
        step.attempt = 0
        heardDetails[step] = (said, server.incarnation, server.recoveries)
    }

    /// The next attempt is told what the last sign of life of the step said, at least if the server has not been away since.
    func judgeDetails(_ task: ActivityTask, _ server: ServerProcess) {
        handedOutAt[task.reference] = now
        guard !task.reference.isUndo, task.reference.attempt > 1, server.incarnation == epochOwner else { return }
        var step = task.reference
        step.attempt = 0
        guard let heard = heardDetails[step], heard.server == server.incarnation,
            heard.recoveries == server.recoveries, heard.details < Int(task.reference.attempt) * 1_000
        else { return }
        let told = task.heartbeatDetails.flatMap { Int(String(decoding: $0.data, as: UTF8.self)) } ?? 0
        coverage.hit(.detailsReachedNextAttempt)
        if told < heard.details {
            checker.report(
                Violation(
                    "heartbeat", "\(task.reference) is told \(told), the last sign of life said \(heard.details)"))
        }
    }

    /// A queue is given no more than it may have at a time and in a while.
    func judgeLimit(_ stream: WorkerID, _ reference: TaskReference, _ server: ServerProcess) {
        streams[stream]?.out.insert(reference)
        guard let limit = options.queueLimit else { return }
        coverage.hit(.queueLimited)
        if limit.maximumConcurrent > 0 {
            let out = streams.values.reduce(0) { sum, stream in
                stream.incarnation == server.incarnation && stream.isOpenAtServer ? sum + stream.out.count : sum
            }
            if out > limit.maximumConcurrent {
                checker.report(Violation("limit", "\(out) tasks are out, the queue takes \(limit.maximumConcurrent)"))
            }
        }
        guard limit.perSecond > 0 else { return }
        handOuts[server.incarnation, default: []].append(now)
        let times = handOuts[server.incarnation] ?? []
        for (index, since) in times.enumerated().suffix(40) {
            let allowed = Double(limit.burst) + Double(now - since) / 1_000_000 * limit.perSecond + 0.01
            if Double(times.count - index) > allowed {
                return checker.report(
                    Violation("limit", "\(times.count - index) tasks are handed out in \(now - since) us"))
            }
        }
    }
}
