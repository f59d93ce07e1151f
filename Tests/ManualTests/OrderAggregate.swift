import SagaCore
import SagaEngine

// The manual's section 5.4: an order whose state is what its events make of it. An event that the catalog does not know is an
// error, never left out.

enum OrderStatus: String, Codable, Sendable {
    case none
    case pending
    case confirmed
    case completed
}

struct OrderCreatedPayload: Codable, Sendable, Equatable {
    var orderID: String
    var totalAmount: Int
}

struct Nothing: Codable, Sendable, Equatable {}

enum OrderEvent: DomainEventSet, Equatable {
    case orderCreated(OrderCreatedPayload)
    case orderConfirmed(Nothing)
    case orderCompleted(Nothing)

    static let catalog = DomainEventCatalog<OrderEvent>()
        .event("OrderCreated", as: OrderCreatedPayload.self, { .orderCreated($0) }) {
            if case .orderCreated(let value) = $0 { value } else { nil }
        }
        .event("OrderConfirmed", as: Nothing.self, { .orderConfirmed($0) }) {
            if case .orderConfirmed(let value) = $0 { value } else { nil }
        }
        .event("OrderCompleted", as: Nothing.self, { .orderCompleted($0) }) {
            if case .orderCompleted(let value) = $0 { value } else { nil }
        }
}

struct OrderAggregate: Aggregate, Equatable {
    typealias Event = OrderEvent
    static let typeName = "order"

    var id = ""
    var status = OrderStatus.none
    var total = 0

    mutating func apply(_ event: OrderEvent) {
        switch event {
        case .orderCreated(let payload):
            id = payload.orderID
            status = .pending
            total = payload.totalAmount
        case .orderConfirmed: status = .confirmed
        case .orderCompleted: status = .completed
        }
    }

    static func replay(_ events: [OrderEvent]) -> OrderAggregate {
        var aggregate = OrderAggregate()
        for event in events { aggregate.apply(event) }
        return aggregate
    }
}
