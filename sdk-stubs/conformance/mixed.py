"""One saga over three languages: flight in Swift (and the workflow), hotel in Python, car and payment in TypeScript.

    mixed.py --saga SERVER --swift TRAVEL_WORKER --typescript TRAVEL_WORKER_JS

A booking that goes well, one whose payment is refused, and one for which every worker is killed by `kill -9` while it runs. What
happened is read from the books that the services write. Ends with `N passed, N failed`.
"""

import argparse
import asyncio
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, Dict, List

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("python/src", "python/tests", "python/conformance"):
    sys.path.insert(0, str(HERE.parent / folder))

from saga_engine import Client, SagaEngineError, WorkflowFailed  # noqa: E402
from world import Server  # noqa: E402

SERVICES = ["flight", "hotel", "car", "payment"]


class Stage:
    """The server, the three workers and their books."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.server = Server(options.saga, folder / "server", "--reclaim-grace", "1s", "--activity-timeout", "4s")
        self.books = folder / "books"
        self.books.mkdir()
        self.options = options
        self.workers: List["subprocess.Popen[bytes]"] = []

    def start_workers(self) -> None:
        address = ["--address", f"localhost:{self.server.port}", "--ca", self.server.ca, "--books", str(self.books)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "python/src"), "PYTHONDONTWRITEBYTECODE": "1"}
        python = str(HERE.parent / "python/examples/travel_worker.py")
        for command in (
            [self.options.swift, *address, "--service", "flight"],
            [sys.executable, python, *address, "--service", "hotel"],
            ["node", self.options.typescript, *address, "--service", "car", "--service", "payment"],
        ):
            self.workers.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))

    def kill_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()

    def verbs(self, workflow_id: str) -> Dict[str, List[str]]:
        """What each service did for a saga."""
        found: Dict[str, List[str]] = {}
        for service in SERVICES:
            book = self.books / f"{service}.log"
            rows = [line.split("\t") for line in book.read_text().splitlines()] if book.exists() else []
            found[service] = [row[1] for row in rows if row[3] == workflow_id]
        return found

    def undone_in_order(self, workflow_id: str) -> List[str]:
        """Services in the order of their cancellations."""
        times = []
        for service in SERVICES:
            book = self.books / f"{service}.log"
            for line in book.read_text().splitlines() if book.exists() else []:
                row = line.split("\t")
                if row[1] == "cancelled" and row[3] == workflow_id:
                    times.append((int(row[0]), service))
        return [service for _, service in sorted(times)]


def trip(**rehearsal: Any) -> Dict[str, Any]:
    return {
        "traveller": "Ada", "destination": "LIS", "departure": "2027-05-01", "nights": 3,
        "price": "780.00", "rehearsal": rehearsal,
    }  # fmt: skip


async def goes_well(stage: Stage, client: Client) -> None:
    handle = await client.start("travel.booking", trip(), workflow_id="well")
    await handle.result(timeout=60)
    assert stage.verbs("well") == {service: ["booked"] for service in SERVICES}, stage.verbs("well")


async def unwinds_across_all_three(stage: Stage, client: Client) -> None:
    handle = await client.start("travel.booking", trip(refuse_payment=True, step_millis=20), workflow_id="refused")
    try:
        await handle.result(timeout=60)
        raise AssertionError("it did not fail")
    except WorkflowFailed as failed:
        assert failed.error.code == "PaymentRefused" and failed.compensation.state == "complete", failed
    done = {"flight": ["booked", "cancelled"], "hotel": ["booked", "cancelled"], "car": ["booked", "cancelled"], "payment": []}
    assert stage.verbs("refused") == done, stage.verbs("refused")
    # TypeScript, then Python, then Swift.
    assert stage.undone_in_order("refused") == ["car", "hotel", "flight"], stage.undone_in_order("refused")


async def survives_the_death_of_all_workers(stage: Stage, client: Client) -> None:
    handle = await client.start("travel.booking", trip(refuse_payment=True, step_millis=150, timeout_millis=2_000), workflow_id="killed")
    await asyncio.sleep(0.4)
    stage.kill_workers()
    stage.start_workers()
    try:
        await handle.result(timeout=80)
        raise AssertionError("it did not fail")
    except WorkflowFailed as failed:
        assert failed.compensation.state == "complete", failed
    verbs = stage.verbs("killed")
    for service, found in verbs.items():
        assert found.count("booked") == found.count("cancelled") or found == ["cancelled"], verbs
    assert verbs["payment"] in ([], ["cancelled"]), verbs


async def run(options: argparse.Namespace) -> int:
    failed = 0
    tests = [goes_well, unwinds_across_all_three, survives_the_death_of_all_workers]
    with tempfile.TemporaryDirectory(prefix="saga-mixed-") as name:
        stage = Stage(options, pathlib.Path(name))
        stage.server.start()
        try:
            await stage.server.ready()
            stage.start_workers()
            async with Client.connect("localhost", stage.server.port, ca=stage.server.ca) as client:
                for test in tests:
                    try:
                        await asyncio.wait_for(test(stage, client), 100)
                    except (AssertionError, SagaEngineError, asyncio.TimeoutError) as error:
                        failed += 1
                        print(f"mixed: {test.__name__} FAILED: {type(error).__name__}: {error}")
        finally:
            stage.kill_workers()
            stage.server.kill()
    print(f"mixed: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--saga", required=True)
    parser.add_argument("--swift", required=True)
    parser.add_argument("--typescript", required=True)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
