package import SagaCore
internal import Synchronization

/// Reads the pages of a long history ahead of the one who folds them, so that neither waits for the other's threads to wake up: as many as
/// are small, one if it is large.
package final class PagesAhead: Sendable {
    private struct State {
        var pages: [Result<PackedHistory, StoreError>] = []
        /// Of the pages that wait.
        var bytes = 0
        /// No page follows those that wait.
        var isOver = false
        var taker: CheckedContinuation<Result<PackedHistory, StoreError>?, Never>?
        var reader: CheckedContinuation<Bool, Never>?
        /// Nobody takes any more.
        var isClosed = false
        /// Whether another page may be read; always, if none waits.
        var hasRoom: Bool { pages.count < PagesAhead.maximumPages && bytes < PagesAhead.maximumBytes }
    }

    /// Pages that may wait, and their bytes beyond which no other is read.
    package static let maximumPages = 4
    package static let maximumBytes = 2 << 20

    private let state = Mutex(State())

    /// Begins to read, until somebody calls ``close()``: who has begun it owes that.
    /// - Parameters:
    ///   - first: The first event that is wanted.
    ///   - end: The event before which the history ends, if that is known.
    ///   - read: Gives the page that begins with an event; one without rows if there is none.
    package init(
        from first: EventID, end: EventID?,
        read: @escaping @Sendable (EventID) async throws(StoreError) -> PackedHistory
    ) {
        Task { [self] in
            var next = first
            while true {
                let page: Result<PackedHistory, StoreError>
                do throws(StoreError) {
                    page = .success(try await read(next))
                } catch {
                    page = .failure(error)
                }
                let behind = try? page.get().nextEventID
                let mayFollow = behind.map { behind in behind > next && end.map { behind < $0 } ?? true } ?? false
                guard await put(page, mayFollow: mayFollow), let behind else { return }
                next = behind
            }
        }
    }

    /// The next page; nil if none follows.
    package func next() async -> Result<PackedHistory, StoreError>? {
        await withCheckedContinuation { taker in
            let found = state.withLock {
                state -> (Result<PackedHistory, StoreError>?, CheckedContinuation<Bool, Never>?)? in
                if state.pages.isEmpty {
                    if state.isOver { return (nil, nil) }
                    state.taker = taker
                    return nil
                }
                let page = state.pages.removeFirst()
                state.bytes -= page.size
                guard state.hasRoom else { return (page, nil) }
                defer { state.reader = nil }
                return (page, state.reader)
            }
            guard let (page, reader) = found else { return }
            reader?.resume(returning: true)
            taker.resume(returning: page)
        }
    }

    /// Nothing more is wanted: what is being read is let go.
    package func close() {
        let reader = state.withLock { state in
            state.isClosed = true
            state.pages = []
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: false)
    }

    /// - Returns: Once there is room, whether another page is wanted.
    private func put(_ page: Result<PackedHistory, StoreError>, mayFollow: Bool) async -> Bool {
        await withCheckedContinuation { reader in
            let (taker, goesOn) = state.withLock { state in
                let taker = state.taker
                state.taker = nil
                if taker == nil {
                    state.pages.append(page)
                    state.bytes += page.size
                }
                state.isOver = !mayFollow
                if !mayFollow || state.isClosed { return (taker, false as Bool?) }
                if state.hasRoom { return (taker, true) }
                state.reader = reader
                return (taker, nil)
            }
            taker?.resume(returning: page)
            if let goesOn { reader.resume(returning: goesOn) }
        }
    }
}

extension Result<PackedHistory, StoreError> {
    fileprivate var size: Int {
        switch self {
        case .success(let page): page.bytes.count
        case .failure: 0
        }
    }
}
