"""Scenarios of sagas as data: built by each SDK's own builder."""

import json

from saga_engine import Client, SagaDefinition, Undo
from scenarios import INVALID_ARGUMENT, SCHEDULED, scenario
from world import Verb, World, json_value


@scenario
async def a_definition_is_built_and_runs(w: World) -> None:
    """By the SDK's own builder: steps in a row, together, left out; registered twice it is the same version."""
    name = w.unique("runs")
    async with w.serving({}) as client:
        for _ in range(2):
            assert (await w.ok(Verb.VERB_REGISTER, workflow_type=name, text="runs")).number == 1
        for n, c in ((7, 7), (1, 0)):
            await w.start(name, json_value(b'{"n":%d}' % n), workflow_id=f"{w.id}-{n}")
            got = (await w.ok(Verb.VERB_RESULT, workflow_id=f"{w.id}-{n}")).value.data
            assert json.loads(got) == {"a": n, "b": n, "c": c}, got
            codes = [event.event_type for event in await w.history(client, f"{w.id}-{n}")]
            assert codes.count(SCHEDULED) == (3 if c else 2), codes


@scenario
async def a_definition_says_what_was_built(w: World) -> None:
    """Everything that a builder can say, compared with what the server has; the server refuses what is wrong."""
    name = w.unique("everything")
    wanted = SagaDefinition(name, task_queue=w.queue, timeout=600, description="all of it")
    undo = Undo("refund", {"who": "${input.who}"}, task_queue="desk", failed_step="always", probe="paid")
    conditions = ["input.n >= 2", "input.who != nobody", "input.mail exists"]
    wanted.activity(
        "pay", "charge", ["${input.n}", True], undo=undo, task_queue="bank", attempts=5, timeout=2.5, pivot=True, when=conditions
    )
    wanted.signal("ok", "go", within=1.5)
    wanted.timer("rest", 0.02, when=["input.n < 9"])
    wanted.child("sub", "other", "${input}", task_queue="else")
    end = wanted.activity("end", "tidy")
    wanted.returns(end.output())
    await w.connected()
    await w.ok(Verb.VERB_REGISTER, workflow_type=name, text="everything")
    async with Client.connect("localhost", w.server.port, ca=w.server.ca) as client:
        found = (await client.get_definition(name)).definition
        # Read back, too: the server fills in what was left to it.
        wanted.message.name += "-wanted"
        await client.register_definition(wanted)
        wanted_message = (await client.get_definition(wanted.message.name)).definition
    wanted_message.name = name
    for message in (found, wanted_message):
        # The same JSON may be written in several ways.
        for template in [message.output, *(step.activity.input for step in message.steps)]:
            if template.template:
                template.template = json.dumps(json.loads(template.template))
        for step in message.steps:
            if step.activity.undo_input:
                step.activity.undo_input = json.dumps(json.loads(step.activity.undo_input))
    assert found == wanted_message, f"{found} is not {wanted_message}"
    await w.status(INVALID_ARGUMENT, Verb.VERB_REGISTER, workflow_type=name, text="wrong")
