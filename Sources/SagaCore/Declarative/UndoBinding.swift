/// What the undo of a declared step receives: a template that is part of the step's `Scheduled` event, in the metadata of its
/// input, with everything filled in but what is known only when the step has ended (semantics, section 4). So it is durable before
/// the step can have had an effect, and goes wherever the undo entry goes.
package enum UndoBinding {
    /// The name of the metadata entry.
    package static let key = "saga-undo-input"

    /// The undo's input by its template; nil if it has none.
    /// - Throws: `SagaError` of kind validation if a value is missing and has no default: a person must give the input.
    package static func input(of entry: UndoEntry) throws(SagaError) -> Payload? {
        try input(for: entry.input, output: entry.output, outcome: entry.outcome, stepKey: entry.stepKey)
    }

    /// The same of a step's parts.
    package static func input(
        for stepInput: Payload, output: Payload?, outcome: StepOutcome, stepKey: String
    ) throws(SagaError) -> Payload? {
        guard let text = stepInput.metadata.first(where: { $0.key == key })?.value else { return nil }
        let template: Template
        do {
            template = try Template(text)
        } catch {
            throw ValueSource.problem("the input of the undo: \(error.message)")
        }
        var values = ValueSource(
            input: .empty,
            own: .init(output: output, outcome: outcome, key: stepKey)
        ) { _ in nil }
        do {
            return Payload(encoding: "json", data: try template.fill(&values))
        } catch {
            throw ValueSource.problem("the input of the undo: \(error.message)")
        }
    }

    /// A step's input as its activity receives it.
    package static func stripped(_ input: Payload) -> Payload {
        guard input.metadata.contains(where: { $0.key == key }) else { return input }
        var plain = input
        plain.metadata.removeAll { $0.key == key }
        return plain
    }
}
