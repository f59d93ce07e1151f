"""The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto."""

import asyncio
import inspect
import json
import os
import re
import signal
import ssl
import struct
import sys
import time
from typing import Any, Dict, List, Optional

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import conformance_pb2 as program  # noqa: E402
from saga_engine import (  # noqa: E402
    Activity,
    ActivityCancelled,
    ActivityContext,
    Client,
    ConnectionLost,
    ErrorKind,
    NoEffect,
    RawPayload,
    SagaDefinition,
    SagaEngineError,
    SagaError,
    StatusError,
    Undo,
    UndoInput,
    Worker,
    WorkflowCanceled,
    WorkflowEnded,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from saga_engine.v1 import common_messages_pb2 as common  # noqa: E402
from saga_engine.v1 import history_messages_pb2 as history_messages  # noqa: E402
from saga_engine.v1 import services  # noqa: E402

Verb = program.Verb


class Xor:
    def encode(self, payload: common.Payload) -> common.Payload:
        made = common.Payload(encoding="xor/" + payload.encoding, data=bytes(b ^ 0x5A for b in payload.data))
        made.metadata.extend(payload.metadata)
        return made

    def decode(self, payload: common.Payload) -> common.Payload:
        encoding = payload.encoding[4:] if payload.encoding.startswith("xor/") else payload.encoding
        return common.Payload(encoding=encoding, data=bytes(b ^ 0x5A for b in payload.data))


def from_value(value: program.Value) -> Any:
    if not value.encoding:
        return None
    if value.encoding == "json":
        return json.loads(value.data)
    if value.encoding == "bytes":
        return value.data
    return RawPayload(common.Payload(encoding=value.encoding, data=value.data))


def text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def to_value(value: Any) -> program.Value:
    if isinstance(value, bytes):
        return program.Value(encoding="bytes", data=value)
    if isinstance(value, RawPayload):
        return program.Value(encoding=value.message.encoding, data=value.message.data)
    return program.Value(encoding="json", data=text(value).encode())


class Harness:
    """One client, one worker, and what activities wrote down."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.client: Optional[Client] = None
        self.how = program.Connect()
        self.worker: Optional[Worker] = None
        self.serving: Optional["asyncio.Task[None]"] = None
        # What EXPORT kept.
        self.exported: List["history_messages.HistoryEvent"] = []

    # Activities

    async def run_program(self, context: ActivityContext, value: RawPayload) -> Any:
        script = self.parse(value)
        self.lines.append(f"do {script.name} {context.attempt}")
        return await self.carry_out(context, script.name, script.steps)

    async def run_undo(self, context: ActivityContext, undo: UndoInput) -> Any:
        script = self.parse(undo.input)
        good = context.is_undo and context.idempotency_key.startswith(undo.idempotency_key + "/undo")
        key = "key" if good else "bad-key"
        self.lines.append(f"undo {script.name} {undo.outcome} {text(undo.output)} {text(undo.data)} {key}")
        return await self.carry_out(context, script.name, script.undo_steps)

    @staticmethod
    def parse(value: RawPayload) -> program.ActivityProgram:
        return value.parse(program.ActivityProgram)

    async def carry_out(self, context: ActivityContext, name: str, steps: Any) -> Any:
        for step in steps:
            if step.only_attempt not in (0, context.attempt):
                continue
            if step.op == program.OP_RETURN:
                return from_value(step.value)
            if step.op == program.OP_FAIL:
                error = SagaError(
                    step.text, kind=ErrorKind(step.error_kind), code=step.error_code, non_retryable=step.non_retryable,
                    context={"who": "conformance"},
                )  # fmt: skip
                if step.no_effect:
                    raise NoEffect() from error
                raise error
            if step.op == program.OP_THROW:
                raise RuntimeError(step.text)
            if step.op == program.OP_HEARTBEAT:
                context.heartbeat(from_value(step.value))
            elif step.op == program.OP_SLEEP:
                await asyncio.shield(asyncio.ensure_future(asyncio.sleep(step.ms / 1_000)))
            elif step.op == program.OP_AWAIT_CANCEL:
                try:
                    for _ in range(step.ms // 100):
                        context.heartbeat()
                        await asyncio.sleep(0.1)
                except asyncio.CancelledError:
                    self.lines.append(f"cancelled {name}")
                    raise ActivityCancelled(no_effect=step.no_effect) from None
                raise SagaError("nobody cancelled it", kind=ErrorKind.TIMEOUT)
            elif step.op == program.OP_UNDO_DATA:
                context.set_undo_data(from_value(step.value))
            elif step.op == program.OP_CRASH:
                os.kill(os.getpid(), signal.SIGKILL)
            elif step.op == program.OP_LOG_DETAILS:
                self.lines.append(f"details {name} {text(context.heartbeat_details)}")
        return None

    # Actions

    async def act(self, action: program.Action) -> program.Outcome:
        call = asyncio.ensure_future(self.carry(action))
        if action.cancel_after_ms:
            done, _ = await asyncio.wait([call], timeout=action.cancel_after_ms / 1_000)
            if not done:
                call.cancel()
        try:
            outcome = await call
            outcome.result = "ok"
            return outcome
        except asyncio.CancelledError:
            return program.Outcome(result="cancelled")
        except BaseException as error:  # noqa: BLE001 - the outcome says what it was
            return failure(error)

    async def carry(self, action: program.Action) -> program.Outcome:
        verb = action.verb
        outcome = program.Outcome()
        if verb == Verb.VERB_CONNECT:
            how = action.connect
            self.how = how
            if self.client is not None:
                await self.client.close()
            self.client = await Client.connect(
                how.host,
                how.port,
                ca=how.ca or None,
                cert=(how.cert, how.key) if how.cert else None,
                token=how.token,
                namespace=how.namespace,
                server_hostname=how.server_name or None,
                insecure=not how.ca,
                timeout=how.timeout_ms / 1_000 if how.timeout_ms else 10.0,
                codec=Xor() if how.codec else None,
            )
            return outcome
        if verb == Verb.VERB_LOG:
            outcome.lines.extend(self.lines)
            return outcome
        if verb == Verb.VERB_METHODS:
            for name, service in inspect.getmembers(services, inspect.isclass):
                if name.endswith("Service"):
                    calls = [call for call, _ in inspect.getmembers(service, inspect.iscoroutinefunction)]
                    outcome.lines.extend(f"{name[:-7]}.{pascal(call)}" for call in calls)
            return outcome
        assert self.client is not None
        return await self.call(self.client, action, outcome)

    async def call(self, it: Client, action: program.Action, outcome: program.Outcome) -> program.Outcome:
        verb, workflow_id, reason = action.verb, action.workflow_id, action.text
        limit: Dict[str, Any] = {"timeout": action.timeout_ms / 1_000} if action.timeout_ms else {}
        repeat: Dict[str, Any] = {**limit, "request_id": action.request_id or None}
        target: Dict[str, Any] = {**repeat, "saga_id": action.saga_id}
        reading: Dict[str, Any] = {**limit, "saga_id": action.saga_id}
        if verb == Verb.VERB_CLOSE:
            await it.close()
        elif verb == Verb.VERB_HEALTH:
            outcome.value.data = (await it.health(action.echo, **limit)).echo
        elif verb in (Verb.VERB_START, Verb.VERB_SIGNAL_WITH_START):
            names: Dict[str, Any] = {"workflow_id": workflow_id, "task_queue": action.task_queue}
            if verb == Verb.VERB_START:
                handle = await it.start(action.workflow_type, from_value(action.input), **names, **repeat)
            else:
                handle = await it.signal_with_start(
                    action.workflow_type, signal_name=action.name, signal_value=from_value(action.input),
                    signal_id=reason, **names, **repeat,
                )  # fmt: skip
            outcome.saga_id, outcome.already_started = handle.saga_id, handle.already_started
        elif verb == Verb.VERB_SIGNAL:
            await it.signal(workflow_id, action.name, from_value(action.input), signal_id=reason, **target)
        elif verb == Verb.VERB_CANCEL:
            await it.cancel(workflow_id, reason, **target)
        elif verb == Verb.VERB_TERMINATE:
            await it.terminate(workflow_id, compensate=action.flag, reason=reason, **target)
        elif verb == Verb.VERB_RESULT:
            outcome.value.CopyFrom(to_value(await it.result(workflow_id, **reading)))
        elif verb == Verb.VERB_DESCRIBE:
            found = await it.describe(workflow_id, **reading)
            outcome.number = found.info.status
            outcome.lines.extend(str(entry.kind) for entry in found.waiting_for)
        elif verb == Verb.VERB_LIST:
            async for info in it.list(workflow_id_prefix=reason, page_size=action.number, **limit):
                outcome.lines.append(info.workflow_id)
        elif verb == Verb.VERB_COUNT:
            outcome.number = await it.count(workflow_id_prefix=reason, **limit)
        elif verb in (Verb.VERB_HISTORY, Verb.VERB_FOLLOW):
            async for event in it.history(workflow_id, follow=verb == Verb.VERB_FOLLOW, **reading):
                outcome.events.add(id=event.event_id, code=event.event_type)
        elif verb == Verb.VERB_PAUSE:
            await it.pause(workflow_id, reason, **target)
        elif verb == Verb.VERB_RESUME:
            await it.resume(workflow_id, reason, **target)
        elif verb == Verb.VERB_QUERY:
            outcome.value.CopyFrom(to_value(await it.query(workflow_id, action.name, from_value(action.input), **reading)))
        elif verb == Verb.VERB_UPDATE:
            value = await it.update(workflow_id, action.name, from_value(action.input), update_id=reason, **target)
            outcome.value.CopyFrom(to_value(value))
        elif verb == Verb.VERB_RESET:
            outcome.saga_id = (await it.reset(workflow_id, action.number, reason=reason, **target)).saga_id
        elif verb == Verb.VERB_STATE_AT:
            outcome.number = (await it.state_at(workflow_id, action.number, **reading)).info.status
        elif verb == Verb.VERB_DELETE:
            await it.delete(workflow_id, **target)
        elif verb == Verb.VERB_LIST_BLOCKED:
            async for blocked in it.list_blocked(**limit):
                outcome.lines.append(blocked.info.workflow_id)
        elif verb == Verb.VERB_RETRY_UNDO:
            await it.retry_undo(workflow_id, action.number, reason=reason, **target)
        elif verb == Verb.VERB_RETRY_UNDO_WITH_INPUT:
            value = from_value(action.input)
            await it.retry_undo_with_input(workflow_id, action.number, value, reason=reason, **target)
        elif verb == Verb.VERB_SKIP_UNDO:
            await it.skip_undo(workflow_id, action.number, reason, **target)
        elif verb == Verb.VERB_RESOLVE_UNDO:
            await it.resolve_undo(workflow_id, action.number, reason, **target)
        elif verb == Verb.VERB_GIVE_UP:
            await it.give_up(workflow_id, reason, **target)
        elif verb == Verb.VERB_LATE_EFFECTS:
            outcome.number = len([late async for late in it.late_effects(workflow_id, **reading)])
        elif verb == Verb.VERB_SUBSCRIBE:
            feed = it.committed_events(
                after=action.position, from_beginning=action.flag, event_types=action.event_types,
                workflow_types=[action.workflow_type] if action.workflow_type else [],
            )  # fmt: skip
            async for item in feed:
                outcome.lines.extend(f"{item.workflow_id} {item.workflow_type} {e.event_id} {e.event_type}" for e in item.events)
                outcome.position = item.position
                if len(outcome.lines) >= action.number:
                    break
            await feed.aclose()
        elif verb == Verb.VERB_EXPORT:
            self.exported = [event async for event in it.export_history(workflow_id, saga_id=action.saga_id)]
            outcome.number = len(self.exported)
            for event in self.exported:
                outcome.events.add(id=event.event_id, code=event.event_type)
        elif verb == Verb.VERB_IMPORT:
            imported = await it.import_history(self.exported)
            outcome.saga_id, outcome.number = imported.saga_id, imported.events
        elif verb == Verb.VERB_BENCH:
            outcome.lines.extend(await measured(it, self.how, action))
        elif verb == Verb.VERB_REGISTER:
            definition = declared(action.text, action.workflow_type, action.task_queue)
            outcome.number, _ = await it.register_definition(definition, **limit)
        elif verb == Verb.VERB_SERVE:
            self.worker = Worker(
                it,
                task_queues=[action.task_queue],
                max_concurrent=action.number,
                activities=[
                    Activity("program", self.run_program, True),
                    Activity("undo", self.run_undo, True),
                    Activity("echo", echo, True),
                ],
            )
            self.serving = asyncio.ensure_future(self.worker.run())
            await asyncio.wait_for(self.worker.serving.wait(), 10)
        elif verb == Verb.VERB_DRAIN:
            assert self.worker is not None and self.serving is not None
            self.worker.stop()
            await self.serving
        else:
            raise AssertionError(f"unknown verb {verb}")
        return outcome


async def measured(it: Client, how: program.Connect, action: program.Action) -> List[str]:
    """BENCH."""
    times: List[float] = []
    numbers = iter(range(action.number))
    value, queue = from_value(action.input) if action.text == "saga" else None, action.task_queue
    if action.text == "raw":
        context = ssl.create_default_context(cafile=how.ca)
        context.set_alpn_protocols(["saga/1"])
        reader, writer = await asyncio.open_connection(how.host, how.port, ssl=context)
        writer.write(action.input.data)
        await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0])

    async def one(number: int) -> None:
        if action.text == "health":
            await it.health(action.echo)
        elif action.text == "saga":
            handle = await it.start(action.workflow_type, value, workflow_id=f"{action.workflow_id}-{number}", task_queue=queue)
            await handle.result()
        else:
            writer.write(struct.pack(">IBBHI", 8 + len(action.echo), 3, 0, 1792, number + 1) + action.echo)
            await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0])

    async def lane() -> None:
        for number in numbers:
            began = time.perf_counter()
            await one(number)
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(action.concurrency or 1)))
    total = time.perf_counter() - began
    if action.text == "raw":
        writer.close()
    times.sort()
    return [str(round(1e6 * found, 1)) for found in (total, times[len(times) // 2], times[len(times) * 99 // 100])]


def declared(which: str, name: str, queue: str) -> SagaDefinition:
    """The definitions of VERB_REGISTER."""
    if which == "everything":
        made = SagaDefinition(name, task_queue=queue, timeout=600, description="all of it")
        undo = Undo("refund", {"who": "${input.who}"}, task_queue="desk", failed_step="always", probe="paid")
        when = ["input.n >= 2", "input.who != nobody", "input.mail exists"]
        made.activity(
            "pay", "charge", ["${input.n}", True], undo=undo, task_queue="bank", attempts=5, timeout=2.5, pivot=True, when=when
        )
        made.signal("ok", "go", within=1.5)
        made.timer("rest", 0.02, when="input.n < 9")
        made.child("sub", "other", "${input}", task_queue="else")
        end = made.activity("end", "tidy")
        made.returns(end.output())
        return made
    made = SagaDefinition(name, task_queue=queue)
    if which == "wrong":
        made.activity("a", "echo", "${steps.nobody.output}")
        return made
    a = made.activity("a", "echo", {"n": "${input.n}"})
    with made.parallel():
        b = made.activity("b", "echo", {"got": a.output("n")})
        made.activity("c", "echo", when="input.n > 3")
    made.returns({"a": a.output("n"), "b": b.output("got"), "c": "${steps.c.output.n ?? 0}"})
    return made


async def echo(context: ActivityContext, value: Any) -> Any:
    return value


def pascal(name: str) -> str:
    return re.sub("(?:^|_)([a-z])", lambda found: found[1].upper(), name)


def failure(error: BaseException) -> program.Outcome:
    outcome = program.Outcome(result="bug", message=f"{type(error).__name__}: {error}")
    if isinstance(error, StatusError):
        outcome.result, outcome.status_code = "status", error.code
    elif isinstance(error, ConnectionLost):
        outcome.result = "connection_lost"
    elif isinstance(error, asyncio.TimeoutError):
        outcome.result, outcome.status_code = "status", 4
    elif isinstance(error, WorkflowEnded):
        kinds = [
            (WorkflowFailed, "workflow_failed"), (WorkflowCanceled, "workflow_canceled"),
            (WorkflowTimedOut, "workflow_timed_out"), (WorkflowTerminated, "workflow_terminated"),
        ]  # fmt: skip
        outcome.result = next((name for kind, name in kinds if isinstance(error, kind)), "bug")
        outcome.compensation = error.compensation.state
        if isinstance(error, WorkflowFailed):
            cause = error.error
            outcome.error_kind, outcome.error_code, outcome.error_message = cause.kind, cause.code, cause.message
            outcome.error_context.extend(f"{key}={value}" for key, value in cause.context.items())
    elif isinstance(error, (SagaEngineError, ValueError, TypeError)):
        outcome.result = "invalid"
    return outcome


async def main() -> None:
    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    harness = Harness()
    while True:
        try:
            size = struct.unpack(">I", await reader.readexactly(4))[0]
            action = program.Action.FromString(await reader.readexactly(size))
        except asyncio.IncompleteReadError:
            break
        body = (await harness.act(action)).SerializeToString()
        sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
        sys.stdout.buffer.flush()
    # What still runs ends with the process.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
