"""The demo behind `ci/demo`: runs sagas, breaks things, and checks both what the history says and what really happened.

What really happened is counted from the books that the services write themselves (`<service>.log`): the engine is not
asked. The history is checked by rules of its own here, which share no code with the engine.
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional

SERVICES = ["flight", "hotel", "car", "payment"]
CLOSING = {"WorkflowExecution" + end for end in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated")}


class Broken(Exception):
    """Something does not hold."""


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Broken(what)


class Stage:
    """The server, the workers and the command line, in one folder."""

    def __init__(self, bin_path: str, folder: str) -> None:
        self.bin = os.path.abspath(bin_path)
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.books = os.path.join(folder, "books")
        os.makedirs(self.books)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.ca = os.path.join(self.data, "ca.pem")
        self.server: Optional["subprocess.Popen[bytes]"] = None
        self.workers: Dict[str, "subprocess.Popen[bytes]"] = {}

    def spawn(self, name: str, *command: str) -> "subprocess.Popen[bytes]":
        with open(os.path.join(self.folder, f"{name}.out"), "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_server(self) -> None:
        self.server = self.spawn(
            "server", f"{self.bin}/saga", "dev", "--port", str(self.port), "--data", self.data,
            "--reclaim-grace", "500ms",
        )  # fmt: skip
        end = time.monotonic() + 30
        while self.saga("health", "--timeout", "1s", check=False).returncode != 0:
            require(self.server.poll() is None, f"the server ended: see {self.folder}/server.out")
            require(time.monotonic() < end, "the server does not answer within 30 s")
            time.sleep(0.02)

    def start_workers(self) -> None:
        self.workers["swift"] = self.spawn(
            "swift-worker", f"{self.bin}/travel-worker", "--address", self.address, "--ca", self.ca, "--books",
            self.books, "--service", "flight", "--service", "car",
        )  # fmt: skip
        self.workers["python"] = self.spawn(
            "python-worker", sys.executable, "sdk-stubs/python/examples/travel_worker.py", "--address", self.address,
            "--ca", self.ca, "--books", self.books, "--service", "hotel", "--service", "payment",
        )  # fmt: skip

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def close(self) -> int:
        """Ends everything that was started; the server's exit status after a polite request."""
        status = 0
        for process in [*self.workers.values(), *([self.server] if self.server else [])]:
            if process.poll() is None:
                process.terminate()
            try:
                code = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            status = code if process is self.server else status
        return status

    def check_workers(self) -> None:
        """Whatever happens to the server, the workers live on."""
        for name, process in self.workers.items():
            require(process.poll() is None, f"the {name} worker has ended: see {self.folder}/{name}-worker.out")

    def saga(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        environment = dict(os.environ, SAGA_ADDRESS=self.address, SAGA_CA=self.ca, LC_ALL="C.UTF-8")
        result = subprocess.run(
            [f"{self.bin}/saga", *arguments], capture_output=True, text=True, env=environment, timeout=180
        )
        if check and result.returncode != 0:
            raise Broken(f"saga {' '.join(arguments)}: exit {result.returncode}: {result.stderr.strip()}")
        return result

    def begin(self, workflow_id: str, rehearsal: Dict[str, Any]) -> "subprocess.Popen[str]":
        """Starts a booking without waiting for the answer."""
        trip = {
            "traveller": "Ada", "destination": "Lisbon", "departure": "2027-03-01", "nights": 3, "price": "780.00",
            "rehearsal": rehearsal,
        }  # fmt: skip
        environment = dict(os.environ, SAGA_ADDRESS=self.address, SAGA_CA=self.ca)
        return subprocess.Popen(
            [f"{self.bin}/saga", "start", "travel.booking", "--id", workflow_id, "--timeout", "60s", "--input",
             json.dumps(trip)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def result(self, workflow_id: str) -> Dict[str, Any]:
        """Waits for the end; what `saga result` says of it."""
        answer = self.saga("result", workflow_id, "--wait", "90s", "--output", "json", check=False)
        self.check_workers()
        require(answer.returncode in (0, 1), f"saga result {workflow_id}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def run(self, workflow_id: str, rehearsal: Dict[str, Any]) -> Dict[str, Any]:
        starter = self.begin(workflow_id, rehearsal)
        _, errors = starter.communicate(timeout=90)
        require(starter.returncode == 0, f"saga start {workflow_id}: {errors.strip()}")
        return self.result(workflow_id)

    def history(self, workflow_id: str) -> List[Dict[str, Any]]:
        answer = self.saga("history", workflow_id, "--output", "json")
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def show(self, workflow_id: str) -> None:
        print(self.saga("history", workflow_id).stdout)

    def book(self, service: str, workflow_id: str) -> List[Dict[str, Any]]:
        """What the service really did for a saga, oldest first."""
        path = os.path.join(self.books, f"{service}.log")
        if not os.path.exists(path):
            return []
        facts = []
        with open(path) as file:
            for line in file:
                micros, verb, key, owner, reference = line.rstrip("\n").split("\t")
                if owner == workflow_id:
                    facts.append({"at": int(micros), "verb": verb, "key": key, "reference": reference})
        return facts


# Histories


def check_history(events: List[Dict[str, Any]]) -> None:
    """Rules that every history of a closed saga keeps."""
    require(bool(events), "the history is empty")
    for index, event in enumerate(events):
        require(event["event_id"] == index, f"event ids have a gap at {index}")
    times = [event["timestamp_us"] for event in events]
    require(times == sorted(times), "time goes back")
    require(events[0]["event_type"] == "WorkflowExecutionStarted", "it does not begin with its start")
    closings = [event["event_id"] for event in events if event["event_type"] in CLOSING]
    require(closings == [len(events) - 1], f"closing events: {closings} of {len(events)}")
    check_steps(events)
    check_undos(events)


def check_steps(events: List[Dict[str, Any]]) -> None:
    scheduled: Dict[int, bool] = {}
    unwinding = False
    for event in events:
        kind, facts = event["event_type"], event["attributes"]
        if kind == "CompensationStarted":
            unwinding = True
        if kind == "ActivityTaskScheduled":
            require(not unwinding, f"event {event['event_id']} schedules a step after the unwinding began")
            scheduled[event["event_id"]] = False
        if kind in ("ActivityTaskCompleted", "ActivityTaskFailed", "ActivityTaskTimedOut", "ActivityTaskCanceled"):
            step = facts["scheduled_event_id"]
            require(step in scheduled, f"event {event['event_id']} closes step {step}, which was not scheduled before")
            require(not scheduled[step], f"step {step} is closed twice")
            scheduled[step] = True
    require(all(scheduled.values()), "a step is still open although the saga is closed")


def check_undos(events: List[Dict[str, Any]]) -> None:
    with_undo = {
        event["event_id"] for event in events
        if event["event_type"] == "ActivityTaskScheduled" and event["attributes"]["undo"]
    }  # fmt: skip
    due: List[int] = []  # Steps that may have had an effect, in the order in which they closed.
    started: List[int] = []
    done: List[int] = []
    for event in events:
        kind, facts = event["event_type"], event["attributes"]
        if kind == "ActivityTaskCompleted" or facts.get("outcome") == "unknown" and kind.startswith("ActivityTask"):
            if kind != "ActivityTaskRetryScheduled" and facts["scheduled_event_id"] in with_undo:
                due.append(facts["scheduled_event_id"])
        if kind == "CompensationStepStarted" and facts["step_event_id"] not in started:
            require(len(done) == len(started), "an undo begins before the one before it has ended")
            started.append(facts["step_event_id"])
        if kind == "CompensationStepCompleted":
            require(facts["step_event_id"] not in done, f"the undo of step {facts['step_event_id']} is recorded twice")
            done.append(facts["step_event_id"])
    if events[-1]["event_type"] == "WorkflowExecutionCompleted":
        require(not started, "a completed saga has undone something")
        return
    require(started == done, f"undos begun {started}, undos done {done}")
    require(done == list(reversed(due)), f"undone {done}, but last done first would be {list(reversed(due))}")
    state = events[-1]["attributes"]["compensation"]["state"]
    require(state == ("complete" if due else "none"), f"the closing event says compensation {state}")


# What really happened


def verbs(stage: Stage, service: str, workflow_id: str) -> List[str]:
    return [fact["verb"] for fact in stage.book(service, workflow_id)]


def check_all_booked(stage: Stage, workflow_id: str) -> None:
    for service in SERVICES:
        found = verbs(stage, service, workflow_id)
        require(found == ["booked"], f"{workflow_id}: {service} did {found}, expected one booking and nothing else")


def check_undone(stage: Stage, workflow_id: str, undone: List[str], never: List[str]) -> None:
    """Each of `undone` was booked once and cancelled once, in this order of cancelling; `never` have no booking."""
    times = []
    for service in undone:
        facts = stage.book(service, workflow_id)
        found = [fact["verb"] for fact in facts]
        require(found == ["booked", "cancelled"], f"{workflow_id}: {service} did {found}")
        require(facts[0]["reference"] == facts[1]["reference"], f"{workflow_id}: {service} cancelled something else")
        times.append(facts[1]["at"])
    require(times == sorted(times), f"{workflow_id}: cancelled in another order than {', '.join(undone)}")
    for service in never:
        require("booked" not in verbs(stage, service, workflow_id), f"{workflow_id}: {service} has a booking")


# Scenes


def heading(text: str) -> None:
    print(f"== {text}\n", flush=True)


def tutorial(stage: Stage) -> None:
    heading("the payment tutorial, on the server and embedded")
    payment = {
        "order_id": "order_123", "customer_id": "customer_456", "amount": "99.00", "currency": "USD",
        "payment_token": "tok_visa_4242",
    }  # fmt: skip
    answer = stage.saga(
        "start", "payment.processing", "--id", "payment-1", "--wait", "--timeout", "60s", "--input", json.dumps(payment)
    )
    require(json.loads(answer.stdout)["status"] == "approved", f"the payment is {answer.stdout}")
    declined = stage.saga(
        "start", "payment.processing", "--id", "payment-2", "--wait", "--timeout", "60s", "--input",
        json.dumps(dict(payment, payment_token="tok_declined")), check=False,
    )  # fmt: skip
    require(declined.returncode == 1, f"a declined payment gives exit {declined.returncode}")
    require("payment declined" in declined.stderr, declined.stderr)
    store = os.path.join(stage.folder, "embedded.db")
    for expected in ("payment approved", "was paid in an earlier run"):
        embedded = subprocess.run(
            [f"{stage.bin}/embedded-payment", store], capture_output=True, text=True, timeout=60, check=False
        )
        require(embedded.returncode == 0 and expected in embedded.stdout, f"embedded: {embedded.stdout}{embedded.stderr}")
        print(embedded.stdout.strip())
    stage.show("payment-1")
    for name in ("payment-1", "payment-2"):
        check_history(stage.history(name))


def all_well(stage: Stage) -> None:
    heading("(a) all goes well")
    result = stage.run("trip-a", {"step_millis": 40})
    stage.show("trip-a")
    require(result["status"] == "Completed", f"trip-a is {result['status']}")
    check_history(stage.history("trip-a"))
    check_all_booked(stage, "trip-a")


def refused(stage: Stage) -> None:
    heading("(b) the payment is refused")
    result = stage.run("trip-b", {"step_millis": 40, "refuse_payment": True})
    stage.show("trip-b")
    require(result["status"] == "Failed", f"trip-b is {result['status']}")
    require(result["error"]["code"] == "PaymentRefused", f"trip-b failed with {result['error']}")
    check_history(stage.history("trip-b"))
    check_undone(stage, "trip-b", ["car", "hotel", "flight"], ["payment"])


def hanging(stage: Stage) -> None:
    heading("(c) a step hangs beyond its time-out, after it did its work (Swift): undone all the same")
    rehearsal = {"step_millis": 40, "timeout_millis": 1_000, "hang_millis": 4_000}
    result = stage.run("trip-c1", dict(rehearsal, hang="car"))
    stage.show("trip-c1")
    require(result["status"] == "Failed" and result["error"]["kind"] == "Timeout", f"trip-c1: {result}")
    check_history(stage.history("trip-c1"))
    check_undone(stage, "trip-c1", ["car", "hotel", "flight"], ["payment"])
    require(verbs(stage, "payment", "trip-c1") == [], "trip-c1: the payment was asked for")

    heading("(c) a step hangs before it does its work (Python): undone, and the late effect is kept out")
    result = stage.run("trip-c2", dict(rehearsal, hang="hotel", hang_before_effect=True))
    stage.show("trip-c2")
    require(result["status"] == "Failed" and result["error"]["kind"] == "Timeout", f"trip-c2: {result}")
    check_history(stage.history("trip-c2"))
    check_undone(stage, "trip-c2", ["flight"], ["hotel", "car", "payment"])
    end = time.monotonic() + 15
    while verbs(stage, "hotel", "trip-c2") != ["cancelled", "refused"]:
        require(time.monotonic() < end, f"trip-c2: hotel did {verbs(stage, 'hotel', 'trip-c2')}")
        time.sleep(0.05)
    print("the hotel woke up, wanted to book, found the mark of the undo, and did not\n")


def killed(stage: Stage, rounds: int, dice: random.Random) -> None:
    heading(f"(d) the server is killed with kill -9 at a random point and started again, {rounds} rounds")
    hits = 0
    for number in range(rounds):
        name = f"trip-d{number + 1}"
        refuse = number % 2 == 1
        rehearsal = {"step_millis": 60, "refuse_payment": refuse}
        # Four steps and, if refused, three undos of 60 ms each: the kill falls somewhere into that.
        delay = dice.uniform(0.0, 0.48 if refuse else 0.28)
        starter = stage.begin(name, rehearsal)
        time.sleep(delay)
        killed_at = time.time_ns() // 1_000
        stage.kill_server()
        began = time.monotonic()
        stage.start_server()
        _, errors = starter.communicate(timeout=90)
        require(starter.returncode == 0, f"saga start {name}: {errors.strip()}")
        result = stage.result(name)
        took = time.monotonic() - began
        events = stage.history(name)
        stage.show(name)
        check_history(events)
        require(result["status"] == ("Failed" if refuse else "Completed"), f"{name} is {result['status']}")
        if refuse:
            require(result["error"]["code"] == "PaymentRefused", f"{name} failed with {result['error']}")
            check_undone(stage, name, ["car", "hotel", "flight"], ["payment"])
        else:
            check_all_booked(stage, name)
        # The kill fell into the saga if it had begun before and was not closed yet.
        hit = events[0]["timestamp_us"] < killed_at < events[-1]["timestamp_us"]
        hits += hit
        where = "in the saga" if hit else "before or after the saga"
        print(f"round {number + 1}: killed {delay * 1_000:.0f} ms after the start, {where}; closed {took:.1f} s later\n",
              flush=True)  # fmt: skip
    print(f"{hits} of {rounds} kills fell into an open saga")
    require(hits * 3 >= rounds, f"only {hits} of {rounds} kills fell into an open saga: nothing was put to the test")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="saga-demo-")
    stage = Stage(options.bin, folder)
    print(f"demo: seed {options.seed}, everything in {folder}\n")
    try:
        try:
            stage.start_server()
            stage.start_workers()
            tutorial(stage)
            all_well(stage)
            refused(stage)
            hanging(stage)
            killed(stage, options.rounds, random.Random(options.seed))
            print(stage.saga("list", "--limit", "0").stdout)
        finally:
            status = stage.close()
        require(status == 0, f"the server was asked to end and gave exit {status}")
    except (Broken, subprocess.TimeoutExpired, OSError, KeyError, ValueError) as problem:
        print(f"demo: FAILED: {problem!r}\nlogs, histories and books: {folder}; the same kill points: --seed {options.seed}",
              file=sys.stderr)  # fmt: skip
        return 1
    shutil.rmtree(folder)
    print("demo: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
