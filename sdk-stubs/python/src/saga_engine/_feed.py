"""The feed of what is committed, of all sagas and aggregates."""

from typing import AsyncIterator, Callable, Optional, Sequence

from saga_engine._backoff import Backoff
from saga_engine._connection import Connection
from saga_engine._operations import DEFAULT_TIMEOUT
from saga_engine.aggregates import CommittedEvents
from saga_engine.errors import ConnectionLost, StatusCode, StatusError
from saga_engine.v1 import events_messages_pb2 as events_messages
from saga_engine.v1 import methods


class Feed:
    """A part of the client."""

    _closed: bool

    async def _usable_connection(self) -> Connection:
        raise NotImplementedError

    async def committed_events(
        self,
        *,
        after: bytes = b"",
        from_beginning: bool = False,
        event_types: Sequence[int] = (),
        workflow_types: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT,
        on_position: Optional[Callable[[bytes], None]] = None,
    ) -> "AsyncIterator[CommittedEvents]":
        """What is committed in the namespace, of all sagas and aggregates: after the position of an earlier item, from the
        beginning, or from now on. Each event comes at least once, those of one saga in order; the iterator has no end. A lost
        connection is made again, and the events go on where they were; `timeout` is for each new connection. Keep
        `item.position` together with what you make of the events, in one transaction, and the effect is exactly once.
        `event_types` are codes: those of `EventType` in docs/semantics.md, such as 22 for a completed activity. `on_position` is
        called with where the feed is while nothing comes that is wanted, at its beginning and now and then: as good a place to go
        on from as an item's position; whoever keeps it loses nothing that comes before the first item."""
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
                    elif on_position is not None:
                        on_position(item.position)
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
