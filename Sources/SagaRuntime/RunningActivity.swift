internal import Dispatch
internal import SagaCore
internal import Synchronization

/// Where the heartbeats of all attempts go.
final class HeartbeatOutlet: Sendable {
    let sink = Mutex<(any WorkerSink)?>(nil)

    func send(_ reference: TaskReference, _ details: Payload?) {
        sink.withLock { $0 }?.heartbeat(reference, details)
    }
}

/// One attempt that runs: its Swift task, its cancellation and its heartbeats.
final class RunningActivity: HeartbeatReporter {
    private struct State {
        var work: Task<Void, Never>?
        var isCancelRequested = false
        var isOver = false
        var lastHeartbeat: UInt64?
        /// Details that wait for the next heartbeat. The outer optional says whether one waits.
        var pending: Payload??
        var isTimerSet = false
        var undoData: Payload?
    }

    /// Heartbeats are never sent more often than this, in nanoseconds.
    static let shortestInterval: UInt64 = 100_000_000
    /// Interval of an attempt without heartbeat time-out, and the longest of all.
    static let longestInterval: UInt64 = 30_000_000_000
    static let defaultInterval: UInt64 = 1_000_000_000

    let reference: TaskReference
    private let interval: UInt64
    private let outlet: HeartbeatOutlet
    private let state = Mutex(State())

    init(_ task: ActivityTask, _ outlet: HeartbeatOutlet) {
        reference = task.reference
        interval = Self.interval(timeoutMicros: task.timeouts.heartbeatMicros)
        self.outlet = outlet
    }

    /// Nanoseconds between two heartbeats: a third of the time-out, so that two may be lost.
    static func interval(timeoutMicros: Int64) -> UInt64 {
        guard timeoutMicros > 0 else { return defaultInterval }
        let third = UInt64(timeoutMicros / 3).multipliedReportingOverflow(by: 1_000)
        return third.overflow ? longestInterval : min(longestInterval, max(shortestInterval, third.partialValue))
    }

    var isCancelRequested: Bool { state.withLock { $0.isCancelRequested } }

    /// What the activity prepared for its undo.
    var undoData: Payload? { state.withLock { $0.undoData } }

    func setUndoData(_ data: Payload) { state.withLock { $0.undoData = data } }

    /// Gives the attempt its Swift task, which is cancelled at once if that was asked for meanwhile.
    func attach(_ work: Task<Void, Never>) {
        let mustCancel = state.withLock { state in
            if !state.isOver { state.work = work }
            return state.isCancelRequested
        }
        if mustCancel { work.cancel() }
    }

    func cancel() {
        let work = state.withLock { state in
            state.isCancelRequested = true
            return state.work
        }
        work?.cancel()
    }

    /// Ends the attempt; details of a heartbeat that waits are sent first, so that the next attempt gets the latest.
    func finish() {
        let pending = state.withLock { state in
            state.isOver = true
            state.work = nil
            defer { state.pending = nil }
            return state.pending
        }
        if let pending { outlet.send(reference, pending) }
    }

    func heartbeat(_ details: Payload?) {
        let now = DispatchTime.now().uptimeNanoseconds
        enum Action { case send, wait(UInt64), nothing }
        let action = state.withLock { state -> Action in
            if state.isOver { return .nothing }
            if let last = state.lastHeartbeat, now &- last < interval {
                state.pending = .some(details)
                if state.isTimerSet { return .nothing }
                state.isTimerSet = true
                return .wait(interval - (now &- last))
            }
            state.lastHeartbeat = now
            state.pending = nil
            return .send
        }
        switch action {
        case .send: outlet.send(reference, details)
        case .wait(let nanoseconds):
            let deadline = DispatchTime(uptimeNanoseconds: now &+ nanoseconds)
            DispatchQueue.global().asyncAfter(deadline: deadline) { [weak self] in self?.sendPending() }
        case .nothing: break
        }
    }

    private func sendPending() {
        let pending = state.withLock { state in
            state.isTimerSet = false
            defer { state.pending = nil }
            if state.pending != nil { state.lastHeartbeat = DispatchTime.now().uptimeNanoseconds }
            return state.pending
        }
        if let pending { outlet.send(reference, pending) }
    }
}
