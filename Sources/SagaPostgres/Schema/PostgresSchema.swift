import SagaCore

/// The tables, as a list of steps from one version to the next: the files in `sql`. A released step is never changed: a
/// new one is added.
enum PostgresSchema {
    /// The step at index n leads from version n to n + 1.
    static let migrations = [
        PackageResources.v1_sql, PackageResources.v2_sql, PackageResources.v3_sql, PackageResources.v4_sql,
        PackageResources.v5_sql, PackageResources.v6_sql, PackageResources.v7_sql,
        PackageResources.v8_sql, PackageResources.v9_sql, PackageResources.v10_sql,
    ]

    /// The version that this program writes.
    static var currentVersion: Int { migrations.count }

    /// Prepares a database for use.
    /// - Returns: The version before.
    @discardableResult
    static func prepare(_ connection: PgConnection, _ options: PostgresOptions) throws(StoreError) -> Int {
        try checkServer(connection, options)
        let version = try version(connection, options)
        if version == currentVersion {
            // Months that are to come. A role without the right may leave that to whoever migrates.
            do throws(PgFailure) { try connection.run("SELECT make_partitions()") } catch {}
            try CommitNumbers.goOn(connection, options)
            return version
        }
        guard version < currentVersion else {
            throw StoreError(
                .misconfigured,
                "the database has schema version \(version), this program knows \(currentVersion); use a newer program")
        }
        guard options.migratesAtOpen else {
            throw StoreError(
                .misconfigured,
                "the database has schema version \(version), this program needs \(currentVersion): run saga migrate")
        }
        return try migrate(connection, options, to: currentVersion)
    }

    /// The version of the schema; 0 if there is none.
    static func version(_ connection: PgConnection, _ options: PostgresOptions) throws(StoreError) -> Int {
        try with("read the schema's version") { () throws(PgFailure) in
            let found = try connection.text("SELECT to_regclass('\(options.schema).schema_versions') IS NOT NULL")
            guard found == "t" else { return 0 }
            return Int(try connection.text("SELECT max(version) FROM schema_versions") ?? "") ?? 0
        }
    }

    /// Applies what is missing, each step in a transaction of its own. Another program that does the same waits.
    /// - Returns: The version before.
    @discardableResult
    static func migrate(
        _ connection: PgConnection, _ options: PostgresOptions, to target: Int
    ) throws(StoreError) -> Int {
        var first: Int?
        while true {
            try with("begin a migration") { () throws(PgFailure) in
                try connection.run("BEGIN")
                // Waits for a migration that is under way, as long as that takes.
                try connection.run("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                try connection.run(
                    "SELECT pg_advisory_xact_lock(hashtextextended('saga-engine schema \(options.schema)', 0))")
            }
            do throws(StoreError) {
                let version = try version(connection, options)
                if first == nil { first = version }
                guard version < target, migrations.indices.contains(version) else {
                    try with("end a migration") { () throws(PgFailure) in try connection.run("COMMIT") }
                    if max(version, target) == currentVersion { try CommitNumbers.goOn(connection, options) }
                    return first ?? version
                }
                try apply(connection, options, version: version)
            } catch {
                if connection.isUsable { do throws(PgFailure) { try connection.run("ROLLBACK") } catch {} }
                throw error
            }
        }
    }

    private static func apply(
        _ connection: PgConnection, _ options: PostgresOptions, version: Int
    ) throws(StoreError) {
        let sql = String(decoding: migrations[version], as: UTF8.self).replacing("@SCHEMA@", with: options.schema)
        try with("migrate the schema to version \(version + 1)") { () throws(PgFailure) in
            if version == 0 { try connection.run("CREATE SCHEMA IF NOT EXISTS \(options.schema)") }
            try connection.run(sql)
            try connection.run("INSERT INTO schema_versions (version) VALUES (\(version + 1))")
            if version == 0 { try fill(connection, options) }
            try connection.run("COMMIT")
        }
    }

    private static func fill(_ connection: PgConnection, _ options: PostgresOptions) throws(PgFailure) {
        var random = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        _ = try connection.run(
            PgStatement(
                name: "fill_meta", sql: "INSERT INTO meta (partition_count, task_token_key) VALUES ($1, $2)"),
            PgParameters().int32(Int32(clamping: max(1, options.partitionCount))).data(key))
    }

    /// Refuses a server that cannot keep what is promised, and says why.
    private static func checkServer(_ connection: PgConnection, _ options: PostgresOptions) throws(StoreError) {
        guard connection.serverVersion >= 130_000 else {
            throw StoreError(
                .misconfigured, "PostgreSQL \(connection.setting("server_version")) is too old; 13 or newer is needed")
        }
        guard connection.setting("server_encoding") == "UTF8" else {
            throw StoreError(
                .misconfigured,
                "the database has the encoding \(connection.setting("server_encoding")); make one with ENCODING 'UTF8'")
        }
        for name in ["fsync", "full_page_writes"] {
            let value = try with("read the setting \(name)") { () throws(PgFailure) in
                try connection.text("SHOW \(name)")
            }
            if value != "on" && !options.allowsUnsafeDurability {
                throw StoreError(
                    .misconfigured,
                    "PostgreSQL runs with \(name) = \(value ?? ""): when its machine crashes, acknowledged sagas are lost "
                        + "or damaged; switch it on, or allow that with --allow-unsafe-durability")
            }
        }
    }

    private static func with<Value>(
        _ what: String, _ body: () throws(PgFailure) -> Value
    ) throws(StoreError) -> Value {
        do throws(PgFailure) { return try body() } catch { throw error.storeError(what) }
    }
}

extension String {
    /// The text with each occurrence of a word replaced. (The standard library has this only with regular expressions.)
    fileprivate func replacing(_ word: String, with other: String) -> String {
        var result = ""
        var rest = Substring(self)
        while let start = rest.range(of: word) {
            result += rest[..<start.lowerBound] + other
            rest = rest[start.upperBound...]
        }
        return result + rest
    }
}

extension Substring {
    fileprivate func range(of word: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(word) { return start..<index(start, offsetBy: word.count) }
            start = index(after: start)
        }
        return nil
    }
}
