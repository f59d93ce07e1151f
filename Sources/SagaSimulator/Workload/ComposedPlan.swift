internal import SagaCore
internal import SagaEngine

extension RunPlan {
    /// Sagas that have to do with others and with their own past, and what people do to sagas beside talking to them. Generators of
    /// their own, so that the other plans of a seed stay what they were.
    mutating func planComposed(_ seed: UInt64) {
        var random = chances(seed, 0xB000 + UInt64(index))
        if declared.isEmpty, random.happens(400_000) { compose(&random) }
        planCheckpoints(seed)
        planInterventions(seed)
        planResets(seed)
    }

    /// In half of the worlds some of the sagas that go on as new runs do so within their run instead. Not in those that once found a
    /// bug (docs/simulation.md): their number of the generator leaves them what they were.
    private mutating func planCheckpoints(_ seed: UInt64) {
        var world = chances(seed, 0xD045)
        var random = chances(seed, 0xE000 + UInt64(index))
        guard world.happens(500_000), workflowType == Continues.typeID, random.happens(500_000) else { return }
        workflowType = Checkpoints.typeID
        // Many, so that some come while the code asks for its checkpoint.
        for number in 4..<random.pick(6...12) {
            operations.insert((.signal(number), random.draw(0...60_000)), at: random.pick(0...operations.count))
        }
        if random.happens(300_000) {
            operations.insert((.query, random.draw(0...900_000)), at: random.pick(0...operations.count))
        }
    }

    private mutating func compose(_ random: inout SplitMix64) {
        let types = [
            "family", "family", "family", "family", "continues", "continues", "continues", "updates", "updates",
            "signaller", "local", "local", "notes",
        ]
        workflowType = types[random.pick(0...(types.count - 1))]
        autoCompensate = true
        (startsWithSignal, startsAgainWithSignal, isPipelined) = (false, false, false)
        let isFailing = random.happens(400_000)
        input = [random.pick(1...4), isFailing ? random.pick(1...2) : 0, random.pick(0...9_999), 0]
        operations.removeAll { planned in
            if case .signal = planned.operation { return true }
            return false
        }
        for step in ["c1", "c2", "u0", "u1", "u2", "u4", "u5", "u6"] { planStep(step, &random) }
        switch workflowType {
        case "continues":
            for number in 0..<random.pick(0...4) { insert(.signal(number), &random) }
            isPipelined = random.happens(200_000)
        case "updates":
            for number in 0..<random.pick(1...5) {
                let at = random.pick(0...operations.count)
                operations.insert((.update(number), random.draw(0...400_000)), at: at)
                if random.happens(300_000) {
                    operations.insert(
                        (.updateAgain(number), random.draw(0...900_000)), at: random.pick(at + 1...operations.count))
                }
            }
        case "signaller": input[3] = random.pick(0...7)
        case "notes": for _ in 0..<random.pick(1...3) { insert(.query, &random) }
        default: break
        }
    }

    private mutating func planStep(_ step: String, _ random: inout SplitMix64) {
        let failures: [Behavior.Failure] = [
            .refusal, .beforeEffect, .afterEffect, .noEffect, .hangsBefore, .hangsAfter,
        ]
        var behavior = Behavior(micros: random.draw(0...60_000))
        if random.happens(150_000) {
            behavior.failure = failures[random.pick(0...5)]
            behavior.failures = random.happens(300_000) ? .max : UInt32(random.pick(1...2))
        }
        steps[step] = behavior
        var undo = Behavior(micros: random.draw(0...30_000))
        if random.happens(150_000) {
            undo.failure = failures[random.pick(1...5)]
            undo.failures = random.happens(250_000) ? 1_000 : UInt32(random.pick(1...2))
        }
        undos[step] = undo
    }

    /// Pauses, resets, deletions.
    private mutating func planInterventions(_ seed: UInt64) {
        var random = chances(seed, 0xC000 + UInt64(index))
        if random.happens(80_000) { insert(.pause(random.draw(10_000...4_000_000)), &random) }
        if random.happens(100_000), declared.isEmpty {
            let undo = ResetCall.Undo.allCases[random.pick(0...2)]
            insert(.reset(undo, random.pick(0...1_000), isNewest: random.happens(400_000)), &random)
        }
        if random.happens(40_000) { insert(.delete, &random) }
    }

    /// In half of the worlds, not those that once found a bug, some sagas are reset several times: to any event of what they have by
    /// then, so that about half of the resets go back behind the one before.
    private mutating func planResets(_ seed: UInt64) {
        var world = chances(seed, 0x18_F11A)
        var random = chances(seed, 0x19_0000 + UInt64(index))
        guard declared.isEmpty, world.happens(500_000), random.happens(250_000) else { return }
        for _ in 0..<random.pick(2...4) {
            // To undo what is behind takes longest, and needs a run that is open.
            let modes: [ResetCall.Undo] = [.undo, .undo, .keep, .drop]
            let reset = Operation.reset(
                modes[random.pick(0...3)], random.pick(0...1_000), isNewest: random.happens(850_000))
            // One just behind another, while much is on its way; or when the run has gone on.
            let delay = random.happens(400_000) ? random.draw(0...80_000) : random.draw(0...1_500_000)
            operations.insert((reset, delay), at: random.pick(0...operations.count))
        }
    }
}
