public import SagaCore

// Four services, each with its undo. The undo takes `UndoInput`: it gets the step's input, its output if there is one, and
// the step's idempotency key, under which it leaves its mark.

public struct BookFlight: CompensatableActivity {
    public typealias Compensation = CancelFlight
    public static let typeID = TravelService.flight.bookType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.flight, directory: directory) }

    public func execute(_ input: BookingRequest, _ context: ActivityContext) async throws -> Booking {
        try await desk.book(input, context)
    }
}

public struct CancelFlight: Activity {
    public static let typeID = TravelService.flight.cancelType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.flight, directory: directory) }

    public func execute(
        _ input: UndoInput<BookingRequest, Booking>, _ context: ActivityContext
    ) async throws -> Cancellation { try await desk.cancel(input, context) }
}

public struct BookHotel: CompensatableActivity {
    public typealias Compensation = CancelHotel
    public static let typeID = TravelService.hotel.bookType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.hotel, directory: directory) }

    public func execute(_ input: BookingRequest, _ context: ActivityContext) async throws -> Booking {
        try await desk.book(input, context)
    }
}

public struct CancelHotel: Activity {
    public static let typeID = TravelService.hotel.cancelType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.hotel, directory: directory) }

    public func execute(
        _ input: UndoInput<BookingRequest, Booking>, _ context: ActivityContext
    ) async throws -> Cancellation { try await desk.cancel(input, context) }
}

public struct BookCar: CompensatableActivity {
    public typealias Compensation = CancelCar
    public static let typeID = TravelService.car.bookType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.car, directory: directory) }

    public func execute(_ input: BookingRequest, _ context: ActivityContext) async throws -> Booking {
        try await desk.book(input, context)
    }
}

public struct CancelCar: Activity {
    public static let typeID = TravelService.car.cancelType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.car, directory: directory) }

    public func execute(
        _ input: UndoInput<BookingRequest, Booking>, _ context: ActivityContext
    ) async throws -> Cancellation { try await desk.cancel(input, context) }
}

public struct ChargeCard: CompensatableActivity {
    public typealias Compensation = RefundCard
    public static let typeID = TravelService.payment.bookType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.payment, directory: directory) }

    public func execute(_ input: BookingRequest, _ context: ActivityContext) async throws -> Booking {
        try await desk.book(input, context)
    }
}

public struct RefundCard: Activity {
    public static let typeID = TravelService.payment.cancelType
    let desk: ServiceDesk

    public init(directory: String) { desk = ServiceDesk(.payment, directory: directory) }

    public func execute(
        _ input: UndoInput<BookingRequest, Booking>, _ context: ActivityContext
    ) async throws -> Cancellation { try await desk.cancel(input, context) }
}
