import SagaCore

/// Keeps an ``OrderBoard`` up to date from the feed of a store in the same program. A program of its own uses
/// `SagaClient.committedEvents(from:)`, whose items are the same.
struct BoardKeeper: Sendable {
    let store: any EventFeed
    /// What was saved last; nil at first.
    let load: @Sendable () async throws -> OrderBoard?
    /// Replaces what was saved, wholly or not at all.
    let save: @Sendable (OrderBoard) async throws -> Void

    /// Takes in everything that is committed by now.
    func catchUp() async throws -> OrderBoard {
        var board = try await load() ?? OrderBoard()
        var reader = try await EventFeedReader(
            store, .init(namespaces: ["default"], workflowTypes: [PlaceOrder.typeID]),
            from: board.position.map { .after(FeedPosition(bytes: $0)) } ?? .beginning)
        while true {
            let page = try await reader.next(limit: 100)
            for item in page.items {
                board.apply(item.events, of: item.workflowID, position: item.position)
                try await save(board)
            }
            if page.isAtEnd { return board }
        }
    }
}
