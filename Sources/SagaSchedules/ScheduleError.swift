/// What is wrong with a schedule, for the one who wrote it.
public struct ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}
