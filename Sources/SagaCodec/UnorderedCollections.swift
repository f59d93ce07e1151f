/// Collections whose own `encode(to:)` follows the hash order, which differs from run to run. Encoders put their parts
/// in order, because equal values must have equal bytes.
protocol UnorderedEncodable {}

/// A dictionary whose keys are neither text nor integers: `Codable` writes keys and values in turn.
protocol UnorderedPairs: UnorderedEncodable {}

extension Set: UnorderedEncodable {}
extension Dictionary: UnorderedEncodable, UnorderedPairs {}

extension JSONEncoded {
    /// The elements (or pairs of elements) of an array in the order of their texts; objects are sorted when written.
    func inCanonicalOrder(pairs: Bool) -> JSONEncoded {
        guard case .array(let elements) = self else { return self }
        let step = pairs ? 2 : 1
        guard elements.items.count.isMultiple(of: step) else { return self }
        var groups: [(text: [UInt8], items: ArraySlice<JSONEncoded>)] = []
        for start in stride(from: 0, to: elements.items.count, by: step) {
            var serializer = JSONSerializer()
            // What has no text (NaN) is refused when the whole is written.
            guard (try? elements.items[start].write(into: &serializer)) != nil else { return self }
            groups.append((serializer.bytes, elements.items[start..<start + step]))
        }
        groups.sort { $0.text.lexicographicallyPrecedes($1.text) }
        elements.items = groups.flatMap(\.items)
        return self
    }
}
