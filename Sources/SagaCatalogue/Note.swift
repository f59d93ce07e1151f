internal import SagaCore
internal import SagaEngine

/// An aggregate with one kind of event.
struct Note: Aggregate {
    enum Event: DomainEventSet {
        case written(String)

        static let catalog = DomainEventCatalog<Event>()
            .event("written", as: String.self, { .written($0) }) {
                if case .written(let text) = $0 { text } else { nil }
            }
    }

    static let typeName = "note"
    var text = ""

    mutating func apply(_ event: Event) { if case .written(let text) = event { self.text = text } }
}
