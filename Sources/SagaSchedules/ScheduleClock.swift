public import SagaCore

/// Says when a schedule is due.
public struct ScheduleClock: Sendable {
    private let cron: CronExpression
    private let zone: TimeZoneRules

    /// Years that are looked through for the next time.
    private static let horizonDays: Int64 = 366 * 28

    public init(_ cron: CronExpression, _ zone: TimeZoneRules) {
        self.cron = cron
        self.zone = zone
    }

    /// The first time that is due after another; nil if there is none within 28 years.
    ///
    /// Where the clocks are put forward, a time that does not exist is due at the moment of the change; where they are put back,
    /// a time that comes twice is due the first time only. An expression for every hour goes by the time that really
    /// passes: nothing in the missing hour, twice in the doubled one.
    public func next(after time: Timestamp) -> Timestamp? {
        switch cron.kind {
        case .every(let interval):
            let (count, _) = time.microseconds.flooredDivision(by: interval)
            let (next, overflow) = (count + 1).multipliedReportingOverflow(by: interval)
            return overflow ? nil : Timestamp(microseconds: next)
        case .fields(let fields):
            // Whole seconds are enough: nothing is due within one.
            let (seconds, _) = time.microseconds.flooredDivision(by: 1_000_000)
            guard (-62_000_000_000...250_000_000_000).contains(seconds) else { return nil }
            let due = fields.coversAllHours ? nextByElapsedTime(fields, seconds) : nextByTheClock(fields, seconds)
            return due.map { Timestamp(microseconds: $0 * 1_000_000) }
        }
    }

    private func nextByTheClock(_ fields: CronExpression.Fields, _ after: Int64) -> Int64? {
        let today = (after + zone.offset(at: after)).flooredDivision(by: CivilTime.secondsPerDay).quotient
        // The day before, too: a change of the clocks may have moved one of its times past midnight.
        for days in (today - 1)...(today + Self.horizonDays) where fields.matches(day: CivilTime(days: days)) {
            for hour in 0..<24 where fields.matches(hour: hour) {
                for minute in 0..<60 where fields.matches(minute: minute) {
                    let local = days * CivilTime.secondsPerDay + Int64(hour * 3_600 + minute * 60)
                    // Cheap first: no clock is more than 26 hours from Greenwich's.
                    if local < after - 93_600 { continue }
                    let moment = zone.firstMoment(showing: local)
                    if moment > after { return moment }
                }
            }
        }
        return nil
    }

    private func nextByElapsedTime(_ fields: CronExpression.Fields, _ after: Int64) -> Int64? {
        let end = after + Self.horizonDays * CivilTime.secondsPerDay
        var moment = after
        while moment < end {
            // The next full minute by the local clock.
            let offset = zone.offset(at: moment)
            moment = ((moment + offset).flooredDivision(by: 60).quotient + 1) * 60 - offset
            let local = moment + zone.offset(at: moment)
            let time = CivilTime(seconds: local)
            guard fields.matches(day: time) else {
                // On towards midnight, but not so far that a change of the clocks could hide its first hours.
                let left = CivilTime.secondsPerDay - local.flooredDivision(by: CivilTime.secondsPerDay).remainder
                if left > 10_800 { moment += left - 10_800 }
                continue
            }
            if fields.matches(minute: time.minute) { return moment }
        }
        return nil
    }
}
