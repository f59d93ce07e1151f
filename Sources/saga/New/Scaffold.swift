internal import ArgumentParser

/// The files of a new project: a saga of two steps, of which the first is undone when the second is refused, and a worker.
struct Scaffold {
    enum Language: String, ExpressibleByArgument, CaseIterable {
        case python, typescript, go, java, rust, c, swift

        static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }

        /// How it is built and started, then used; with marks.
        fileprivate var commands: [String] {
            let run =
                self == .swift
                ? "saga start {{name}} --queue {{name}} --wait --input '{\"item\": \"book\", \"amount\": 30}'"
                : "saga run saga.yaml --input '{\"item\": \"book\", \"amount\": 30}'"
            return ["saga dev                 # a server for this folder, in another terminal"] + build + [run]
        }

        private var build: [String] {
            switch self {
            case .python:
                [
                    "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
                    ".venv/bin/python worker.py",
                ]
            case .typescript: ["npm install && npm run build", "npm start"]
            case .go: ["go mod tidy", "go run ."]
            case .java: ["mvn compile", "mvn exec:java"]
            case .rust: ["cargo build", "cargo run"]
            case .c: ["cmake -S . -B build && cmake --build build", "build/worker"]
            case .swift: ["swift run worker"]
            }
        }
    }

    struct File {
        var path: String
        var text: String
    }

    var language: Language
    var name: String
    /// The folder `sdk-stubs`, from the root.
    var sdk: String

    var files: [File] {
        var files = [File(path: "README.md", text: readme)]
        if language != .swift { files.append(File(path: "saga.yaml", text: Self.definition)) }
        switch language {
        case .python: files += Self.python
        case .typescript: files += Self.typescript
        case .go: files += Self.go
        case .java: files += Self.java
        case .rust: files += Self.rust
        case .c: files += Self.c
        case .swift: files += Self.swift
        }
        return files.map { File(path: $0.path, text: filled($0.text)) }
    }

    /// What to do next, line by line.
    var commands: [String] { language.commands.map { filled($0) } }

    private func filled(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let mark = rest.firstIndex(of: "{") {
            result += rest[..<mark]
            rest = rest[mark...]
            if rest.hasPrefix("{{name}}") {
                result += name
                rest = rest.dropFirst(8)
            } else if rest.hasPrefix("{{sdk}}") {
                result += sdk
                rest = rest.dropFirst(7)
            } else {
                result += "{"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    private var readme: String {
        let saga =
            language == .swift
            ? "The saga is code, in `Sources/worker/main.swift`, beside the activities that it calls."
            : "The saga is data, in `saga.yaml`: the server runs it, and the worker serves its activities."
        let lines = commands.map { "    \($0)\n" }.joined()
        return """
            # {{name}}

            A saga of two steps: reserve an item, then charge its price. \(saga)

            \(lines)
            With an amount over 1,000 the card is declined: what was reserved is released again, and `saga history ID`
            shows how. Kill the worker in between: it goes on when it is back.

            `SAGA_ADDRESS` (default `localhost:7233`) and `SAGA_CA` (default `.saga/ca.pem`) say where the server is.

            """
    }

    private static let definition = """
        # Run by the server; what else can stand here: docs/declarative.md of Saga Engine.
        name: {{name}}
        queue: {{name}}
        steps:
          - id: stock
            activity: reserve
            undo: release
          - id: payment
            activity: charge
            undo: refund
            retry: 3

        """
}
