/// A bug that can be planted in the engine on purpose: the simulator must find every one of them (docs/simulation.md,
/// "Planted bugs"). The first five are real bugs of other systems.
///
/// Each is one line in the engine's own code path, behind `planted(_:)`. Only a build with the condition `SAGA_MUTANTS`
/// can plant one; in any other build `planted(_:)` is the constant `false`, and nothing of it is left.
@usableFromInline
package enum PlantedBug: String, CaseIterable, Sendable {
    /// Undos run first in, first out.
    case undoFirstInFirstOut = "undo-first-in-first-out"
    /// A cancelled run closes without being unwound.
    case undoLostOnCancel = "undo-lost-on-cancel"
    /// An undo that failed for good counts as done.
    case undoErrorSwallowed = "undo-error-swallowed"
    /// A result is given to the oldest open step, whatever its id.
    case resultMatchedByCount = "result-matched-by-count"
    /// A timer fires a millisecond early.
    case timerEarly = "timer-early"

    /// A report is acknowledged before it is durable.
    case ackBeforeDurable = "ack-before-durable"
    /// A caller is answered before what it asked for is durable.
    case replyBeforeDurable = "reply-before-durable"
    /// A task is handed out before the event that caused it is durable.
    case taskBeforeDurable = "task-before-durable"
    /// A restart forgets what must be undone.
    case undoStackLostOnRestart = "undo-stack-lost-on-restart"
    /// A restart forgets that the run waits for a person.
    case blockForgottenOnRestart = "block-forgotten-on-restart"
    /// A restart hands out an undo that is done.
    case undoRunTwiceAfterRestart = "undo-run-twice-after-restart"
    /// A restart does not arm the timers.
    case timerLostOnRestart = "timer-lost-on-restart"
    /// A restart does not arm the next attempts of steps.
    case retryLostOnRestart = "retry-lost-on-restart"
    /// A second report of a completed step is recorded.
    case lateCompletionOverwrites = "late-completion-overwrites"
    /// A second report of a completed undo is recorded.
    case duplicateUndoReportAccepted = "duplicate-undo-report-accepted"
    /// The failure of an earlier attempt counts for the present one.
    case failureOfOldAttemptCounts = "failure-of-old-attempt-counts"
    /// Steps are repeated without limit.
    case retryLimitIgnored = "retry-limit-ignored"
    /// The next attempt does not wait for its time.
    case backoffIgnored = "backoff-ignored"
    /// Each attempt of a step gets a key of its own.
    case idempotencyKeyUnstable = "idempotency-key-unstable"
    /// A step of unknown outcome is taken for one that did nothing.
    case unknownTakenForNoEffect = "unknown-taken-for-no-effect"
    /// A pivot drops no undo.
    case pivotIgnored = "pivot-ignored"
    /// A nested scope is left out when the one around it is unwound.
    case nestedScopeSkipped = "nested-scope-skipped"
    /// The unwinding does not wait for steps in flight.
    case siblingsNotAwaited = "siblings-not-awaited"
    /// An undo that failed for good is passed over, although nobody allowed that.
    case failedUndoPassedOver = "failed-undo-passed-over"
    /// Whoever was fenced goes on under the new epoch without reading the state anew.
    case fenceIgnored = "fence-ignored"
    /// An append that met a conflict is taken for done.
    case conflictIgnored = "conflict-ignored"
    /// An append of unknown outcome is taken for done.
    case lostAppendTakenForDone = "lost-append-taken-for-done"
    /// An append that the store refused for now is not tried again.
    case appendNotRepeated = "append-not-repeated"
    /// A cancel request is answered and not recorded.
    case cancelRequestLost = "cancel-request-lost"
    /// The same signal is recorded twice.
    case signalRecordedTwice = "signal-recorded-twice"
    /// A run closes over a signal that its code has not seen.
    case unseenSignalIgnored = "unseen-signal-ignored"
    /// The same start request opens a second run.
    case startRequestForgotten = "start-request-forgotten"
    /// A missing sign of life ends no attempt.
    case heartbeatTimeoutNeverFires = "heartbeat-timeout-never-fires"
    /// A worker's slot is never given back.
    case slotNeverGivenBack = "slot-never-given-back"
    /// A worker that drains is given new tasks.
    case drainIgnored = "drain-ignored"
    /// A declared run goes on with the newest version of its definition.
    case declaredVersionForgotten = "declared-version-forgotten"

    /// A snapshot is handed out before its events are durable.
    case snapshotBeforeDurable = "snapshot-before-durable"

    /// A signal to a run that is kept as a small record is answered and not recorded.
    case signalToParkedRunLost = "signal-to-parked-run-lost"
    /// What becomes due for a run that is kept as a small record does not make it whole.
    case parkedRunNeverWoken = "parked-run-never-woken"
    /// A run that is made whole has forgotten that its code was to be given events.
    case parkedRunForgetsItsCode = "parked-run-forgets-its-code"

    /// The slot of a workflow task that is taken from its worker does not come back.
    case codeSlotLost = "code-slot-lost"
    /// Runs that wait for a slot of a worker are not told that one came back.
    case codeSlotWakesNobody = "code-slot-wakes-nobody"
    /// Runs that wait for a slot of a worker which is gone wait for it for ever.
    case codeWaitersLeftWithWorker = "code-waiters-left-with-worker"

    /// A restart sets a virtual clock back to where it began.
    case clockSetBackOnRestart = "clock-set-back-on-restart"
    /// A run that closes says nothing to its open children.
    case childEndForgotten = "child-end-forgotten"
    /// A child that completed has nothing to undo.
    case childUndoForgotten = "child-undo-forgotten"
    /// A run that goes on as a new one leaves its undos behind.
    case carriedUndoLost = "carried-undo-lost"
    /// A run that goes on as a new one leaves signals behind that its code has not taken.
    case carriedSignalLost = "carried-signal-lost"
    /// A signal to another saga has no name by which that saga knows it again.
    case externalSignalUnnamed = "external-signal-unnamed"
    /// A checkpoint leaves signals behind that its code has not taken.
    case checkpointSignalLost = "checkpoint-signal-lost"
    /// A checkpoint forgets what must be undone.
    case checkpointUndoLost = "checkpoint-undo-lost"
    /// An update that is repeated is another one.
    case updateForgotten = "update-forgotten"
    /// Steps of a paused run are handed out.
    case pauseIgnored = "pause-ignored"
    /// A reset undoes nothing of what it throws away.
    case resetUndoesNothing = "reset-undoes-nothing"
    /// A local activity runs before what undoes it is durable.
    case localStepBeforeDurable = "local-step-before-durable"
    /// What the last sign of life said does not reach the next attempt.
    case heartbeatDetailsLost = "heartbeat-details-lost"
    /// A queue is given more than its limit.
    case queueLimitIgnored = "queue-limit-ignored"
    /// What code wants that has gone ahead of its history counts, whatever has happened meanwhile.
    case advanceTakenBlindly = "advance-taken-blindly"
    /// A run that is reset once more, further back, does not know the run that the first reset began with.
    case resetOriginsForgotten = "reset-origins-forgotten"
    /// A reset that is repeated after the run that it made has gone on as another resets once more.
    case resetRequestForgotten = "reset-request-forgotten"
    /// A run that goes on from another does not know which messages that one has dealt with.
    case messagesForgottenOnContinue = "messages-forgotten-on-continue"
    /// A person's retry of a child's undoing asks for the run again that could not finish it.
    case childUndoNotRepeated = "child-undo-not-repeated"
    /// A retry of a child's undoing takes what became of its own child's for the answer.
    case grandchildUndoNotRepeated = "grandchild-undo-not-repeated"

    /// Whether only sagas that have to do with others, or that people intervene in, show it.
    package var needsComposedWorlds: Bool {
        switch self {
        case .childEndForgotten, .childUndoForgotten, .carriedUndoLost, .carriedSignalLost, .checkpointSignalLost,
            .checkpointUndoLost, .externalSignalUnnamed,
            .updateForgotten, .pauseIgnored, .resetUndoesNothing, .localStepBeforeDurable, .heartbeatDetailsLost,
            .queueLimitIgnored, .resetOriginsForgotten, .resetRequestForgotten, .messagesForgottenOnContinue,
            .childUndoNotRepeated, .grandchildUndoNotRepeated:
            true
        default: false
        }
    }

    /// Whether this build can plant any.
    package static var canBePlanted: Bool {
        #if SAGA_MUTANTS
            true
        #else
            false
        #endif
    }

    #if SAGA_MUTANTS
        /// The one that is planted now. The simulator is one thread, and nothing else sets it.
        nonisolated(unsafe) package static var current: PlantedBug?
    #endif
}

#if SAGA_MUTANTS
    /// Whether the engine is to show this bug now.
    package func planted(_ bug: PlantedBug) -> Bool { PlantedBug.current == bug }

    extension ExecutionState {
        /// What a checkpoint forgets of a run, with the bug that does so.
        package mutating func forgetAtCheckpoint() {
            if planted(.checkpointUndoLost) { undoLog = UndoLog() }
        }

        /// What a restart forgets of a run, with one of the bugs that do so.
        package mutating func forgetOnRestart() {
            if planted(.undoStackLostOnRestart) { undoLog = UndoLog() }
            if planted(.blockForgottenOnRestart), block != nil {
                block = nil
                status = unwinding == nil ? .running : .compensating
            }
        }
    }
#else
    /// Whether the engine is to show this bug now: never in this build.
    @inlinable
    package func planted(_ bug: PlantedBug) -> Bool { false }
#endif
