"""The IDL as Python objects: loads a descriptor set and says what breaks our rules.

Used by generate.py (which refuses to generate from an IDL that breaks a rule) and by test_idl.py.
"""

import pathlib
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

PACKAGE = "saga.v1"
RPC_OPTION = 50210
RANGE = 256  # method numbers per service
MAX_FIELDS = 128  # the guard's bitmap
F = descriptor_pb2.FieldDescriptorProto


class Problem(Exception):
    """The IDL breaks a rule; the text names the element and the rule."""


def load(root, files=None):
    """Compiles the IDL under `root` with protoc and returns its FileDescriptorSet, comments included."""
    root = pathlib.Path(root)
    files = files or sorted(str(p.relative_to(root)) for p in root.glob("saga/v1/*.proto"))
    with tempfile.TemporaryDirectory() as tmp:
        out = pathlib.Path(tmp) / "set"
        command = ["protoc", "-I", str(root), f"--descriptor_set_out={out}", "--include_source_info", "--include_imports"]
        done = subprocess.run(command + files, capture_output=True, text=True)
        if done.returncode != 0:
            raise Problem(done.stderr.strip())
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


class Method:
    """One rpc with our option decoded."""

    def __init__(self, service, rpc, comment):
        self.service = service
        self.name = rpc.name
        self.request = rpc.input_type.rsplit(".", 1)[1]
        self.response = rpc.output_type.rsplit(".", 1)[1]
        self.client_streaming = rpc.client_streaming
        self.server_streaming = rpc.server_streaming
        self.comment = comment
        self.number, self.mutates = _rpc_option(rpc.options)

    @property
    def full_name(self):
        return f"{self.service}.{self.name}"


def _rpc_option(options):
    """Reads `RpcOptions` out of the option's unknown bytes, so that nothing has to be generated first."""
    number, mutates = 0, False
    for field, value in _fields(options.SerializeToString()):
        if field == RPC_OPTION:
            for inner, data in _fields(value):
                if inner == 1:
                    number = data
                elif inner == 2:
                    mutates = bool(data)
    return number, mutates


def _fields(data):
    """Top-level fields of an encoded message: (number, int or bytes)."""
    pos = 0

    def varint():
        nonlocal pos
        result = shift = 0
        while True:
            byte = data[pos]
            pos += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while pos < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
        elif kind == 2:
            size = varint()
            yield tag >> 3, data[pos : pos + size]
            pos += size
        else:
            size = {1: 8, 5: 4}[kind]
            yield tag >> 3, data[pos : pos + size]
            pos += size


