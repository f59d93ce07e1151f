/// What must have happened sometimes: a fault or a rare branch that no seed ever reaches is not tested (the blind spot of a
/// simulator is its generator, not its checker).
package enum Sometimes: Int, CaseIterable, Sendable {
    case crash
    case rivalStarted
    case appendInFlightAcrossTakeOver
    case zombieAppendFenced
    case zombieHandedOut
    case zombieStoodDown
    case ownershipTakenBack
    case crashBeforeAppend
    case crashWithAppendInFlight
    case crashAfterAppendBeforeAcknowledgement
    case crashWhileRecovering
    case appendDroppedByCrash
    case appendAppliedAfterCrash
    case appendFenced
    case appendConflict
    case appendsSideBySide
    case appendOvertaken
    case acknowledgementLostApplied
    case acknowledgementLostNotApplied
    case storeUnavailable
    case readFailed
    case slowStore
    case recoveryWithoutCrash
    case recoveryFailedOnce
    case workerDiedBeforeEffect
    case workerDiedAfterEffect
    case workerDiedAfterReport
    case workerPaused
    case workerDrained
    case workerDrainedWithTasks
    case codeDidNotFit
    case codeBlocked
    case codeBlockCanceled
    case codeBlockRetried
    case zombieStreamClosed
    case streamCut
    case reportResent
    case reportDuplicated
    case runningTaskAnnounced
    case taskHandedOutTwice
    case lateEffectRefused
    case effectRepeated
    case clientCut
    case requestRepeated
    case callRefusedByLoad
    case clockJumpForward
    case clockJumpBack
    case slowCode
    case codeEvicted
    case needHistory
    case codeWentAhead
    case codeSpoiledAhead
    case historyInPages
    case heartbeat
    case stepRetried
    case stepTimedOut
    case stepHeartbeatTimedOut
    case stepNeverHandedOut
    case stepUnknown
    case scheduledRunStarted
    case scheduledRunHeldBack
    case scheduleTriggered
    case schedulePaused
    case scheduleDeleted
    case stepCompletesLater
    case laterCompleted
    case laterFailed
    case laterStopped
    case laterSign
    case laterReportedInVain
    case laterReportedTooLate
    case laterReportedAfterDeath
    case stepCanceled
    case undoOfUnknown
    case probed
    case probeWithoutAnswer
    case probeSaidNo
    case stepReportedLate
    case undoReopened
    case undoReopenedAfterItsUnwinding
    case lateEffectOfClosedRun
    case lateEffectOfOpenRun
    case scopeUnwound
    case undosTogether
    case undoRetried
    case undoTimedOut
    case undoBlocked
    case undoFailedAndContinued
    case operatorRetry
    case operatorRetryWithInput
    case operatorSkip
    case operatorResolve
    case operatorGiveUp
    case timerFired
    case timerCanceled
    case timerFiredAfterCrash
    case signalBeforeWait
    case signalWithStart
    case signalWithStartWhileOpen
    case requestsPipelined
    case signalOrderJudged
    case signalDuplicate
    case signalToClosedRun
    case signalDuringUnwinding
    case cancelDuringUnwinding
    case cancelGracePassed
    case codeCompensated
    case pivotDropped
    case startedAgainWhileOpen
    case startedAgainAfterClose
    case startRefusedByPolicy
    case closedCompleted
    case closedFailed
    case closedCanceled
    case closedTimedOut
    case closedTerminated
    case closedPartial
    case memoryCompared
    case snapshotTaken
    case snapshotRecorded
    case snapshotUsed
    case programResumed
    case snapshotSkipped
    case snapshotLost
    case snapshotOfDeadServer
    case definitionRegistered
    case definitionVersioned
    case definitionRepeated
    case declaredCompleted
    case declaredFailed
    case declaredAfterCrash
    case declaredSecondVersion
    case declaredLeftOut
    case declaredSignalTooLate
    case declaredUndoBound
    case runParked
    case parkedRunWoken
    case revivedInPortions
    case clockJumped
    case crashBetweenJumpAndFire
    case codeSlotsFull
    case codeSlotAwaited
    case codeSlotTakenBack
    case codeSlotAwaitedOfLostWorker
    // From here on in composed worlds only.
    case childStarted
    case childCompleted
    case childFailed
    case childCanceled
    case childTimedOut
    case childTerminated
    case childContinued
    case childNotStarted
    case childCancelRequested
    case childUndoRun
    case childUndone
    case childOutlivesItsParent
    case unwoundWithOpenChild
    case continuedAsNew
    case checkpointMade
    case undoneOverCheckpoint
    case undoCarried
    case undoDropped
    case signalCarried
    case cancelCarried
    case carriedUndone
    case updateAccepted
    case updateRejected
    case updateCompleted
    case updateRolledBack
    case updateAborted
    case updateRepeated
    case updateRefusedByEnd
    case externalDelivered
    case externalFailed
    case externalAfterCrash
    case queryAnswered
    case queryOfClosedRun
    case localCompleted
    case localWithUndo
    case localFailed
    case localTimedOut
    case localCanceled
    case workerDiedInLocalStep
    case sideEffectRecorded
    case patched
    case attributesSet
    case pausedRun
    case resumedRun
    case cancelWhilePaused
    case resetDone
    case resetUnwound
    case resetKept
    case resetRefused
    case resetTwice
    case resetFurtherBack
    case resetThrice
    case resetTwiceUnwound
    case resetTwiceKept
    case resetTwiceWithOpenChild
    case resetTwiceWithOpenSignal
    case runDeleted
    case detailsReachedNextAttempt
    case queueLimited
    case requestRepeatedLate
    case messageCarried
    case childUndoneInRounds
    case grandchildUndone
}

/// How often each of them happened.
package struct Coverage: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: Sometimes.allCases.count)

    package init() {}

    package subscript(_ what: Sometimes) -> UInt64 { counts[what.rawValue] }

    mutating func hit(_ what: Sometimes) { counts[what.rawValue] += 1 }

    package mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// What never happened, of what can happen.
    /// - Parameter composed: Whether the worlds were; see ``SimulationOptions/isComposed``.
    package func missing(composed: Bool = false) -> [Sometimes] {
        Sometimes.allCases.filter { self[$0] == 0 && (composed || $0.rawValue < Sometimes.childStarted.rawValue) }
    }
}
