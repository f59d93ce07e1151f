import SagaCodec
import SagaCore

/// Runs: one by one, lists, counts, and the end of one.
extension PostgresReader {
    private static let columns = """
        SELECT v.saga_id, v.namespace, v.workflow_id, v.workflow_type, v.status, v.started_at, v.closed_at,
            e.next_event_id, v.part, v.attributes
        FROM visibility v JOIN executions e USING (saga_id)
        """

    private static let selectExecution = PgStatement(name: "execution", sql: columns + " WHERE v.saga_id = $1")

    private static let selectLatest = PgStatement(
        name: "latest", sql: columns + " WHERE v.newest AND v.namespace = $1 AND v.workflow_id = $2")

    private static let selectOpen = PgStatement(
        name: "open_runs",
        sql: columns
            + " WHERE (e.status < 3 OR e.status > 8) AND e.saga_id > $1 ORDER BY e.saga_id LIMIT $2")

    func execution(_ sagaID: SagaID) throws(ReadFailure) -> ExecutionRow? {
        try rows(try run(Self.selectExecution, PgParameters().id(sagaID))).first
    }

    func latestExecution(namespace: String, workflowID: String) throws(ReadFailure) -> ExecutionRow? {
        try rows(try run(Self.selectLatest, PgParameters().text(namespace).text(workflowID))).first
    }

    func openExecutions(after: SagaID?, limit: Int) throws(ReadFailure) -> [ExecutionRow] {
        // No run has the least id.
        let first = after ?? SagaID(high: 0, low: 0)
        return try rows(try run(Self.selectOpen, PgParameters().id(first).int64(Int64(max(0, limit)))))
    }

    func list(_ query: ExecutionQuery) throws(ReadFailure) -> [ExecutionRow] {
        var filter = try filter(query)
        let sql = filter.rows(Self.columns, limit: query.limit)
        if query.attributes.isEmpty {
            return try rows(try run(PgStatement(name: "list_\(filter.shape)", sql: sql), filter.parameters))
        }
        return try rows(try once(sql, filter.parameters))
    }

    /// Exact up to a number; beyond it, what the planner thinks.
    func count(_ query: ExecutionQuery, exactUpTo limit: Int) throws(ReadFailure) -> RunCount {
        var query = query
        query.before = nil
        let limit = max(0, min(limit, .max - 1))
        var filter = try filter(query)
        let result = try once(filter.counting(upTo: limit + 1), filter.parameters)
        guard let found = result.int64(0, 0) else {
            throw .store(StoreError(.corrupt, "PostgreSQL: a count is no number"))
        }
        if found <= limit { return RunCount(count: Int(found), isEstimate: false) }
        let whole = try self.filter(query)
        let plan = try once("EXPLAIN (FORMAT JSON) " + whole.matching, whole.parameters)
        return RunCount(count: max(Int(found), Self.plannedRows(plan) ?? 0), isEstimate: true)
    }

    private static func plannedRows(_ plan: PgResult) -> Int? {
        guard let text = plan.text(0, 0), let json = try? JSONCoding.parse(Array(text.utf8)),
            case .array(let plans) = json
        else { return nil }
        switch plans.first?["Plan"]?["Plan Rows"] {
        case .integer(let rows): return Int(rows)
        case .number(let rows): return Int(exactly: rows.rounded())
        default: return nil
        }
    }

    private func filter(_ query: ExecutionQuery) throws(ReadFailure) -> RunFilter {
        do throws(StoreError) { return try RunFilter(query) } catch { throw .store(error) }
    }

    private func rows(_ result: PgResult) throws(ReadFailure) -> [ExecutionRow] {
        var rows: [ExecutionRow] = []
        rows.reserveCapacity(result.count)
        for index in 0..<result.count { rows.append(try row(result, index)) }
        return rows
    }

    private func row(_ result: PgResult, _ index: Int) throws(ReadFailure) -> ExecutionRow {
        guard let sagaID = result.sagaID(index, 0) else {
            throw .store(StoreError(.corrupt, "PostgreSQL: a run has no saga id"))
        }
        guard let namespace = result.text(index, 1), let workflowID = result.text(index, 2),
            let type = result.text(index, 3),
            let status = result.int16(index, 4).flatMap({ UInt8(exactly: $0) }).flatMap(
                ExecutionStatus.init(rawValue:)),
            let started = result.timestamp(index, 5), status.isClosed != result.isNull(index, 6),
            let next = result.int64(index, 7), next > 0, let part = result.int32(index, 8), part >= 0
        else { throw .store(StoreError(.corrupt, "PostgreSQL: the row of run \(sagaID) is damaged")) }
        return ExecutionRow(
            sagaID: sagaID, namespace: namespace, workflowID: workflowID, workflowType: type, status: status,
            startedAt: started, closedAt: result.timestamp(index, 6), nextEventID: EventID(next),
            partition: UInt32(part), searchAttributes: try attributes(result, index, sagaID))
    }

    private func attributes(
        _ result: PgResult, _ index: Int, _ sagaID: SagaID
    ) throws(ReadFailure) -> [NamedPayload] {
        if result.isNull(index, 9) { return [] }
        do throws(CodecError) {
            return try SearchAttributes.decode(result.bytes(index, 9))
        } catch {
            throw .store(
                StoreError(.corrupt, "PostgreSQL: the search attributes of run \(sagaID) are damaged: \(error)"))
        }
    }

    // MARK: The end of a run

    private static let deleteRun = PgStatement(
        name: "delete_run",
        sql: """
            WITH d AS (DELETE FROM executions WHERE saga_id = $1 AND status BETWEEN 3 AND 8 RETURNING saga_id),
            h AS (DELETE FROM history WHERE saga_id = $1 AND EXISTS (SELECT FROM d)),
            n AS (DELETE FROM events WHERE saga_id = $1 AND EXISTS (SELECT FROM d))
            DELETE FROM visibility v USING d WHERE v.saga_id = d.saga_id
            RETURNING v.namespace, v.workflow_id, v.newest
            """)

    /// The run before it is the newest of the workflow id from now on.
    private static let promote = PgStatement(
        name: "promote_run",
        sql: """
            UPDATE visibility SET newest = true WHERE saga_id = (
                SELECT saga_id FROM visibility WHERE NOT newest AND namespace = $1 AND workflow_id = $2
                ORDER BY saga_id DESC LIMIT 1)
            """)

    /// Removes a closed run; false if there is none.
    func delete(_ sagaID: SagaID) throws(ReadFailure) -> Bool {
        nextPage.forget()
        do throws(PgFailure) {
            try connection.run("BEGIN")
            let removed = try connection.run(Self.deleteRun, PgParameters().id(sagaID))
            if removed.bool(0, 2) == true, let namespace = removed.text(0, 0), let workflowID = removed.text(0, 1) {
                _ = try connection.run(Self.promote, PgParameters().text(namespace).text(workflowID))
            }
            try connection.run("COMMIT")
            return removed.count > 0
        } catch {
            if connection.isUsable, connection.isInTransaction {
                do throws(PgFailure) { try connection.run("ROLLBACK") } catch {}
            }
            throw .server(error)
        }
    }
}
