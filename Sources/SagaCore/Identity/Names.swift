/// Position of an event in its run: 0, 1, 2 … without gaps.
public typealias EventID = UInt64

/// Position of a command in the order that the code of a run issued its commands, from 0.
public typealias CommandNumber = UInt32

/// Names that people give: workflow ids, namespaces, queues and types (semantics, section 1).
public enum Name {
    /// Longest name in UTF-8 bytes.
    public static let maximumBytes = 255

    /// Says what is wrong with a name; nil if nothing is.
    ///
    /// A name is 1 to 255 bytes of UTF-8 without control, NUL or bidirectional-override characters: those hide what a
    /// person reads in a log or a terminal.
    /// - Parameters:
    ///   - name: The name to look at.
    ///   - what: What the name names, for the message ("workflow id").
    public static func problem(with name: String, what: @autoclosure () -> String) -> String? {
        let count = name.utf8.count
        if count == 0 { return "\(what()) is empty; give 1 to \(maximumBytes) bytes" }
        if count > maximumBytes { return "\(what()) has \(count) bytes; \(maximumBytes) are allowed" }
        // Most names are printable ASCII, where nothing is forbidden.
        if name.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return nil }
        for (index, scalar) in name.unicodeScalars.enumerated() where isForbidden(scalar) {
            let code = String(scalar.value, radix: 16, uppercase: true)
            return "\(what()) has the forbidden character U+\(code) at position \(index)"
        }
        return nil
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        case 0x2028, 0x2029: true
        default: false
        }
    }
}

/// Which of the store's partitions a workflow id belongs to.
public enum Partition {
    /// How many partitions a store has unless it was created with another count.
    public static let defaultCount: UInt32 = 1_024

    /// FNV-1a over the namespace, a zero byte and the workflow id, then a final mix.
    ///
    /// Part of the stored form: a change would move sagas between owners. Test vectors hold it in place.
    public static func of(namespace: String, workflowID: String, count: UInt32 = defaultCount) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in namespace.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = hash &* 0x0000_0100_0000_01B3
        for byte in workflowID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash ^= hash >> 33
        hash &*= 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        return count == 0 ? 0 : UInt32(truncatingIfNeeded: hash % UInt64(count))
    }
}
