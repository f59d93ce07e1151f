internal import SagaCore

/// Times, names and user data as a terminal shows them.
enum Wording {
    /// `850 µs`, `112 ms`, `1.284 s`, `2 min 3 s`, `1 h 5 min`, `3 d 4 h`.
    static func duration(micros: Int64) -> String {
        let micros = max(0, micros)
        switch micros {
        case ..<1_000: return "\(micros) µs"
        case ..<1_000_000: return "\(micros / 1_000) ms"
        case ..<60_000_000: return "\(micros / 1_000_000).\(padded(micros / 1_000 % 1_000, 3)) s"
        case ..<3_600_000_000: return "\(micros / 60_000_000) min \(micros / 1_000_000 % 60) s"
        case ..<86_400_000_000: return "\(micros / 3_600_000_000) h \(micros / 60_000_000 % 60) min"
        default: return "\(micros / 86_400_000_000) d \(micros / 3_600_000_000 % 24) h"
        }
    }

    /// Time since the run began: `+0.335 s`, `+1:02:03.000`.
    static func offset(micros: Int64) -> String {
        let micros = max(0, micros)
        let (seconds, millis) = (micros / 1_000_000, micros / 1_000 % 1_000)
        if seconds < 60 { return "+\(seconds).\(padded(millis, 3)) s" }
        let clock = "\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2)).\(padded(millis, 3))"
        return seconds < 3_600 ? "+\(clock)" : "+\(seconds / 3_600):\(clock)"
    }

    /// `2026-01-28 11:28:00 UTC`.
    static func time(_ timestamp: Timestamp) -> String {
        let text = timestamp.description
        return text.prefix(19).map { $0 == "T" ? " " : String($0) }.joined() + " UTC"
    }

    /// User data in at most `limit` characters, which is 1 to 10,000: JSON as it stands, anything else by its size.
    static func payload(_ payload: Payload, limit: Int = 60) -> String {
        if payload.isEmpty { return "" }
        let limit = min(max(1, limit), 10_000)
        guard payload.encoding == "json" else { return "<\(safe(payload.encoding)), \(payload.data.count) bytes>" }
        return shortened(safe(String(decoding: payload.data.prefix(limit * 4 + 4), as: UTF8.self)), limit)
    }

    /// `Domain PaymentRefused: the card was refused`.
    static func error(_ error: SagaError, limit: Int = 200) -> String {
        let code = error.code.isEmpty ? "" : " \(safe(error.code))"
        return shortened("\(error.kind.name)\(code): \(safe(error.message))", limit)
    }

    static func name(_ outcome: StepOutcome) -> String {
        switch outcome {
        case .completed: "completed"
        case .noEffect: "no effect"
        case .unknown: "outcome unknown"
        }
    }

    static func name(_ cause: UnwindCause) -> String {
        switch cause {
        case .failed: "the saga failed"
        case .canceled: "cancel requested"
        case .timedOut: "execution time-out"
        case .terminated: "terminated"
        case .requested: "asked for by the code"
        }
    }

    static func name(_ cause: BlockCause) -> String {
        switch cause {
        case .undoFailed: "an undo failed for good"
        case .nondeterminism: "the code does not fit its history"
        case .codeFailure: "the workflow code keeps failing"
        }
    }

    static func name(_ verb: OperatorVerb) -> String {
        switch verb {
        case .retry: "retry"
        case .retryWithInput: "retry with edited input"
        case .skip: "skip"
        case .resolve: "mark as done by hand"
        case .giveUp: "give up"
        }
    }

    static func summary(_ summary: CompensationSummary) -> String {
        let open =
            summary.openEntries.isEmpty
            ? "" : " (left open: event \(summary.openEntries.map(String.init).joined(separator: ", ")))"
        switch summary.state {
        case .none: return "nothing to undo"
        case .complete: return "everything undone"
        case .partial: return "partly undone\(open)"
        case .givenUp: return "unwinding given up\(open)"
        }
    }

    /// The text without what could move the cursor, change colours or reverse the reading order: names and errors come
    /// from other programs.
    static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    static func shortened(_ text: String, _ limit: Int) -> String {
        text.count <= limit ? text : text.prefix(max(0, limit - 1)) + "…"
    }

    static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
