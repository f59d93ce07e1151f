internal import ArgumentParser
internal import SagaCodec

/// `saga explain SE0100`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explain an error code, or list them all.")

    @Argument(help: "The code, such as SE0100; without it, all codes.")
    var code: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let code else {
            let titles = ErrorPages.all.map { (code: $0.code, title: Self.title($0.text)) }
            switch output.format {
            case .text: for page in titles { Terminal.print("\(page.code)  \(page.title)") }
            case .json:
                for page in titles { Terminal.print(["code": .string(page.code), "title": .string(page.title)]) }
            }
            return
        }
        guard let page = ErrorPages.all.first(where: { $0.code == code.uppercased() }) else {
            throw Failure(.notFound, "there is no page \(Wording.safe(code))", hint: "all pages: saga explain")
        }
        switch output.format {
        case .text: Terminal.print(page.text)
        case .json: Terminal.print(["code": .string(page.code), "text": .string(page.text)])
        }
    }

    /// The text of `# SE0100: the workflow …` after the code.
    private static func title(_ text: String) -> String {
        let line = text.split(separator: "\n").first ?? ""
        return line.split(separator: ":", maxSplits: 1).last.map { $0.drop { $0 == " " } }.map(String.init) ?? ""
    }
}

/// `--output`, the same for every command.
struct OutputOptions: ParsableArguments {
    @Option(name: .customLong("output"), help: "text, for people, or json, for programs.")
    var format = OutputFormat.text
}

extension OutputFormat: ExpressibleByArgument {}
