import SagaCore

/// Why an exchange with the server failed.
struct PgFailure: Error {
    /// The five characters of SQLSTATE; empty if it was not the server who refused.
    var sqlState: String
    var message: String
    /// The connection is of no more use; what was under way may have happened or not.
    var isConnectionLost: Bool

    init(_ message: String, sqlState: String = "", isConnectionLost: Bool) {
        self.sqlState = sqlState
        self.message = message
        self.isConnectionLost = isConnectionLost
    }

    /// Two writers wanted the same key, or waited for each other: the same again, more carefully, can succeed.
    var isRace: Bool { sqlState == "23505" || sqlState == "40P01" || sqlState == "40001" }

    /// What the failure means for the port.
    var reason: StoreError.Reason {
        if isConnectionLost { return .unavailable }
        // 25006: the server became a standby. 53: disk or memory full. 55, 57: locks, time-outs, cancellation, shutdown.
        switch sqlState.prefix(2) {
        case "08", "25", "40", "53", "55", "57", "58": return .unavailable
        case "28", "3D", "3F", "42": return .misconfigured
        case "22", "23": return .invalid
        case "XX": return sqlState == "XX000" ? .unavailable : .corrupt
        default: return .unavailable
        }
    }

    /// As the port says it.
    /// - Parameters:
    ///   - what: What was done.
    ///   - mayHaveHappened: Whether a lost connection leaves open what became of it.
    func storeError(_ what: String, mayHaveHappened: Bool = false) -> StoreError {
        StoreError(
            reason, "PostgreSQL: \(what): \(message)" + (sqlState.isEmpty ? "" : " (\(sqlState))"),
            outcomeUnknown: mayHaveHappened && isConnectionLost)
    }
}
