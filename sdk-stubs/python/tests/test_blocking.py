"""The blocking client and worker against a real server; see test_server.py."""

import threading
import uuid
from typing import Any, List

import pytest

import scripted
from saga_engine import Client, ConnectionLost, StatusError, UndoInput, WorkflowFailed, WorkflowTerminated, activity, blocking
from test_server import ADDRESS, TYPES, unique

pytestmark = pytest.mark.skipif(not ADDRESS, reason="SAGA_ADDRESS is not set")


def connect(**options: Any) -> blocking.Client:
    import os

    host, _, port = ADDRESS.rpartition(":")
    options.setdefault("ca", os.environ.get("SAGA_CA"))
    return blocking.Client.connect(host, int(port), **options)


def test_calls_wait() -> None:
    with connect() as client:
        assert client.health(b"x").echo == b"x" and client.server_version
        name, request_id = unique("blocking"), uuid.uuid4().hex
        first = client.start("Waits", 1, workflow_id=name, task_queue=unique("nobody"), request_id=request_id)
        again = client.start("Waits", 1, workflow_id=name, request_id=uuid.uuid4().hex)
        assert again.already_started and again.saga_id == first.saga_id
        assert [info.workflow_id for info in client.list(workflow_id_prefix=name)] == [name]
        client.signal(name, "s", {"n": 1})
        for event in client.history(name, follow=True):
            if event.HasField("signal_received"):
                break
        client.terminate(name, compensate=False)
        with pytest.raises(WorkflowTerminated):
            client.result(name, timeout=10)
        with pytest.raises(StatusError):
            client.describe(unique("none"))
        assert [event.event_id for event in client.history(name)] == [0, 1, 2]
    client.close()


def test_a_run_comes_out_and_goes_in() -> None:
    with connect() as client, connect() as other:
        name = unique("moves")
        client.start("Waits", 1, workflow_id=name, task_queue=unique("nobody"))
        events = list(client.export_history(name))
        assert [event.event_id for event in events] == [0]
        for source in (other.export_history(name), client.export_history(name)):
            known = client.import_history(source)
            assert (known.saga_id, known.events) == (events[0].saga_id, 1)
        events[0].workflow_execution_started.identity = "another"
        with pytest.raises(StatusError, match="is here already"):
            client.import_history(iter(events))
        events[0].saga_id = uuid.uuid4().bytes
        events[0].workflow_execution_started.workflow_id = unique("imported")
        stored = client.import_history(iter(events))
        assert (stored.saga_id, stored.events) == (events[0].saga_id, 1)
        client.terminate(events[0].workflow_execution_started.workflow_id, compensate=False)
        client.terminate(name, compensate=False)


def test_a_server_that_is_not_trusted() -> None:
    threads = threading.active_count()
    with pytest.raises(ConnectionLost):
        connect(ca=None)
    assert threading.active_count() == threads


async def test_a_worker_serves_until_it_is_stopped() -> None:
    undone: List[Any] = []

    @activity("bookFlight")
    def book_flight(context: Any, value: Any) -> Any:
        return {"flight": value["flight"]}

    @activity("bookHotel")
    def book_hotel(context: Any, value: Any) -> Any:
        return 1

    @activity("pay")
    def pay(context: Any, value: Any) -> Any:
        from saga_engine import DomainError

        raise DomainError("card declined", code="CardDeclined")

    @activity("cancelFlight")
    def cancel_flight(context: Any, undo: UndoInput) -> None:
        undone.append(undo.output)

    @activity("cancelHotel")
    def cancel_hotel(context: Any, undo: UndoInput) -> None:
        undone.append(undo.output)

    queue = unique("blocking")
    activities = [book_flight, book_hotel, pay, cancel_flight, cancel_hotel]
    host, _, port = ADDRESS.rpartition(":")
    import asyncio
    import os

    def work() -> None:
        with connect() as client:
            worker = blocking.Worker(client, task_queues=[queue], activities=activities)
            thread = threading.Thread(target=worker.run)
            thread.start()
            handle = client.start("Refused", workflow_id=unique("blocking"), task_queue=queue)
            with pytest.raises(WorkflowFailed) as failed:
                client.result(handle.workflow_id, timeout=30)
            assert failed.value.error.code == "CardDeclined"
            worker.stop()
            thread.join(20)
            assert not thread.is_alive()

    async with Client.connect(host, int(port), ca=os.environ.get("SAGA_CA")) as client:
        async with scripted.ScriptedWorkflows(client, queue, TYPES):
            await asyncio.get_running_loop().run_in_executor(None, work)
    assert undone == [1, {"flight": "LH1"}]
