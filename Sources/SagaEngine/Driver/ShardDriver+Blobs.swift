internal import Logging
internal import SagaCore

/// Data of large payloads that recovery did not read: brought where it is needed, on the way out of the shard.
extension ShardDriver {
    /// Tries to read before an attempt is given up: about ten seconds.
    private static let readsOfBlobs: UInt32 = 8

    /// Hands a task out once its data is there. If that cannot be read the attempt has failed, with no effect: it is repeated by
    /// the rules of its step, and an undo that never gets its data is blocked for a person.
    func bring(_ task: ActivityTask, to worker: WorkerID) {
        Task {
            do throws(SagaError) {
                let store = store
                let whole = try await Self.reading { () throws(StoreError) in try await store.whole(task) }
                deliver(.activityTask(try whole.bound), to: worker)
            } catch {
                logger.error("the data of a task cannot be read", metadata: ["error": "\(error.message)"])
                // The worker never had it: its slot is free.
                post([
                    .activityEnded(worker, task.reference, .failed(error, outcome: .noEffect)),
                    .workerSlots(worker, queue: task.taskQueue, add: 1),
                ])
            }
        }
    }

    /// Answers the caller of an update with its result.
    func bring(_ reply: UpdateReply, to call: CallID) {
        guard case .completed(let output) = reply.outcome else { return answer(call, .success(.updated(reply))) }
        Task {
            do throws(SagaError) {
                let store = store
                var whole = reply
                whole.outcome = .completed(
                    try await Self.reading { () throws(StoreError) in try await store.resolved(output) })
                answer(call, .success(.updated(whole)))
            } catch {
                answer(call, .failure(CallFailure(.unavailable, error.message)))
            }
        }
    }

    /// Appends a run that takes undos of another run over: their data becomes its own.
    func bring(_ batch: AppendBatch, _ id: BatchID) {
        Task {
            do throws(StoreError) {
                appendWhole(id, try await store.whole(batch))
            } catch {
                // Nothing was written: the shard reads everything anew and goes on from there.
                post(.appended(id, .failure(error)))
            }
        }
    }

    /// Reads, again and again while the store is not there.
    private static func reading<Value: Sendable>(
        _ read: @Sendable () async throws(StoreError) -> Value
    ) async throws(SagaError) -> Value {
        var attempt: UInt32 = 0
        while true {
            do throws(StoreError) { return try await read() } catch {
                attempt &+= 1
                guard error.reason == .unavailable, attempt < readsOfBlobs else { throw error.sagaError }
                let wait = RetryPolicy(initialIntervalMicros: 100_000, maximumIntervalMicros: 5_000_000)
                    .interval(after: attempt, random: 0)
                try? await Task.sleep(for: .microseconds(wait))
            }
        }
    }
}

extension UpdateReply {
    /// Whether its result is still in the store.
    var hasBlobs: Bool {
        if case .completed(let output) = outcome { output.isApart } else { false }
    }
}

extension ActivityTask {
    /// Whether data of its payloads is still in the store.
    var hasBlobs: Bool { input.isApart || undo?.output?.isApart ?? false || undo?.data?.isApart ?? false }

    /// The task of a declared undo with its input, which its template makes of the step's output; any other as it is.
    fileprivate var bound: ActivityTask {
        get throws(SagaError) {
            guard let undo, undo.data == nil, !reference.isProbe else { return self }
            var task = self
            task.undo?.data = try UndoBinding.input(
                for: input, output: undo.output, outcome: undo.outcome, stepKey: undo.stepKey)
            task.input = UndoBinding.stripped(input)
            return task
        }
    }
}

extension AppendBatch {
    /// Whether a run begins with undos whose data belongs to another run.
    var hasBlobs: Bool {
        transactions.contains { transaction in
            transaction.entries.contains { entry in
                guard entry.start != nil, case .workflowExecutionStarted(let started)? = entry.events.first?.attributes
                else { return false }
                return started.carriedUndo.contains {
                    $0.input.isApart || $0.output?.isApart ?? false || $0.data?.isApart ?? false
                }
            }
        }
    }
}

extension EventStore {
    fileprivate func whole(_ task: ActivityTask) async throws(StoreError) -> ActivityTask {
        var task = task
        task.input = try await resolved(task.input)
        if let output = task.undo?.output { task.undo?.output = try await resolved(output) }
        if let data = task.undo?.data { task.undo?.data = try await resolved(data) }
        return task
    }

    fileprivate func whole(_ batch: AppendBatch) async throws(StoreError) -> AppendBatch {
        var batch = batch
        for transaction in batch.transactions.indices {
            for entry in batch.transactions[transaction].entries.indices {
                let old = batch.transactions[transaction].entries[entry]
                guard old.start != nil, case .workflowExecutionStarted(var started)? = old.events.first?.attributes
                else { continue }
                for index in started.carriedUndo.indices {
                    let undo = started.carriedUndo[index]
                    started.carriedUndo[index].input = try await resolved(undo.input)
                    if let output = undo.output { started.carriedUndo[index].output = try await resolved(output) }
                    if let data = undo.data { started.carriedUndo[index].data = try await resolved(data) }
                }
                batch.transactions[transaction].entries[entry].events[0].attributes = .workflowExecutionStarted(
                    started)
            }
        }
        return batch
    }
}
