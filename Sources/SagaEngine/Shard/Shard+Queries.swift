internal import SagaCore

/// A question that waits for its answer.
struct LiveQuery {
    var call: CallID
    var query: QueryCall
    /// The run, as a task without events.
    var run: WorkflowTask
    var worker: WorkerID
    /// Events from here on have not been sent.
    var next: EventID = 0
    /// The checkpoint from which the code begins; nil without one.
    var checkpoint: EventID?
    /// The first event of a run that has made one, until it is sent with the next page.
    var start: [HistoryEvent] = []
    /// Whether the worker is asked about code that it holds.
    var isLive: Bool
}

/// Queries: answered by the code from durable events only, on open and on closed runs (semantics, section 5).
extension Shard {
    func query(_ id: CallID, _ query: QueryCall, _ execution: Execution) {
        if execution.isDeclared { return queryDeclared(id, .query(query), query, execution) }
        let state = execution.state
        var run = WorkflowTask(
            sagaID: state.sagaID, generation: 0, namespace: state.namespace, workflowID: state.workflowID,
            workflowType: state.workflowType, workflowVersion: state.workflowVersion, taskQueue: state.taskQueue,
            firstEventID: 0, events: [])
        run.firstRun = state.firstRun
        // Code that has seen only what is durable, and all of that, can be asked where it lives.
        if let holder = execution.codeHolder, dispatcher.workers[holder] != nil, execution.activation == nil,
            !execution.hasUndurableEvents, !execution.needsActivation
        {
            var task = run
            task.firstEventID = execution.codeNext
            let queryID = begin(
                LiveQuery(
                    call: id, query: query, run: run, worker: holder, checkpoint: state.checkpoint, isLive: true))
            return ask(queryID, task, isLive: true)
        }
        // Only what is durable is read.
        askAnew(
            LiveQuery(
                call: id, query: query, run: run, worker: 0, checkpoint: execution.durableCheckpoint, isLive: false))
    }

    /// Asks code that was closed: only its history is left of it.
    func queryClosed(_ id: CallID, _ query: QueryCall, _ run: LoadedRun) {
        guard case .workflowExecutionStarted(let started)? = run.events.first?.attributes else {
            return fail(id, .internalError, "run \(run.row.sagaID) has no first event", sagaID: run.row.sagaID)
        }
        if started.taskQueue == EngineQueue.name {
            var target = query.target
            target.sagaID = run.row.sagaID
            return loadRun(target, .all, .declaredQuery(id, query))
        }
        var task = WorkflowTask(
            sagaID: run.row.sagaID, generation: 0, namespace: started.namespace, workflowID: started.workflowID,
            workflowType: started.workflowType, workflowVersion: started.workflowVersion,
            taskQueue: started.taskQueue, firstEventID: 0, events: [])
        task.firstRun = run.firstRun
        askAnew(LiveQuery(call: id, query: query, run: task, worker: 0, checkpoint: run.checkpoint, isLive: false))
    }

    private func askAnew(_ query: LiveQuery) {
        var query = query
        query.isLive = false
        query.next = 0
        query.start = []
        let run = query.run
        guard
            let worker = dispatcher.workerForCode(
                namespace: run.namespace, queue: run.taskQueue, type: run.workflowType, version: run.workflowVersion)
        else {
            return fail(
                query.call, .unavailable,
                "no worker serves workflow type \(run.workflowType) on queue \(run.taskQueue): only code can answer a"
                    + " query", sagaID: run.sagaID)
        }
        query.worker = worker
        loadPage(begin(query))
    }

    private func begin(_ query: LiveQuery) -> UInt64 {
        let queryID = nextQueryID
        nextQueryID += 1
        queries[queryID] = query
        monotonicDeadlines.push(
            Deadline(
                at: time.monotonic.addingSaturating(config.workflowTaskTimeoutMicros), kind: .query,
                sagaID: query.run.sagaID, generation: queryID))
        return queryID
    }

    private func ask(_ queryID: UInt64, _ run: WorkflowTask, isLive: Bool) {
        guard let query = queries[queryID] else { return }
        let task = QueryTask(
            queryID: queryID, run: run, isLive: isLive, name: query.query.name, input: query.query.payload)
        effects.append(.worker(query.worker, .query(task)))
    }

    private func loadPage(_ queryID: UInt64) {
        guard let query = queries[queryID] else { return }
        let load = nextLoadID
        nextLoadID += 1
        pendingLoads[load] = .query(queryID)
        let limit = query.next == 0 && query.checkpoint != nil ? 1 : config.historyPageEvents
        effects.append(.loadHistory(load, query.run.sagaID, from: query.next, limit: limit))
    }

    func queryHistoryLoaded(_ queryID: UInt64, _ result: Result<[HistoryEvent], StoreError>) {
        guard var query = queries[queryID] else { return }
        switch result {
        case .failure(let error): endQuery(queryID, .failure(CallFailure(.unavailable, error.message)))
        case .success(let page):
            if query.next == 0, let checkpoint = query.checkpoint, !page.isEmpty {
                // A store gives whole rows, however many events were asked for.
                (query.start, query.next) = (Array(page.prefix(1)), checkpoint)
                queries[queryID] = query
                return loadPage(queryID)
            }
            var task = query.run
            task.firstEventID = query.start.isEmpty ? query.next : 0
            task.events = query.start + page
            query.start = []
            // The store says that the end is reached by an empty page.
            task.more = !page.isEmpty
            query.next += EventID(page.count)
            queries[queryID] = query
            ask(queryID, task, isLive: false)
            if !page.isEmpty { loadPage(queryID) }
        }
    }

    func queryAnswered(_ worker: WorkerID, _ queryID: UInt64, _ answer: QueryAnswer) {
        guard let query = queries[queryID], query.worker == worker else { return }
        switch answer {
        case .answered(let output, let upTo): endQuery(queryID, .success(.queried(output, upTo: upTo)))
        case .failed(let error):
            let code: CallFailure.Code = error.kind == .validation ? .invalidArgument : .failedPrecondition
            endQuery(queryID, .failure(CallFailure(code, error.message, sagaID: query.run.sagaID)))
        case .needHistory where query.isLive:
            queries[queryID] = nil
            askAnew(query)
        case .needHistory:
            endQuery(queryID, .failure(CallFailure(.unavailable, "the worker could not take the history")))
        }
    }

    private func endQuery(_ queryID: UInt64, _ result: Result<CallReply, CallFailure>) {
        guard let query = queries.removeValue(forKey: queryID) else { return }
        answer(query.call, result)
    }

    func queryTimedOut(_ queryID: UInt64) {
        endQuery(queryID, .failure(CallFailure(.unavailable, "the worker did not answer the query in time")))
    }

    /// A worker is gone: another may know the answer.
    func askOthers(insteadOf worker: WorkerID) {
        for queryID in queries.keys.sorted() {
            guard let query = queries[queryID], query.worker == worker else { continue }
            queries[queryID] = nil
            askAnew(query)
        }
    }

    func abandonQuery(_ id: CallID) {
        for queryID in queries.keys.sorted() where queries[queryID]?.call == id { queries[queryID] = nil }
    }
}
