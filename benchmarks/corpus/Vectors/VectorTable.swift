import SagaCodec

/// Which type a vector is of: golden ones say so by their name, malformed ones by Rust's name of the type.
enum VectorTable {
    /// The longest prefix that fits counts.
    static func type(named name: String) -> (any VectorValue.Type)? {
        byPrefix.filter { name.hasPrefix($0.0) }.max { $0.0.utf8.count < $1.0.utf8.count }?.1
    }

    static func type(rust name: String) -> (any VectorValue.Type)? { byRustName[name] }

    private static let byPrefix: [(String, any VectorValue.Type)] = [
        ("bool_", Bool.self), ("u8_", UInt8.self), ("u16_", UInt16.self), ("u32_", UInt32.self), ("u64_", UInt64.self),
        ("u128_", UInt128.self), ("usize_", UInt64.self), ("i8_", Int8.self), ("i16_", Int16.self),
        ("i32_", Int32.self),
        ("i64_", Int64.self), ("i128_", Int128.self), ("isize_", Int64.self), ("f32_", Float.self),
        ("f64_", Double.self),
        ("char_", Unicode.Scalar.self), ("str_", String.self), ("bytes_", VectorNative<[UInt8]>.self),
        ("seq_u8_", VectorList<UInt8>.self),
        ("opt_none_u32", VectorNative<UInt32?>.self), ("opt_some_0u32", VectorNative<UInt32?>.self),
        ("opt_some_300u32", VectorNative<UInt32?>.self), ("opt_none_string", VectorNative<String?>.self),
        ("opt_some_string", VectorNative<String?>.self), ("opt_some_empty_string", VectorNative<String?>.self),
        ("opt_opt_none", VectorNative<UInt8??>.self), ("opt_some_none", VectorNative<UInt8??>.self),
        ("opt_some_some_", VectorNative<UInt8??>.self), ("opt_some_true", VectorNative<Bool?>.self),
        ("opt_some_neg1_i64", VectorNative<Int64?>.self),
        ("unit", VectorNothing.self), ("unit_struct", VectorUnit.self), ("newtype_u64_", VectorNewtypeU64.self),
        ("newtype_str", VectorNewtypeStr.self), ("newtype_opt_", VectorNewtypeOpt.self),
        ("tuple_struct", VectorTupleStruct.self), ("struct_empty", VectorEmpty.self),
        ("tuple_1", VectorTuple1<UInt16>.self),
        ("tuple_u8_u16_bool", VectorTuple3<UInt8, UInt16, Bool>.self),
        (
            "tuple_nested",
            VectorTuple2<VectorTuple2<UInt8, Int32>, VectorTuple2<String, VectorNative<UInt64?>>>.self
        ),
        ("tuple_of_units", VectorTuple3<VectorNothing, VectorNothing, UInt8>.self),
        ("array_u8_4", VectorFixed<UInt8, Length4>.self), ("array_u8_16", VectorFixed<UInt8, Length16>.self),
        ("array_i32_3", VectorFixed<Int32, Length3>.self), ("array_bool_3", VectorFixed<Bool, Length3>.self),
        ("array_empty", VectorFixed<UInt32, Length0>.self),
        ("struct_point", VectorPoint.self), ("struct_all_prims", VectorAllPrims.self),
        ("struct_skip_field", VectorSkipped.self), ("struct_generic_u8", VectorGeneric<UInt8>.self),
        ("struct_generic_string", VectorGeneric<String>.self),
        ("enum_", VectorShape.self), ("enum_explicit_discriminants_", VectorPlainEnum<DiscNames>.self),
        ("enum_variant_index_", VectorPlainEnum<BigNames>.self),
        ("result_", VectorResult.self),
        ("vec_empty_u32", VectorNative<[UInt32]>.self), ("vec_u32", VectorNative<[UInt32]>.self),
        ("vec_u16", VectorNative<[UInt16]>.self), ("vec_i64", VectorNative<[Int64]>.self),
        ("vec_bool", VectorNative<[Bool]>.self), ("vec_string", VectorNative<[String]>.self),
        ("vec_opt_u8", VectorNative<[UInt8?]>.self), ("vec_vec_u16", VectorNative<[[UInt16]]>.self),
        ("vec_unit_", VectorList<VectorNothing>.self), ("vec_f64", VectorNative<[Double]>.self),
        ("vec_struct", VectorList<VectorPoint>.self), ("vec_enum", VectorList<VectorShape>.self),
        ("vec_tuple", VectorList<VectorTuple2<UInt8, String>>.self),
        ("map_empty", VectorNative<[String: String]>.self), ("map_str_str", VectorNative<[String: String]>.self),
        ("map_u32_i64", VectorNative<[UInt32: Int64]>.self), ("map_str_vec", VectorNative<[String: [UInt8]]>.self),
        ("map_str_opt", VectorNative<[String: UInt16?]>.self),
        ("map_nested", VectorNative<[String: [String: UInt64]]>.self), ("set_u8", VectorSet.self),
        ("tree_recursive_enum", VectorTree.self), ("nested_deep", VectorNested.self), ("box_u32", UInt32.self),
        ("duration_std", VectorDuration.self), ("range_u32", VectorRange.self), ("ipv4", VectorIPv4.self),
        ("cow_str", String.self), ("wrapping_u32", UInt32.self), ("nonzero_u64", VectorNonZero<UInt64>.self),
        ("system_time", VectorSystemTime.self), ("history_event_", VectorHistoryEvent.self),
    ]

    private static let byRustName: [String: any VectorValue.Type] = [
        "bool": Bool.self, "u8": UInt8.self, "u16": UInt16.self, "u32": UInt32.self, "u64": UInt64.self,
        "u128": UInt128.self, "usize": UInt64.self, "i8": Int8.self, "i16": Int16.self, "i32": Int32.self,
        "i64": Int64.self, "i128": Int128.self, "isize": Int64.self, "f32": Float.self, "f64": Double.self,
        "char": Unicode.Scalar.self, "String": String.self, "Option<u8>": VectorNative<UInt8?>.self,
        "serde_bytes::ByteBuf": VectorNative<[UInt8]>.self, "Vec<u8>": VectorNative<[UInt8]>.self,
        "Vec<u32>": VectorNative<[UInt32]>.self, "Vec<u64>": VectorNative<[UInt64]>.self,
        "Vec<()>": VectorList<VectorNothing>.self, "BTreeMap<String,u8>": VectorNative<[String: UInt8]>.self,
        "Shape": VectorShape.self, "Shape (9 variants)": VectorShape.self, "[u8;4]": VectorFixed<UInt8, Length4>.self,
        "(u8,u16)": VectorTuple2<UInt8, UInt16>.self, "NonZeroU8": VectorNonZero<UInt8>.self,
        "Duration": VectorDuration.self, "HistoryEvent": VectorHistoryEvent.self,
    ]
}
