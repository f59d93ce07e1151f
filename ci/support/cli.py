"""The command line as a shell sees it: exit status, JSON, files and signals, against real servers.

    python ci/support/cli.py --bin .build/release        prints `N passed, N failed` as its last line
"""

import argparse
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional

OK, SAGA_FAILED, USAGE, UNREACHABLE, NOT_FOUND, REFUSED, CONFLICT, TIMED_OUT = range(8)


class Shell:
    """A folder to work in, and what was started there."""

    def __init__(self, bin_path: str) -> None:
        self.bin = os.path.abspath(bin_path)
        self.folder = tempfile.mkdtemp(prefix="saga-cli-")
        self.processes: List["subprocess.Popen[bytes]"] = []

    def run(self, *arguments: str, expect: int = OK, env: Optional[Dict[str, str]] = None, text: str = "") -> str:
        """Runs `saga`; its standard output. Fails unless the exit status is as expected."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SAGA_")}
        environment.update(env or {})
        result = subprocess.run(
            [f"{self.bin}/saga", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True,
            timeout=60, input=text,
        )  # fmt: skip
        assert result.returncode == expect, (
            f"saga {' '.join(arguments)}: exit {result.returncode}, expected {expect}\n{result.stdout}{result.stderr}"
        )
        self.errors = result.stderr
        return result.stdout

    def json(self, *arguments: str, expect: int = OK, env: Optional[Dict[str, str]] = None) -> List[Any]:
        output = self.run(*arguments, "--output", "json", expect=expect, env=env)
        return [json.loads(line) for line in output.splitlines()]

    def spawn(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with open(f"{self.folder}/{program}.log", "ab") as log:
            process = subprocess.Popen(
                [f"{self.bin}/{program}", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def server(self, *arguments: str, env: Optional[Dict[str, str]] = None) -> "subprocess.Popen[bytes]":
        """Starts a server and waits until `saga health` finds it."""
        process = self.spawn("saga", *arguments)
        end = time.monotonic() + 20
        while True:
            try:
                self.run("health", "--timeout", "1s", env=env)
                return process
            except AssertionError as problem:
                assert process.poll() is None, f"the server ended: {self.log('saga')}"
                assert time.monotonic() < end, f"the server does not answer: {problem}"
                time.sleep(0.05)

    def log(self, program: str) -> str:
        with open(f"{self.folder}/{program}.log") as file:
            return file.read()

    def close(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def certificates_are_made_once_and_keys_are_private(shell: Shell) -> None:
    shell.run("certs", "server", expect=USAGE)
    assert "saga certs ca" in shell.errors
    shell.run("certs", "ca")
    shell.run("certs", "ca", expect=CONFLICT)
    shell.run("certs", "server", "--host", "localhost", "--host", "127.0.0.1")
    made = shell.json("certs", "client", "worker-1")
    assert made[0]["files"] == ["certs/client-worker-1.pem", "certs/client-worker-1-key.pem"]
    for name in ("ca", "server", "client-worker-1"):
        assert stat.S_IMODE(os.stat(f"{shell.folder}/certs/{name}-key.pem").st_mode) == 0o600
    shell.run("certs", "server", "--host", "a,DNS:evil", expect=USAGE)


def a_server_does_not_start_in_the_open(shell: Shell) -> None:
    shell.run("server", expect=USAGE)
    assert "saga certs" in shell.errors and "SE0204" in shell.errors
    shell.run("server", "--insecure", "--listen", "0.0.0.0:0", expect=USAGE)
    shell.run("server", "--cert", "c", "--key", "k", "--listen", "0.0.0.0:0", expect=USAGE)
    shell.run("server", "--cert", "none.pem", "--key", "none.pem", "--store", "memory", expect=USAGE)
    assert "none.pem" in shell.errors
    shell.run("dev", "--listen", "0.0.0.0:0", expect=USAGE)


def settings_come_from_flag_environment_file(shell: Shell) -> None:
    with open(f"{shell.folder}/saga.conf", "w") as file:
        file.write("# mine\ninsecure = true\nstore = memory\nlog-level = debug\n")
    arguments = ["server", "--config", "saga.conf", "--print-config", "--drain-grace", "7s"]
    shown = shell.run(*arguments, env={"SAGA_LOG_LEVEL": "error"})
    for line in ("insecure = true", "store = memory", "log-level = error", "drain-grace = 7s", "reclaim-grace = 10s"):
        assert line in shown.splitlines(), f"{line} in {shown}"
    for source in ("[flag]", "[environment]", "[saga.conf]", "[default]"):
        assert source in shown
    with open(f"{shell.folder}/again.conf", "w") as file:
        file.write(shown)
    again = shell.run("server", "--config", "again.conf", "--print-config")
    assert [x for x in again.splitlines() if x[0] != "#"] == [x for x in shown.splitlines() if x[0] != "#"]


def sagas_are_started_steered_and_read(shell: Shell) -> None:
    shell.server("dev", "--port", "0")
    first = shell.json("start", "some.type", "--id", "one", "--input", '{"a": 1}')[0]
    second = shell.json("start", "some.type", "--id", "one", "--input", '{"a": 1}')[0]
    assert not first["already_started"] and second["already_started"] and first["saga_id"] == second["saga_id"]
    described = shell.json("describe", "one")[0]
    assert described["status"] == "Running" and described["waiting_for"][0]["kind"] == "no_worker", described
    shell.run("signal", "one", "go", "--input", '"now"', "--signal-id", "s1")
    shell.run("signal", "one", "go", "--input", '"now"', "--signal-id", "s1")
    shell.run("cancel", "one", "--reason", "no more")
    follower = subprocess.Popen(
        [f"{shell.bin}/saga", "history", "one", "--follow", "--output", "json"], cwd=shell.folder,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    shell.run("terminate", "one", expect=USAGE)
    shell.run("terminate", "one", "--no-compensate", "--reason", "done here")
    output, _ = follower.communicate(timeout=20)
    assert follower.returncode == 0
    kinds = [json.loads(line)["event_type"] for line in output.splitlines()]
    assert kinds == [
        "WorkflowExecutionStarted", "SignalReceived", "WorkflowExecutionCancelRequested", "WorkflowExecutionTerminated",
    ], kinds  # fmt: skip
    assert [event["event_type"] for event in shell.json("history", "one")] == kinds
    result = shell.json("result", "one", expect=SAGA_FAILED)[0]
    assert result["status"] == "Terminated" and result["reason"] == "done here"
    shell.run("signal", "one", "go", expect=CONFLICT)
    for command in (["describe"], ["history"], ["result"], ["cancel"]):
        shell.run(*command, "nothing", expect=NOT_FOUND)
    shell.run("start", "some.type", "--id", "one", "--reuse", "reject", expect=CONFLICT)
    shell.run("start", "some.type", "--id", "", expect=USAGE)
    shell.run("start", "some.type", "--id", "two", "--input", "{", expect=USAGE)
    shell.run("start", "some.type", "--id", "two", "--input-file", "-", text='{"from": "stdin"}')
    assert shell.json("history", "two")[0]["attributes"]["input"]["data"] == {"from": "stdin"}
    shell.run("result", "two", "--wait", "300ms", expect=TIMED_OUT)
    assert [run["workflow_id"] for run in shell.json("list")] == ["two", "one"]
    assert [run["workflow_id"] for run in shell.json("list", "--status", "terminated")] == ["one"]
    assert [run["workflow_id"] for run in shell.json("list", "--prefix", "tw")] == ["two"]
    assert len(shell.json("list", "--limit", "1")) == 1
    error = json.loads((shell.run("describe", "x", "--output", "json", expect=NOT_FOUND), shell.errors)[1])["error"]
    assert error["exit_code"] == NOT_FOUND and error["page"] == "SE0205"


def schedules_start_sagas(shell: Shell) -> None:
    shell.server("dev", "--port", "0", "--retention", "default=1h")
    what = ["--type", "some.type", "--input", '{"shop": 7}']
    shell.run("schedule", "create", "nightly", "--cron", "61 4 * * *", *what, expect=USAGE)
    shell.run("schedule", "create", "nightly", "--cron", "30 4 * * *", "--time-zone", "No/Where", *what, expect=USAGE)
    made = shell.json("schedule", "create", "nightly", "--cron", "30 4 * * *", "--time-zone", "Asia/Tokyo", *what)[0]
    assert made["next_due"].endswith("T19:30:00.000000Z"), made
    shell.run("schedule", "create", "nightly", "--cron", "30 4 * * *", *what, expect=CONFLICT)
    started = shell.json("schedule", "trigger", "nightly")[0]
    assert started["started"] and started["workflow_id"].startswith("nightly-trigger-"), started
    # The run before is open: this one is left out.
    assert not shell.json("schedule", "trigger", "nightly")[0]["started"]
    shell.run("schedule", "update", "nightly", "--cron", "@every 100ms", "--overlap", "allow", *what)
    until(lambda: len(shell.json("list", "--prefix", "nightly-2")) >= 2, "the schedule starts sagas")
    shell.run("schedule", "pause", "nightly")
    described = shell.json("schedule", "describe", "nightly")[0]
    assert described["paused"] and described["started"] >= 3 and described["skipped"] == 1, described
    assert len(described["upcoming"]) == 10 and "next_due" not in described
    names = [saga["workflow_id"] for saga in shell.json("list")]
    assert len(names) == len(set(names)) and "nightly" not in names, names
    assert [schedule["schedule_id"] for schedule in shell.json("schedule", "list")] == ["nightly"]
    assert "nightly" in shell.run("schedule", "list") and "paused" in shell.run("schedule", "describe", "nightly")
    shell.run("schedule", "resume", "nightly")
    shell.run("schedule", "delete", "nightly")
    shell.run("schedule", "describe", "nightly", expect=NOT_FOUND)
    shell.run("schedule", "delete", "nightly", expect=NOT_FOUND)
    shell.run("activity", "complete", "00", expect=REFUSED)
    shell.run("activity", "complete", "no-hex", expect=USAGE)


def tokens_say_who_may_do_what(shell: Shell) -> None:
    shell.run("certs", "ca")
    shell.run("certs", "server")
    reader = shell.run("token", "new", "--principal", "ann", "--role", "reader", "--file", "tokens.json").strip()
    assert stat.S_IMODE(os.stat(f"{shell.folder}/tokens.json").st_mode) == 0o600
    with open(f"{shell.folder}/tokens.json") as file:
        assert reader.split(".")[1] not in file.read(), "the file holds the token itself"
    shell.run("token", "new", "--principal", "ann", "--role", "reader", "--file", "tokens.json", expect=CONFLICT)
    shell.run("token", "new", "--principal", "bob", "--role", "king", expect=USAGE)
    port = free_port()
    env = {"SAGA_ADDRESS": f"localhost:{port}", "SAGA_CA": "certs/ca.pem"}
    server = shell.server(
        "server", "--listen", f"127.0.0.1:{port}", "--store", "memory", "--cert", "certs/server.pem", "--key",
        "certs/server-key.pem", "--tokens", "tokens.json", env=dict(env, SAGA_TOKEN=reader),
    )  # fmt: skip
    shell.run("list", env=dict(env, SAGA_TOKEN=reader))
    shell.run("start", "t", "--id", "x", env=dict(env, SAGA_TOKEN=reader), expect=REFUSED)
    assert "SE0203" in shell.errors
    shell.run("list", env=env, expect=REFUSED)
    shell.run("list", env=dict(env, SAGA_TOKEN=reader + "0"), expect=REFUSED)
    shell.run("list", "--namespace", "other", env=dict(env, SAGA_TOKEN=reader), expect=REFUSED)
    # Somebody new, without a restart.
    client = shell.run("token", "new", "--principal", "carl", "--role", "client", "--file", "tokens.json").strip()
    shell.run("list", env=dict(env, SAGA_TOKEN=client), expect=REFUSED)
    server.send_signal(signal.SIGHUP)
    until(lambda: "read again" in shell.log("saga"), "the server says that it has read the tokens")
    shell.run("start", "t", "--id", "x", env=dict(env, SAGA_TOKEN=client))
    with open(f"{shell.folder}/token", "w") as file:
        file.write(client + "\n")
    shell.run("describe", "x", "--token-file", "token", env=env)


def servers_and_clients_check_each_other(shell: Shell) -> None:
    shell.run("certs", "ca")
    shell.run("certs", "server", "--host", "localhost")
    shell.run("certs", "client", "ann")
    shell.run("certs", "ca", "--directory", "others")
    shell.run("certs", "client", "eve", "--directory", "others")
    port = free_port()
    env = {"SAGA_ADDRESS": f"localhost:{port}", "SAGA_CA": "certs/ca.pem"}
    ann = dict(env, SAGA_CERT="certs/client-ann.pem", SAGA_KEY="certs/client-ann-key.pem")
    shell.server(
        "server", "--listen", f"127.0.0.1:{port}", "--store", "memory", "--cert", "certs/server.pem", "--key",
        "certs/server-key.pem", "--client-ca", "certs/ca.pem", env=ann,
    )  # fmt: skip
    shell.run("start", "t", "--id", "x", env=ann)
    assert "ann" in shell.json("history", "x", env=ann)[0]["attributes"]["identity"]
    for wrong in (
        env,
        dict(env, SAGA_CERT="others/client-eve.pem", SAGA_KEY="others/client-eve-key.pem"),
        dict(ann, SAGA_CA="others/ca.pem"),
        dict(ann, SAGA_ADDRESS=f"127.0.0.1:{port}"),
        dict(ann, SAGA_SERVER_NAME="other.example.org"),
    ):
        try:
            shell.run("list", "--timeout", "2s", env=wrong, expect=UNREACHABLE)
        except AssertionError:
            shell.run("list", "--timeout", "2s", env=wrong, expect=REFUSED)


def a_unix_socket_needs_no_certificate(shell: Shell) -> None:
    env = {"SAGA_ADDRESS": f"unix:{shell.folder}/s", "SAGA_INSECURE": "true"}
    shell.server("server", "--listen", f"unix:{shell.folder}/s", "--insecure", "--store", "memory", env=env)
    shell.run("start", "t", "--id", "x", env=env)
    shell.run("list", env={"SAGA_ADDRESS": "sagas.example.org:1", "SAGA_INSECURE": "true"}, expect=USAGE)


def a_server_drains_and_owns_its_store(shell: Shell) -> None:
    server = shell.server("dev", "--port", "0")
    shell.run("start", "t", "--id", "kept")
    shell.run("dev", "--port", "0", expect=USAGE)
    assert "saga.db" in shell.errors
    server.terminate()
    assert server.wait(20) == 0, f"SIGTERM gives exit {server.returncode}: {shell.log('saga')}"
    shell.run("list", "--timeout", "1s", expect=UNREACHABLE)
    assert "saga dev" in shell.errors
    shell.server("dev", "--port", "0")
    assert shell.json("list")[0]["workflow_id"] == "kept"


def a_server_without_descriptors_left_goes_on(shell: Shell) -> None:
    port = free_port()
    limited = f"ulimit -n 64; exec {shell.bin}/saga server --insecure --store memory --listen 127.0.0.1:{port}"
    with open(f"{shell.folder}/limited.log", "ab") as log:
        process = subprocess.Popen(["sh", "-c", limited], cwd=shell.folder, stdout=log, stderr=log)
    shell.processes.append(process)
    health = ["health", "--address", f"127.0.0.1:{port}", "--insecure", "--timeout", "2s"]
    answers = lambda: subprocess.run([f"{shell.bin}/saga", *health], capture_output=True).returncode == OK  # noqa: E731
    until(answers, "the server answers")
    sockets = []
    for _ in range(150):
        probe = socket.socket()
        probe.setblocking(False)
        probe.connect_ex(("127.0.0.1", port))
        sockets.append(probe)
    time.sleep(0.5)
    assert process.poll() is None, "the server ended when it ran out of descriptors"
    for probe in sockets:
        probe.close()
    until(answers, "the server answers again")


def a_server_uses_the_cores_it_may(shell: Shell) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        process = shell.server("dev", "--port", "0")
    finally:
        os.sched_setaffinity(0, allowed)
    names = []
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/comm") as file:
            names.append(file.read().strip())
    loops = [name for name in names if name.startswith("NIO-ELT")]
    assert len(loops) == 1, f"threads on one core: {names}"


def a_saga_of_ones_own_is_tortured(shell: Shell) -> None:
    program = f"{shell.bin}/torture-order"
    assert shell.run("torture", "--run", program, "--list").split() == ["careful", "careless"]
    [careful] = shell.json("torture", "--run", program, "careful")
    assert careful["findings"] == [], careful
    # The mistake is named, and nothing else.
    [careless] = shell.json("torture", "--run", program, "careless", expect=SAGA_FAILED)
    found = {(finding["kind"], finding["step"]) for finding in careless["findings"]}
    assert found == {("step_not_idempotent", "charge")}, careless
    text = shell.run("torture", "--run", program, expect=SAGA_FAILED)
    assert "step charge: is not idempotent" in text, text
    shell.run("torture", "--run", program, "nobody", expect=USAGE)


def a_blocked_undo_waits_for_a_person(shell: Shell) -> None:
    # The command also tells what it has inherited of the server.
    command = f"ls -l /proc/self/fd > {shell.folder}/descriptors; cat >> {shell.folder}/alerts"
    shell.server("dev", "--port", "0", "--on-blocked", command)
    with open(f"{shell.folder}/.saga/client.conf") as file:
        address = [line.split(" = ")[1].strip() for line in file if line.startswith("address")][0]
    os.mkdir(f"{shell.folder}/books")
    shell.spawn("travel-worker", "--address", address, "--ca", ".saga/ca.pem", "--books", "books")
    trip = {
        "traveller": "Ada", "destination": "Lisbon", "departure": "2027-03-01", "nights": 3, "price": "1.00",
        "rehearsal": {"refuse_payment": True},
    }  # fmt: skip
    # The hotel's book cannot be written: neither booked nor, later, cancelled.
    os.mkdir(f"{shell.folder}/books/hotel.log")
    shell.run("start", "travel.booking", "--id", "trip", "--input", json.dumps(trip))
    until(lambda: bool(shell.json("list", "--status", "blocked")), "the saga is blocked", 40)
    described = shell.json("describe", "trip")[0]
    states = {entry["step_id"]: entry["state"] for entry in described["undo_log"]}
    assert states == {"flight": "open", "hotel": "blocked"}, states
    assert described["status"] == "Blocked" and described["waiting_for"], described
    listed = shell.json("blocked", "list")[0]
    assert listed["workflow_id"] == "trip" and listed["cause"] == "undo_failed", listed
    assert shell.json("health")[0]["blocked_sagas"] == 1
    until(lambda: os.path.exists(f"{shell.folder}/alerts"), "somebody was told", 40)
    with open(f"{shell.folder}/alerts") as file:
        alert = json.loads(file.readline())
    assert alert["workflow_id"] == "trip" and alert["cause"] == "undo_failed", alert
    with open(f"{shell.folder}/descriptors") as file:
        sockets = [line for line in file if "socket:" in line]
    assert not sockets, f"the command has inherited sockets of the server: {sockets}"
    shell.run("blocked", "skip", "trip", expect=USAGE)
    shell.run("blocked", "retry", "trip", "--step", "9999", expect=NOT_FOUND)
    os.rmdir(f"{shell.folder}/books/hotel.log")
    shell.run("blocked", "retry", "trip", "--reason", "the book is back")
    result = shell.json("result", "trip", "--wait", "30s", expect=SAGA_FAILED)[0]
    assert result["compensation"] == {"state": "complete", "open_entries": []}, result
    actions = [e for e in shell.json("history", "trip") if e["event_type"] == "CompensationOperatorAction"]
    assert [a["attributes"]["reason"] for a in actions] == ["the book is back"]
    text = shell.run("history", "trip", "--ascii")
    assert "operator  retry" in text and "travel.hotel.cancel" in text, text
    steps = {row["title"]: row for row in shell.json("history", "trip", "--steps")}
    assert steps["flight"]["undo"]["order"] > steps["hotel"]["undo"]["order"], steps
    assert steps["hotel"]["undo"]["state"] == "done", steps
    shell.run("late-effects", "trip")
    shell.run("blocked", "retry", "trip", expect=CONFLICT)


def a_saga_moves_to_another_store(shell: Shell) -> None:
    address = f"127.0.0.1:{free_port()}"
    here = {"SAGA_ADDRESS": address, "SAGA_INSECURE": "true"}
    first = shell.server("server", "--listen", address, "--insecure", "--store", "sqlite:one.db", env=here)
    trip = {"traveller": "Ada", "destination": "Lisbon", "departure": "2027-03-01", "nights": 3, "price": "1.00"}
    started = shell.json("start", "travel.booking", "--id", "trip", "--input", json.dumps(trip), env=here)[0]
    shell.run("start", "some.type", "--id", "other", env=here)
    for name in ("a", "b"):
        shell.run("signal", "other", name, "--input", "1", env=here)
    past = shell.json("describe", "other", "--at", "1", env=here)[0]
    assert past["as_of_event"] == 1 and past["history_length"] == 2 and past["status"] == "Running", past
    assert "as of       event 1" in shell.run("describe", "other", "--at", "1", env=here)
    shell.run("describe", "other", "--at", "99", expect=NOT_FOUND, env=here)
    shell.run("export", "nothing", "--file", "no.history", expect=NOT_FOUND, env=here)
    assert not os.path.exists(f"{shell.folder}/no.history")
    shell.run("export", "trip", "--file", "trip.json", "--format", "json", env=here)
    shell.run("export", "trip", "--file", "trip.history", env=here)
    shell.run("diff", "trip.json", "trip.history")
    shell.run("import", "trip.history", "--store", "sqlite:one.db", expect=USAGE)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=20) == 0
    shell.run("export", "--all", "--store", "sqlite:one.db", "--file", "all.history")
    assert "differ" in (shell.run("diff", "trip.history", "all.history", expect=SAGA_FAILED), shell.errors)[1]
    with open(f"{shell.folder}/all.history", "rb") as file:
        whole = file.read()
    with open(f"{shell.folder}/bad.history", "wb") as file:
        file.write(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with open(f"{shell.folder}/cut.history", "wb") as file:
        file.write(whole[:-1])
    for bad in ("bad.history", "cut.history"):
        shell.run("import", bad, "--store", "sqlite:two.db", expect=USAGE)
    assert "2 runs" in shell.run("import", "all.history", "--store", "sqlite:two.db")
    assert "2 were there" in shell.run("import", "all.history", "--store", "sqlite:two.db")
    # It goes on there, and ends.
    shell.server("server", "--listen", address, "--insecure", "--store", "sqlite:two.db", env=here)
    os.mkdir(f"{shell.folder}/books")
    shell.spawn("travel-worker", "--address", address, "--books", "books")
    result = shell.json("result", "trip", "--wait", "30s", env=here)[0]
    assert result["status"] == "Completed", result
    assert shell.json("describe", "trip", env=here)[0]["saga_id"] == started["saga_id"]
    # Over the wire as well, where whatever is there already is left alone.
    assert "0 runs, 0 events imported, 1 were there" in shell.run("import", "trip.history", env=here)
    shell.run("import", "cut.history", expect=USAGE, env=here)
    elsewhere = dict(here, SAGA_ADDRESS=f"127.0.0.1:{free_port()}")
    shell.server("server", "--listen", elsewhere["SAGA_ADDRESS"], "--insecure", "--store", "memory", env=elsewhere)
    assert "2 runs" in shell.run("import", "all.history", env=elsewhere)
    assert shell.json("describe", "trip", env=elsewhere)[0]["saga_id"] == started["saga_id"]
    assert shell.json("describe", "other", env=elsewhere)[0]["status"] == "Running"
    # One that is there with fewer events, or others, is named, and no success.
    shell.run("signal", "other", "c", "--input", "1", env=here)
    shell.run("export", "other", "--file", "longer.history", env=here)
    other = shell.json("describe", "other", env=here)[0]["saga_id"]
    shell.run("import", "trip.history", "longer.history", expect=CONFLICT, env=elsewhere)
    assert f"1 is there with other or fewer events: {other}" in shell.errors, shell.errors
    report = shell.json("import", "longer.history", "trip.history", expect=CONFLICT, env=elsewhere)[0]
    assert (report["runs"], report["known"]) == (0, 1) and report["conflicts"][0]["saga_id"] == other, report
    assert json.loads(shell.errors)["error"]["status"] == "conflict", shell.errors
    end = len(shell.json("history", "trip", env=here))
    past = shell.json("describe", "trip", "--at", str(end - 1), env=here)[0]
    assert {"flight", "hotel"} <= {entry["name"] for entry in past["step_outputs"]}, past
    # And today's code fits what was recorded; another one does not.
    shell.run("export", "trip", "--file", "done.json", "--format", "json", env=here)
    assert "1 of 1 histories fit" in shell.run("replay", "done.json")
    shell.run("export", "other", "--file", "other.history", env=here)
    verdict = shell.json("replay", "other.history", expect=SAGA_FAILED)[0]
    assert not verdict["fits"] and "some.type" in verdict["problem"]["message"], verdict
    shell.run("replay", "cut.history", expect=8)


def sagas_are_files(shell: Shell) -> None:
    shell.server("dev", "--port", "0")
    with open(f"{shell.folder}/.saga/client.conf") as file:
        address = [line.split(" = ")[1].strip() for line in file if line.startswith("address")][0]
    os.mkdir(f"{shell.folder}/books")
    shell.spawn("travel-worker", "--address", address, "--ca", ".saga/ca.pem", "--books", "books")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shutil.copy(f"{root}/docs/examples/travel.yaml", f"{shell.folder}/travel.yaml")
    trip = json.dumps({"traveller": "Ada", "destination": "Lisbon", "nights": 3, "price": "1.00"})
    result = shell.json("run", "travel.yaml", "--id", "trip", "--input", trip)[0]
    assert set(result["output"]["data"]) == {"flight", "hotel", "car", "payment"}, result
    refused = json.dumps(dict(json.loads(trip), rehearsal={"refuse_payment": True}))
    shell.run("run", "travel.yaml", "--id", "refused", "--input", refused, expect=SAGA_FAILED)
    assert shell.json("result", "refused", expect=SAGA_FAILED)[0]["compensation"]["state"] == "complete"
    state = json.loads(shell.run("query", "trip", "state"))
    assert {step["status"] for step in state["steps"]} == {"done"} and state["version"] == 1, state
    listed = shell.json("definition", "list")
    assert [(d["name"], d["version"], d["steps"]) for d in listed] == [("travel.declared", 1, 4)], listed
    assert [s["id"] for s in shell.json("definition", "show", "travel.declared")[0]["steps"]] == [
        "flight", "hotel", "car", "payment",
    ]  # fmt: skip
    with open(f"{shell.folder}/travel.yaml") as file:
        text = file.read()
    with open(f"{shell.folder}/travel.yaml", "w") as file:
        file.write(text.replace("steps.car.output", "steps.cart.output"))
    shell.run("definition", "check", "travel.yaml", expect=USAGE)
    line = 1 + text[: text.index("steps.car.output")].count("\n")
    assert f"travel.yaml:{line}: output: " in shell.errors and "no step cart" in shell.errors, shell.errors
    with open(f"{shell.folder}/travel.yaml", "w") as file:
        file.write(text.replace("  car: ${steps.car.output.reference}\n", ""))
    changed = shell.json("definition", "register", "travel.yaml")[0]
    assert (changed["version"], changed["unchanged"]) == (2, False), changed
    assert "line" not in shell.run("run", "travel.yaml", "--id", "third", "--detach", "--input", trip)
    assert set(shell.json("result", "third")[0]["output"]["data"]) == {"flight", "hotel", "payment"}


TESTS = [
    sagas_are_files,
    certificates_are_made_once_and_keys_are_private, a_server_does_not_start_in_the_open,
    settings_come_from_flag_environment_file, sagas_are_started_steered_and_read, schedules_start_sagas,
    tokens_say_who_may_do_what,
    servers_and_clients_check_each_other, a_unix_socket_needs_no_certificate, a_server_drains_and_owns_its_store,
    a_server_without_descriptors_left_goes_on, a_server_uses_the_cores_it_may,
    a_saga_of_ones_own_is_tortured, a_blocked_undo_waits_for_a_person, a_saga_moves_to_another_store,
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", help="only tests whose name contains this")
    options = parser.parse_args()
    failed = []
    chosen = [test for test in TESTS if not options.only or options.only in test.__name__]
    for test in chosen:
        shell = Shell(options.bin)
        began = time.monotonic()
        try:
            test(shell)
            print(f"ok      {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except (AssertionError, subprocess.TimeoutExpired, OSError, LookupError, ValueError) as problem:
            failed.append(test.__name__)
            print(f"FAILED  {test.__name__}: {type(problem).__name__}: {problem}", flush=True)
        finally:
            shell.close()
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
