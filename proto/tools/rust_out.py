"""Rust: plain structs that write and read themselves (no protobuf crate is needed), and the services in a macro's words."""

import re

import idl
from names import pascal, services, snake, upper, wrap

F = idl.F
# Field type -> (type in Rust, name of the runtime's functions, how a function that writes takes it).
SCALARS = {
    F.TYPE_DOUBLE: ("f64", "double", ""),
    F.TYPE_INT32: ("i32", "int32", ""),
    F.TYPE_UINT32: ("u32", "uint32", ""),
    F.TYPE_INT64: ("i64", "int64", ""),
    F.TYPE_UINT64: ("u64", "uint64", ""),
    F.TYPE_BOOL: ("bool", "bool", ""),
    F.TYPE_STRING: ("String", "string", "&"),
    F.TYPE_BYTES: ("Vec<u8>", "bytes", "&"),
}
KEYWORDS = {"type", "match", "ref", "move", "where", "use", "in", "final", "override", "priority_"}


def doc(text, indent=""):
    # Text in brackets is no link here.
    text = text.replace("[", "\\[").replace("]", "\\]").replace("<", "\\<").replace(">", "\\>")
    return wrap(text, f"{indent}///")


def local(type_name):
    return type_name.rsplit(".", 1)[1]


def name_of(field):
    return f"r#{field.name}" if field.name in KEYWORDS else field.name


def value_type(field):
    return local(field.type_name) if field.type in (F.TYPE_MESSAGE, F.TYPE_ENUM) else SCALARS[field.type][0]


def writes(field, value, always):
    """A statement that writes a field which is not a message; `value` is an expression of its type."""
    suffix = "_always" if always else ""
    if field.type == F.TYPE_ENUM:
        return f"to.int32{suffix}({field.number}, {value}.number());"
    _, function, by = SCALARS[field.type]
    return f"to.{function}{suffix}({field.number}, {by}{value});"


def reads(field):
    """An expression that reads one value of a field which is not a message."""
    if field.type == F.TYPE_ENUM:
        return f"{local(field.type_name)}::from(from.int32()?)"
    return f"from.{SCALARS[field.type][1]}()?"


def one_enum(enum, notes, i):
    prefix = upper(enum.name) + "_"
    variants = [(pascal(value.name.removeprefix(prefix).lower()), value.number) for value in enum.value]
    out = doc(notes.get((5, i), enum.name))
    out += ["#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]", "#[non_exhaustive]", f"pub enum {enum.name} {{"]
    for j, (variant, number) in enumerate(variants):
        out += doc(notes.get((5, i, 2, j), variant), "    ")
        if number == 0:
            out.append("    #[default]")
        out.append(f"    {variant},")
    out += ["    /// A number that this version does not know.", "    Unrecognized(i32),", "}\n"]
    out += [f"impl {enum.name} {{", "    /// The number on the wire.", "    pub fn number(self) -> i32 {", "        match self {"]
    out += [f"            Self::{variant} => {number}," for variant, number in variants]
    out += ["            Self::Unrecognized(number) => number,", "        }", "    }\n"]
    out += ["    /// The name in the IDL, without its prefix.", "    pub fn name(self) -> &'static str {", "        match self {"]
    out += [f'            Self::{variant} => "{value.name.removeprefix(prefix)}",' for (variant, _), value in zip(variants, enum.value)]
    out += ['            Self::Unrecognized(_) => "UNRECOGNIZED",', "        }", "    }", "}\n"]
    out += [f"impl From<i32> for {enum.name} {{", "    fn from(number: i32) -> Self {", "        match number {"]
    out += [f"            {number} => Self::{variant}," for variant, number in variants]
    out += ["            other => Self::Unrecognized(other),", "        }", "    }", "}\n"]
    return out


