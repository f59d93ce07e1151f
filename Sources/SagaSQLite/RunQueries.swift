package import SagaCore

/// The SQL of queries for runs.
package enum RunQueries {
    /// What `Reader` makes an `ExecutionRow` of.
    static let columns = """
        saga_id, namespace, workflow_id, workflow_type, status, started_at, closed_at,
        (SELECT max(next_event_id) FROM history h WHERE h.run = e.run), part, search
        """

    static let one = "SELECT \(columns) FROM executions e WHERE saga_id = ?1"

    static let latest = """
        SELECT \(columns) FROM executions e
        WHERE namespace = ?1 AND workflow_id = ?2 ORDER BY run DESC LIMIT 1
        """

    static let open = """
        SELECT \(columns) FROM executions e INDEXED BY executions_open
        WHERE closed_at IS NULL AND saga_id > ?1 ORDER BY saga_id LIMIT ?2
        """

    /// List. Parameters are numbered by meaning: 1 namespace, 2 type, 3 workflow id, 4 before, 5 limit.
    ///
    /// The index is chosen here and not by SQLite's planner, which knows nothing of the data: it would fetch and sort a
    /// whole namespace for the first page. So rows come newest first and the scan ends with the page: of all runs, of the
    /// open ones if only those are asked for (a few among very many), or of one workflow id's.
    package static func list(_ query: ExecutionQuery) -> String {
        let onlyOpen = !query.statuses.isEmpty && !query.statuses.contains(where: \.isClosed)
        var conditions: [String] = []
        var index = onlyOpen ? "executions_open" : "executions_saga"
        if query.workflowID.isEmpty {
            conditions.append("namespace = ?1")
        } else {
            index = "executions_workflow"
            conditions.append("namespace = ?1 AND workflow_id = ?3")
        }
        if !query.workflowType.isEmpty { conditions.append("workflow_type = ?2") }
        if query.before != nil { conditions.append("saga_id < ?4") }
        if !query.statuses.isEmpty {
            let codes = Set(query.statuses.map(\.rawValue)).sorted().map(String.init)
            conditions.append("status IN (\(codes.joined(separator: ", ")))")
            if onlyOpen { conditions.append("closed_at IS NULL") }
        }
        return """
            SELECT \(columns) FROM executions e INDEXED BY \(index)
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY saga_id DESC LIMIT ?5
            """
    }
}
