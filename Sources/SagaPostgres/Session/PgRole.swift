import SagaCore

/// What a connection is for; decides its settings.
enum PgRole {
    case writer
    case reader
    case listener

    /// The statements that make a new session ready.
    func settings(_ options: PostgresOptions) -> String {
        let timeout = max(100, options.statementTimeout.wholeMicroseconds / 1_000)
        var lines = [
            // A fixed path: nobody's table or function can stand before ours.
            "SET search_path = \(options.schema), pg_temp",
            "SET statement_timeout = \(self == .listener ? 0 : timeout)",
            "SET lock_timeout = \(timeout)",
            "SET idle_in_transaction_session_timeout = \(2 * timeout)",
            "SET default_transaction_isolation = 'read committed'",
            "SET client_min_messages = warning",
            "SET jit = off",
            // Statements are few and of fixed shape; planning anew for each call would cost more than they do.
            "SET plan_cache_mode = force_generic_plan",
            // Someone may have switched it off for the role; what is acknowledged must be durable.
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        ]
        if self == .writer {
            // Everything is looked up by key. A plan that was made while a table was small must not scan it when it
            // has grown.
            lines += ["seqscan", "hashjoin", "mergejoin", "bitmapscan"].map { "SET enable_\($0) = off" }
        }
        if self == .reader { lines.append("SET enable_seqscan = off") }
        return lines.joined(separator: "; ")
    }
}
