internal import SagaCore

/// What some planted bugs need beside their one line (docs/simulation.md, "Planted bugs"). Nothing here is reached in a
/// build that cannot plant any.
extension Shard {
    /// Takes the next epoch for granted instead of reading anew what the other owner has done.
    func goOnFenced(_ place: Int) {
        epoch += 1
        inFlight[place].batch.epoch = epoch
        effects.append(.append(inFlight[place].id, inFlight[place].batch))
    }
}

extension HeldEffect {
    /// Whether a planted bug lets the effect out before its cause is durable.
    var isReleasedEarly: Bool {
        switch self {
        case .reply: planted(.replyBeforeDurable)
        case .acknowledge: planted(.ackBeforeDurable)
        case .queueStep, .queueUndo: planted(.taskBeforeDurable)
        default: false
        }
    }
}
