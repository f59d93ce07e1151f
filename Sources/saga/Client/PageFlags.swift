internal import ArgumentParser
internal import SagaClient

/// How much of a list is wanted.
struct PageFlags: ParsableArguments {
    @Option(help: "At most so many; 0 is all.")
    var limit = 50

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit is 0 or more") }
    }

    /// Gathers the pages that a list is given in.
    /// - Parameter page: Asks for at most so many from that position on.
    func collect<Element>(
        _ page: (_ limit: Int, _ after: ListPosition?) async throws -> ([Element], next: ListPosition?)
    ) async throws -> [Element] {
        var elements: [Element] = []
        var next: ListPosition?
        repeat {
            let answer = try await page(limit == 0 ? 1_000 : min(1_000, limit - elements.count), next)
            elements += answer.0
            next = answer.next
        } while next != nil && (limit == 0 || elements.count < limit)
        return elements
    }
}
