"""Event-sourced aggregates: things whose state is what their events make of it.

    await client.append_events("account/ada", "account", [DomainEvent("opened", {"deposit": 10})], expected_version=0)
    account = await client.read_aggregate("account/ada")
    balance = functools.reduce(apply, account.events, account.state or 0)

An append says how many events it expects, so that of two that decide upon the same state one is refused and decides anew.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from saga_engine.v1 import history_messages_pb2 as history_messages


@dataclass(frozen=True)
class DomainEvent:
    """Something that happened to an aggregate. `version` is that of the data's form; `event_id` is set on events that were read."""

    name: str
    data: Any = None
    version: int = 1
    event_id: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Aggregate:
    """What was read: the state of a snapshot or None, the events after it, how many there are in all, whether more follow."""

    state: Any
    events: List[DomainEvent]
    version: int
    more: bool


@dataclass(frozen=True)
class CommittedEvents:
    """Committed events of one saga or aggregate: `position` is where to go on after them."""

    position: bytes
    workflow_id: str
    workflow_type: str
    events: "List[history_messages.HistoryEvent]"
