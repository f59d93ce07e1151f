internal import SagaCodec

extension EventAttributes {
    /// Changes each payload that a store may keep apart, with its place in the event (0 to 3).
    ///
    /// Not among them: memos and search attributes, which are looked at all the time; what an event asks of another saga
    /// (the input of a child, a signal's payload), which goes there soon; details of heartbeats and operators' edits.
    mutating func changePayloads<Failure: Error>(
        _ body: (_ place: UInt64, inout Payload) throws(Failure) -> Void
    ) throws(Failure) {
        switch self {
        case .workflowExecutionStarted(var value):
            try body(0, &value.input)
            self = .workflowExecutionStarted(value)
        case .workflowExecutionCompleted(var value):
            try body(0, &value.output)
            self = .workflowExecutionCompleted(value)
        case .workflowExecutionContinuedAsNew(var value):
            try body(0, &value.input)
            self = .workflowExecutionContinuedAsNew(value)
        case .activityTaskScheduled(var value):
            try body(0, &value.input)
            self = .activityTaskScheduled(value)
        case .activityTaskCompleted(var value):
            try body(0, &value.output)
            if var data = value.undoData {
                try body(1, &data)
                value.undoData = data
            }
            self = .activityTaskCompleted(value)
        case .signalReceived(var value):
            try body(0, &value.payload)
            self = .signalReceived(value)
        case .markerRecorded(var value):
            try body(0, &value.details)
            if var output = value.output {
                try body(1, &output)
                value.output = output
            }
            self = .markerRecorded(value)
        case .sideEffectRecorded(var value):
            try body(0, &value.value)
            self = .sideEffectRecorded(value)
        case .localActivityScheduled(var value):
            try body(0, &value.input)
            self = .localActivityScheduled(value)
        case .localActivityCompleted(var value):
            try body(0, &value.output)
            self = .localActivityCompleted(value)
        case .childWorkflowExecutionCompleted(var value):
            try body(0, &value.output)
            self = .childWorkflowExecutionCompleted(value)
        case .workflowUpdateAccepted(var value):
            try body(0, &value.input)
            self = .workflowUpdateAccepted(value)
        case .workflowUpdateCompleted(var value):
            try body(0, &value.output)
            self = .workflowUpdateCompleted(value)
        case .compensationStepCompleted(var value):
            try body(0, &value.output)
            self = .compensationStepCompleted(value)
        case .compensationStepProbed(var value):
            if var output = value.output {
                try body(0, &output)
                value.output = output
            }
            if var data = value.undoData {
                try body(1, &data)
                value.undoData = data
            }
            self = .compensationStepProbed(value)
        case .domainEvent(var value):
            try body(0, &value.payload)
            self = .domainEvent(value)
        default: break
        }
    }
}

extension AppendEntry {
    /// Its events with large payloads taken out, and their data; nil if there are none. To be asked only of rows that are as long
    /// as one such payload.
    /// - Parameter threshold: Bytes of data from which on a payload is kept apart; none is empty.
    package func takingBlobsOut(threshold: Int) -> (events: [HistoryEvent], blobs: [PayloadBlob])? {
        var events = events
        var blobs: [PayloadBlob] = []
        for index in events.indices {
            let sagaID = sagaID
            // Beyond it, numbers would not be those of a signed 64-bit column.
            guard events[index].eventID < 1 << 60 else { continue }
            let first = events[index].eventID * PayloadBlob.placesPerEvent
            if case .domainEvent(let event) = events[index].attributes, IgnoredEvent.code(of: event) != nil { continue }
            events[index].attributes.changePayloads { place, payload in
                guard payload.data.count >= max(1, threshold) else { return }
                // What LZ4 does not take stays where it is.
                guard let blob = try? PayloadBlob(sealing: payload.data, sagaID: sagaID, number: first + place) else {
                    return
                }
                payload = payload.apart(sagaID, first + place)
                blobs.append(blob)
            }
        }
        return blobs.isEmpty ? nil : (events, blobs)
    }
}

/// Puts the data of large payloads back into events that were read.
package enum BlobPages {
    /// Bytes of data from which on a page of events ends: 16 MiB.
    static let maximumBytes = 16 << 20

    /// Puts data back, and shortens the page if that becomes too much; the first event is always whole.
    /// - Parameters:
    ///   - events: A page of one run's events.
    ///   - read: Reads the blobs of a range of numbers, in any order.
    package static func complete(
        _ events: inout [HistoryEvent], of sagaID: SagaID,
        _ read: (ClosedRange<UInt64>) throws(StoreError) -> [PayloadBlob]
    ) throws(StoreError) {
        var end = 0
        var bytes = 0
        var numbers: ClosedRange<UInt64>?
        while end < events.count {
            var own = 0
            events[end].attributes.changePayloads { _, payload in
                guard let reference = payload.blobReference else { return }
                own += reference.byteCount
                numbers =
                    min(numbers?.lowerBound ?? .max, reference.number)...max(numbers?.upperBound ?? 0, reference.number)
            }
            if own > 0, bytes > 0, bytes + own > maximumBytes { break }
            bytes += own
            end += 1
        }
        events.removeSubrange(end...)
        guard let numbers else { return }
        var blobs: [UInt64: PayloadBlob] = [:]
        for blob in try read(numbers) { blobs[blob.number] = blob }
        for index in events.indices {
            try events[index].attributes.changePayloads { (_, payload) throws(StoreError) in
                guard let reference = payload.blobReference else { return }
                payload.complete(with: try reference.data(in: blobs[reference.number], of: sagaID))
            }
        }
    }
}

extension BlobReference {
    /// The data, out of what the store has for it.
    package func data(in blob: PayloadBlob?, of sagaID: SagaID) throws(StoreError) -> [UInt8] {
        let event = number / PayloadBlob.placesPerEvent
        guard let blob, blob.sagaID == self.sagaID, sagaID == self.sagaID else {
            throw StoreError(
                .corrupt, "payload \(number) of \(sagaID) (event \(event)) is not there; restore it from a backup")
        }
        do throws(CodecError) { return try blob.data(byteCount: byteCount) } catch {
            throw StoreError(
                .corrupt,
                "payload \(number) of \(sagaID) (event \(event)) is damaged: \(error); restore it from a backup")
        }
    }
}
