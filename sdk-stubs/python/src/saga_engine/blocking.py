"""The same client and worker for programs without an event loop: each call waits.

    from saga_engine import blocking

    with blocking.Client.connect("localhost", 7233, ca="ca.pem") as client:
        booking = client.start("TravelBooking", {"flight": "LH123"}, workflow_id="trip-1", task_queue="travel")
        print(client.result("trip-1", timeout=60))

One event loop in a thread of its own carries the calls; any number of threads may use a client.
"""

import asyncio
import threading
from typing import Any, AsyncIterator, Coroutine, Iterable, Iterator, Sequence, TypeVar

from saga_engine import client as asynchronous
from saga_engine import worker as asynchronous_worker
from saga_engine.aggregates import Aggregate, CommittedEvents, DomainEvent
from saga_engine.v1 import admin_messages_pb2 as admin
from saga_engine.v1 import history_messages_pb2 as history_messages
from saga_engine.v1 import workflows_messages_pb2 as workflows

_Result = TypeVar("_Result")


class Client:
    """`saga_engine.Client`, waiting. The arguments of each method are those of its twin there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, client: asynchronous.Client) -> None:
        """Use `Client.connect`."""
        self._loop = loop
        self._thread = thread
        self._client = client

    @staticmethod
    def connect(host: str = "localhost", port: int = asynchronous.DEFAULT_PORT, **options: Any) -> "Client":
        """Connects over TLS 1.3 and waits for the server's welcome; see `saga_engine.Client.connect`."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="saga-engine", daemon=True)
        thread.start()

        async def make() -> asynchronous.Client:
            return await asynchronous.Client.connect(host, port, **options)

        try:
            client = asyncio.run_coroutine_threadsafe(make(), loop).result()
        except BaseException:
            _stop(loop, thread)
            raise
        return Client(loop, thread, client)

    def close(self) -> None:
        """Closes the connection and ends the thread. A second time does nothing."""
        if self._loop.is_closed():
            return
        self._wait(self._client.close())
        _stop(self._loop, self._thread)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C and the like: the call ends, too.
            future.cancel()
            raise

    def _each(self, items: AsyncIterator[_Result]) -> Iterator[_Result]:
        async def following() -> Any:
            async for item in items:
                return (item,)
            return None

        try:
            while True:
                found = self._wait(following())
                if found is None:
                    return
                yield found[0]
        finally:
            close = getattr(items, "aclose", None)
            if close is not None and not self._loop.is_closed():
                self._wait(close())

    @property
    def server_version(self) -> str:
        """Name and version of the server, as of the last welcome."""
        return self._client.server_version

    def start(self, workflow_type: str, value: Any = None, **options: Any) -> asynchronous.WorkflowHandle:
        """Starts a saga. Of the handle use the names; its methods are for event loops."""
        return self._wait(self._client.start(workflow_type, value, **options))

    def signal_with_start(self, workflow_type: str, value: Any = None, **options: Any) -> asynchronous.WorkflowHandle:
        """Signals a saga and starts it first if it is not open."""
        return self._wait(self._client.signal_with_start(workflow_type, value, **options))

    def signal(self, workflow_id: str, name: str, value: Any = None, **options: Any) -> None:
        """Sends a signal; it is durable when this returns."""
        self._wait(self._client.signal(workflow_id, name, value, **options))

    def query(self, workflow_id: str, name: str, value: Any = None, **options: Any) -> Any:
        """Reads state through the saga's own handler."""
        return self._wait(self._client.query(workflow_id, name, value, **options))

    def update(self, workflow_id: str, name: str, value: Any = None, **options: Any) -> Any:
        """Asks the code to do something and waits for its answer."""
        return self._wait(self._client.update(workflow_id, name, value, **options))

    def cancel(self, workflow_id: str, reason: str = "", **options: Any) -> None:
        """Asks a saga to end: its code sees it, and its steps are undone."""
        self._wait(self._client.cancel(workflow_id, reason, **options))

    def terminate(self, workflow_id: str, *, compensate: bool, **options: Any) -> None:
        """Stops a saga from outside; `compensate=True` undoes its steps first."""
        self._wait(self._client.terminate(workflow_id, compensate=compensate, **options))

    def result(self, workflow_id: str, **options: Any) -> Any:
        """Waits for the end of a saga and returns what it returned."""
        return self._wait(self._client.result(workflow_id, **options))

    def describe(self, workflow_id: str, **options: Any) -> "workflows.DescribeWorkflowResponse":
        """Everything about a saga."""
        return self._wait(self._client.describe(workflow_id, **options))

    def list(self, **options: Any) -> "Iterator[workflows.WorkflowInfo]":
        """Runs that match, newest start first."""
        return self._each(self._client.list(**options))

    def count(self, **options: Any) -> int:
        """How many runs match."""
        return self._wait(self._client.count(**options))

    def history(self, workflow_id: str, **options: Any) -> "Iterator[history_messages.HistoryEvent]":
        """Events of a run, oldest first; `follow=True` goes on until the saga closes."""
        return self._each(self._client.history(workflow_id, **options))

    def committed_events(self, **options: Any) -> "Iterator[CommittedEvents]":
        """What is committed in the namespace, of all sagas and aggregates, as it comes; without end."""
        return self._each(self._client.committed_events(**options))

    def export_history(self, workflow_id: str, **options: Any) -> "Iterator[workflows.HistoryChunk]":
        """Everything of a run, in parts, for `import_history` of another server."""
        return self._each(self._client.export_history(workflow_id, **options))

    def import_history(self, chunks: "Iterable[workflows.HistoryChunk]") -> "workflows.ImportHistoryResponse":
        """Stores an exported run, or nothing of it."""
        return self._wait(self._client.import_history(list(chunks)))

    def pause(self, workflow_id: str, reason: str = "", **options: Any) -> None:
        """Stops handing out tasks of a run."""
        self._wait(self._client.pause(workflow_id, reason, **options))

    def resume(self, workflow_id: str, reason: str = "", **options: Any) -> None:
        """Hands out tasks again."""
        self._wait(self._client.resume(workflow_id, reason, **options))

    def retry_undo(self, workflow_id: str, step_event_id: int, **options: Any) -> None:
        """Runs an undo once more."""
        self._wait(self._client.retry_undo(workflow_id, step_event_id, **options))

    def skip_undo(self, workflow_id: str, step_event_id: int, reason: str, **options: Any) -> None:
        """Leaves an undo out."""
        self._wait(self._client.skip_undo(workflow_id, step_event_id, reason, **options))

    def resolve_undo(self, workflow_id: str, step_event_id: int, note: str, **options: Any) -> None:
        """Marks an undo as done by hand."""
        self._wait(self._client.resolve_undo(workflow_id, step_event_id, note, **options))

    def give_up(self, workflow_id: str, reason: str, **options: Any) -> None:
        """Gives the whole unwinding of a run up."""
        self._wait(self._client.give_up(workflow_id, reason, **options))

    def complete_activity(self, token: bytes, value: Any = None, **options: Any) -> str:
        """See the asynchronous client."""
        return self._wait(self._client.complete_activity(token, value, **options))

    def fail_activity(self, token: bytes, error: BaseException, **options: Any) -> str:
        """See the asynchronous client."""
        return self._wait(self._client.fail_activity(token, error, **options))

    def heartbeat_activity(self, token: bytes, details: Any = None, **options: Any) -> bool:
        """See the asynchronous client."""
        return self._wait(self._client.heartbeat_activity(token, details, **options))
    def append_events(
        self, aggregate_id: str, aggregate_type: str, events: Sequence[DomainEvent], **options: Any
    ) -> int:
        """Appends to an aggregate; how many events it has now."""
        return self._wait(self._client.append_events(aggregate_id, aggregate_type, events, **options))

    def read_events(self, aggregate_id: str, from_event_id: int = 0, **options: Any) -> Aggregate:
        """A page of an aggregate's events, oldest first."""
        return self._wait(self._client.read_events(aggregate_id, from_event_id, **options))

    def read_aggregate(self, aggregate_id: str, **options: Any) -> Aggregate:
        """The newest snapshot of an aggregate, if there is one, and all events after it."""
        return self._wait(self._client.read_aggregate(aggregate_id, **options))

    def health(self, echo: bytes = b"", **options: Any) -> "admin.HealthResponse":
        """Whether the server is alive."""
        return self._wait(self._client.health(echo, **options))

    def call(self, method: Any, request: Any, **options: Any) -> Any:
        """Any unary method of `saga_engine.v1.methods`, with its request message."""
        return self._wait(self._client.call(method, request, **options))


class Worker:
    """`saga_engine.Worker`, waiting: `run` serves until another thread calls `stop`. Plain functions run in threads."""

    def __init__(self, client: Client, **options: Any) -> None:
        async def make() -> asynchronous_worker.Worker:
            return asynchronous_worker.Worker(client._client, **options)

        self._client = client
        self._worker = client._wait(make())

    def run(self) -> None:
        """Serves until `stop`. Raises StatusError if the server refuses the worker for good."""
        self._client._wait(self._worker.run())

    def stop(self) -> None:
        """Begins to drain; from any thread, also from a signal handler."""
        self._client._loop.call_soon_threadsafe(self._worker.stop)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    # Closing the loop lets the threads that looked names up go, but does not wait for them: whoever counts would find one.
    asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
