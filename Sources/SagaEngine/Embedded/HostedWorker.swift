package import SagaCore
package import SagaRuntime
internal import Synchronization

extension ShardDriver {
    /// Opens the stream of a worker that lives in this process.
    package func openWorker(_ offer: WorkerOffer, deliveringTo host: WorkerHost) -> WorkerID {
        openWorker(offer) { messages in
            for message in messages {
                switch message {
                case .workflowTask(let task): host.accept(task)
                case .activityTask(let task): host.accept(task)
                case .query(let task): host.accept(task)
                case .cancel(let reference): host.cancel(reference)
                case .evict(let sagaID): host.evict(sagaID)
                case .acknowledge: break
                }
            }
        }
    }
}

/// Where the results of such a worker go.
package final class HostedWorkerSink: WorkerSink {
    private let driver: ShardDriver
    private let worker: WorkerID
    /// Answers of one wake-up of the workflow threads, which go to the engine together.
    private let answers = Mutex<[ShardInput]>([])

    package init(driver: ShardDriver, worker: WorkerID) {
        self.driver = driver
        self.worker = worker
    }

    package func workflowTask(_ task: WorkflowTaskIdentity, _ answer: WorkflowTaskAnswer) {
        let input = ShardInput.workflowTaskAnswered(worker, task.sagaID, generation: task.generation, answer)
        answers.withLock { $0.append(input) }
    }

    package func flush() {
        let ready = answers.withLock { answers in
            defer { answers = [] }
            return answers
        }
        if !ready.isEmpty { driver.post(ready) }
    }

    package func activity(_ task: TaskReference, _ result: ActivityResult) {
        driver.post(.activityEnded(worker, task, result))
    }

    package func activity(_ task: TaskReference, _ result: ActivityResult, advance: StepAdvance) {
        answers.withLock { $0.append(.stepAdvanced(worker, task, result, advance)) }
    }

    package func query(_ queryID: UInt64, _ sagaID: SagaID, _ answer: QueryAnswer) {
        driver.post(.queryAnswered(worker, queryID: queryID, answer))
    }

    package func heartbeat(_ task: TaskReference, _ details: Payload?) {
        driver.post(.heartbeat(worker, task, details))
    }
}
