extension WorkflowContext {
    /// A saga within the saga: if the operation throws, its own steps are undone, last first, and the error goes on to the
    /// code around it, which may take another road. Steps outside are not touched (semantics, section 4).
    ///
    /// If the operation succeeds, its steps stay in the undo log of the run around it.
    public func saga<Result>(
        file: StaticString = #fileID, line: UInt = #line, _ operation: () async throws -> Result
    ) async throws -> Result {
        try await saga(name: "saga", file: file, line: line, operation)
    }

    func saga<Result>(
        name: String, file: StaticString = #fileID, line: UInt = #line, _ operation: () async throws -> Result
    ) async throws -> Result {
        let marker = MarkerCommand(kind: .scopeOpened, name: name, details: .empty, scope: WorkflowScope.number)
        let scope = try issue(.recordMarker(marker), site: CallSite(file, line)) &+ 1
        do {
            return try await WorkflowScope.$number.withValue(scope) { try await operation() }
        } catch let error as Evicted {
            // The context is dead; nothing may be asked for any more.
            throw error
        } catch {
            try await compensate(scope: scope, file: file, line: line)
            throw error
        }
    }

    /// Runs steps whose undos may run at the same time; without it even parallel steps are undone one by one.
    public func group<Result>(
        undo: UndoOrder, file: StaticString = #fileID, line: UInt = #line, _ operation: () async throws -> Result
    ) async throws -> Result {
        switch undo {
        case .lastFirst: return try await operation()
        case .concurrent:
            let group = nextUndoGroup()
            return try await WorkflowScope.$undoGroup.withValue(group) { try await operation() }
        }
    }
}

/// In which order the steps of a group are undone.
public enum UndoOrder: Hashable, Sendable {
    /// One by one, last first.
    case lastFirst
    /// All at the same time, after what came later and before what came earlier.
    case concurrent
}
