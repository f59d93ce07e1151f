internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Workflows: listing.
extension ServerConnection {
    func list(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ListWorkflowsRequest.self, body)
        try request.require(.read, "list workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let filter = try ListFilter(wire.filter ?? Wire.WorkflowFilter(), namespace: request.principal.namespace)
        let size = try pageSize(wire.pageSize)
        let before = try position(of: wire.pageToken)
        try read(request, header) { store in
            let page = try await filter.checkedPage(of: store, before: before, size: size)
            return try Wire.ListWorkflowsResponse(
                workflows: page.rows.map { Wire.WorkflowInfo($0) }, nextPageToken: page.next?.bytes ?? []
            ).serialized()
        }
    }

    func count(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.CountWorkflowsRequest.self, body)
        try request.require(.read, "count workflows")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let filter = try ListFilter(wire.filter ?? Wire.WorkflowFilter(), namespace: request.principal.namespace)
        try read(request, header) { store in
            let runs = try await filter.count(in: store)
            return try Wire.CountWorkflowsResponse(count: UInt64(clamping: runs.count), estimated: runs.isEstimate)
                .serialized()
        }
    }

    /// Entries per page: 100 unless the request says otherwise.
    func pageSize(_ wire: UInt32) throws(WireStatus) -> Int {
        try Check.range(wire, "page_size", 0...1_000)
        return wire == 0 ? 100 : Int(wire)
    }

    /// A page token is the saga id of the last entry that was looked at.
    func position(of token: [UInt8]) throws(WireStatus) -> SagaID? {
        guard !token.isEmpty else { return nil }
        guard let sagaID = SagaID(bytes: token) else { throw Check.invalid("page_token", "is none of this server's") }
        return sagaID
    }
}

/// Which runs to list. What the store cannot filter is filtered here, over a bounded number of rows per call.
struct ListFilter: Sendable {
    private static let maximumScan = 10_000
    /// Runs up to which a count is exact.
    static let exactCount = 10_000

    private var query: ExecutionQuery
    private var types: Set<String>
    private var prefix: String
    private var started: Range<Int64>
    private var closed: Range<Int64>?

    /// One page and where the next begins; `next` is nil at the end.
    struct Page {
        var rows: [ExecutionRow]
        var next: SagaID?
    }

    init(_ wire: Wire.WorkflowFilter, namespace: String) throws(WireStatus) {
        try Check.count(wire.workflowTypes.count, "filter.workflow_types", atMost: 32)
        try Check.count(wire.statuses.count, "filter.statuses", atMost: 16)
        try Check.text(wire.workflowIDPrefix, "filter.workflow_id_prefix", atMost: Name.maximumBytes)
        for (index, type) in wire.workflowTypes.enumerated() {
            try Check.name(type, "filter.workflow_types[\(index)]")
        }
        try Check.count(wire.attributes.count, "filter.attributes", atMost: 16)
        var attributes: [AttributeCondition] = []
        for (index, filter) in wire.attributes.enumerated() {
            attributes.append(try AttributeCondition(filter, "filter.attributes[\(index)]"))
        }
        var statuses: [ExecutionStatus] = []
        for (index, status) in wire.statuses.enumerated() {
            guard let matching = ExecutionStatus.matching(status) else {
                throw Check.invalid("filter.statuses[\(index)]", "has the unknown value \(status.rawValue)")
            }
            statuses += matching
        }
        if wire.onlyBlocked { statuses = [.blocked] }
        // One type goes to the store's index; several are told apart here.
        types = wire.workflowTypes.count > 1 ? Set(wire.workflowTypes) : []
        prefix = wire.workflowIDPrefix
        started = try Self.range(wire.startedFromMicros, wire.startedToMicros, "filter.started_to_us")
        let closes = wire.closedFromMicros != 0 || wire.closedToMicros != 0
        closed = closes ? try Self.range(wire.closedFromMicros, wire.closedToMicros, "filter.closed_to_us") : nil
        query = ExecutionQuery(
            namespace: namespace, workflowType: wire.workflowTypes.count == 1 ? wire.workflowTypes[0] : "",
            statuses: statuses, attributes: attributes)
    }

    private static func range(_ from: Int64, _ to: Int64, _ field: String) throws(WireStatus) -> Range<Int64> {
        let end = to == 0 ? Int64.max : to
        guard from <= end else { throw Check.invalid(field, "lies before the beginning") }
        return from..<end
    }

    /// How many match: exact to ``exactCount``.
    func count(in store: any EventStore) async throws -> RunCount {
        try check(store)
        // Most filters are the store's alone.
        if isStoresAlone { return try await store.count(query, exactUpTo: Self.exactCount) }
        var found = 0
        var before: SagaID?
        repeat {
            let page = try await page(of: store, before: before, size: 1_000)
            found += page.rows.count
            // A lower bound is all that can be said without reading every row.
            if found > Self.exactCount { return RunCount(count: found, isEstimate: true) }
            before = page.next
        } while before != nil
        return RunCount(count: found, isEstimate: false)
    }

    /// Whether nothing is left to be filtered here.
    private var isStoresAlone: Bool {
        types.isEmpty && prefix.isEmpty && started.lowerBound == 0 && started.upperBound == .max && closed == nil
    }

    private func check(_ store: any EventStore) throws(WireStatus) {
        guard query.attributes.isEmpty || store.filtersByAttributes else {
            throw WireStatus(
                .unimplemented, "this server's store does not filter by search attributes (filter.attributes)")
        }
    }

    func checkedPage(of store: any EventStore, before: SagaID?, size: Int) async throws -> Page {
        try check(store)
        return try await page(of: store, before: before, size: size)
    }

    func page(of store: any EventStore, before: SagaID?, size: Int) async throws(StoreError) -> Page {
        var query = query
        query.before = before
        var rows: [ExecutionRow] = []
        var scanned = 0
        while rows.count < size, scanned < Self.maximumScan {
            // One more than is wanted tells whether there is a next page.
            query.limit = size + 1 - rows.count
            let found = try await store.list(query)
            scanned += found.count
            for row in found {
                if rows.count == size { return Page(rows: rows, next: query.before) }
                query.before = row.sagaID
                if matches(row) { rows.append(row) }
            }
            if found.count < query.limit { return Page(rows: rows, next: nil) }
        }
        return Page(rows: rows, next: query.before)
    }

    private func matches(_ row: ExecutionRow) -> Bool {
        guard types.isEmpty || types.contains(row.workflowType) else { return false }
        guard prefix.isEmpty || row.workflowID.utf8.starts(with: prefix.utf8) else { return false }
        guard started.contains(row.startedAt.microseconds) else { return false }
        guard let closed else { return true }
        return row.closedAt.map { closed.contains($0.microseconds) } ?? false
    }
}

extension AttributeCondition {
    fileprivate init(_ wire: Wire.AttributeFilter, _ field: String) throws(WireStatus) {
        try Check.name(wire.name, "\(field).name")
        let comparison: Comparison
        switch wire.op {
        case .equal: comparison = .equal
        case .notEqual: comparison = .notEqual
        case .less: comparison = .less
        case .lessOrEqual: comparison = .lessOrEqual
        case .greater: comparison = .greater
        case .greaterOrEqual: comparison = .greaterOrEqual
        case .prefix: comparison = .prefix
        case .unspecified, .unrecognized:
            throw Check.invalid("\(field).op", "has the unknown value \(wire.op.rawValue)")
        }
        guard let value = Value(try Check.payload(wire.value, "\(field).value")) else {
            throw Check.invalid("\(field).value", "is no JSON text, number or boolean")
        }
        self.init(wire.name, comparison, value)
    }
}
