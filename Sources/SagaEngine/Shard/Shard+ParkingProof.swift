internal import SagaCore

/// What proves that a run which is parked comes back as it was: for the simulator and the tests.
extension Shard {
    /// Parks every run that may be parked, and makes it of its record again, beside the one that goes on.
    /// - Returns: What the second does not have as the first: the names of the fields, but for those that may be forgotten. None,
    ///   unless somebody gave `Execution` a field and thought of neither `mayBeParked` nor `ParkedRun`.
    package func lostByParking() -> (runs: Int, fields: Set<String>) {
        var runs = 0
        var fields: Set<String> = []
        for sagaID in executions.liveIDs {
            guard let execution = executions.live(sagaID), let record = execution.parked else { continue }
            runs += 1
            guard let copy = Execution(parked: record) else {
                fields.insert("the record")
                continue
            }
            let before = Mirror(reflecting: execution).children
            let after = Mirror(reflecting: copy).children
            for (old, new) in zip(before, after) {
                guard let name = old.label, !Execution.mayBeForgotten(name), !isSame(old.value, new.value) else {
                    continue
                }
                fields.insert(name)
            }
        }
        return (runs, fields)
    }

    private func isSame(_ left: Any, _ right: Any) -> Bool {
        if let left = left as? any Equatable { return isSame(left, right) }
        // None that is kept comes here: those without an equality are empty in a run that waits.
        return String(describing: left) == String(describing: right)
    }

    private func isSame<Value: Equatable>(_ left: Value, _ right: Any) -> Bool { left == right as? Value }
}

extension Execution {
    /// Fields that a run which waits can do without, each for a reason of its own.
    fileprivate static func mayBeForgotten(_ field: String) -> Bool {
        switch field {
        // Read from the store when somebody needs it.
        case "recent", "recentBase", "program", "recoveredProgram": true
        // Not worth a place in the record of every run: see its declaration.
        case "traceID": true
        // Only says that a look at the store can be saved.
        case "startCondition": true
        // Events that are durable by then; the last checkpoint is in the state.
        case "resumedAt", "localBarrier", "earlierCheckpoints": true
        // Of an activation, and none is out.
        case "releasedBy": true
        default: false
        }
    }
}
