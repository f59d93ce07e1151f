package import SagaCore

// Enums whose zero means "not given" on the wire: the core's number plus one. The others share their numbers.

extension WireError {
    /// The error for an enum that is not given or not known.
    static func enumeration(_ number: Int32, _ field: String) -> WireError {
        WireError(field: field, reason: number == 0 ? .missing : .unknownEnumValue(number))
    }
}

/// The core's number of a wire number that is one higher.
private func lowered(_ number: Int32) -> UInt8? {
    let (raw, overflow) = number.subtractingReportingOverflow(1)
    return overflow ? nil : UInt8(exactly: raw)
}

extension Wire.StepOutcome {
    package init(_ value: StepOutcome) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension StepOutcome {
    package init(_ wire: Wire.StepOutcome, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ StepOutcome(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.TimeoutKind {
    package init(_ value: TimeoutKind) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension TimeoutKind {
    package init(_ wire: Wire.TimeoutKind, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ TimeoutKind(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.UnwindCause {
    package init(_ value: UnwindCause) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension UnwindCause {
    package init(_ wire: Wire.UnwindCause, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ UnwindCause(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.BlockCause {
    package init(_ value: BlockCause) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension BlockCause {
    package init(_ wire: Wire.BlockCause, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ BlockCause(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.OperatorVerb {
    package init(_ value: OperatorVerb) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension OperatorVerb {
    package init(_ wire: Wire.OperatorVerb, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ OperatorVerb(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.MarkerKind {
    package init(_ value: MarkerKind) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension MarkerKind {
    package init(_ wire: Wire.MarkerKind, _ field: String) throws(WireError) {
        guard let value = lowered(wire.rawValue).flatMap({ MarkerKind(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}

extension Wire.UndoFailedStep {
    package init(_ value: UndoFailedStep) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension UndoFailedStep {
    /// Not given is `ifUnknown`.
    package init(_ wire: Wire.UndoFailedStep, _ field: @autoclosure () -> String) throws(WireError) {
        if wire == .unspecified {
            self = .ifUnknown
            return
        }
        guard let value = lowered(wire.rawValue).flatMap({ UndoFailedStep(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field())
        }
        self = value
    }
}

extension Wire.ParentClosePolicy {
    package init(_ value: ParentClosePolicy) { self.init(rawValue: Int32(value.rawValue) + 1) }
}

extension ParentClosePolicy {
    /// Not given is `cancel`.
    package init(_ wire: Wire.ParentClosePolicy, _ field: String) throws(WireError) {
        if wire == .unspecified {
            self = .cancel
            return
        }
        guard let value = lowered(wire.rawValue).flatMap({ ParentClosePolicy(rawValue: $0) }) else {
            throw .enumeration(wire.rawValue, field)
        }
        self = value
    }
}
