/// Where a coder stands: a chain to the root, made into the array that `Codable` wants only when somebody asks.
final class CodingPath: Sendable {
    let parent: CodingPath?
    let key: any CodingKey

    init(_ parent: CodingPath?, _ key: any CodingKey) {
        self.parent = parent
        self.key = key
    }

    var keys: [any CodingKey] {
        var result: [any CodingKey] = []
        var next: CodingPath? = self
        while let node = next {
            result.append(node.key)
            next = node.parent
        }
        return result.reversed()
    }
}

/// A key without a type: an index, or the name "super".
struct PlainKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }

    static let superKey = PlainKey(stringValue: "super")
}
