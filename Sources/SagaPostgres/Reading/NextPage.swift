import SagaCore

/// The page after the one that was read last, which the server makes while that one is copied: who reads a long history asks for it next.
///
/// It is one statement like any other, asked for before somebody wants it, and all of it is taken from the server before the connection is
/// used for anything else: no statement and no lock of it stays open. Rows never change, so a page that is as long as it may be is the
/// same whenever it is read; of a shorter one the reader asks whether it is still all there is (``PostgresReader``).
final class NextPage {
    /// Which page it is.
    struct Place: Equatable {
        var sagaID: SagaID
        var from: Int64
        var limit: Int
    }

    /// Pages of fewer events are not read on: their readers want a few, and a round trip is most of what they cost.
    static let minimumLimit = 1_024
    /// After pages that take more memory none is read ahead, and none that takes more is kept.
    static let maximumBytes = 2 << 20

    private enum State {
        case none
        /// The server was asked.
        case asked(Place)
        case here(Place, PgResult)
    }

    private var state = State.none
    /// Where who reads on would go on.
    private var predicted: Place?

    /// Its rows, if it is that page; whatever it was, it is nobody's afterwards.
    func take(_ place: Place) -> PgResult? {
        guard case .here(let here, let rows) = state else { return nil }
        state = .none
        return here == place ? rows : nil
    }

    /// Asks for the page behind these rows, if they are a page of rows in the middle of a history, and a history's first page or the one
    /// that was expected: of two readers that take turns, neither is to read for the other to throw away.
    func ask(behind rows: PgResult, of place: Place, _ connection: PgConnection, _ statement: PgStatement) {
        guard place.limit >= Self.minimumLimit, let next = Self.place(behind: rows, of: place) else { return }
        let isExpected = place.from == 0 || place == predicted
        predicted = next
        guard isExpected else { return }
        let (end, overflow) = next.from.addingReportingOverflow(Int64(clamping: next.limit))
        guard !overflow else { return }
        let parameters = PgParameters().id(next.sagaID).int64(next.from).int64(end)
        // The rows are here: what goes wrong now comes again where more is wanted.
        do throws(PgFailure) {
            let isAsked = try parameters.withBuffers { (buffers) throws(PgFailure) in
                try connection.begin(statement, buffers)
            }
            // Not prepared: somebody will read on, and it is then.
            if isAsked { state = .asked(next) }
        } catch {}
    }

    /// Takes what was asked for from the server. To be called before the connection is used again.
    func settle(_ connection: PgConnection) {
        guard case .asked(let place) = state else { return }
        state = .none
        // What went wrong here comes again where it is wanted.
        do throws(PgFailure) {
            let rows = try connection.end()
            if rows.count > 0, rows.memory <= Self.maximumBytes { state = .here(place, rows) }
        } catch {}
    }

    /// A new connection, of which nothing was asked; or a run that is no more.
    func forget() { state = .none }

    /// The id after the last event of rows; nil if there is none.
    static func end(of rows: PgResult) -> Int64? {
        guard rows.count > 0, let first = rows.int64(rows.count - 1, 0), let count = rows.int32(rows.count - 1, 1),
            count > 0
        else { return nil }
        let (end, overflow) = first.addingReportingOverflow(Int64(count))
        return overflow ? nil : end
    }

    /// Whether rows are all that a page may have.
    static func isFull(_ rows: PgResult, _ place: Place) -> Bool {
        let (wanted, overflow) = place.from.addingReportingOverflow(Int64(clamping: place.limit))
        return end(of: rows).map { !overflow && $0 >= wanted } ?? false
    }

    /// Where the page behind these rows begins; nil if they are not all of a page, or too many bytes.
    private static func place(behind rows: PgResult, of place: Place) -> Place? {
        guard isFull(rows, place), let end = end(of: rows), rows.int64(0, 0) == place.from,
            let last = rows.int64(rows.count - 1, 0)
        else { return nil }
        guard rows.memory <= maximumBytes else { return nil }
        // A row that makes the page longer than was asked for is the next one's first; an only row is its page's.
        let isTooLong = end - place.from > Int64(clamping: place.limit) && rows.count > 1
        return Place(sagaID: place.sagaID, from: isTooLong ? last : end, limit: place.limit)
    }
}
