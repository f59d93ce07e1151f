import Foundation
import SagaWire
import Testing

/// The compiled schema keeps the rules that the guard and the protocol build on.
@Suite struct SchemaTests {
    private let messages = WireSchema.current.messages

    @Test func noMessageIsRecursiveAndTheGuardIsDeepEnough() {
        var depths: [String: Int] = [:]
        func depth(_ name: String, _ path: [String]) -> Int {
            if let known = depths[name] { return known }
            if path.contains(name) {
                Issue.record("recursive: \(path) \(name)")
                return 0
            }
            var deepest = 0
            for field in messages[name] ?? [] {
                if case .message(let inner) = field.kind { deepest = max(deepest, 1 + depth(inner, path + [name])) }
            }
            depths[name] = deepest
            return deepest
        }
        let deepest = messages.keys.map { depth($0, []) }.max() ?? 0
        #expect(deepest >= 4)
        #expect(deepest <= 16)
    }

    @Test func theGuardsBitmapsHoldEveryMessage() {
        for (name, fields) in messages {
            #expect(fields.count <= 128, "\(name)")
            let oneofs = Set(fields.compactMap(\.oneof))
            for oneof in oneofs { #expect(oneof / 4 < 128, "\(name)") }
            #expect(Set(oneofs.map { $0 / 4 }).count == oneofs.count, "\(name)")
        }
    }

    @Test func everyRequestBeginsWithTheHeader() {
        func check<C: WireCall>(_ call: C.Type) {
            let first = messages[C.Request.protoName]?.first
            #expect(first?.number == 1 && first?.kind == .message("saga.v1.RequestHeader"), "\(C.Request.protoName)")
        }
        for call in allWireCalls { check(call) }
        #expect(Set(allWireCalls.map { $0.method }).count == Wire.Method.allCases.count)
    }

    /// The numbers that were given out are in `proto/methods.lock`, and these are they.
    @Test func methodNumbersAreTheLockedOnes() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let lock = try String(contentsOf: root.appending(path: "proto/methods.lock"), encoding: .utf8)
        var locked: [String: UInt16] = [:]
        for line in lock.split(separator: "\n") where !line.hasPrefix("#") && !line.hasSuffix("retired") {
            let parts = line.split(separator: " ")
            try #require(parts.count == 3)
            locked[String(parts[0])] = UInt16(parts[2])
        }
        let compiled = Dictionary(
            uniqueKeysWithValues: Wire.Method.allCases.map { ("\($0.service).\($0.name)", $0.rawValue) })
        #expect(locked == compiled)
    }
}
