package import SagaCodec

/// Where a run of a definition stands: its program counter and what it has gathered. A value with a stored form, for snapshots.
package struct DefinitionRunState: Hashable, Sendable {
    /// How a step stands.
    package enum Status: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
        case waiting = 0
        case running = 1
        case done = 2
        /// Its conditions did not hold.
        case leftOut = 3

        var name: String {
            switch self {
            case .waiting: "waiting"
            case .running: "running"
            case .done: "done"
            case .leftOut: "left_out"
            }
        }
    }

    /// A step, child or timer that has not ended.
    struct Open: Hashable, Sendable {
        /// The event that recorded it.
        var eventID: EventID
        var step: Int
        /// The command that asked for it.
        var command: CommandNumber
    }

    /// The run's workflow id, from which children have theirs.
    package var workflowID: String
    package var nextEventID: EventID = 0
    /// Which steps run; as many as there are stages when all have.
    package var stage: UInt32 = 0
    package var steps: [Status]
    package var outputs: [Payload?]
    package var input = Payload.empty
    /// Signals that nobody has taken, in the order in which they came.
    package var signals: [NamedPayload] = []
    var opened: [Open] = []
    package var nextCommand: CommandNumber = 0
    /// Whether it has asked for its end.
    package var isEnded = false

    init(workflowID: String, stepCount: Int) {
        self.workflowID = workflowID
        steps = Array(repeating: .waiting, count: stepCount)
        outputs = Array(repeating: nil, count: stepCount)
    }

    mutating func open(_ eventID: EventID, _ step: Int, _ command: CommandNumber) {
        opened.append(Open(eventID: eventID, step: step, command: command))
    }

    mutating func close(_ eventID: EventID) -> Open? {
        opened.firstIndex { $0.eventID == eventID }.map { opened.remove(at: $0) }
    }

    func command(of step: Int) -> CommandNumber? { opened.first { $0.step == step }?.command }

    mutating func finish(_ step: Int, _ output: Payload) {
        steps[step] = .done
        outputs[step] = output
    }
}

extension DefinitionRunState: PostcardCodable {
    package init(from reader: inout PostcardReader) throws(CodecError) {
        workflowID = try reader.read()
        nextEventID = try reader.read()
        stage = try reader.read()
        steps = try reader.read()
        outputs = try reader.read()
        input = try reader.read()
        signals = try reader.read()
        opened = try reader.read()
        nextCommand = try reader.read()
        isEnded = try reader.read()
        let offset = reader.offset
        // What it points at must be there.
        guard outputs.count == steps.count, opened.allSatisfy({ steps.indices.contains($0.step) }) else {
            throw CodecError(.badTag, at: offset)
        }
    }

    package func encode(into writer: inout PostcardWriter) {
        writer.write(workflowID)
        writer.write(nextEventID)
        writer.write(stage)
        writer.write(steps)
        writer.write(outputs)
        writer.write(input)
        writer.write(signals)
        writer.write(opened)
        writer.write(nextCommand)
        writer.write(isEnded)
    }
}

extension DefinitionRunState.Open: PostcardCodable {
    init(from reader: inout PostcardReader) throws(CodecError) {
        eventID = try reader.read()
        let place: UInt32 = try reader.read()
        step = Int(place)
        command = try reader.read()
    }

    func encode(into writer: inout PostcardWriter) {
        writer.write(eventID)
        writer.write(UInt32(clamping: step))
        writer.write(command)
    }
}
