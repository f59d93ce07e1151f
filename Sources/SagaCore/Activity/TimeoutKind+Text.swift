extension TimeoutKind {
    /// The name of the time-out in texts: `start-to-close`.
    public var name: String {
        switch self {
        case .scheduleToStart: "schedule-to-start"
        case .startToClose: "start-to-close"
        case .scheduleToClose: "schedule-to-close"
        case .heartbeat: "heartbeat"
        }
    }

    /// What did not happen in time, as the end of a sentence about an attempt or a step.
    public var whatDidNotHappen: String {
        switch self {
        case .scheduleToStart: "was not taken by a worker within its schedule-to-start time-out"
        case .startToClose: "did not report within its start-to-close time-out"
        case .scheduleToClose: "was not over within its schedule-to-close time-out"
        case .heartbeat: "gave no sign of life within its heartbeat time-out"
        }
    }
}
