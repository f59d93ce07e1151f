// The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto.
import Foundation

// A pipe whose reader is gone is an error of one write.
signal(SIGPIPE, SIG_IGN)

/// Reads so many bytes; nil at the end of the input.
func readExactly(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let got = bytes.withUnsafeMutableBytes { read(0, $0.baseAddress?.advanced(by: filled), count - filled) }
        guard got > 0 else { return nil }
        filled += got
    }
    return bytes
}

func nextAction() -> [UInt8]? {
    guard let head = readExactly(4) else { return nil }
    return readExactly(head.reduce(0) { $0 << 8 | Int($1) })
}

let harness = Harness()
while let bytes = await withCheckedContinuation({ (given: CheckedContinuation<[UInt8]?, Never>) in
    // Waits on a thread of its own, so that activities go on.
    Thread.detachNewThread { given.resume(returning: nextAction()) }
}) {
    var outcome = Outcome()
    do { outcome = await harness.act(try Action(bytes)) } catch {
        outcome.result = "bug"
        outcome.message = "the action does not read"
    }
    let body = outcome.serialized
    let head = withUnsafeBytes(of: UInt32(body.count).bigEndian) { Array($0) }
    try FileHandle.standardOutput.write(contentsOf: Data(head + body))
}
// What still runs ends with the process.
exit(0)
