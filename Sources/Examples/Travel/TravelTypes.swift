/// What a traveller wants.
public struct TripRequest: Codable, Sendable, Hashable {
    public var traveller: String
    public var destination: String
    /// ISO 8601 day.
    public var departure: String
    public var nights: Int
    /// What the card is charged.
    public var price: Amount
    /// What goes wrong on purpose; nil for nothing.
    public var rehearsal: Rehearsal?

    public init(
        traveller: String, destination: String, departure: String, nights: Int, price: Amount,
        rehearsal: Rehearsal? = nil
    ) {
        self.traveller = traveller
        self.destination = destination
        self.departure = departure
        self.nights = nights
        self.price = price
        self.rehearsal = rehearsal
    }
}

/// Faults to rehearse: the demo and the tests use the same activities as everybody, and only tell them what to do.
public struct Rehearsal: Codable, Sendable, Hashable {
    /// The card is refused.
    public var refusePayment: Bool?
    /// The service whose step hangs: `flight`, `hotel`, `car` or `payment`.
    public var hang: String?
    /// Hangs before its effect instead of after it.
    public var hangBeforeEffect: Bool?
    /// How long it hangs. Default 6,000.
    public var hangMillis: Int?
    /// How long each step takes. Default 0.
    public var stepMillis: Int?
    /// The start-to-close time-out of each step. Default 300,000.
    public var timeoutMillis: Int?

    enum CodingKeys: String, CodingKey {
        case refusePayment = "refuse_payment"
        case hang
        case hangBeforeEffect = "hang_before_effect"
        case hangMillis = "hang_millis"
        case stepMillis = "step_millis"
        case timeoutMillis = "timeout_millis"
    }

    public init(
        refusePayment: Bool? = nil, hang: String? = nil, hangBeforeEffect: Bool? = nil, hangMillis: Int? = nil,
        stepMillis: Int? = nil, timeoutMillis: Int? = nil
    ) {
        self.refusePayment = refusePayment
        self.hang = hang
        self.hangBeforeEffect = hangBeforeEffect
        self.hangMillis = hangMillis
        self.stepMillis = stepMillis
        self.timeoutMillis = timeoutMillis
    }
}

/// What a service is asked for. The same JSON in every language that serves one.
public struct BookingRequest: Codable, Sendable, Hashable {
    public var traveller: String
    /// What is booked, in words: `Lisbon, 3 nights`.
    public var item: String
    public var price: Amount
    public var rehearsal: Rehearsal?

    public init(traveller: String, item: String, price: Amount, rehearsal: Rehearsal? = nil) {
        self.traveller = traveller
        self.item = item
        self.price = price
        self.rehearsal = rehearsal
    }
}

/// What a service answers.
public struct Booking: Codable, Sendable, Hashable {
    /// The service's own number for it.
    public var reference: String

    public init(reference: String) { self.reference = reference }
}

/// What a service answers to a cancellation.
public struct Cancellation: Codable, Sendable, Hashable {
    /// The booking that was cancelled; nil if there was none, so that only a mark was left.
    public var reference: String?

    public init(reference: String?) { self.reference = reference }
}

/// A trip with everything booked and paid.
public struct Trip: Codable, Sendable, Hashable {
    public var flight: String
    public var hotel: String
    public var car: String
    public var payment: String
}
