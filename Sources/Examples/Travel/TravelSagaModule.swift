public import SagaCore

/// Everything a worker or an embedded engine needs to run travel bookings.
public enum TravelSagaModule {
    /// Environment variable that names the folder of the services' books.
    public static let directoryVariable = "TRAVEL_BOOKS"

    /// Registers the activities of some services; others may be served by other programs.
    /// - Parameters:
    ///   - services: Which. Default all four.
    ///   - directory: Folder of their books; it must exist.
    public static func register(
        _ registry: inout ActivityRegistry, services: [TravelService] = TravelService.allCases, directory: String
    ) {
        for service in services {
            switch service {
            case .flight:
                registry.register(BookFlight(directory: directory))
                registry.register(CancelFlight(directory: directory))
            case .hotel:
                registry.register(BookHotel(directory: directory))
                registry.register(CancelHotel(directory: directory))
            case .car:
                registry.register(BookCar(directory: directory))
                registry.register(CancelCar(directory: directory))
            case .payment:
                registry.register(ChargeCard(directory: directory))
                registry.register(RefundCard(directory: directory))
            }
        }
    }

    /// Registers the workflow.
    public static func register(_ registry: inout WorkflowRegistry) {
        registry.register(TravelBookingWorkflow.self)
    }
}
