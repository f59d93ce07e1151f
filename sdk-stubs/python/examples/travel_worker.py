"""Serves the hotel and the payment of the travel booking; flight, car and the workflow itself are served from Swift.

    python travel_worker.py --address 127.0.0.1:7233 --ca .saga/ca.pem --books FOLDER [--service hotel] [--service payment]

What a service really did stands in its book, FOLDER/<service>.log: one line per fact, appended and synced before the
answer, in the same form as the Swift services write it (`ServiceBook.swift`).
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from saga_engine import Activity, ActivityContext, Client, DomainError, UndoInput, Worker

ACTIVITIES = {
    "flight": ("travel.flight.book", "travel.flight.cancel"),
    "hotel": ("travel.hotel.book", "travel.hotel.cancel"),
    "car": ("travel.car.book", "travel.car.cancel"),
    "payment": ("travel.payment.charge", "travel.payment.refund"),
}


class Book:
    """One service's own record: microseconds, verb, idempotency key of the step, workflow id, reference."""

    def __init__(self, path: str) -> None:
        self._path = path

    def book(self, key: str, workflow_id: str, reference: str) -> str:
        """Books under a key; the same key again gives the same reference and does nothing."""
        with _locked(self._path) as file:
            entries = file.entries(key)
            if any(verb == "cancelled" for verb, _ in entries):
                # The undo was here first and left its mark: the effect comes too late.
                file.append("refused", key, workflow_id, "-")
                raise DomainError(f"the step with key {key} was cancelled before it was done", code="AlreadyCancelled")
            for verb, known in entries:
                if verb == "booked":
                    return known
            file.append("booked", key, workflow_id, reference)
            return reference

    def cancel(self, key: str, workflow_id: str) -> Optional[str]:
        """Cancels what was booked under a key, and leaves a mark there, so that a late booking is refused."""
        with _locked(self._path) as file:
            entries = file.entries(key)
            booked = next((reference for verb, reference in entries if verb == "booked"), None)
            if not any(verb == "cancelled" for verb, _ in entries):
                file.append("cancelled", key, workflow_id, booked or "-")
            return booked


class _locked:
    """An open book under an exclusive lock, which other processes respect."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def __enter__(self) -> "_locked":
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def entries(self, key: str) -> List[Tuple[str, str]]:
        data = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0).decode()
        rows = [line.split("\t") for line in data.splitlines()]
        return [(row[1], row[4]) for row in rows if len(row) == 5 and row[2] == key]

    def append(self, verb: str, key: str, workflow_id: str, reference: str) -> None:
        line = f"{time.time_ns() // 1_000}\t{verb}\t{key}\t{workflow_id}\t{reference}\n".encode()
        if os.write(self._descriptor, line) != len(line):
            raise OSError("the line was not written as a whole")
        os.fsync(self._descriptor)


def service(name: str, folder: str) -> List[Activity]:
    """The two activities of a service. They run in threads: a step that is told to hang does not listen to anybody."""
    book = Book(f"{folder}/{name}.log")
    book_type, cancel_type = ACTIVITIES[name]

    def do(context: ActivityContext, request: Dict[str, Any]) -> Dict[str, Any]:
        rehearsal = request.get("rehearsal") or {}
        time.sleep((rehearsal.get("step_millis") or 0) / 1_000)
        if name == "payment" and rehearsal.get("refuse_payment"):
            raise DomainError("the card was refused", code="PaymentRefused")
        hangs = rehearsal.get("hang") == name
        hang_seconds = (rehearsal.get("hang_millis") or 6_000) / 1_000
        if hangs and rehearsal.get("hang_before_effect"):
            time.sleep(hang_seconds)
        reference = f"{name[0].upper()}-{time.time_ns() // 1_000 % 100_000_000}"
        reference = book.book(context.idempotency_key, context.workflow_id, reference)
        if hangs and not rehearsal.get("hang_before_effect"):
            time.sleep(hang_seconds)
        return {"reference": reference}

    def undo(context: ActivityContext, step: UndoInput) -> Dict[str, Any]:
        rehearsal = step.input.get("rehearsal") or {}
        time.sleep((rehearsal.get("step_millis") or 0) / 1_000)
        return {"reference": book.cancel(step.idempotency_key, context.workflow_id)}

    return [_named(book_type, do), _named(cancel_type, undo)]


def _named(name: str, function: Callable[..., Any]) -> Activity:
    return Activity(name, function, is_async=False)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Serve services of the travel booking.")
    parser.add_argument("--address", default="127.0.0.1:7233", help="HOST:PORT of the server")
    parser.add_argument("--ca", help="PEM file of the authorities to trust; without it, plain text")
    parser.add_argument("--books", required=True, help="folder of the services' books")
    parser.add_argument("--service", action="append", choices=sorted(ACTIVITIES), help="default: hotel and payment")
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")

    activities: List[Activity] = []
    for name in options.service or ["hotel", "payment"]:
        activities += service(name, options.books)
    async with Client.connect(host, int(port), ca=options.ca, insecure=options.ca is None) as client:
        worker = Worker(client, task_queues=["default"], activities=activities)
        # No new task; what runs is finished and reported.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
