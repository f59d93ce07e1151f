"""The client: start sagas, steer them, wait for them, read them."""

import asyncio
import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, AsyncIterator, Dict, Generator, Generic, List, Mapping, Optional, Sequence, TypeVar

from saga_engine import payloads
from saga_engine._backoff import Backoff
from saga_engine._connection import CertOption, Connection, NotProcessed, Stream, TLSOptions, tls_options
from saga_engine._operations import DEFAULT_TIMEOUT, Operations, _refer
from saga_engine.aggregates import CommittedEvents
from saga_engine.errors import (
    CompensationSummary,
    ConnectionLost,
    SagaError,
    StatusCode,
    StatusError,
    WorkflowCanceled,
    WorkflowEnded,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from saga_engine.v1 import admin_messages_pb2 as admin
from saga_engine.v1 import events_messages_pb2 as events_messages
from saga_engine.v1 import history_messages_pb2 as history_messages
from saga_engine.v1 import methods, services
from saga_engine.v1 import workflows_messages_pb2 as workflows
from saga_engine.v1.methods import Method

DEFAULT_PORT = 7233
_RETRIED = (StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED)


class IdReuse(IntEnum):
    """What a start does if a run of that workflow id is closed already."""

    ALLOW = 1
    ALLOW_IF_FAILED = 2
    REJECT = 3


class Status(IntEnum):
    """The life of a run."""

    UNSPECIFIED = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELED = 4
    TIMED_OUT = 5
    TERMINATED = 6
    CONTINUED_AS_NEW = 7


@dataclass(frozen=True)
class WorkflowHandle:
    """A saga that was started or found; its methods are those of the client, for this saga."""

    client: "Client"
    workflow_id: str
    saga_id: bytes
    """The run, 16 bytes."""
    already_started: bool = False

    async def result(self, *, timeout: Optional[float] = None) -> Any:
        """Waits for the end; see `Client.result`."""
        return await self.client.result(self.workflow_id, saga_id=self.saga_id, timeout=timeout)

    async def signal(self, name: str, value: Any = None, **options: Any) -> None:
        """Sends a signal; see `Client.signal`."""
        await self.client.signal(self.workflow_id, name, value, saga_id=self.saga_id, **options)

    async def cancel(self, reason: str = "", **options: Any) -> None:
        """Asks it to end; see `Client.cancel`."""
        await self.client.cancel(self.workflow_id, reason, saga_id=self.saga_id, **options)

    async def terminate(self, *, compensate: bool, reason: str = "", **options: Any) -> None:
        """Stops it; see `Client.terminate`."""
        await self.client.terminate(
            self.workflow_id, compensate=compensate, reason=reason, saga_id=self.saga_id, **options
        )

    async def describe(self, **options: Any) -> "workflows.DescribeWorkflowResponse":
        """Everything about it; see `Client.describe`."""
        return await self.client.describe(self.workflow_id, saga_id=self.saga_id, **options)

    def history(self, **options: Any) -> "AsyncIterator[history_messages.HistoryEvent]":
        """Its events; see `Client.history`."""
        return self.client.history(self.workflow_id, saga_id=self.saga_id, **options)


_Made = TypeVar("_Made")


class Opening(Generic[_Made]):
    """`await` it, or use it in `async with`, which closes at the end."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine
        self._made: Any = None

    def __await__(self) -> Generator[Any, None, _Made]:
        return self._coroutine.__await__()  # type: ignore[no-any-return]

    async def __aenter__(self) -> _Made:
        self._made = await self._coroutine
        return self._made  # type: ignore[no-any-return]

    async def __aexit__(self, *_: object) -> None:
        await self._made.close()


class Client(Operations):
    """Calls of one namespace over one connection, which is made again when it is lost.

    A call that the connection took with it is repeated until its deadline, with the same request id: the server does
    nothing twice. Safe for any number of tasks of one event loop.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: TLSOptions,
        token: str,
        namespace: str,
        timeout: float,
        codec: Optional[payloads.PayloadCodec] = None,
    ) -> None:
        """Use `Client.connect`."""
        self.values = payloads.Values(codec)
        self.workflows = services.WorkflowsService(self)
        self.compensation = services.CompensationService(self)
        self.definitions = services.DefinitionsService(self)
        self.schedules = services.SchedulesService(self)
        self.events = services.EventsService(self)
        self.workers = services.WorkersService(self)
        self.admin = services.AdminService(self)
        self._host = host
        self._port = port
        self._tls = tls
        self._token = token
        self._namespace = namespace
        self._connect_timeout = timeout
        self._connection: Optional[Connection] = None
        self._connecting = asyncio.Lock()
        self._draining: List[Connection] = []
        self._closed = False

    @staticmethod
    def connect(
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        *,
        ca: Optional[str] = None,
        cert: CertOption = None,
        token: str = "",
        namespace: str = "",
        server_hostname: Optional[str] = None,
        insecure: bool = False,
        timeout: float = 10.0,
        codec: Optional[payloads.PayloadCodec] = None,
    ) -> "Opening[Client]":
        """Connects over TLS 1.3 and waits for the server's welcome.

        ca               PEM file with the certificates to trust; None = those of the system
        cert             PEM file with the client's certificate and key, or a pair of files; None = no client certificate
        token            access token, `<key id>.<secret>`
        namespace        what workflow ids are unique in; empty = the server's default
        server_hostname  name that the server's certificate must carry, if it is not `host`
        insecure         plain text; the server must allow it, and `host` must be loopback
        timeout          seconds until the welcome
        codec            changes every payload on its way, as an encryption does

        Raises ConnectionLost if the server cannot be reached or trusted, StatusError if it refuses the hello.
        """

        async def make() -> "Client":
            options = tls_options(ca, cert, server_hostname, insecure)
            client = Client(host, port, options, token, namespace, timeout, codec)
            await client._usable_connection()
            return client

        return Opening(make())

    async def close(self) -> None:
        """Closes the connection."""
        self._closed = True
        connections, self._draining = self._draining, []
        if self._connection is not None:
            connections.append(self._connection)
            self._connection = None
        for connection in connections:
            await connection.close()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def server_version(self) -> str:
        """Name and version of the server, as of the last welcome."""
        return self._connection.welcome.server_version if self._connection else ""

    # Sagas

    async def start(
        self,
        workflow_type: str,
        value: Any = None,
        *,
        workflow_id: str,
        task_queue: str = "",
        version: int = 0,
        execution_timeout: Optional[float] = None,
        cancel_grace: Optional[float] = None,
        auto_compensate: Optional[bool] = None,
        continue_on_undo_error: bool = False,
        id_reuse: IdReuse = IdReuse.ALLOW_IF_FAILED,
        memo: Optional[Mapping[str, Any]] = None,
        search_attributes: Optional[Mapping[str, Any]] = None,
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> WorkflowHandle:
        """Starts a saga, or finds the open one of that workflow id (`already_started`).

        Durations are seconds. The start is durable when this returns. Raises StatusError ALREADY_EXISTS if `id_reuse`
        forbids it.
        """
        request = workflows.StartWorkflowRequest()
        options = request.options
        self._fill_start(
            options, workflow_type, value, workflow_id, task_queue, version, execution_timeout, cancel_grace,
            auto_compensate, continue_on_undo_error, id_reuse, memo, search_attributes,
        )  # fmt: skip
        answer = await self._call(methods.WORKFLOWS_START, request, timeout, request_id)
        return WorkflowHandle(self, workflow_id, answer.saga_id, answer.already_started)

    async def signal_with_start(
        self,
        workflow_type: str,
        value: Any = None,
        *,
        workflow_id: str,
        signal_name: str,
        signal_value: Any = None,
        signal_id: str = "",
        task_queue: str = "",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> WorkflowHandle:
        """Signals a saga and starts it first if it is not open, in one step."""
        request = workflows.SignalWithStartWorkflowRequest(signal_name=signal_name, signal_id=signal_id)
        self._fill_start(
            request.options, workflow_type, value, workflow_id, task_queue, 0, None, None, None, False,
            IdReuse.ALLOW_IF_FAILED, None, None,
        )  # fmt: skip
        request.signal_input.CopyFrom(self.values.encode(signal_value))
        answer = await self._call(methods.WORKFLOWS_SIGNAL_WITH_START, request, timeout, request_id)
        return WorkflowHandle(self, workflow_id, answer.saga_id, answer.already_started)

    def handle(self, workflow_id: str, saga_id: bytes = b"") -> WorkflowHandle:
        """A handle on a saga that was started elsewhere; empty `saga_id` = its open run, else its latest."""
        return WorkflowHandle(self, workflow_id, saga_id)

    async def signal(
        self,
        workflow_id: str,
        name: str,
        value: Any = None,
        *,
        saga_id: bytes = b"",
        signal_id: str = "",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Sends a signal; it is durable when this returns.

        The same `signal_id` twice is one signal; empty = one of its own.
        """
        request = workflows.SignalWorkflowRequest(name=name, signal_id=signal_id)
        _refer(request.workflow, workflow_id, saga_id)
        request.input.CopyFrom(self.values.encode(value))
        await self._call(methods.WORKFLOWS_SIGNAL, request, timeout, request_id)

    async def cancel(
        self,
        workflow_id: str,
        reason: str = "",
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Asks a saga to end: its code sees it, and its steps are undone. Returns when the request is durable."""
        request = workflows.CancelWorkflowRequest(reason=reason)
        _refer(request.workflow, workflow_id, saga_id)
        await self._call(methods.WORKFLOWS_CANCEL, request, timeout, request_id)

    async def terminate(
        self,
        workflow_id: str,
        *,
        compensate: bool,
        reason: str = "",
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Stops a saga from outside; `compensate=True` unwinds it first."""
        request = workflows.TerminateWorkflowRequest(reason=reason, compensate=compensate)
        _refer(request.workflow, workflow_id, saga_id)
        await self._call(methods.WORKFLOWS_TERMINATE, request, timeout, request_id)

    async def result(
        self, workflow_id: str, *, saga_id: bytes = b"", follow_runs: bool = True, timeout: Optional[float] = None
    ) -> Any:
        """Waits for the end of a saga and returns what it returned.

        `timeout` is in seconds, None = for ever; asyncio.TimeoutError if it passes. Raises WorkflowFailed,
        WorkflowCanceled, WorkflowTimedOut or WorkflowTerminated if the saga ended otherwise.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            left = 60.0 if end is None else min(60.0, end - loop.time())
            if left <= 0:
                raise asyncio.TimeoutError(f"workflow {workflow_id} has not ended within {timeout} s")
            request = workflows.GetWorkflowResultRequest(follow_runs=follow_runs)
            _refer(request.workflow, workflow_id, saga_id)
            try:
                answer = await self._call(methods.WORKFLOWS_GET_RESULT, request, left, None)
            except StatusError as error:
                if error.code == StatusCode.DEADLINE_EXCEEDED:
                    continue
                raise
            except ConnectionLost:
                if self._closed:
                    raise
                await asyncio.sleep(0.2)
                continue
            return _outcome(workflow_id, answer, self.values)

    async def describe(
        self, workflow_id: str, *, saga_id: bytes = b"", timeout: float = DEFAULT_TIMEOUT
    ) -> "workflows.DescribeWorkflowResponse":
        """Everything about a saga: status, what it waits for, pending steps, undo log."""
        request = workflows.DescribeWorkflowRequest()
        _refer(request.workflow, workflow_id, saga_id)
        answer: workflows.DescribeWorkflowResponse = await self._call(
            methods.WORKFLOWS_DESCRIBE, request, timeout, None
        )
        return answer

    async def list(
        self,
        *,
        workflow_types: Sequence[str] = (),
        statuses: Sequence[Status] = (),
        workflow_id_prefix: str = "",
        only_blocked: bool = False,
        page_size: int = 0,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> "AsyncIterator[workflows.WorkflowInfo]":
        """Runs that match, newest start first; pages are fetched as they are needed. `timeout` is for each page."""
        token = b""
        while True:
            request = workflows.ListWorkflowsRequest(page_size=page_size, page_token=token)
            request.filter.workflow_types.extend(workflow_types)
            request.filter.statuses.extend(int(status) for status in statuses)
            request.filter.workflow_id_prefix = workflow_id_prefix
            request.filter.only_blocked = only_blocked
            answer = await self._call(methods.WORKFLOWS_LIST, request, timeout, None)
            for info in answer.workflows:
                yield info
            token = answer.next_page_token
            if not token:
                return

    async def count(
        self,
        *,
        workflow_types: Sequence[str] = (),
        statuses: Sequence[Status] = (),
        workflow_id_prefix: str = "",
        timeout: float = DEFAULT_TIMEOUT,
    ) -> int:
        """How many runs match."""
        request = workflows.CountWorkflowsRequest()
        request.filter.workflow_types.extend(workflow_types)
        request.filter.statuses.extend(int(status) for status in statuses)
        request.filter.workflow_id_prefix = workflow_id_prefix
        answer = await self._call(methods.WORKFLOWS_COUNT, request, timeout, None)
        return int(answer.count)

    async def history(
        self,
        workflow_id: str,
        *,
        saga_id: bytes = b"",
        from_event_id: int = 0,
        follow: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> "AsyncIterator[history_messages.HistoryEvent]":
        """Events of a run, oldest first. `follow=True` goes on as the saga does, until it closes; a lost connection is
        made again and the events go on where they were. `timeout` is for each page and each new connection."""
        position = from_event_id
        if not follow:
            more = True
            while more:
                request = workflows.GetHistoryRequest(from_event_id=position)
                _refer(request.workflow, workflow_id, saga_id)
                page = await self._call(methods.WORKFLOWS_GET_HISTORY, request, timeout, None)
                for event in page.events:
                    yield event
                saga_id = page.saga_id or saga_id
                more, position = page.more, page.next_event_id
            return
        backoff = Backoff()
        while True:
            follow_request = workflows.FollowHistoryRequest(from_event_id=position)
            _refer(follow_request.workflow, workflow_id, saga_id)
            stream = None
            try:
                connection = await self._usable_connection()
                stream = await connection.open_stream(methods.WORKFLOWS_FOLLOW_HISTORY, follow_request)
                while True:
                    item = await stream.receive()
                    if item is None:
                        return
                    backoff.reset()
                    saga_id = item.saga_id or saga_id
                    for event in item.events:
                        position = event.event_id + 1
                        yield event
            except ConnectionLost:
                if self._closed or backoff.waited > timeout:
                    raise
                await backoff.wait()
            finally:
                if stream is not None:
                    stream.cancel("no longer wanted")

    async def committed_events(
        self,
        *,
        after: bytes = b"",
        from_beginning: bool = False,
        event_types: Sequence[int] = (),
        workflow_types: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT,
    ) -> "AsyncIterator[CommittedEvents]":
        """What is committed in the namespace, of all sagas and aggregates: after the position of an earlier item, from the
        beginning, or from now on. Each event comes at least once, those of one saga in order; the iterator has no end. A lost
        connection is made again, and the events go on where they were; `timeout` is for each new connection. Keep
        `item.position` together with what you make of the events, in one transaction, and the effect is exactly once.
        `event_types` are codes: those of `EventType` in docs/semantics.md, such as 22 for a completed activity."""
        position, beginning = after, from_beginning
        backoff = Backoff()
        while True:
            request = events_messages.SubscribeRequest(position=position, from_beginning=beginning and not position)
            request.event_types.extend(event_types)
            request.workflow_types.extend(workflow_types)
            stream = None
            try:
                connection = await self._usable_connection()
                stream = await connection.open_stream(methods.EVENTS_SUBSCRIBE, request)
                while True:
                    item = await stream.receive()
                    if item is None:
                        break
                    backoff.reset()
                    position = item.position
                    # Without events it only says how far the server is.
                    if item.events:
                        yield CommittedEvents(item.position, item.workflow_id, item.workflow_type, list(item.events))
            except ConnectionLost:
                if self._closed or backoff.waited > timeout:
                    raise
                await backoff.wait()
            except StatusError as error:
                # The server drains, or its store is away for a moment.
                if error.code != StatusCode.UNAVAILABLE or self._closed or backoff.waited > timeout:
                    raise
                await backoff.wait()
            finally:
                if stream is not None:
                    stream.cancel("no longer wanted")

    async def health(self, echo: bytes = b"", *, timeout: float = DEFAULT_TIMEOUT) -> "admin.HealthResponse":
        """Whether the server is alive; `echo` comes back."""
        answer: admin.HealthResponse = await self._call(
            methods.ADMIN_HEALTH, admin.HealthRequest(echo=echo), timeout, None
        )
        return answer

    async def call(
        self, method: Method, request: Any, *, timeout: float = DEFAULT_TIMEOUT, request_id: Optional[str] = None
    ) -> Any:
        """Any unary method of `saga_engine.v1.methods`, with its request message."""
        if method.client_streaming or method.server_streaming:
            raise ValueError(f"{method.full_name} is a stream")
        return await self._call(method, request, timeout, request_id)

    async def stream(self, method: Method, first: Any, *, request_id: Optional[str] = None) -> "Stream":
        """Any stream of `saga_engine.v1.methods`, with its first message; see `send`, `receive`, `end` and `cancel`."""
        if method.mutates:
            first.header.request_id = request_id or first.header.request_id or uuid.uuid4().hex
        return await (await self._usable_connection()).open_stream(method, first)

    # Below the surface

    def _fill_start(
        self,
        options: "workflows.StartOptions",
        workflow_type: str,
        value: Any,
        workflow_id: str,
        task_queue: str,
        version: int,
        execution_timeout: Optional[float],
        cancel_grace: Optional[float],
        auto_compensate: Optional[bool],
        continue_on_undo_error: bool,
        id_reuse: IdReuse,
        memo: Optional[Mapping[str, Any]],
        search_attributes: Optional[Mapping[str, Any]],
    ) -> None:
        options.workflow_id = workflow_id
        options.workflow_type = workflow_type
        options.workflow_version = version
        options.task_queue = task_queue
        options.input.CopyFrom(self.values.encode(value))
        if execution_timeout is not None:
            options.execution_timeout_us = int(execution_timeout * 1_000_000)
        if cancel_grace is not None:
            options.cancel_grace_us = int(cancel_grace * 1_000_000)
        if auto_compensate is not None:
            options.auto_compensate = auto_compensate
        options.continue_on_undo_error = continue_on_undo_error
        options.id_reuse_policy = int(id_reuse)  # type: ignore[assignment]
        for key, entry in (memo or {}).items():
            options.memo.add(name=key, payload=self.values.encode(entry))
        for key, entry in (search_attributes or {}).items():
            options.search_attributes.add(name=key, payload=payloads.encode(entry))

    async def _usable_connection(self) -> Connection:
        async with self._connecting:
            if self._closed:
                raise ConnectionLost("the client is closed")
            current = self._connection
            if current is not None and current.usable:
                return current
            if current is not None and current.going_away is None and not current.closed.is_set():
                raise StatusError(StatusCode.RESOURCE_EXHAUSTED, "too many calls in flight on this connection")
            if current is not None and not current.closed.is_set():
                # Its running calls finish there.
                self._draining = [c for c in self._draining if not c.closed.is_set()] + [current]
            elif current is not None:
                await current.close()
            self._connection = None
            self._connection = await Connection.open(
                self._host,
                self._port,
                self._tls,
                token=self._token,
                namespace=self._namespace,
                timeout=self._connect_timeout,
            )
            return self._connection

    async def _call(self, method: Method, request: Any, timeout: float, request_id: Optional[str]) -> Any:
        """One call until its deadline: repeated over new connections, with one request id."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if method.mutates:
            request.header.request_id = request_id or uuid.uuid4().hex
        backoff = Backoff()
        while True:
            try:
                return await self._attempt(method, request, deadline)
            except StatusError as error:
                if error.code not in _RETRIED:
                    raise
                pause = max(backoff.next(), error.retry_after)
                if loop.time() + pause >= deadline:
                    raise
            except ConnectionLost:
                pause = backoff.next()
                if self._closed or loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)

    async def _attempt(self, method: Method, request: Any, deadline: float) -> Any:
        loop = asyncio.get_running_loop()
        stream = None
        try:
            # A little longer than the server is told, so that its own answer wins.
            return_by = deadline + 1.0
            connection = await asyncio.wait_for(self._usable_connection(), max(0.001, return_by - loop.time()))
            request.header.deadline_ms = max(1, int((deadline - loop.time()) * 1_000))
            stream = await connection.open_stream(method, request)
            return await asyncio.wait_for(stream.receive(), max(0.001, return_by - loop.time()))
        except asyncio.TimeoutError:
            message = f"{method.full_name} was not answered in time"
            raise StatusError(StatusCode.DEADLINE_EXCEEDED, message) from None
        finally:
            if stream is not None:
                # Nothing happens if it has ended; else (deadline, cancelled task) the server learns of it.
                stream.cancel("the caller has given up")


_STATES: Dict[int, str] = {0: "none", 1: "complete", 2: "partial", 3: "given_up"}


def _outcome(workflow_id: str, answer: "workflows.GetWorkflowResultResponse", values: payloads.Values) -> Any:
    status = Status(answer.status)
    if status == Status.COMPLETED:
        return values.decode(answer.output)
    summary = CompensationSummary(
        _STATES.get(answer.compensation.state, "unknown"), tuple(answer.compensation.open_entries)
    )
    if status == Status.FAILED:
        raise WorkflowFailed(workflow_id, SagaError.from_message(answer.error, values), summary)
    if status == Status.CANCELED:
        raise WorkflowCanceled(workflow_id, f"was cancelled: {answer.reason}", summary)
    if status == Status.TIMED_OUT:
        raise WorkflowTimedOut(workflow_id, "timed out", summary)
    if status == Status.TERMINATED:
        raise WorkflowTerminated(workflow_id, f"was terminated: {answer.reason}", summary)
    raise WorkflowEnded(workflow_id, f"ended as {status.name}", summary)


__all__ = ["Client", "IdReuse", "NotProcessed", "Status", "WorkflowHandle"]
