package import SagaCore
internal import SagaTransport

/// The callers that a server knows: `saga server --tokens FILE`. It holds digests, never tokens.
///
/// ```json
/// {"tokens": [{"id": "k1", "sha256": "9f86…", "principal": "billing", "namespaces": ["default"],
///              "roles": ["client", "worker"], "expires": "2027-01-01T00:00:00Z"}]}
/// ```
///
/// A token is `<id>.<secret>`; `sha256` is the digest of the whole token in hexadecimal. Instead of `id` and `sha256` an
/// entry may have `certificate`, the subject of a client certificate. The namespace `*` means all. Without `expires` an
/// entry does not end.
package struct TokenFile: Sendable {
    /// One caller.
    package struct Entry: Codable, Hashable, Sendable {
        package var id: String?
        package var sha256: String?
        package var certificate: String?
        package var principal: String
        package var namespaces: [String]
        package var roles: [String]
        package var expires: String?
    }

    private struct Form: Codable {
        var tokens: [Entry]
    }

    /// An entry in the form that is used for each hello.
    struct Caller: Sendable {
        var digest: [UInt8]
        var principal: String
        var namespaces: [String]
        var permissions: Permissions
        var expiresAt: Timestamp?

        func serves(_ namespace: String) -> Bool { namespaces.contains("*") || namespaces.contains(namespace) }
    }

    /// Longest file that is read, in bytes.
    package static let maximumBytes = 4 << 20

    private(set) var callers: [String: Caller] = [:]
    private(set) var certificates: [String: Caller] = [:]

    /// Reads the text of a file.
    /// - Throws: `SagaError` of kind configuration that names the entry and what is wrong with it.
    package init(json: [UInt8]) throws(SagaError) {
        let form: Form
        do {
            form = try JSONPayloadConverter().decode(Form.self, from: Payload(encoding: "json", data: json))
        } catch {
            throw SagaError(kind: .configuration, message: "the tokens file does not read: \(error)")
        }
        for (index, entry) in form.tokens.enumerated() {
            do throws(Problem) {
                try add(entry)
            } catch {
                throw SagaError(
                    kind: .configuration,
                    message: "tokens file, entry \(index) (\(entry.id ?? entry.certificate ?? "?")): \(error.text)")
            }
        }
    }

    /// Reads a file.
    package init(path: String) throws(SagaError) {
        try self.init(json: try readFile(path, limit: Self.maximumBytes))
    }

    /// Makes a new token for `saga token new`: the token itself, shown once, and the entry to put into the file.
    /// - Parameters:
    ///   - id: The key id: letters, digits, `-` and `_`.
    ///   - expires: ISO 8601 in UTC, such as `2027-01-01T00:00:00Z`; nil for no end.
    package static func issue(
        id: String, principal: String, namespaces: [String], roles: [String], expires: String? = nil
    ) throws(SagaError) -> (token: String, entry: Entry) {
        let token = id + "." + hex(Crypto.randomBytes(32))
        let entry = Entry(
            id: id, sha256: hex(Crypto.sha256(Array(token.utf8))), certificate: nil, principal: principal,
            namespaces: namespaces, roles: roles, expires: expires)
        // The same checks as on reading, so that no entry is issued that a server refuses.
        var file = TokenFile()
        do throws(Problem) {
            try file.add(entry)
        } catch {
            throw SagaError(kind: .validation, message: error.text)
        }
        return (token, entry)
    }

    private init() {}

    private struct Problem: Error {
        var text: String
    }

    private mutating func add(_ entry: Entry) throws(Problem) {
        if let problem = Name.problem(with: entry.principal, what: "principal") { throw Problem(text: problem) }
        guard !entry.namespaces.isEmpty else {
            throw Problem(text: "namespaces is empty; give names, or \"*\" for all")
        }
        var permissions: Permissions = []
        for role in entry.roles {
            guard let given = Permissions(role: role) else {
                let known = Permissions.roleNames.joined(separator: ", ")
                throw Problem(text: "unknown role \(role); there are \(known)")
            }
            permissions.formUnion(given)
        }
        guard !permissions.isEmpty else { throw Problem(text: "roles is empty") }
        var expiresAt: Timestamp?
        if let expires = entry.expires {
            guard let time = Timestamp(iso8601: expires) else {
                throw Problem(text: "expires is not a time like 2027-01-01T00:00:00Z")
            }
            expiresAt = time
        }
        let digest = entry.sha256.flatMap(bytes(hex:)) ?? []
        let caller = Caller(
            digest: digest, principal: entry.principal, namespaces: entry.namespaces, permissions: permissions,
            expiresAt: expiresAt)
        switch (entry.id, entry.certificate) {
        case (let id?, nil):
            guard digest.count == Crypto.digestSize else { throw Problem(text: "sha256 is not 64 hexadecimal digits") }
            guard !id.isEmpty, id.utf8.count <= 64, !id.utf8.contains(UInt8(ascii: ".")) else {
                throw Problem(text: "id has 1 to 64 bytes and no dot")
            }
            guard callers.updateValue(caller, forKey: id) == nil else { throw Problem(text: "the id is there twice") }
        case (nil, let subject?):
            guard certificates.updateValue(caller, forKey: subject) == nil else {
                throw Problem(text: "the certificate is there twice")
            }
        default: throw Problem(text: "give either id and sha256, or certificate")
        }
    }

    /// The caller behind a token; nil if there is none. Takes as long for a wrong secret as for a right one.
    func caller(token: String) -> Caller? {
        let id = String(token.prefix { $0 != "." })
        let digest = Crypto.sha256(Array(token.utf8))
        let caller = callers[id]
        let expected = caller?.digest ?? [UInt8](repeating: 0, count: Crypto.digestSize)
        let isRight = Crypto.constantTimeEquals(digest, expected)
        return isRight ? caller : nil
    }

    func caller(certificate subject: String) -> Caller? { certificates[subject] }
}

extension Timestamp {
    /// Reads `2027-01-01T00:00:00Z`; nil if the text is anything else.
    package init?(iso8601 text: String) {
        let pattern = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
        let bytes = Array(text.utf8)
        guard bytes.count == pattern.count else { return nil }
        var fields: [Int64] = [0]
        for (byte, expected) in zip(bytes, pattern) {
            if expected == UInt8(ascii: "d") {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                fields[fields.count - 1] = fields[fields.count - 1] * 10 + Int64(byte - UInt8(ascii: "0"))
            } else {
                guard byte == expected else { return nil }
                fields.append(0)
            }
        }
        let (year, month, day, hour, minute, second) = (
            fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]
        )
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60 else { return nil }
        // Days from the civil date after Howard Hinnant's public-domain algorithm.
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        self.init(microseconds: (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000)
    }
}

/// Lower-case hexadecimal digits.
func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of hexadecimal digits; nil if there is any other character, or an odd number.
func bytes(hex text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(digits.count / 2)
    var high: UInt8?
    for digit in digits {
        let value: UInt8
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
        default: return nil
        }
        if let first = high {
            result.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return result
}
