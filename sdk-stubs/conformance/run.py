"""Runs the scenarios against one SDK's harness.

    run.py --saga SERVER [--only NAME,...] [--report FILE] [--readme COMMAND] NAME COMMAND...

NAME is the language, COMMAND its harness, --readme the program in its README. One line for each scenario that fails, then
`NAME: N passed, N failed`.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys
import tempfile
import time
import traceback
from typing import Dict

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("python/src", "python/tests", "python/conformance"):
    sys.path.insert(0, str(HERE.parent / folder))

import definitions  # noqa: E402, F401 - adds its scenarios
import faults  # noqa: E402, F401 - adds its scenarios
import feeds  # noqa: E402, F401 - adds its scenarios
import scenarios  # noqa: E402
import workflows  # noqa: E402
from peer import make_certificates  # noqa: E402
from saga_engine import Client  # noqa: E402
from world import Harness, Server, World  # noqa: E402

README = ["booked LH123", "cancelled LH123", "not booked: card declined (undone: complete)"]


async def readme(options: argparse.Namespace, server: Server) -> None:
    """The program in the README: a booking whose payment is refused, and what it prints."""
    async with Client.connect("localhost", server.port, ca=server.ca) as client:
        async with workflows.Workflows(client, "travel", {"TravelBooking": workflows.travel_booking}):
            process = await asyncio.create_subprocess_shell(
                options.readme,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "SAGA_ADDRESS": f"localhost:{server.port}", "SAGA_CA": server.ca},
            )
            try:
                out, _ = await asyncio.wait_for(process.communicate(), 60)
            except asyncio.TimeoutError:
                process.kill()
                raise
    assert out.decode().splitlines() == README, f"it printed {out.decode()!r}, not {README}"
    assert process.returncode == 0, process.returncode


async def run(options: argparse.Namespace) -> Dict[str, str]:
    results: Dict[str, str] = {}
    chosen = options.only.split(",") if options.only else list(scenarios.ALL) + ["the_readme_works"] * bool(options.readme)
    with tempfile.TemporaryDirectory(prefix="saga-conformance-") as name:
        folder = pathlib.Path(name)
        certificates = folder / "certificates"
        certificates.mkdir()
        make_certificates(certificates)
        server = Server(options.saga, folder / "server", "--reclaim-grace", "1s")
        harness = Harness(options.command)
        server.start()
        try:
            await server.ready()
            for scenario in chosen:
                began = time.monotonic()
                if scenario == "the_readme_works":
                    try:
                        await readme(options, server)
                        results[scenario] = ""
                    except (Exception, asyncio.TimeoutError) as error:
                        results[scenario] = f"{type(error).__name__}: {error}"
                        print(f"  {options.name}: {scenario} FAILED: {results[scenario]}", flush=True)
                    continue
                if not harness.alive:
                    await harness.start()
                (folder / scenario).mkdir()
                world = World(server, harness, certificates, folder / scenario)
                try:
                    await asyncio.wait_for(scenarios.ALL[scenario](world), 90)
                    results[scenario] = ""
                except (Exception, asyncio.TimeoutError) as error:
                    frames = [f for f in traceback.extract_tb(error.__traceback__) if str(HERE) in f.filename]
                    where = f"{pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
                    results[scenario] = f"{type(error).__name__} {where}: {error}"[:1_500]
                    print(f"  {options.name}: {scenario} FAILED: {results[scenario]}", flush=True)
                    # The next one begins with a fresh process.
                    await harness.stop()
                if options.verbose:
                    print(f"  {options.name}: {scenario} {time.monotonic() - began:.2f} s", flush=True)
        finally:
            await harness.stop()
            server.kill()
    return results


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true", help="only names the scenarios")
    parser.add_argument("--saga", help="the server's program")
    parser.add_argument("--only", default="", help="scenarios to run, separated by commas")
    parser.add_argument("--report", help="JSON file of scenario -> error, empty if it passed")
    parser.add_argument("--readme", default="", help="shell command that runs the program in the README")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("name", nargs="?")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.list:
        print("\n".join([*scenarios.ALL, "the_readme_works"]))
        return 0
    if not options.saga or not options.command:
        parser.error("give --saga, a name and a command")
    results = asyncio.run(run(options))
    failed = sum(bool(error) for error in results.values())
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(results, indent=1))
    print(f"{options.name}: {len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