class Idl:
    """Files, messages, enums and methods of the package, in source order."""

    def __init__(self, descriptor_set):
        self.files = [f for f in descriptor_set.file if f.package == PACKAGE]
        self.comments = {}
        self.messages = {}
        self.enums = {}
        self.methods = []
        self.service_comments = {}
        for file in self.files:
            found = {tuple(l.path): l.leading_comments.strip() for l in file.source_code_info.location}
            self.comments[file.name] = found
            for i, message in enumerate(file.message_type):
                self.messages[message.name] = (file, i, message)
            for i, enum in enumerate(file.enum_type):
                self.enums[enum.name] = (file, i, enum)
            for i, service in enumerate(file.service):
                self.service_comments[service.name] = found.get((6, i), "")
                for j, rpc in enumerate(service.method):
                    self.methods.append(Method(service.name, rpc, found.get((6, i, 2, j), "")))
        self.methods.sort(key=lambda m: m.number)

    def comment(self, file, *path):
        return self.comments[file.name].get(tuple(path), "")

    def wire_messages(self):
        """Messages that travel: all but those of options.proto."""
        return {n: m for n, m in self.messages.items() if m[0].name.endswith("_messages.proto")}

    # Rules

    def check(self):
        """All rules; raises Problem at the first that is broken."""
        self.check_comments()
        self.check_shapes()
        self.check_no_recursion()
        self.check_methods()
        self.check_limits()

    def check_comments(self):
        for name, (file, i, message) in self.messages.items():
            if not self.comment(file, 4, i):
                raise Problem(f"message {name} has no comment")
            for j, field in enumerate(message.field):
                if not self.comment(file, 4, i, 2, j):
                    raise Problem(f"field {name}.{field.name} has no comment (unit, range and limit)")
        for name, (file, i, enum) in self.enums.items():
            if not self.comment(file, 5, i):
                raise Problem(f"enum {name} has no comment")
            for j, value in enumerate(enum.value):
                if not self.comment(file, 5, i, 2, j):
                    raise Problem(f"enum value {value.name} has no comment")
        for name, comment in self.service_comments.items():
            if not comment:
                raise Problem(f"service {name} has no comment")
        for method in self.methods:
            if not method.comment:
                raise Problem(f"rpc {method.full_name} has no comment")

    def check_shapes(self):
        for file in self.files:
            if file.syntax != "proto3":
                raise Problem(f"{file.name} is not proto3")
        for name, (file, _, message) in self.wire_messages().items():
            if message.nested_type or message.enum_type or message.extension:
                raise Problem(f"message {name} has nested types, maps or extensions; keep types at the top level")
            if len(message.field) > MAX_FIELDS:
                raise Problem(f"message {name} has more than {MAX_FIELDS} fields")
            for field in message.field:
                where = f"{name}.{field.name}"
                if field.proto3_optional:
                    raise Problem(f"field {where} is proto3 `optional`, which protoc-c 1.4.1 refuses; use a oneof")
                if field.type == F.TYPE_GROUP:
                    raise Problem(f"field {where} is a group")
                if field.name != field.name.lower():
                    raise Problem(f"field {where} is not in lower_snake_case")
                ids = field.name.endswith("saga_id") or field.name.endswith("saga_ids")
                if ids and field.type != F.TYPE_BYTES:
                    raise Problem(f"field {where} is named like a saga id and is not bytes")
        for name, (_, _, enum) in self.enums.items():
            prefix = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).upper() + "_"
            for value in enum.value:
                if not value.name.startswith(prefix):
                    raise Problem(f"enum value {value.name} does not begin with {prefix}")

    def check_limits(self):
        for name, (file, i, message) in self.messages.items():
            for j, field in enumerate(message.field):
                grows = field.label == F.LABEL_REPEATED or field.type in (F.TYPE_STRING, F.TYPE_BYTES)
                if grows and not re.search(r"\d", self.comment(file, 4, i, 2, j)):
                    raise Problem(f"the comment of field {name}.{field.name} does not say how large it may be")

    def check_no_recursion(self):
        state = {}

        def visit(name, path):
            if state.get(name) == "done":
                return
            if state.get(name) == "open":
                raise Problem("message is recursive: " + " > ".join(path + [name]))
            state[name] = "open"
            for field in self.messages[name][2].field:
                if field.type == F.TYPE_MESSAGE:
                    visit(field.type_name.rsplit(".", 1)[1], path + [name])
            state[name] = "done"

        for name in self.messages:
            visit(name, [])

    def check_methods(self):
        numbers, bases = {}, {}
        for method in self.methods:
            if not 1 <= method.number <= 65535:
                raise Problem(f"rpc {method.full_name} has no number in 1-65535")
            if method.number in numbers:
                raise Problem(f"rpc {method.full_name} reuses number {method.number} of {numbers[method.number]}")
            numbers[method.number] = method.full_name
            base = method.number - method.number % RANGE
            owner = bases.setdefault(base, method.service)
            if owner != method.service or base == 0:
                raise Problem(f"rpc {method.full_name}: {method.number} is outside the range of its service")
            request = self.messages[method.request][2]
            first = next((f for f in request.field if f.number == 1), None)
            if first is None or first.type_name != f".{PACKAGE}.RequestHeader" or first.label == F.LABEL_REPEATED:
                raise Problem(f"field 1 of {method.request} is not RequestHeader")
        services = {}
        for method in self.methods:
            if services.setdefault(method.service, method.number // RANGE) != method.number // RANGE:
                raise Problem(f"service {method.service} has two ranges of numbers")

    # methods.lock

    def check_lock(self, text):
        """`text` is methods.lock: every method is there with its number, and none changed or vanished unsaid."""
        locked, numbers = {}, {}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            parts = line.split()
            name, number, retired = parts[0], int(parts[2]), parts[3:] == ["retired"]
            if parts[1] != "=" or (len(parts) > 3 and not retired):
                raise Problem(f"methods.lock: cannot read `{line}`")
            if name in locked:
                raise Problem(f"methods.lock: {name} stands there twice")
            if number in numbers:
                raise Problem(f"methods.lock: number {number} is used by {numbers[number]} and {name}")
            locked[name] = (number, retired)
            numbers[number] = name
        for method in self.methods:
            if method.full_name not in locked:
                raise Problem(f"methods.lock: add `{method.full_name} = {method.number}`")
            number, retired = locked[method.full_name]
            if retired:
                raise Problem(f"methods.lock: {method.full_name} is retired and stands in the IDL")
            if number != method.number:
                raise Problem(f"methods.lock: {method.full_name} is {number} there and {method.number} in the IDL")
        present = {m.full_name for m in self.methods}
        for name, (number, retired) in locked.items():
            if name not in present and not retired:
                raise Problem(f"methods.lock: {name} = {number} left the IDL; mark it `retired`")
