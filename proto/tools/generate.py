"""Generates everything that follows from the IDL; started by ci/generate.

    generate.py [--check] REPOSITORY

C by protoc-c, Swift, TypeScript and Rust by this program, Python and Go by protoc and
this program. `--check` writes nothing and exits 1 with
the names of the files that are not what would be generated.
"""

import pathlib
import subprocess
import sys
import tempfile

import c_out
import go_out
import idl
import java_out
import python_out
import rust_out
import swift_out
import typescript_out

# Folder that is wholly generated -> what in it is generated (anything else there is left alone).
OUTPUTS = {
    "Sources/CSagaProto/saga/v1": "*",
    "Sources/CSagaProto/include/saga/v1": "*",
    "Sources/SagaWire/Generated": "*",
    "sdk-stubs/python/src/saga_engine/v1": "*",
    "sdk-stubs/python/conformance": "*_pb2.py*",
    "sdk-stubs/c/include/saga": "services.h",
    "sdk-stubs/c/src": "services.c",
    "sdk-stubs/go": "services.go",
    "sdk-stubs/go/sagapb": "*",
    "sdk-stubs/go/internal/conformancepb": "*",
    "sdk-stubs/java/generated/engine/saga": "*",
    "sdk-stubs/java/proto/saga/v1": "*",
    "sdk-stubs/rust/src/generated": "*",
    "sdk-stubs/rust/conformance/src": "messages.rs",
    "sdk-stubs/typescript/src/v1": "*",
    "sdk-stubs/typescript/conformance": "messages.ts",
}


def generate(root, out):
    """Writes the generated tree below `out`."""
    proto = root / "proto"
    descriptors = idl.load(proto)
    model = idl.Idl(descriptors)
    model.check()
    model.check_lock((proto / "methods.lock").read_text())
    (out / "sdk-stubs/python/conformance").mkdir(parents=True)
    messages = sorted(f.name for f in model.files if f.name.endswith("_messages.proto"))

    with tempfile.TemporaryDirectory() as tmp:
        run(["protoc-c", "-I", proto, f"--c_out={tmp}", *messages])
        for file in sorted(pathlib.Path(tmp).glob("saga/v1/*")):
            folder = "Sources/CSagaProto/include" if file.suffix == ".h" else "Sources/CSagaProto"
            put(out / folder / "saga/v1" / file.name, file.read_text())
        put(out / "Sources/CSagaProto/include/saga/v1/descriptors.h", swift_out.c_descriptors(model, messages))

    for name, text in swift_out.files(model):
        put(out / "Sources/SagaWire/Generated" / name, text)

    with tempfile.TemporaryDirectory() as tmp:
        run(["protoc", "-I", proto, f"--python_out={tmp}", f"--pyi_out={tmp}", *messages])
        for file in sorted(pathlib.Path(tmp).glob("saga/v1/*")):
            put(out / "sdk-stubs/python/src/saga_engine/v1" / file.name, python_out.repackage(file.read_text()))
    for name, text in python_out.files(model):
        put(out / "sdk-stubs/python/src/saga_engine/v1" / name, text)

    for name, text in typescript_out.files(model):
        put(out / "sdk-stubs/typescript/src/v1" / name, text)

    for name, text in rust_out.files(model):
        put(out / "sdk-stubs/rust/src/generated" / name, text)

    for name, text in c_out.files(model):
        put(out / "sdk-stubs/c" / name, text)

    for name, text in java_out.files(model):
        put(out / "sdk-stubs/java/generated/engine/saga" / name, text)
    for name, text in java_out.protos(proto, messages):
        put(out / "sdk-stubs/java/proto" / name, text)

    for name, text in go_out.files(model):
        put(out / "sdk-stubs/go" / name, text)
    for name, text in go_out.messages(proto, messages, go_out.MODULE + "/sagapb", "sagapb"):
        put(out / "sdk-stubs/go/sagapb" / name, text)

    # The messages of the SDKs' common conformance suite.
    suite = root / "sdk-stubs/conformance"
    program = idl.load(suite, ["conformance.proto"])
    path = go_out.MODULE + "/internal/conformancepb"
    for name, text in go_out.messages(suite, ["conformance.proto"], path, "conformancepb"):
        put(out / "sdk-stubs/go/internal/conformancepb" / name, text)
    put(out / "sdk-stubs/typescript/conformance/messages.ts", typescript_out.conformance(program))
    put(out / "sdk-stubs/rust/conformance/src/messages.rs", rust_out.conformance(program))
    run(["protoc", "-I", suite, f"--python_out={out}/sdk-stubs/python/conformance", "conformance.proto"])


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise idl.Problem(f"{command[0]}: {done.stderr.strip()}")


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listing(base):
    found = {}
    for folder, pattern in OUTPUTS.items():
        for file in sorted((base / folder).glob(pattern)):
            if file.is_file() and file.suffix != ".pyc":
                found[str(file.relative_to(base))] = file.read_text()
    return found


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    check = "--check" in sys.argv[1:]
    root = pathlib.Path(arguments[0]).resolve()
    with tempfile.TemporaryDirectory() as tmp:
        try:
            generate(root, pathlib.Path(tmp))
        except idl.Problem as problem:
            print(f"generate: {problem}", file=sys.stderr)
            return 1
        new, old = listing(pathlib.Path(tmp)), listing(root)
        stale = sorted(n for n in new.keys() | old.keys() if new.get(n) != old.get(n))
        if check:
            for name in stale:
                print(f"generate: {name} is not current; run ci/generate", file=sys.stderr)
            print(f"generate: {len(new)} files, {len(stale)} not current")
            return 1 if stale else 0
        for name in stale:
            if name in new:
                put(root / name, new[name])
            else:
                (root / name).unlink()
        print(f"generate: {len(new)} files, {len(stale)} changed")
        return 0


if __name__ == "__main__":
    sys.exit(main())
