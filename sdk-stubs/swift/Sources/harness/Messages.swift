// The messages of conformance.proto, as far as a harness reads and writes them.

/// The fields of a protobuf message, one after the other.
struct Fields {
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)

        var number: UInt64 { if case .number(let value) = self { value } else { 0 } }
        var bytes: [UInt8] { if case .bytes(let value) = self { Array(value) } else { [] } }
        /// Of a repeated field, which comes packed.
        var numbers: [UInt64] {
            get throws {
                var rest = Fields(bytes), found: [UInt64] = []
                while !rest.rest.isEmpty { found.append(try rest.varint()) }
                return found
            }
        }
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    struct Malformed: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next() throws -> (field: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        switch key & 7 {
        case 0: return (key >> 3, .number(try varint()))
        case 2:
            let count = try varint()
            guard count <= rest.count else { throw Malformed() }
            defer { rest = rest.dropFirst(Int(count)) }
            return (key >> 3, .bytes(rest.prefix(Int(count))))
        default: throw Malformed()
        }
    }

    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }
}

/// What conformance.proto calls Value.
struct Value {
    var encoding = ""
    var data: [UInt8] = []

    init(encoding: String, data: [UInt8]) {
        self.encoding = encoding
        self.data = data
    }

    init(_ bytes: [UInt8]) throws {
        var fields = Fields(bytes)
        while let (field, value) = try fields.next() {
            switch field {
            case 1: encoding = value.text
            case 2: data = value.bytes
            default: break
            }
        }
    }
}

struct ConnectAction {
    var host = "", ca = "", certificate = "", key = "", token = "", namespace = "", serverName = ""
    var port = 0
    var codec = false
    var timeoutMillis: UInt64 = 0

    init() {}

    init(_ bytes: [UInt8]) throws {
        var fields = Fields(bytes)
        while let (field, value) = try fields.next() {
            switch field {
            case 1: host = value.text
            case 2: port = Int(value.number)
            case 3: ca = value.text
            case 4: certificate = value.text
            case 5: key = value.text
            case 6: token = value.text
            case 7: namespace = value.text
            case 8: serverName = value.text
            case 9: codec = value.number != 0
            case 10: timeoutMillis = value.number
            default: break
            }
        }
    }
}

struct Action {
    var verb: UInt64 = 0
    var workflowID = "", workflowType = "", taskQueue = "", name = "", requestID = "", text = ""
    var sagaID: [UInt8] = [], echo: [UInt8] = [], position: [UInt8] = []
    var eventTypes: [UInt64] = []
    var input: Value?
    var flag = false
    var number: UInt64 = 0, timeoutMillis: UInt64 = 0, cancelAfterMillis: UInt64 = 0
    var connect = ConnectAction()
    var concurrency = 0

    init(_ bytes: [UInt8]) throws {
        var fields = Fields(bytes)
        while let (field, value) = try fields.next() {
            switch field {
            case 1: verb = value.number
            case 2: workflowID = value.text
            case 3: sagaID = value.bytes
            case 4: workflowType = value.text
            case 5: taskQueue = value.text
            case 6: name = value.text
            case 7: input = try Value(value.bytes)
            case 8: requestID = value.text
            case 9: text = value.text
            case 10: flag = value.number != 0
            case 11: number = value.number
            case 12: timeoutMillis = value.number
            case 13: cancelAfterMillis = value.number
            case 14: connect = try ConnectAction(value.bytes)
            case 15: echo = value.bytes
            case 16: concurrency = Int(value.number)
            case 17: position = value.bytes
            case 18: eventTypes += try value.numbers
            default: break
            }
        }
    }
}

struct Step {
    var op: UInt64 = 0, onlyAttempt: UInt64 = 0, errorKind: UInt64 = 0, millis: UInt64 = 0
    var value: Value?
    var errorCode = "", text = ""
    var nonRetryable = false, noEffect = false

    init(_ bytes: [UInt8]) throws {
        var fields = Fields(bytes)
        while let (field, found) = try fields.next() {
            switch field {
            case 1: op = found.number
            case 2: onlyAttempt = found.number
            case 3: value = try Value(found.bytes)
            case 4: errorKind = found.number
            case 5: errorCode = found.text
            case 6: text = found.text
            case 7: nonRetryable = found.number != 0
            case 8: noEffect = found.number != 0
            case 9: millis = found.number
            default: break
            }
        }
    }
}

struct ActivityProgram {
    var name = ""
    var steps: [Step] = [], undoSteps: [Step] = []

    init(_ bytes: [UInt8]) throws {
        var fields = Fields(bytes)
        while let (field, value) = try fields.next() {
            switch field {
            case 1: name = value.text
            case 2: steps.append(try Step(value.bytes))
            case 3: undoSteps.append(try Step(value.bytes))
            default: break
            }
        }
    }
}

struct Outcome {
    var result = "ok", message = "", errorCode = "", errorMessage = "", compensation = ""
    var statusCode: UInt64 = 0, errorKind: UInt64 = 0, number: UInt64 = 0
    var sagaID: [UInt8] = [], position: [UInt8] = []
    var alreadyStarted = false
    var value: Value?
    var lines: [String] = [], errorContext: [String] = []
    var events: [(id: UInt64, code: UInt64)] = []

    var serialized: [UInt8] {
        var bytes: [UInt8] = []
        func varint(_ value: UInt64, _ out: inout [UInt8]) {
            var rest = value
            while rest >= 0x80 {
                out.append(UInt8(rest & 0x7f) | 0x80)
                rest >>= 7
            }
            out.append(UInt8(rest))
        }
        func integer(_ field: UInt64, _ value: UInt64, _ out: inout [UInt8]) {
            varint(field << 3, &out)
            varint(value, &out)
        }
        func data(_ field: UInt64, _ value: some Collection<UInt8>, _ out: inout [UInt8]) {
            varint(field << 3 | 2, &out)
            varint(UInt64(value.count), &out)
            out += value
        }
        data(1, result.utf8, &bytes)
        integer(2, statusCode, &bytes)
        data(3, message.utf8, &bytes)
        integer(4, errorKind, &bytes)
        data(5, errorCode.utf8, &bytes)
        data(6, errorMessage.utf8, &bytes)
        data(7, compensation.utf8, &bytes)
        data(8, sagaID, &bytes)
        integer(9, alreadyStarted ? 1 : 0, &bytes)
        if let value {
            var inner: [UInt8] = []
            data(1, value.encoding.utf8, &inner)
            data(2, value.data, &inner)
            data(10, inner, &bytes)
        }
        integer(11, number, &bytes)
        for line in lines { data(12, line.utf8, &bytes) }
        for event in events {
            var inner: [UInt8] = []
            integer(1, event.id, &inner)
            integer(2, event.code, &inner)
            data(13, inner, &bytes)
        }
        for line in errorContext { data(14, line.utf8, &bytes) }
        data(15, position, &bytes)
        return bytes
    }
}
