public import SagaCore

/// Flight, hotel, car, payment: all of it or none of it.
///
/// Flight and car are Swift types, so their undo comes with them. Hotel and payment are called by name, as one calls
/// activities of another program or language; their undo is named beside them. Whoever serves them is one saga.
public struct TravelBookingWorkflow: DurableWorkflow {
    public static let typeID = "travel.booking"

    public init() {}

    public func run(_ context: WorkflowContext, _ trip: TripRequest) async throws -> Trip {
        func request(_ item: String) -> BookingRequest {
            BookingRequest(traveller: trip.traveller, item: item, price: trip.price, rehearsal: trip.rehearsal)
        }
        let flight = try await context.executeActivity(
            BookFlight.self, request("to \(trip.destination) on \(trip.departure)"), options: options(.flight, trip))
        let hotel: Booking = try await context.executeActivity(
            named: TravelService.hotel.bookType, request("\(trip.destination), \(trip.nights) nights"),
            options: options(.hotel, trip, undo: UndoSpec(activityType: TravelService.hotel.cancelType)))
        let car = try await context.executeActivity(
            BookCar.self, request("\(trip.destination), \(trip.nights) days"), options: options(.car, trip))
        let payment: Booking = try await context.executeActivity(
            named: TravelService.payment.bookType, request("trip to \(trip.destination)"),
            options: options(.payment, trip, undo: UndoSpec(activityType: TravelService.payment.cancelType)))
        return Trip(
            flight: flight.reference, hotel: hotel.reference, car: car.reference, payment: payment.reference)
    }

    private func options(_ service: TravelService, _ trip: TripRequest, undo: UndoSpec? = nil) -> ActivityOptions {
        var options = ActivityOptions(stepID: service.rawValue, undo: undo)
        if let millis = trip.rehearsal?.timeoutMillis {
            options.timeouts.startToCloseMicros = Int64(millis) * 1_000
            // Rehearsed time-outs are final: the demo wants to see the unknown outcome undone, not repeated away.
            options.retry = .never
        }
        return options
    }
}
