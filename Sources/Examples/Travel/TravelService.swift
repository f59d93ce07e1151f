internal import SagaCore

/// A service that can book something: an airline, a hotel, a car rental, a card provider.
public enum TravelService: String, Sendable, CaseIterable {
    case flight
    case hotel
    case car
    case payment

    /// Name of the activity that books.
    public var bookType: String { self == .payment ? "travel.payment.charge" : "travel.\(rawValue).book" }

    /// Name of the activity that undoes it.
    public var cancelType: String { self == .payment ? "travel.payment.refund" : "travel.\(rawValue).cancel" }
}

/// The two things every service does, over its own book.
struct ServiceDesk: Sendable {
    let service: TravelService
    let book: ServiceBook

    /// - Parameter directory: Folder of the books; it must exist.
    init(_ service: TravelService, directory: String) {
        self.service = service
        book = ServiceBook(path: "\(directory)/\(service.rawValue).log")
    }

    func book(_ request: BookingRequest, _ context: ActivityContext) async throws -> Booking {
        let rehearsal = request.rehearsal
        if let millis = rehearsal?.stepMillis { await pause(millis) }
        if service == .payment, rehearsal?.refusePayment == true { throw TravelError.paymentRefused }
        let hangs = rehearsal?.hang == service.rawValue
        let early = rehearsal?.hangBeforeEffect == true
        if hangs && early { await pause(rehearsal?.hangMillis ?? 6_000) }
        let reference = try book.book(
            key: context.idempotencyKey, workflowID: context.workflowID,
            newReference: "\(service.rawValue.prefix(1).uppercased())-\(currentTime().microseconds % 100_000_000)")
        if hangs && !early { await pause(rehearsal?.hangMillis ?? 6_000) }
        return Booking(reference: reference)
    }

    func cancel(_ undo: UndoInput<BookingRequest, Booking>, _ context: ActivityContext) async throws -> Cancellation {
        if let millis = undo.input.rehearsal?.stepMillis { await pause(millis) }
        return Cancellation(reference: try book.cancel(key: undo.idempotencyKey, workflowID: context.workflowID))
    }

    /// Waits whatever happens: a program that hangs does not listen when it is asked to stop.
    private func pause(_ millis: Int) async {
        await Task.detached { try? await Task.sleep(for: .milliseconds(max(0, millis))) }.value
    }
}