def one_message(entry, notes, i, package, requests):
    unions = {}  # index of a oneof -> its fields
    for field in entry.field:
        if field.HasField("oneof_index"):
            unions.setdefault(field.oneof_index, []).append(field)
    single = {k for k, v in unions.items() if len(v) == 1 and entry.oneof_decl[k].name.startswith("_")}
    fields, write, read, sums = [], [], [], []
    for j, field in enumerate(entry.field):
        name, kind, comment = name_of(field), value_type(field), doc(notes.get((4, i, 2, j), field.name), "    ")
        number, is_message = field.number, field.type == F.TYPE_MESSAGE
        if field.HasField("oneof_index") and field.oneof_index not in single:
            decl = entry.oneof_decl[field.oneof_index].name
            union, variant = entry.name + pascal(decl), pascal(field.name)
            if field is unions[field.oneof_index][0]:
                fields += ["    /// One of these, or none.", f"    pub {decl}: Option<{union}>,"]
                sums += ["/// What is given, of several.", "#[derive(Clone, Debug, PartialEq)]", "#[non_exhaustive]", f"pub enum {union} {{"]
                write.append(f"        match &self.{decl} {{")
                for member in unions[field.oneof_index]:
                    k = list(entry.field).index(member)
                    case = pascal(member.name)
                    boxed = f"Box<{value_type(member)}>" if member.type == F.TYPE_MESSAGE else value_type(member)
                    sums += doc(notes.get((4, i, 2, k), member.name), "    ")
                    sums.append(f"    {case}({boxed}),")
                    if member.type == F.TYPE_MESSAGE:
                        line = f"to.message({member.number}, &**value);"
                    else:
                        copied = "value" if SCALARS.get(member.type, ("", "", ""))[2] == "&" else "*value"
                        line = writes(member, copied, True).replace("&value", "value")
                    write.append(f"            Some({union}::{case}(value)) => {line.rstrip(';')},")
                write += ["            None => {}", "        }"]
                sums.append("}\n")
            if is_message:
                # A second part of the same message is merged into the first.
                read += [
                    f"            {number} => match &mut self.{decl} {{",
                    f"                Some({union}::{variant}(value)) => from.message(value.as_mut())?,",
                    "                other => {",
                    "                    let mut value = Box::default();",
                    f"                    from.message::<{kind}>(&mut value)?;",
                    f"                    *other = Some({union}::{variant}(value));",
                    "                }",
                    "            },",
                ]
            else:
                read.append(f"            {number} => self.{decl} = Some({union}::{variant}({reads(field)})),")
            continue
        fields += comment
        if field.label == F.LABEL_REPEATED:
            fields.append(f"    pub {name}: Vec<{kind}>,")
            if is_message:
                write.append(f"        self.{name}.iter().for_each(|value| to.message({number}, value));")
                read.append(f"            {number} => from.push(&mut self.{name})?,")
            elif field.type in (F.TYPE_STRING, F.TYPE_BYTES):
                line = writes(field, "value", True).replace("&value", "value").rstrip(";")
                write.append(f"        self.{name}.iter().for_each(|value| {line});")
                read.append(f"            {number} => self.{name}.push({reads(field)}),")
            else:
                each = "value.number()" if field.type == F.TYPE_ENUM else "*value"
                function = "int32" if field.type == F.TYPE_ENUM else SCALARS[field.type][1]
                write.append(f"        to.packed({number}, &self.{name}, |to, value| to.{function}_raw({each}));")
                one = f"Ok({reads(field)})" if field.type == F.TYPE_ENUM else reads(field).removesuffix("?")
                read.append(f"            {number} => from.packed(&mut self.{name}, |from| {one})?,")
        elif is_message:
            fields.append(f"    pub {name}: Option<{kind}>,")
            write += [f"        if let Some(value) = &self.{name} {{", f"            to.message({number}, value);", "        }"]
            read.append(f"            {number} => from.message(self.{name}.get_or_insert_with(Default::default))?,")
        elif field.HasField("oneof_index"):
            fields.append(f"    pub {name}: Option<{kind}>,")
            copied = "value" if SCALARS.get(field.type, ("", "", ""))[2] == "&" else "*value"
            line = writes(field, copied, True).replace("&value", "value")
            write += [f"        if let Some(value) = &self.{name} {{", f"            {line}", "        }"]
            read.append(f"            {number} => self.{name} = Some({reads(field)}),")
        else:
            fields.append(f"    pub {name}: {kind},")
            write.append("        " + writes(field, f"self.{name}", False))
            read.append(f"            {number} => self.{name} = {reads(field)},")
    to, frm = ("to", "from") if entry.field else ("_", "from")
    out = doc(notes.get((4, i), entry.name)) + ["#[derive(Clone, Debug, Default, PartialEq)]", f"pub struct {entry.name} {{"]
    out += fields + ["}\n"] + sums
    out += [f"impl Message for {entry.name} {{", f'    const NAME: &\'static str = "{package}.{entry.name}";\n']
    out += [f"    fn write(&self, {to}: &mut Writer) {{"] + write + ["    }\n"]
    out += [f"    fn read_field(&mut self, number: u32, {frm}: &mut Reader<'_>) -> Result<(), DecodeError> {{", "        match number {"]
    out += read + ["            _ => from.skip()?,", "        }", "        Ok(())", "    }", "}\n"]
    if entry.name in requests:
        out += [f"impl Request for {entry.name} {{", "    fn header_mut(&mut self) -> &mut RequestHeader {"]
        out += ["        self.header.get_or_insert_with(Default::default)", "    }", "}\n"]
    return out


