package import SagaCore

/// Who is at the other end of a connection, in which namespace, and what they may do. Made once, from the hello; the only
/// source of identity downstream (wire.md, "Connection").
package struct Principal: Hashable, Sendable {
    /// Name of the caller: from the tokens file, or the subject of the client certificate.
    package var name: String
    /// The namespace of everything on the connection.
    package var namespace: String
    package var permissions: Permissions
    /// When the credentials end; nil if they do not.
    package var expiresAt: Timestamp?

    package init(name: String, namespace: String, permissions: Permissions, expiresAt: Timestamp? = nil) {
        self.name = name
        self.namespace = namespace
        self.permissions = permissions
        self.expiresAt = expiresAt
    }
}

/// What a caller may do. A role of the tokens file gives one or more of them.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Read runs and histories, wait for results.
    package static let read = Permissions(rawValue: 1)
    /// Start, signal, cancel and terminate runs.
    package static let write = Permissions(rawValue: 2)
    /// Serve tasks.
    package static let work = Permissions(rawValue: 4)
    /// Decide about blocked undos; terminate without unwinding.
    package static let operate = Permissions(rawValue: 8)
    /// Run the server.
    package static let administer = Permissions(rawValue: 16)

    package static let all: Permissions = [.read, .write, .work, .operate, .administer]

    /// What a role of the tokens file gives; nil if there is no such role.
    package init?(role: String) {
        switch role {
        case "reader": self = .read
        case "client": self = [.read, .write]
        case "worker": self = .work
        case "operator": self = [.read, .write, .operate]
        case "admin": self = .all
        default: return nil
        }
    }

    /// The roles that a tokens file may name.
    package static let roleNames = ["reader", "client", "worker", "operator", "admin"]
}
