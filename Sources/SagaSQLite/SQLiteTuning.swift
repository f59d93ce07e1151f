internal import SagaCore

/// What tests and measurements change about a SQLite store; nobody else needs to.
package struct SQLiteTuning: Sendable {
    /// Name of the VFS to use; nil for SQLite's default.
    package var vfs: String?
    /// How long to wait for another program's lock on the file, in milliseconds.
    package var busyTimeoutMillis: Int32 = 5_000
    /// Page cache of the writer and of the reader, in KiB each.
    package var cacheKiB = 32 * 1_024
    /// Pages (8 KiB) in the write-ahead log from which a checkpoint begins.
    package var checkpointPages: Int32 = 512
    /// Runs whose next event id is remembered, per generation of the cache.
    package var cachedRuns = 65_536
    /// Bytes of data from which on a payload is kept apart from its event.
    package var blobThreshold = Payload.defaultBlobThreshold

    package init() {}
}
