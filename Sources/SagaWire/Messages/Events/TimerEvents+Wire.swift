package import SagaCore

// Events 40 to 42 between the core and the wire, field by field.

extension Wire.TimerCreated {
    package init(_ event: TimerCreated) {
        self.init(
            commandNumber: event.commandNumber, timerID: event.timerID, dueAtMicros: event.dueAt.microseconds,
            callback: event.callback)
    }
}

extension TimerCreated {
    package init(_ wire: Wire.TimerCreated) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, timerID: wire.timerID,
            dueAt: Timestamp(microseconds: wire.dueAtMicros), callback: wire.callback)
    }
}

extension Wire.TimerFired {
    package init(_ event: TimerFired) {
        self.init(createdEventID: event.createdEventID)
    }
}

extension TimerFired {
    package init(_ wire: Wire.TimerFired) throws(WireError) {
        self.init(createdEventID: wire.createdEventID)
    }
}

extension Wire.TimerCanceled {
    package init(_ event: TimerCanceled) {
        self.init(commandNumber: event.commandNumber, createdEventID: event.createdEventID)
    }
}

extension TimerCanceled {
    package init(_ wire: Wire.TimerCanceled) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, createdEventID: wire.createdEventID)
    }
}
