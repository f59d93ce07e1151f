import SagaCodec
import SagaCore

/// A filter of runs as SQL. What an index cannot answer is judged row by row, but in the server.
struct RunFilter {
    private(set) var parameters = PgParameters()
    /// Tells apart what must be prepared apart; the values do not count.
    private(set) var shape = ""
    private var conditions: [String] = []
    /// Names of workflow ids stand in two indexes: one of the newest run of each, one of older ones.
    private var halves: [String] = []
    private var joinsExecutions = false
    private var count = 0

    /// - Throws: If PostgreSQL cannot hold a value that is asked for.
    init(_ query: ExecutionQuery) throws(StoreError) {
        add("v.namespace = \(text(query.namespace))")
        if let before = query.before {
            shape += "b"
            parameters = parameters.id(before)
            count += 1
            add("v.saga_id < $\(count)::uuid")
        }
        if !query.workflowType.isEmpty {
            shape += "t"
            add("v.workflow_type = \(text(query.workflowType))")
        }
        if !query.workflowID.isEmpty {
            shape += "i"
            add("v.workflow_id = \(text(query.workflowID))")
            halves = ["v.newest", "NOT v.newest"]
        }
        if !query.statuses.isEmpty { add(statuses: Set(query.statuses)) }
        for condition in query.attributes { try add(condition) }
    }

    private mutating func add(_ condition: String) { conditions.append(condition) }

    private mutating func text(_ value: String) -> String {
        parameters = parameters.text(value)
        count += 1
        return "$\(count)::text"
    }

    private mutating func add(statuses: Set<ExecutionStatus>) {
        shape += "s"
        joinsExecutions = true
        // What an index has to do with the status is said in its own words, so that it can be used.
        if statuses.allSatisfy({ !$0.isClosed }) {
            shape += "o"
            add("(e.status < 3 OR e.status > 8)")
        }
        if !statuses.contains(.running), !statuses.contains(.completed) {
            shape += "r"
            add("e.status <> 0 AND e.status <> 3")
        }
        parameters = parameters.int16Array(statuses.map(\.rawValue).sorted().map { Int16($0) })
        count += 1
        add("e.status = ANY ($\(count)::int2[])")
    }

    private mutating func add(_ condition: AttributeCondition) throws(StoreError) {
        shape += "a"
        guard let object = SearchAttributes.json(condition.name, condition.value) else {
            throw StoreError(
                .invalid, "PostgreSQL: search attribute \(condition.name): a text with a NUL, or no number")
        }
        let comparison: String
        switch condition.comparison {
        case .equal: return add("v.search @> \(text(object))::jsonb")
        case .notEqual: return add("(v.search @> \(text(object))::jsonb) IS NOT TRUE")
        case .prefix:
            guard case .text(let start) = condition.value else { return add("false") }
            let name = text(condition.name)
            return add(
                "jsonb_typeof(v.search -> \(name)) = 'string' AND starts_with(v.search ->> \(name), \(text(start)))")
        case .less: comparison = "<"
        case .lessOrEqual: comparison = "<="
        case .greater: comparison = ">"
        case .greaterOrEqual: comparison = ">="
        }
        let isOrEqual = condition.comparison == .lessOrEqual || condition.comparison == .greaterOrEqual
        switch condition.value {
        case .boolean: return add(isOrEqual ? "v.search @> \(text(object))::jsonb" : "false")
        case .text(let value):
            let name = text(condition.name)
            // As bytes, so that no locale has a say.
            add(Self.typed("string", name, "(v.search ->> \(name)) COLLATE \"C\" \(comparison) \(text(value))"))
        case .number(let value):
            let name = text(condition.name)
            add(
                Self.typed(
                    "number", name, "(v.search ->> \(name))::float8 \(comparison) \(text("\(value)"))::float8"))
        }
    }

    /// A comparison of values of one type only: CASE, because AND promises no order.
    private static func typed(_ type: String, _ name: String, _ comparison: String) -> String {
        "CASE WHEN jsonb_typeof(v.search -> \(name)) = '\(type)' THEN \(comparison) ELSE false END"
    }

    /// Rows that match, newest first, at most so many.
    /// - Parameter columns: A SELECT of columns of `visibility v` and `executions e`, joined.
    mutating func rows(_ columns: String, limit: Int) -> String {
        let order = " ORDER BY v.saga_id DESC LIMIT \(number(limit))"
        if halves.isEmpty { return columns + whole + order }
        let parts = halves.map { "(\(columns)\(whole) AND \($0)\(order))" }
        return parts.joined(separator: " UNION ALL ") + " ORDER BY 1 DESC LIMIT $\(count)"
    }

    /// Counts rows, at most so many.
    mutating func counting(upTo limit: Int) -> String {
        "SELECT count(*) FROM (\(matching) LIMIT \(number(limit))) q"
    }

    /// All that match, without order and columns.
    var matching: String {
        let source = "SELECT FROM visibility v" + (joinsExecutions ? " JOIN executions e USING (saga_id)" : "")
        if halves.isEmpty { return source + whole }
        return halves.map { "\(source)\(whole) AND \($0)" }.joined(separator: " UNION ALL ")
    }

    private var whole: String { " WHERE " + conditions.joined(separator: " AND ") }

    private mutating func number(_ value: Int) -> String {
        parameters = parameters.int64(Int64(max(0, value)))
        count += 1
        return "$\(count)::int8"
    }
}
