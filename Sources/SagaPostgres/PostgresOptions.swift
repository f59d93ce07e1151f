internal import SagaCore

/// How a PostgreSQL store connects and writes. The defaults are for production.
public struct PostgresOptions: Sendable {
    /// What libpq understands: `postgres://user@host/database?sslmode=verify-full`, or `host=… dbname=…`, or
    /// `service=…`. What it leaves out comes from the environment (`PGHOST` …), the service file and `.pgpass`.
    public var connection: String
    /// How many partitions workflow ids are spread over; counts only when the store is made. Default 1,024.
    public var partitionCount: UInt32 = Partition.defaultCount
    /// How long a statement may take before it is given up. Default 10 s.
    public var statementTimeout: Duration = .seconds(10)
    /// How long connecting may take. Default 5 s, unless the connection string says its own `connect_timeout`.
    public var connectTimeout: Duration = .seconds(5)
    /// Whether a server with `fsync` or `full_page_writes` off is accepted. It loses acknowledged sagas when its machine
    /// does. Default false.
    public var allowsUnsafeDurability = false
    /// Whether an older schema is brought up to date when the store is opened. Default true.
    public var migratesAtOpen = true
    /// Whether appends of several sagas and callers share a commit. Off only to see what that gains. Default true.
    public var batching = true
    /// Bytes of data from which on a payload is kept apart from its event. Default 32 KiB.
    public var blobThreshold = Payload.defaultBlobThreshold

    /// - Parameter connection: See the property of that name.
    public init(connection: String) { self.connection = connection }

    /// The schema that everything is in.
    package var schema = "saga"
    /// Connections that append. Two keep two cores busy; a third adds only latency.
    package var writers = 2
    /// Most events that several callers' batches may bring into one commit; a larger batch is a commit of its own.
    package var maximumSharedEvents = 1_024
    /// Transactions of one batch from which on it is split over idle connections.
    package var splitAbove = 64
    /// Most events that may wait for a commit; beyond, appends are refused, so that memory stays bounded while the
    /// database is slow.
    package var maximumWaitingEvents = 262_144

    /// Throws if the options contradict themselves.
    func check() throws(StoreError) {
        let characters = schema.utf8
        let isName =
            !characters.isEmpty && characters.count <= 48
            && characters.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
        guard isName else {
            throw StoreError(.misconfigured, "the schema name may have the characters a-z, 0-9 and _ only")
        }
        guard !connection.utf8.contains(0) else {
            throw StoreError(.misconfigured, "the connection string of PostgreSQL has a NUL character")
        }
    }
}
