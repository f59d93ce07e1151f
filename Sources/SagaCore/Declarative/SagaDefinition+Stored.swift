public import SagaCodec

// The stored form of definitions. Registered versions are read for ever: a change of form is a new `formatVersion`.

extension SagaDefinition: PostcardCodable {
    /// The version of this form.
    package static let formatVersion: UInt32 = 1

    public init(from reader: inout PostcardReader) throws(CodecError) {
        name = try reader.read()
        version = try reader.read()
        taskQueue = try reader.read()
        steps = try reader.read()
        output = try reader.read()
        executionTimeoutMicros = try reader.read()
        continueOnUndoError = try reader.read()
        description = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(name)
        writer.write(version)
        writer.write(taskQueue)
        writer.write(steps)
        writer.write(output)
        writer.write(executionTimeoutMicros)
        writer.write(continueOnUndoError)
        writer.write(description)
    }
}

extension StepDefinition: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        id = try reader.read()
        group = try reader.read()
        conditions = try reader.read()
        kind = try reader.read()
        line = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(id)
        writer.write(group)
        writer.write(conditions)
        writer.write(kind)
        writer.write(line)
    }
}

extension StepDefinition.Kind: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let offset = reader.offset
        let tag: UInt8 = try reader.read()
        switch tag {
        case 0: self = .activity(try reader.read())
        case 1: self = .signal(try reader.read())
        case 2: self = .timer(delayMicros: try reader.read())
        case 3: self = .child(try reader.read())
        default: throw CodecError(.badTag, at: offset)
        }
    }

    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .activity(let step):
            writer.write(0 as UInt8)
            writer.write(step)
        case .signal(let step):
            writer.write(1 as UInt8)
            writer.write(step)
        case .timer(let delayMicros):
            writer.write(2 as UInt8)
            writer.write(delayMicros)
        case .child(let step):
            writer.write(3 as UInt8)
            writer.write(step)
        }
    }
}

extension ActivityStep: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        activityType = try reader.read()
        taskQueue = try reader.read()
        input = try reader.read()
        retry = try reader.read()
        timeouts = try reader.read()
        undo = try reader.read()
        undoInput = try reader.read()
        pivot = try reader.read()
        priority = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(activityType)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(retry)
        writer.write(timeouts)
        writer.write(undo)
        writer.write(undoInput)
        writer.write(pivot)
        writer.write(priority)
    }
}

extension SignalStep: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        name = try reader.read()
        timeoutMicros = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(name)
        writer.write(timeoutMicros)
    }
}

extension ChildStep: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        workflowType = try reader.read()
        taskQueue = try reader.read()
        input = try reader.read()
        parentClosePolicy = try reader.read()
        executionTimeoutMicros = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(workflowType)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(parentClosePolicy)
        writer.write(executionTimeoutMicros)
    }
}

extension StepCondition: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        path = try reader.read()
        comparison = try reader.read()
        value = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(path)
        writer.write(comparison)
        writer.write(value)
    }
}

extension InputTemplate: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let offset = reader.offset
        let tag: UInt8 = try reader.read()
        switch tag {
        case 0: self = .template(try reader.read())
        case 1: self = .outputOfStep(try reader.read())
        case 2: self = .startInput
        case 3: self = .constant(try reader.read())
        default: throw CodecError(.badTag, at: offset)
        }
    }

    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .template(let text):
            writer.write(0 as UInt8)
            writer.write(text)
        case .outputOfStep(let id):
            writer.write(1 as UInt8)
            writer.write(id)
        case .startInput: writer.write(2 as UInt8)
        case .constant(let payload):
            writer.write(3 as UInt8)
            writer.write(payload)
        }
    }
}
