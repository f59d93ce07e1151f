/// A workflow id within its namespace. Compared as bytes (semantics, section 1): Swift's `String` would take two
/// canonically equivalent texts for one.
struct WorkflowKey: Hashable {
    let namespace: String
    let workflowID: String

    static func == (left: WorkflowKey, right: WorkflowKey) -> Bool {
        sameBytes(left.workflowID, right.workflowID) && sameBytes(left.namespace, right.namespace)
    }

    func hash(into hasher: inout Hasher) {
        hash(namespace, into: &hasher)
        hash(workflowID, into: &hasher)
    }

    private func hash(_ text: String, into hasher: inout Hasher) {
        var copy = text
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}

/// Whether two texts have the same UTF-8 bytes.
func sameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
