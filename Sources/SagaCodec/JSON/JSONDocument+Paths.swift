/// Finding values of a parsed text without making trees of them: templates copy their bytes as they stand.
extension JSONDocument {
    /// What a value is.
    package func kind(of token: Int) -> Kind { tokens[token].kind }

    /// The member of an object; of two equal keys the last one. `nil` if there is none, or the value is no object.
    package func member(_ key: String, of token: Int) -> Int? {
        guard tokens[token].kind == .object else { return nil }
        var found: Int?
        var child = firstChild(of: token)
        for _ in 0..<tokens[token].count {
            if isText(at: child, equalTo: key.utf8) { found = child + 1 }
            child = next(after: child + 1)
        }
        return found
    }

    /// The element of an array; `nil` beyond its end, or if the value is no array.
    package func element(_ index: Int, of token: Int) -> Int? {
        guard tokens[token].kind == .array, index >= 0, index < Int(tokens[token].count) else { return nil }
        var child = firstChild(of: token)
        for _ in 0..<index { child = next(after: child) }
        return child
    }

    /// Where the bytes of a value stand: strings with their quotes, containers with their brackets.
    package func extent(of token: Int) -> Range<Int> {
        let found = tokens[token]
        switch found.kind {
        case .text, .escapedText: return Int(found.start) - 1..<Int(found.start) + Int(found.count) + 1
        case .array, .object:
            // Behind the last thing inside there is nothing but space and this value's own bracket.
            let last = Int(found.next) - 1
            var end = last == token ? Int(found.start) + 1 : extent(of: lastChild(of: token)).upperBound
            while end < bytes.count, bytes[end] != UInt8(ascii: "]"), bytes[end] != UInt8(ascii: "}") { end += 1 }
            return Int(found.start)..<min(end + 1, bytes.count)
        default: return Int(found.start)..<Int(found.start) + Int(found.count)
        }
    }

    /// The inside of a string, as written: escapes are not resolved.
    package func inside(of token: Int) -> Range<Int> { range(of: token) }

    /// All strings in the order in which they stand, and whether each is the key of a member.
    package var strings: [(token: Int, isKey: Bool)] {
        var keys = [Bool](repeating: false, count: tokens.count)
        for token in tokens.indices where tokens[token].kind == .object {
            var child = firstChild(of: token)
            for _ in 0..<tokens[token].count {
                keys[child] = true
                child = next(after: child + 1)
            }
        }
        return tokens.indices.lazy.filter { self.tokens[$0].kind == .text || self.tokens[$0].kind == .escapedText }
            .map { ($0, keys[$0]) }
    }

    /// The last value directly inside a container that has one.
    private func lastChild(of token: Int) -> Int {
        let end = Int(tokens[token].next)
        let isObject = tokens[token].kind == .object
        var child = firstChild(of: token)
        if isObject { child += 1 }
        while next(after: child) < end { child = next(after: child) + (isObject ? 1 : 0) }
        return child
    }
}
