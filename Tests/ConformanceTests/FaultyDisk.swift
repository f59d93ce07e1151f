import CSQLite
import Synchronization

/// A SQLite VFS over the default one whose n-th write or sync fails: once, or from then on (a disk that died).
///
/// A failing write may leave half of its bytes, as a real one does, or nothing.
enum FaultyDisk {
    static let name = "saga-faulty-disk"

    struct Plan: Sendable {
        /// Calls until the failure; nil: none fails.
        var callsLeft: Int?
        /// Which calls count.
        var writes = true
        var syncs = true
        /// Whether all later calls fail as well.
        var staysBroken = false
        /// Whether a failing write leaves half of its bytes.
        var tearsWrites = true
        /// What the failing call answers.
        var code = SQLITE_IOERR
        /// How often a call failed.
        var failures = 0
    }

    static let plan = Mutex(Plan())

    /// Makes the VFS known to SQLite, once.
    static let register: Bool = {
        guard let base = sqlite3_vfs_find(nil) else { return false }
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: base.pointee)
        let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: 64)
        for (index, byte) in name.utf8CString.enumerated() { bytes[index] = byte }
        vfs.pointee.zName = UnsafePointer(bytes)
        vfs.pointee.xOpen = { vfs, name, file, flags, outFlags in
            guard let base = sqlite3_vfs_find(nil), let open = base.pointee.xOpen else { return SQLITE_CANTOPEN }
            let code = open(base, name, file, flags, outFlags)
            if code == SQLITE_OK, let file, let methods = file.pointee.pMethods {
                file.pointee.pMethods = FaultyDisk.wrapped(methods)
            }
            return code
        }
        return sqlite3_vfs_register(vfs, 0) == SQLITE_OK
    }()

    /// The default VFS's own methods of ordinary files, and ours. It has one set for all of them.
    private nonisolated(unsafe) static var original: UnsafePointer<sqlite3_io_methods>?
    private nonisolated(unsafe) static var replacement: UnsafePointer<sqlite3_io_methods>?
    private static let wrapLock = Mutex(())

    private static func wrapped(
        _ methods: UnsafePointer<sqlite3_io_methods>
    ) -> UnsafePointer<sqlite3_io_methods> {
        wrapLock.withLock { _ in
            if let replacement, original == methods { return replacement }
            let copy = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
            copy.initialize(to: methods.pointee)
            copy.pointee.xWrite = { file, bytes, count, offset in
                let code = FaultyDisk.fails(write: true)
                if code != SQLITE_OK {
                    if FaultyDisk.plan.withLock({ $0.tearsWrites }) {
                        _ = FaultyDisk.original?.pointee.xWrite(file, bytes, count / 2, offset)
                    }
                    return code
                }
                return FaultyDisk.original?.pointee.xWrite(file, bytes, count, offset) ?? SQLITE_IOERR
            }
            copy.pointee.xSync = { file, flags in
                let code = FaultyDisk.fails(write: false)
                if code != SQLITE_OK { return code }
                return FaultyDisk.original?.pointee.xSync(file, flags) ?? SQLITE_IOERR
            }
            original = methods
            replacement = UnsafePointer(copy)
            return UnsafePointer(copy)
        }
    }

    private static func fails(write: Bool) -> Int32 {
        plan.withLock { plan in
            guard let left = plan.callsLeft, write ? plan.writes : plan.syncs else { return SQLITE_OK }
            if left > 1 {
                plan.callsLeft = left - 1
                return SQLITE_OK
            }
            plan.failures += 1
            if !plan.staysBroken { plan.callsLeft = nil }
            return plan.code
        }
    }
}
