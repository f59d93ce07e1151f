"""Calls of the client beside its everyday ones: asking and changing running code, resets, and undos that need a person."""

from typing import TYPE_CHECKING, Any, AsyncIterable, AsyncIterator, Iterable, List, Optional, Sequence, Tuple, Union

from saga_engine import payloads
from saga_engine.aggregates import Aggregate, DomainEvent
from saga_engine.declarative import SagaDefinition
from saga_engine.errors import ConnectionLost, SagaError
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import compensation_messages_pb2 as compensation_messages
from saga_engine.v1 import definitions_messages_pb2 as definitions_messages
from saga_engine.v1 import events_messages_pb2 as event_messages
from saga_engine.v1 import services
from saga_engine.v1 import workers_messages_pb2 as worker_messages
from saga_engine.v1 import workflows_messages_pb2 as workflow_messages

if TYPE_CHECKING:
    from saga_engine.client import WorkflowHandle

DEFAULT_TIMEOUT = 30.0


class Operations:
    """What `Client` inherits. `saga_id` names one run of a workflow id; empty = the open one, else the latest."""

    values: payloads.Values
    workflows: services.WorkflowsService
    compensation: services.CompensationService
    definitions: services.DefinitionsService
    workers: services.WorkersService
    events: services.EventsService

    def handle(self, workflow_id: str, saga_id: bytes = b"") -> "WorkflowHandle":
        """A handle on a run; `Client` makes it."""
        raise NotImplementedError

    async def query(
        self, workflow_id: str, name: str, value: Any = None, *, saga_id: bytes = b"", timeout: float = DEFAULT_TIMEOUT
    ) -> Any:
        """Reads state through the saga's own handler."""
        request = workflow_messages.QueryWorkflowRequest(name=name)
        _refer(request.workflow, workflow_id, saga_id)
        request.input.CopyFrom(self.values.encode(value))
        return self.values.decode((await self.workflows.query(request, timeout=timeout)).output)

    async def update(
        self,
        workflow_id: str,
        name: str,
        value: Any = None,
        *,
        saga_id: bytes = b"",
        update_id: str = "",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Asks the code to do something and waits for its answer. Raises SagaError if it was refused or rolled back."""
        request = workflow_messages.UpdateWorkflowRequest(name=name, update_id=update_id)
        _refer(request.workflow, workflow_id, saga_id)
        request.input.CopyFrom(self.values.encode(value))
        answer = await self.workflows.update(request, timeout=timeout, request_id=request_id)
        if answer.HasField("error"):
            raise SagaError.from_message(answer.error, self.values)
        return self.values.decode(answer.output)

    async def reset(
        self,
        workflow_id: str,
        event_id: int,
        *,
        saga_id: bytes = b"",
        reason: str = "",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> "WorkflowHandle":
        """Goes on from an earlier event in a new run; steps after it are undone first."""
        request = workflow_messages.ResetWorkflowRequest(event_id=event_id, reason=reason)
        _refer(request.workflow, workflow_id, saga_id)
        answer = await self.workflows.reset(request, timeout=timeout, request_id=request_id)
        return self.handle(workflow_id, answer.saga_id)

    async def state_at(
        self, workflow_id: str, event_id: int, *, saga_id: bytes = b"", timeout: float = DEFAULT_TIMEOUT
    ) -> "workflow_messages.DescribeWorkflowResponse":
        """The state of a run after an event."""
        request = workflow_messages.StateAtRequest(event_id=event_id)
        _refer(request.workflow, workflow_id, saga_id)
        return (await self.workflows.state_at(request, timeout=timeout)).state

    async def delete(
        self,
        workflow_id: str,
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Removes a closed run and its history."""
        request = workflow_messages.DeleteWorkflowRequest()
        _refer(request.workflow, workflow_id, saga_id)
        await self.workflows.delete(request, timeout=timeout, request_id=request_id)

    async def pause(
        self,
        workflow_id: str,
        reason: str = "",
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Stops handing out tasks of a run."""
        request = workflow_messages.PauseWorkflowRequest(reason=reason)
        _refer(request.workflow, workflow_id, saga_id)
        await self.workflows.pause(request, timeout=timeout, request_id=request_id)

    async def resume(
        self,
        workflow_id: str,
        reason: str = "",
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Hands out tasks again."""
        request = workflow_messages.ResumeWorkflowRequest(reason=reason)
        _refer(request.workflow, workflow_id, saga_id)
        await self.workflows.resume(request, timeout=timeout, request_id=request_id)

    # Runs on their way from one server to another.

    async def export_history(
        self, workflow_id: str, *, saga_id: bytes = b""
    ) -> "AsyncIterator[workflow_messages.HistoryChunk]":
        """Everything of a run, in parts, for `import_history` of another server. A lost connection ends it: begin again."""
        request = workflow_messages.ExportHistoryRequest()
        _refer(request.workflow, workflow_id, saga_id)
        stream = await self.workflows.export_history(request)
        try:
            while (chunk := await stream.receive()) is not None:
                yield chunk
        finally:
            stream.cancel("no longer wanted")

    async def import_history(
        self,
        chunks: "Union[Iterable[workflow_messages.HistoryChunk], AsyncIterable[workflow_messages.HistoryChunk]]",
    ) -> "workflow_messages.ImportHistoryResponse":
        """Stores an exported run, or nothing of it: `await there.import_history(here.export_history("trip-1"))`. Durable when it
        returns. After ConnectionLost do it again, and take ALREADY_EXISTS for a yes."""
        stream = None
        try:
            async for chunk in _each(chunks):
                part = workflow_messages.ImportHistoryRequest(chunk=chunk)
                # The first travels with the call itself.
                if stream is None:
                    stream = await self.workflows.import_history(part)
                else:
                    await stream.send(part)
            if stream is None:
                raise ValueError("there is no chunk to import")
            await stream.end()
            answer: Optional[workflow_messages.ImportHistoryResponse] = await stream.receive()
            if answer is None:
                raise ConnectionLost("Workflows.ImportHistory: the server ended the call without an answer")
            return answer
        finally:
            if stream is not None:
                stream.cancel("the import has failed")

    # Event-sourced aggregates.

    async def append_events(
        self,
        aggregate_id: str,
        aggregate_type: str,
        events: Sequence[DomainEvent],
        *,
        expected_version: Optional[int] = None,
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> int:
        """Appends to an aggregate; how many events it has now. Raises FAILED_PRECONDITION if it had not as many as expected."""
        request = event_messages.AppendEventsRequest(aggregate_id=aggregate_id, aggregate_type=aggregate_type)
        if expected_version is not None:
            request.expected_version = expected_version
        for event in events:
            request.events.add(
                type_name=event.name, type_version=event.version, payload=self.values.encode(event.data)
            )
        return (await self.events.append(request, timeout=timeout, request_id=request_id)).version

    async def read_events(
        self, aggregate_id: str, from_event_id: int = 0, *, limit: int = 1000, timeout: float = DEFAULT_TIMEOUT
    ) -> Aggregate:
        """A page of an aggregate's events, oldest first."""
        request = event_messages.ReadEventsRequest(
            aggregate_id=aggregate_id, from_event_id=from_event_id, page_size=limit
        )
        answer = await self.events.read(request, timeout=timeout)
        return Aggregate(None, [self._domain_event(event) for event in answer.events], answer.version, answer.more)

    async def read_aggregate(self, aggregate_id: str, *, timeout: float = DEFAULT_TIMEOUT) -> Aggregate:
        """The newest snapshot of an aggregate, if there is one, and all events after it."""
        request = event_messages.ReadFromSnapshotRequest(aggregate_id=aggregate_id)
        answer = await self.events.read_from_snapshot(request, timeout=timeout)
        found = [self._domain_event(event) for event in answer.events]
        more = answer.more
        while more:
            page = await self.read_events(aggregate_id, found[-1].event_id + 1, timeout=timeout)
            found += page.events
            more = page.more
        state = self.values.decode(answer.snapshot) if answer.HasField("snapshot") else None
        return Aggregate(state, found, answer.version, False)

    def _domain_event(self, event: Any) -> DomainEvent:
        stored = event.domain_event
        return DomainEvent(
            stored.type_name, self.values.decode(stored.payload), stored.type_version, event_id=event.event_id
        )

    # Sagas as data.

    async def register_definition(
        self,
        definition: "Union[SagaDefinition, definitions_messages.SagaDefinition]",
        *,
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Tuple[int, bool]:
        """Registers a definition; its version, and whether the same was registered before. A changed one is the next version."""
        request = definitions_messages.RegisterDefinitionRequest(definition=_message(definition))
        answer = await self.definitions.register(request, timeout=timeout, request_id=request_id)
        return answer.version, answer.unchanged

    async def validate_definition(
        self, definition: "Union[SagaDefinition, definitions_messages.SagaDefinition]", *, timeout: float = DEFAULT_TIMEOUT
    ) -> "List[definitions_messages.DefinitionProblem]":
        """Everything that is wrong with a definition; nothing is stored."""
        request = definitions_messages.ValidateDefinitionRequest(definition=_message(definition))
        return list((await self.definitions.validate(request, timeout=timeout)).problems)

    async def get_definition(
        self, name: str, version: int = 0, *, timeout: float = DEFAULT_TIMEOUT
    ) -> "definitions_messages.GetDefinitionResponse":
        """A registered definition; version 0 is the newest."""
        request = definitions_messages.GetDefinitionRequest(name=name, version=version)
        return await self.definitions.get(request, timeout=timeout)

    async def list_definitions(
        self, *, page_size: int = 0, timeout: float = DEFAULT_TIMEOUT
    ) -> "AsyncIterator[definitions_messages.DefinitionInfo]":
        """The registered definitions, by name."""
        token = b""
        while True:
            request = definitions_messages.ListDefinitionsRequest(page_size=page_size, page_token=token)
            page = await self.definitions.list(request, timeout=timeout)
            for entry in page.definitions:
                yield entry
            token = page.next_page_token
            if not token:
                return
    # Attempts that go on outside of their worker, by the token that their activity kept. Each call may be repeated.

    async def complete_activity(self, token: bytes, value: Any = None, *, timeout: float = DEFAULT_TIMEOUT) -> str:
        """Reports that an attempt succeeded: `recorded`, `already_recorded` or `late_effect`."""
        request = worker_messages.CompleteActivityRequest()
        request.report.task_token = token
        request.report.output.CopyFrom(self.values.encode(value))
        answer = await self.workers.complete_activity(request, timeout=timeout)
        return _VERDICTS.get(answer.result, "already_recorded")

    async def fail_activity(
        self, token: bytes, error: BaseException, *, no_effect: bool = False, timeout: float = DEFAULT_TIMEOUT
    ) -> str:
        """Reports that an attempt failed; its retry policy decides what comes next."""
        request = worker_messages.FailActivityRequest()
        request.report.task_token = token
        known = error if isinstance(error, SagaError) else SagaError(str(error), code=type(error).__name__)
        request.report.error.CopyFrom(known.to_message(self.values))
        if no_effect:
            request.report.effect = worker_messages.EFFECT_NONE
        answer = await self.workers.fail_activity(request, timeout=timeout)
        return _VERDICTS.get(answer.result, "already_recorded")

    async def stop_activity(self, token: bytes, *, no_effect: bool = False, timeout: float = DEFAULT_TIMEOUT) -> str:
        """Reports that an attempt has stopped because it was asked to."""
        request = worker_messages.StopActivityRequest()
        request.report.task_token = token
        request.report.effect = worker_messages.EFFECT_NONE if no_effect else worker_messages.EFFECT_UNKNOWN
        answer = await self.workers.stop_activity(request, timeout=timeout)
        return _VERDICTS.get(answer.result, "already_recorded")

    async def heartbeat_activity(self, token: bytes, details: Any = None, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """Says that an attempt is alive; False: stop (and say so with `stop_activity`)."""
        request = worker_messages.HeartbeatActivityRequest()
        request.heartbeat.task_token = token
        if details is not None:
            request.heartbeat.details.CopyFrom(self.values.encode(details))
        answer = await self.workers.heartbeat_activity(request, timeout=timeout)
        return bool(answer.current and not answer.cancel_requested)

    # Undos that need a person. `step_event_id` is the event that scheduled the step.

    async def list_blocked(
        self, *, page_size: int = 0, timeout: float = DEFAULT_TIMEOUT
    ) -> "AsyncIterator[compensation_messages.BlockedWorkflow]":
        """Runs that need a person, longest blocked first."""
        token = b""
        while True:
            request = compensation_messages.ListBlockedRequest(page_size=page_size, page_token=token)
            page = await self.compensation.list_blocked(request, timeout=timeout)
            for entry in page.workflows:
                yield entry
            token = page.next_page_token
            if not token:
                return

    async def retry_undo(
        self,
        workflow_id: str,
        step_event_id: int,
        *,
        reason: str = "",
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Runs an undo once more."""
        request = compensation_messages.RetryUndoRequest(reason=reason)
        _refer_undo(request.undo, workflow_id, saga_id, step_event_id)
        await self.compensation.retry(request, timeout=timeout, request_id=request_id)

    async def retry_undo_with_input(
        self,
        workflow_id: str,
        step_event_id: int,
        value: Any,
        *,
        reason: str = "",
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Runs an undo once more; `value` comes to it as `UndoInput.data`."""
        request = compensation_messages.RetryUndoWithInputRequest(reason=reason)
        _refer_undo(request.undo, workflow_id, saga_id, step_event_id)
        request.input.CopyFrom(self.values.encode(value))
        await self.compensation.retry_with_input(request, timeout=timeout, request_id=request_id)

    async def skip_undo(
        self,
        workflow_id: str,
        step_event_id: int,
        reason: str,
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Leaves an undo out."""
        request = compensation_messages.SkipUndoRequest(reason=reason)
        _refer_undo(request.undo, workflow_id, saga_id, step_event_id)
        await self.compensation.skip(request, timeout=timeout, request_id=request_id)

    async def resolve_undo(
        self,
        workflow_id: str,
        step_event_id: int,
        note: str,
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Marks an undo as done by hand."""
        request = compensation_messages.ResolveUndoRequest(note=note)
        _refer_undo(request.undo, workflow_id, saga_id, step_event_id)
        await self.compensation.resolve(request, timeout=timeout, request_id=request_id)

    async def give_up(
        self,
        workflow_id: str,
        reason: str,
        *,
        saga_id: bytes = b"",
        request_id: Optional[str] = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Gives the whole unwinding of a run up."""
        request = compensation_messages.GiveUpRequest(reason=reason)
        _refer(request.workflow, workflow_id, saga_id)
        await self.compensation.give_up(request, timeout=timeout, request_id=request_id)

    async def late_effects(
        self, workflow_id: str = "", *, saga_id: bytes = b"", page_size: int = 0, timeout: float = DEFAULT_TIMEOUT
    ) -> "AsyncIterator[compensation_messages.LateEffect]":
        """Effects that were reported after their step's undo; empty `workflow_id` = of all runs."""
        token = b""
        while True:
            request = compensation_messages.ListLateEffectsRequest(page_size=page_size, page_token=token)
            if workflow_id:
                _refer(request.workflow, workflow_id, saga_id)
            page = await self.compensation.list_late_effects(request, timeout=timeout)
            for entry in page.late_effects:
                yield entry
            token = page.next_page_token
            if not token:
                return


def _message(
    definition: "Union[SagaDefinition, definitions_messages.SagaDefinition]",
) -> "definitions_messages.SagaDefinition":
    return definition.message if isinstance(definition, SagaDefinition) else definition
_VERDICTS = {
    worker_messages.ACK_RESULT_RECORDED: "recorded",
    worker_messages.ACK_RESULT_ALREADY_RECORDED: "already_recorded",
    worker_messages.ACK_RESULT_LATE_EFFECT: "late_effect",
}


def _refer(reference: "common.WorkflowRef", workflow_id: str, saga_id: bytes) -> None:
    reference.workflow_id = workflow_id
    reference.saga_id = saga_id


def _refer_undo(reference: "compensation_messages.UndoRef", workflow_id: str, saga_id: bytes, step_event_id: int) -> None:
    _refer(reference.workflow, workflow_id, saga_id)
    reference.step_event_id = step_event_id


async def _each(chunks: Any) -> "AsyncIterator[workflow_messages.HistoryChunk]":
    if hasattr(chunks, "__aiter__"):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk
