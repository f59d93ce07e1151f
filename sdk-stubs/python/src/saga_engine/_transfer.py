"""Moving runs from server to server: what the client has for it."""

from dataclasses import dataclass
from typing import Any, AsyncIterable, AsyncIterator, Iterable, List, Union

from saga_engine._connection import Connection, Stream
from saga_engine.errors import ConnectionLost
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import history_messages_pb2 as history_messages
from saga_engine.v1 import methods
from saga_engine.v1 import workflows_messages_pb2 as workflows

_CHUNK_EVENTS = 1_000
# Well below what a message may have, for any one event may be large.
_CHUNK_BYTES = 512 * 1_024


@dataclass(frozen=True)
class ImportedRun:
    """What an import has stored."""

    saga_id: bytes
    events: int


class Transfer:
    """Export and import of whole runs."""

    async def _usable_connection(self) -> Connection:
        raise NotImplementedError

    async def export_history(
        self, workflow_id: str, *, saga_id: bytes = b""
    ) -> "AsyncIterator[history_messages.HistoryEvent]":
        """A whole run for another server, oldest event first, as fast as it is taken; ends with the last event that was
        durable when the export began. Pause a run that is to go on elsewhere before it is exported. A lost connection is an
        error: begin again."""
        request = workflows.ExportHistoryRequest()
        request.workflow.CopyFrom(common.WorkflowRef(workflow_id=workflow_id, saga_id=saga_id))
        stream = await (await self._usable_connection()).open_stream(methods.WORKFLOWS_EXPORT_HISTORY, request)
        position, last = 0, False
        try:
            while True:
                chunk = await stream.receive()
                # The stream ends with an empty answer, or with the plain end of it.
                if chunk is None or not chunk.events:
                    break
                for event in chunk.events:
                    if event.event_id != position:
                        raise ConnectionLost(f"the export has a gap before event {position}")
                    position += 1
                    yield event
                last = chunk.last
        finally:
            stream.cancel("no longer wanted")
        if not last:
            raise ConnectionLost("the export ended before its last event")

    async def import_history(
        self,
        events: "Union[AsyncIterable[history_messages.HistoryEvent], Iterable[history_messages.HistoryEvent]]",
    ) -> ImportedRun:
        """Gives the server a run of another server, as `export_history` gives it; if it is open it goes on there. It is taken
        whole or not at all. Raises StatusError: ALREADY_EXISTS if the server has the run with other or fewer events,
        FAILED_PRECONDITION if the workflow id has an open run there, INVALID_ARGUMENT if the events do not fit. After
        ConnectionLost import again: a run that is there with the same events is a success."""
        upload = Upload(self)
        try:
            if hasattr(events, "__aiter__"):
                async for event in events:
                    await upload.add(event)
            else:
                await upload.add_all(events)
            return await upload.finish()
        finally:
            upload.give_up()


class Upload:
    """A run on its way. The newest part is held back, for only the end tells which is the last."""

    def __init__(self, client: Transfer) -> None:
        self._client = client
        self._stream: "Union[Stream, None]" = None
        self._held: "List[history_messages.HistoryEvent]" = []
        self._bytes = 0

    async def add(self, event: "history_messages.HistoryEvent") -> None:
        if len(self._held) >= _CHUNK_EVENTS or self._bytes >= _CHUNK_BYTES:
            await self._send(last=False)
        self._held.append(event)
        self._bytes += event.ByteSize()

    async def add_all(self, events: "Iterable[history_messages.HistoryEvent]") -> None:
        for event in events:
            await self.add(event)

    async def finish(self) -> ImportedRun:
        stream = await self._send(last=True)
        await stream.end()
        answer: Any = await stream.receive()
        if answer is None:
            raise ConnectionLost("the server ended the import without an answer")
        return ImportedRun(bytes(answer.saga_id), int(answer.events))

    async def _send(self, *, last: bool) -> Stream:
        chunk = workflows.HistoryChunk(events=self._held, last=last)
        if self._held:
            chunk.saga_id = self._held[0].saga_id
        self._held, self._bytes = [], 0
        part = workflows.ImportHistoryRequest(chunk=chunk)
        if self._stream is None:
            connection = await self._client._usable_connection()
            self._stream = await connection.open_stream(methods.WORKFLOWS_IMPORT_HISTORY, part)
        else:
            await self._stream.send(part)
        return self._stream

    def give_up(self) -> None:
        if self._stream is not None:
            self._stream.cancel("given up")
