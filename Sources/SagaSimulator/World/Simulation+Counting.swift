internal import SagaCore
internal import SagaEngine

/// Which rare branches were reached.
extension Simulation {
    /// An event became durable.
    func count(_ event: HistoryEvent) {
        // Only where it is needed: a copy of it for every event costs.
        var run: RunModel? { checker.run(event.sagaID) }
        switch event.attributes {
        case .domainEvent:
            if run?.isDefinition == true { coverage.hit(.definitionRegistered) }
            if run?.isClock == true { coverage.hit(.clockJumped) }
        case .workflowExecutionBlocked(let value):
            coverage.hit(value.cause == .undoFailed ? .undoBlocked : .codeBlocked)
            blocked(event.sagaID)
        case .workflowExecutionUnblocked(let value):
            if value.cause != .undoFailed { coverage.hit(.codeBlockRetried) }
        case .workflowExecutionCancelRequested:
            if let cause = run?.block, cause != .undoFailed { coverage.hit(.codeBlockCanceled) }
            if run?.isEndingBadly == true { coverage.hit(.cancelDuringUnwinding) }
            if run?.isPaused == true { coverage.hit(.cancelWhilePaused) }
            if run?.started?.continuedFrom != nil, run?.eventCount ?? 9 < 8 { coverage.hit(.cancelCarried) }
        case .snapshotCreated: coverage.hit(.snapshotRecorded)
        case .signalReceived(let value):
            if value.codeGone { coverage.hit(.signalDuringUnwinding) }
            if value.identity.hasPrefix("run ") { coverage.hit(.signalCarried) }
        case .activityTaskRetryScheduled: coverage.hit(.stepRetried)
        case .activityTaskTimedOut(let value):
            coverage.hit(.stepTimedOut)
            if value.timeout == .heartbeat { coverage.hit(.stepHeartbeatTimedOut) }
            if value.timeout == .scheduleToStart { coverage.hit(.stepNeverHandedOut) }
            if value.outcome == .unknown { coverage.hit(.stepUnknown) }
        case .activityTaskCanceled: coverage.hit(.stepCanceled)
        case .timerFired:
            coverage.hit(.timerFired)
            if crashes > 0 { coverage.hit(.timerFiredAfterCrash) }
            if run?.isDeclared == true, run?.isEndingBadly == true { coverage.hit(.declaredSignalTooLate) }
        case .timerCanceled: coverage.hit(.timerCanceled)
        case .markerRecorded(let value):
            if value.kind == .undoCommitted { coverage.hit(.pivotDropped) }
            if value.kind == .checkpoint { coverage.hit(.checkpointMade) }
        case .compensationStarted(let value):
            if value.cause == .requested { coverage.hit(value.scope == 0 ? .codeCompensated : .scopeUnwound) }
            if value.cause == .canceled, value.commandNumber == nil { coverage.hit(.cancelGracePassed) }
        case .compensationStepStarted(let value):
            if value.outcome == .unknown { coverage.hit(.undoOfUnknown) }
            if run?.unwinding == nil { coverage.hit(.undoReopenedAfterItsUnwinding) }
            if run?.undo(value.stepEventID)?.isCarried == true { coverage.hit(.carriedUndone) }
            if (run?.runningUndos ?? 0) > 1 { coverage.hit(.undosTogether) }
        case .compensationStepProbed(let value):
            if !value.happened { coverage.hit(.probeSaidNo) }
            if value.output != nil { coverage.hit(.stepReportedLate) }
            if run?.undo(value.stepEventID)?.isReopened == true { coverage.hit(.undoReopened) }
        case .compensationStepRetryScheduled(let value):
            coverage.hit(.undoRetried)
            if value.error.kind == .timeout { coverage.hit(.undoTimedOut) }
        case .compensationStepFailed:
            if run?.started?.continueOnUndoError == true { coverage.hit(.undoFailedAndContinued) }
        case .compensationOperatorAction(let value):
            switch value.verb {
            case .retry: coverage.hit(.operatorRetry)
            case .retryWithInput: coverage.hit(.operatorRetryWithInput)
            case .skip: coverage.hit(.operatorSkip)
            case .resolve: coverage.hit(.operatorResolve)
            case .giveUp: coverage.hit(.operatorGiveUp)
            }
        default: countComposition(event, run)
        }
    }

