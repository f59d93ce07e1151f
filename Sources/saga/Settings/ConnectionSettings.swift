/// How a client command reaches a server. Each value comes from its flag, else its variable, else what `saga dev` wrote in
/// this folder, else the default.
struct ConnectionSettings: Equatable {
    /// The file that `saga dev` writes into `.saga/`.
    static let fileName = "client.conf"
    /// Names of the settings, as in the file.
    static let names = ["address", "ca", "cert", "key", "token-file", "namespace", "insecure", "server-name"]

    var address = Address.standard
    /// PEM file of the authorities to trust; nil trusts the system's.
    var ca: String?
    var cert: String?
    var key: String?
    var token: String?
    var namespace = "default"
    var isInsecure = false
    /// The name that the server's certificate must carry; nil takes the host of the address.
    var serverName: String?

    /// - Parameters:
    ///   - flags: Values given on the command line, by the names of the settings.
    ///   - environment: Reads a variable.
    ///   - file: The connection file, if there is one.
    ///   - readToken: Reads a token file.
    init(
        flags: [String: String], environment: (String) -> String?, file: SettingsFile?,
        readToken: (String) throws(Failure) -> String
    ) throws(Failure) {
        try file?.check(against: Self.names)
        func given(_ name: String) -> String? {
            if let value = flags[name] { return value }
            let variable = "SAGA_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
            return environment(variable).flatMap { $0.isEmpty ? nil : $0 }
        }
        func value(_ name: String) -> String? { given(name) ?? file?.value(name) }
        if let text = value("address") {
            guard let read = Address(text) else {
                throw Failure(.usage, "address is \(Wording.safe(text)): give HOST:PORT or unix:PATH")
            }
            address = read
        }
        // The file's authority belongs to the file's address: another address is not asked to be in its hands.
        let isOther = given("address") != nil && given("address") != file?.value("address")
        ca = isOther ? given("ca") : value("ca")
        cert = value("cert")
        key = value("key")
        if let text = isOther ? given("insecure") : value("insecure") {
            guard let read = Bool(text) else { throw Failure(.usage, "insecure is \(text): give true or false") }
            isInsecure = read
        }
        serverName = value("server-name")
        namespace = value("namespace") ?? "default"
        token = environment("SAGA_TOKEN").flatMap { $0.isEmpty ? nil : $0 }
        if let path = flags["token-file"] ?? (token == nil ? value("token-file") : nil) {
            token = try readToken(path).split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
        guard (cert == nil) == (key == nil) else {
            throw Failure(.usage, "a client certificate needs both --cert and --key")
        }
        guard !isInsecure || address.isLocal else {
            throw Failure(.usage, "insecure is for loopback addresses and Unix sockets only, not for \(address)")
        }
    }
}
