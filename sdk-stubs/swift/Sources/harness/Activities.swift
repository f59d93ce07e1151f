import Foundation
import SagaCodec
import SagaCore
import Synchronization

/// What activities wrote down.
final class Log: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    func write(_ line: String) { state.withLock { $0.append(line) } }
}

/// Turns each byte into its exclusive or with 0x5a.
struct Xor: PayloadCodec {
    func encode(_ payload: Payload) -> Payload {
        Payload(encoding: "xor/" + payload.encoding, data: payload.data.map { $0 ^ 0x5a }, metadata: payload.metadata)
    }

    func decode(_ payload: Payload) -> Payload {
        guard payload.encoding.hasPrefix("xor/") else { return payload }
        return Payload(
            encoding: String(payload.encoding.dropFirst(4)), data: payload.data.map { $0 ^ 0x5a },
            metadata: payload.metadata)
    }
}

extension Value {
    /// JSON goes through a value of the language.
    func payload() throws -> Payload {
        guard encoding == "json" else { return Payload(encoding: encoding, data: data) }
        let converter = JSONPayloadConverter()
        return try converter.encode(converter.decode(JSONValue.self, from: Payload(encoding: encoding, data: data)))
    }

    init(_ payload: Payload) throws {
        let converter = JSONPayloadConverter()
        let isJSON = payload.isEmpty || payload.encoding == "json"
        let plain = isJSON ? try converter.encode(converter.decode(JSONValue.self, from: payload)) : payload
        self.init(encoding: plain.encoding, data: plain.data)
    }
}

extension Value? {
    func payload() throws -> Payload { try self?.payload() ?? .json("null") }
}

private func text(_ payload: Payload?) throws -> String {
    guard let payload else { return "null" }
    return String(decoding: try Value(payload).data, as: UTF8.self)
}

/// What the harness throws as a plain error of the language.
private struct PlainError: Error, CustomStringConvertible {
    var description: String
}

/// Carries out the steps of an activity.
struct Script: Sendable {
    let log: Log
    let converter: any PayloadConverter

    func program(_ input: Payload) throws -> ActivityProgram {
        // Not a program: the input cannot be read, and nothing has happened.
        func unreadable(_ why: String) -> NoEffect { NoEffect(SagaError(kind: .codec, message: why)) }
        guard input.encoding == "protobuf" else { throw unreadable("expected protobuf, got \(input.encoding)") }
        do { return try ActivityProgram(input.data) } catch { throw unreadable("the input is no program") }
    }

    func run(_ steps: [Step], _ name: String, _ context: ActivityContext) async throws -> Payload {
        for step in steps where step.onlyAttempt == 0 || step.onlyAttempt == UInt64(context.attempt) {
            switch step.op {
            case 1: return try step.value.payload()
            case 2:
                let error = SagaError(
                    kind: ErrorKind(rawValue: UInt8(clamping: step.errorKind)) ?? .unknown, message: step.text,
                    code: step.errorCode, context: [MetadataEntry(key: "who", value: "conformance")],
                    isNonRetryable: step.nonRetryable)
                if step.noEffect { throw NoEffect(error) }
                throw error
            case 3: throw PlainError(description: step.text)
            case 4: context.heartbeat(try converter.encode(step.value.payload()))
            case 5:
                let millis = step.millis
                // A task of its own, which does not hear of the cancellation.
                await Task.detached { try? await Task.sleep(for: .milliseconds(millis)) }.value
            case 6: try await awaitCancel(step, name, context)
            case 7: context.setUndoData(try converter.encode(step.value.payload()))
            case 8: kill(getpid(), SIGKILL)
            case 9:
                let details = try context.task.heartbeatDetails.map { try converter.decode(Payload.self, from: $0) }
                log.write("details \(name) \(try text(details))")
            default: throw PlainError(description: "unknown op \(step.op)")
            }
        }
        return .json("null")
    }

    private func awaitCancel(_ step: Step, _ name: String, _ context: ActivityContext) async throws {
        for _ in 0..<step.millis / 100 {
            context.heartbeat()
            do { try await Task.sleep(for: .milliseconds(100)) } catch {
                log.write("cancelled \(name)")
                if step.noEffect { throw NoEffect(error) }
                throw error
            }
        }
        throw SagaError(kind: .timeout, message: "nobody cancelled it")
    }

    func describe(_ undo: UndoPayloads, _ name: String, _ context: ActivityContext) throws {
        let isUndo = context.idempotencyKey.hasPrefix(undo.idempotencyKey + "/undo")
        log.write(
            "undo \(name) \(undo.outcome.name) \(try text(undo.output)) \(try text(undo.data)) \(isUndo ? "key" : "bad-key")"
        )
    }
}

struct ProgramActivity: Activity {
    static let typeID = "program"
    let script: Script

    func execute(_ input: Payload, _ context: ActivityContext) async throws -> Payload {
        let program = try script.program(input)
        script.log.write("do \(program.name) \(context.attempt)")
        return try await script.run(program.steps, program.name, context)
    }
}

struct UndoActivity: Activity {
    static let typeID = "undo"
    let script: Script

    func execute(_ input: UndoPayloads, _ context: ActivityContext) async throws -> Payload {
        let program = try script.program(input.input)
        try script.describe(input, program.name, context)
        return try await script.run(program.undoSteps, program.name, context)
    }
}

struct EchoActivity: Activity {
    static let typeID = "echo"
    func execute(_ input: Payload, _ context: ActivityContext) async throws -> Payload { input }
}
