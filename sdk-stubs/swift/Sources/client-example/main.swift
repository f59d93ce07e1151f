// A program that embeds the client: starts a run that no worker serves, looks at it and stops it.
//     SAGA_ADDRESS=localhost:7233 SAGA_CA=.saga/ca.pem client-example
import Foundation
import SagaClient
import SagaCore

let environment = ProcessInfo.processInfo.environment
let address = (environment["SAGA_ADDRESS"] ?? "localhost:7233").split(separator: ":")
guard address.count == 2, let port = Int(address[1]) else {
    print("SAGA_ADDRESS is HOST:PORT, for example localhost:7233")
    exit(2)
}

let client = try await SagaClient.connect(
    ConnectionOptions(
        host: String(address[0]), port: port, security: .tls(ca: environment["SAGA_CA"] ?? ".saga/ca.pem")))
let id = "example-\(ProcessInfo.processInfo.processIdentifier)"
_ = try await client.start(type: "nobody-serves-it", id: id, input: .json(#"{"amount":7}"#))
print(try await client.describe(id).summary.status.name)
try await client.terminate(id, reason: "only an example", compensate: false)
print(try await client.describe(id).summary.status.name)
await client.close()