def messages(files, comments, package, source, runtime, requests=frozenset()):
    out = [f"//! Messages of `{package}`.\n//!\n//! Generated by ci/generate from {source}. Do not edit.\n"]
    extra = "Request, " if requests else ""
    out.append(f"use {runtime}::{{DecodeError, Message, Reader, {extra}Writer}};\n")
    for file in files:
        for i, enum in enumerate(file.enum_type):
            out += one_enum(enum, comments[file.name], i)
        for i, entry in enumerate(file.message_type):
            out += one_message(entry, comments[file.name], i, package, requests)
    return "\n".join(out)


def stubs(model):
    out = ["//! Every call of every service.\n//!\n//! Generated by ci/generate from proto/saga/v1. Do not edit.\n"]
    out += ["use crate::rpc::services;", "use crate::v1::*;\n", "services! {"]
    for service, members in services(model).items():
        out += doc(model.service_comments[service], "    ")
        out.append(f"    {service}Service {snake(service)} {{")
        for m in members:
            out += doc(m.comment, "        ")
            shape = {
                (False, False): "unary", (False, True): "server_stream", (True, False): "client_stream", (True, True): "duplex",
            }[m.client_streaming, m.server_streaming]  # fmt: skip
            mutates = "mutates" if m.mutates else "reads"
            out.append(f'        {m.number} "{m.full_name}" {shape} {mutates} fn {snake(m.name)}({m.request}) -> {m.response};')
        out.append("    }\n")
    out[-1] = "    }"
    out.append("}")
    return "\n".join(out) + "\n"


def files(model):
    wire = [f for f in model.files if f.name.endswith("_messages.proto")]
    requests = {m.request for m in model.methods}
    yield "v1.rs", messages(wire, model.comments, idl.PACKAGE, "proto/saga/v1", "crate::protobuf", requests)
    yield "services.rs", stubs(model)


def conformance(descriptors):
    """The suite's own messages, for the harness."""
    file = next(f for f in descriptors.file if f.package == "saga.conformance")
    notes = {tuple(l.path): l.leading_comments.strip() for l in file.source_code_info.location}
    source = "sdk-stubs/conformance/conformance.proto"
    return messages([file], {file.name: notes}, file.package, source, "saga_engine::protobuf")
