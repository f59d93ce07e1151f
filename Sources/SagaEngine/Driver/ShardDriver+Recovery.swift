internal import Logging
internal import SagaCore

/// The start over a store, and the return after a lost one.
extension ShardDriver {
    /// Takes the store over and reads every open run, as often as it takes: without its store the engine has nothing to do.
    func recover() {
        Task {
            var attempt: UInt32 = 0
            while true {
                do throws(StoreError) {
                    let epoch = try await store.takeOver()
                    try await readOpenRuns(epoch)
                    return post(.recoveryFinished(epoch: epoch))
                } catch {
                    attempt &+= 1
                    let wait = RetryPolicy(initialIntervalMicros: 100_000, maximumIntervalMicros: 5_000_000)
                        .interval(after: attempt, random: 0)
                    logger.error(
                        "the store cannot be read; trying again",
                        metadata: ["error": "\(error.message)", "wait_ms": "\(wait / 1_000)"])
                    if error.reason == .closed { return }
                    try? await Task.sleep(for: .microseconds(wait))
                }
            }
        }
    }

    /// Page by page; while the states of one are made, the store reads the next.
    private func readOpenRuns(_ epoch: UInt64) async throws(StoreError) {
        let replayer = replayer
        var fold = HistoryFold()
        var next = Self.page(after: nil, store, replayer)
        while true {
            let page = try await next.value.get()
            guard let last = page.last else { return }
            next = Self.page(after: last, store, replayer)
            // Nobody writes under an earlier epoch any more, so they will never be whole.
            for row in page.unfinished {
                logger.warning("an import was cut off; its run is removed", metadata: ["saga_id": "\(row.sagaID)"])
                try await removeUnfinished(row, epoch: epoch)
            }
            var recovered: [ShardInput] = []
            recovered.reserveCapacity(page.runs.rows.count)
            for row in page.runs.rows {
                if let run = try await recover(row, page, replayer, &fold) { recovered.append(.recovered(run)) }
            }
            post(recovered)
        }
    }

    private struct OpenRuns: Sendable {
        /// The last run of the page; nil if there is none any more.
        var last: SagaID?
        var runs: RecoveryPage
        /// Runs that an import has left, which are not whole.
        var unfinished: [ExecutionRow]
        /// Something of the page is damaged: its runs are read one by one, so that only those are left alone that are.
        var isDamaged = false
    }

    private static func page(
        after: SagaID?, _ store: any EventStore, _ replayer: HistoryReplayer
    ) -> Task<Result<OpenRuns, StoreError>, Never> {
        Task {
            do throws(StoreError) {
                let rows = try await store.openExecutions(after: after, limit: HistoryReplayer.runsAtOnce)
                // Aggregates are no runs: nobody advances them.
                let runs = rows.filter {
                    !$0.namespace.hasPrefix(AggregateStore.namespacePrefix) && !$0.isUnfinishedImport
                }
                let unfinished = rows.filter(\.isUnfinishedImport)
                do throws(StoreError) {
                    return .success(
                        OpenRuns(
                            last: rows.last?.sagaID, runs: try await replayer.recoveryPage(of: runs),
                            unfinished: unfinished))
                } catch {
                    guard error.reason == .corrupt else { throw error }
                    return .success(
                        OpenRuns(
                            last: rows.last?.sagaID, runs: RecoveryPage(rows: runs), unfinished: unfinished,
                            isDamaged: true))
                }
            } catch {
                return .failure(error)
            }
        }
    }

    private func recover(
        _ row: ExecutionRow, _ page: OpenRuns, _ replayer: HistoryReplayer, _ fold: inout HistoryFold
    ) async throws(StoreError) -> RecoveredRun? {
        do throws(ReplayFailure) {
            return try await page.isDamaged
                ? replayer.recover(row) : replayer.recover(row, in: page.runs, with: &fold)
        } catch {
            switch error {
            case .store(let error) where error.reason != .corrupt: throw error
            case .store, .unreplayable:
                // Never guessed over: the run stays as it is in the store, for a person to look at.
                logger.error(
                    "a run cannot be recovered and is left alone",
                    metadata: [
                        "saga_id": "\(row.sagaID)", "workflow_id": "\(row.workflowID)",
                        "error": "\(error.sagaError.message)",
                    ])
                return nil
            }
        }
    }
}