    /// A client got its answer.
    func count(_ operation: ClientOperation, _ result: Result<CallReply, CallFailure>) {
        switch (operation.kind, result) {
        case (.signalWithStart, .success(.done(let sagaID))), (.signalWithStart, .success(.started(let sagaID, _))):
            let started = checker.run(sagaID)?.started?.requestID
            coverage.hit(started == operation.requestID ? .signalWithStart : .signalWithStartWhileOpen)
        case (.signal, .failure): coverage.hit(.signalToClosedRun)
        case (.signal, .success): coverage.hit(.signalBeforeWait)
        case (.startAgain, .success(.started(_, let alreadyStarted))):
            coverage.hit(alreadyStarted ? .startedAgainWhileOpen : .startedAgainAfterClose)
        case (.define(let version), .success(.defined(_, let isUnchanged))):
            if version > 1 { coverage.hit(.definitionVersioned) }
            if operation.tries > 1, !isUnchanged { coverage.hit(.definitionRepeated) }
        case (.startAgain, .failure): coverage.hit(.startRefusedByPolicy)
        case (.report(let reference, let end), .success(.reported(let verdict))):
            if verdict == .alreadyRecorded { coverage.hit(.laterReportedInVain) }
            if verdict == .recorded, end == .success { coverage.hit(.laterCompleted) }
            if verdict == .recorded, end != .success { coverage.hit(.laterFailed) }
            if verdict == .lateEffect { coverage.hit(.laterReportedTooLate) }
            if deaths > 0, handedOut.contains(reference) { coverage.hit(.laterReportedAfterDeath) }
        case (.sign, .success(.alive)): coverage.hit(.laterSign)
        case (.update(let number), .success):
            let before = operations.dropLast().contains { other in
                other.run == operation.run && other.kind == .update(number) && other.requestID != operation.requestID
            }
            if before { coverage.hit(.updateRepeated) }
        case (.update, .failure(let failure)):
            coverage.hit(failure.code == .aborted ? .updateAborted : .updateRefusedByEnd)
        case (.query, .success):
            let isClosed = operation.sagaID.flatMap { checker.run($0)?.isClosed } ?? false
            coverage.hit(isClosed ? .queryOfClosedRun : .queryAnswered)
        case (.reset, .failure): coverage.hit(.resetRefused)
        default: break
        }
    }

    func countEnd(_ run: RunModel?) {
        guard let closing = run?.closing else { return }
        if let run, run.isDeclared {
            if case .workflowExecutionCompleted = closing { coverage.hit(.declaredCompleted) }
            if case .workflowExecutionFailed = closing { coverage.hit(.declaredFailed) }
            if crashes > 0 { coverage.hit(.declaredAfterCrash) }
            if run.started?.workflowVersion == 2 { coverage.hit(.declaredSecondVersion) }
            if checker.declared[run.sagaID]?.hasLeftOut == true { coverage.hit(.declaredLeftOut) }
        }
        let summary: CompensationSummary?
        switch closing {
        case .workflowExecutionCompleted(let value):
            coverage.hit(.closedCompleted)
            summary = value.compensation
        case .workflowExecutionFailed(let value):
            coverage.hit(.closedFailed)
            summary = value.compensation
        case .workflowExecutionCanceled(let value):
            coverage.hit(.closedCanceled)
            summary = value.compensation
        case .workflowExecutionTimedOut(let value):
            coverage.hit(.closedTimedOut)
            summary = value.compensation
        case .workflowExecutionTerminated(let value):
            coverage.hit(.closedTerminated)
            summary = value.compensation
        default: summary = nil
        }
        if summary?.state == .partial { coverage.hit(.closedPartial) }
    }
}
