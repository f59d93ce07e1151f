internal import SagaCore

/// Which rare branches of sagas that have to do with others were reached.
extension Simulation {
    func countComposition(_ event: HistoryEvent, _ run: RunModel?) {
        // What another run did.
        if let run, event.eventID < run.copied { return }
        switch event.attributes {
        case .workflowExecutionStarted(let value):
            if value.continuedFrom != nil, value.requestID.contains("/undo") {
                let isFirst = value.requestID.hasSuffix("/undo") || value.requestID.hasSuffix("/1")
                coverage.hit(isFirst ? .childUndoRun : .childUndoneInRounds)
                if value.requestID.contains("/undo#"), value.requestID.contains("-") { coverage.hit(.grandchildUndone) }
            }
            if !value.carriedMessages.isEmpty { coverage.hit(.messageCarried) }
            if value.continuedFrom != nil, value.requestID.isEmpty {
                coverage.hit(.continuedAsNew)
                if !value.carriedUndo.isEmpty { coverage.hit(.undoCarried) }
            }
            if let parent = value.parentSagaID, checker.run(parent)?.isClosed == true {
                coverage.hit(.childOutlivesItsParent)
            }
        case .workflowExecutionContinuedAsNew(let value):
            if !value.undoCarried, run?.hasToCarry == true { coverage.hit(.undoDropped) }
        case .workflowExecutionReset(let value):
            if !value.carriedUndo.isEmpty { coverage.hit(.resetKept) }
            if checker.run(value.baseSagaID)?.resetsTo != nil { coverage.hit(.resetUnwound) }
            if let run, !value.origins.isEmpty { countSecondReset(value, run) }
        case .workflowExecutionPaused: coverage.hit(.pausedRun)
        case .workflowExecutionResumed: coverage.hit(.resumedRun)
        case .childWorkflowExecutionStarted: coverage.hit(.childStarted)
        case .childWorkflowExecutionCompleted: coverage.hit(.childCompleted)
        case .childWorkflowExecutionFailed: coverage.hit(.childFailed)
        case .childWorkflowExecutionCanceled: coverage.hit(.childCanceled)
        case .childWorkflowExecutionTimedOut: coverage.hit(.childTimedOut)
        case .childWorkflowExecutionTerminated: coverage.hit(.childTerminated)
        case .childWorkflowExecutionContinuedAsNew: coverage.hit(.childContinued)
        case .startChildWorkflowExecutionFailed: coverage.hit(.childNotStarted)
        case .childWorkflowExecutionCancelRequested:
            coverage.hit(.childCancelRequested)
            if run?.isEndingBadly == true { coverage.hit(.unwoundWithOpenChild) }
        case .compensationStepCompleted(let value):
            if run?.undo(value.stepEventID)?.child != nil { coverage.hit(.childUndone) }
            if let checkpoint = run?.checkpoint, value.stepEventID < checkpoint { coverage.hit(.undoneOverCheckpoint) }
        case .workflowUpdateAccepted: coverage.hit(.updateAccepted)
        case .workflowUpdateRejected: coverage.hit(.updateRejected)
        case .workflowUpdateCompleted: coverage.hit(.updateCompleted)
        case .workflowUpdateRolledBack: coverage.hit(.updateRolledBack)
        case .externalSignalDelivered:
            coverage.hit(.externalDelivered)
            if crashes > 0 { coverage.hit(.externalAfterCrash) }
        case .externalSignalFailed: coverage.hit(.externalFailed)
        case .localActivityCanceled: coverage.hit(.localCanceled)
        case .sideEffectRecorded: coverage.hit(.sideEffectRecorded)
        case .versionMarkerRecorded: coverage.hit(.patched)
        case .upsertSearchAttributes: coverage.hit(.attributesSet)
        default: break
        }
    }

    /// A run that a reset made was reset.
    private func countSecondReset(_ value: WorkflowExecutionReset, _ run: RunModel) {
        coverage.hit(.resetTwice)
        if value.origins.count > 1 { coverage.hit(.resetThrice) }
        let base = checker.run(value.baseSagaID)
        if base?.resetsTo != nil { coverage.hit(.resetTwiceUnwound) }
        if !value.carriedUndo.isEmpty { coverage.hit(.resetTwiceKept) }
        guard let base, value.baseEventID < base.copied else { return }
        coverage.hit(.resetFurtherBack)
        // What goes by the name of a run that its own events say nothing of.
        if run.children.values.contains(where: \.isOpen) { coverage.hit(.resetTwiceWithOpenChild) }
        if run.externals.values.contains(where: { $0.end == .open }) { coverage.hit(.resetTwiceWithOpenSignal) }
    }
}
