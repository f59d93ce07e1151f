"""What each SDK costs, by its conformance harness (verb BENCH).

    bench.py --saga SERVER [--long] [--json FILE] [LANGUAGE...]

For each language, against a fresh `saga dev`, one after the other: sagas of one activity, served by the SDK's own worker,
from start to result, 32 at a time and one at a time; Health calls one at a time beside raw TLS round trips with the same bytes, by
the language's own means; then many Health calls (--long: a million), with the resident memory after the first fifth and after the
last. Exit 1 if a call adds more than twice its language's round trip, or memory grows by more than a fifth.
"""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Tuple

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("python/src", "python/tests", "python/conformance"):
    sys.path.insert(0, str(HERE.parent / folder))

import conformance_pb2 as program  # noqa: E402
from saga_engine import Client, SagaDefinition  # noqa: E402
from saga_engine import _frames as frames  # noqa: E402
from saga_engine.v1 import connection_messages_pb2 as wire  # noqa: E402
from world import Harness, Server, Verb  # noqa: E402

LANGUAGES = ["python", "typescript", "go", "java", "rust", "c", "swift"]
ECHO = bytes(64)


class Lane:
    """One language's harness on a server."""

    def __init__(self, harness: Harness, server: Server) -> None:
        self.harness = harness
        self.server = server

    async def act(self, verb: Any, **fields: Any) -> program.Outcome:
        outcome = await self.harness.act(program.Action(verb=verb, **fields), 3_600)
        assert outcome.result == "ok", f"{Verb.Name(verb)}: {outcome.result} {outcome.message}"
        return outcome

    async def bench(self, text: str, number: int, concurrency: int, **fields: Any) -> Tuple[float, float, float]:
        fields.setdefault("echo", ECHO)
        outcome = await self.act(Verb.VERB_BENCH, text=text, number=number, concurrency=concurrency, **fields)
        total, median, late = (float(line) for line in outcome.lines)
        return total, median, late

    def resident(self) -> int:
        """Bytes of memory of the harness."""
        process = self.harness._process
        assert process is not None
        for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
        raise AssertionError("no VmRSS")


async def measure(language: str, server: Server, long: bool) -> Dict[str, Any]:
    sdk = str(HERE.parent / language / "sdk")
    built = subprocess.run([sdk, "bench-build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert built.returncode == 0, built.stdout[-2_000:]
    harness = Harness([sdk, "bench"])
    await harness.start()
    lane = Lane(harness, server)
    found: Dict[str, Any] = {"language": language}
    try:
        await lane.act(
            Verb.VERB_CONNECT, connect=program.Connect(host="localhost", port=server.port, ca=server.ca, timeout_ms=10_000)
        )
        queue = f"bench-{language}"
        await lane.act(Verb.VERB_SERVE, task_queue=queue, number=64)
        async with Client.connect("localhost", server.port, ca=server.ca) as client:
            definition = SagaDefinition(f"one-{language}", task_queue=queue)
            definition.activity("a", "echo")
            await client.register_definition(definition)
        saga: Dict[str, Any] = dict(
            workflow_type=f"one-{language}", task_queue=queue, input=program.Value(encoding="json", data=b'{"n":1}')
        )
        count = 20_000 if long else 2_000
        await lane.bench("saga", 500, 32, workflow_id="warm", **saga)
        total, _, _ = await lane.bench("saga", count, 32, workflow_id="many", **saga)
        found["sagas_per_second"] = round(1e6 * count / total)
        _, found["saga_p50_us"], found["saga_p99_us"] = await lane.bench("saga", count // 10, 1, workflow_id="single", **saga)
        # Both sides in turns, so that what else goes on meets both; the best of each counts.
        calls = 2_000
        health: List[float] = []
        raw: List[float] = []
        hello = frames.encode(
            frames.Kind.HELLO, 0, wire.Hello(sdk_name="raw", sdk_version="0", namespace="default").SerializeToString()
        )
        echo = b"\x12" + bytes([len(ECHO)]) + ECHO  # HealthRequest.echo
        await lane.bench("health", calls, 1)
        for _ in range(5):
            health.append((await lane.bench("health", calls, 1))[0] / calls)
            if language != "swift":
                raw.append((await lane.bench("raw", calls, 1, echo=echo, input=program.Value(data=hello)))[0] / calls)
        found["call_us"] = round(min(health), 1)
        if raw:
            found["raw_us"] = round(min(raw), 1)
            found["added"] = round((min(health) - min(raw)) / min(raw), 2)
        part = 200_000 if long else 10_000
        sizes = []
        for _ in range(5):
            await lane.bench("health", part, 16)
            sizes.append(lane.resident())
        found["calls"] = 5 * part
        found["memory_mib"] = [round(size / 2**20, 1) for size in sizes]
        await lane.act(Verb.VERB_DRAIN)
    finally:
        await harness.stop()
    return found


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--saga", required=True)
    parser.add_argument("--long", action="store_true", help="a million calls for the memory, ten times the sagas")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("languages", nargs="*")
    options = parser.parse_args()
    results: List[Dict[str, Any]] = []
    bad: List[str] = []
    print("language    sagas/s   p50 µs   p99 µs    call µs  raw TLS µs  added   memory MiB over the calls")
    for language in options.languages or LANGUAGES:
        with tempfile.TemporaryDirectory(prefix="saga-bench-") as name:
            server = Server(options.saga, pathlib.Path(name) / "server")
            server.start()
            try:
                await server.ready()
                found = await measure(language, server, options.long)
            except (AssertionError, Exception) as error:  # noqa: BLE001 - one language's trouble is not the others'
                print(f"{language:<10} FAILED: {error}")
                bad.append(f"{language}: {error}")
                continue
            finally:
                server.kill()
        results.append(found)
        if language == "swift":
            # Its TLS is OpenSSL in C; so is its round trip.
            of_c = next((each["raw_us"] for each in results if each["language"] == "c"), None)
            if of_c:
                found["raw_us"], found["added"] = of_c, round((found["call_us"] - of_c) / of_c, 2)
        memory = found["memory_mib"]
        print(
            f"{language:<10} {found['sagas_per_second']:8d} {found['saga_p50_us']:8.0f} {found['saga_p99_us']:8.0f} "
            f"{found['call_us']:10.1f} {found.get('raw_us', 0):11.1f} {found.get('added', 0):6.2f}   "
            f"{memory[0]:.0f} … {memory[-1]:.0f} after {found['calls']:,}",
            flush=True,
        )
        if found.get("added", 0) > 2:
            bad.append(f"{language}: a call adds {found['added']} × a raw round trip; 2 allowed")
        if memory[-1] > 1.2 * memory[0] + 8:
            bad.append(f"{language}: memory grows, {memory} MiB")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
