import dataclasses

import pytest

from saga_engine import ErrorKind, RawPayload, SagaError, StatusCode, payloads
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import methods


@dataclasses.dataclass
class Booking:
    flight: str
    seats: "list[int]"


@pytest.mark.parametrize("value", [None, True, 0, -5, 1.5, "Größe ✈", [1, "a", None], {"a": {"b": []}}])
def test_json_values_survive(value: object) -> None:
    payload = payloads.encode(value)
    assert payload.encoding == "json"
    assert payloads.decode(payload) == value


def test_other_values() -> None:
    assert payloads.decode(payloads.encode(b"\x00\xff")) == b"\x00\xff"
    assert payloads.encode(Booking("LH1", [1, 2])).data == b'{"flight":"LH1","seats":[1,2]}'
    assert payloads.decode(common.Payload()) is None
    own = payloads.decode(common.Payload(encoding="mine", data=b"x"))
    assert isinstance(own, RawPayload) and payloads.encode(own).data == b"x"
    for bad in (object(), float("nan"), {"a": {1, 2}}):
        with pytest.raises((TypeError, ValueError)):
            payloads.encode(bad)


def test_errors_survive_the_wire() -> None:
    error = SagaError(
        "no",
        kind=ErrorKind.DOMAIN,
        code="CardDeclined",
        context={"a": "b"},
        causes=[(ErrorKind.TIMEOUT, "slow")],
        non_retryable=True,
        details=[1],
    )
    back = SagaError.from_message(common.SagaError.FromString(error.to_message().SerializeToString()))
    for name in ("message", "kind", "code", "context", "causes", "non_retryable", "details", "timestamp_us"):
        assert getattr(back, name) == getattr(error, name)


def test_texts_of_errors_always_get_through() -> None:
    message = SagaError("a\0b\ud800" + "é" * 5_000).to_message()
    assert "\0" not in message.message and len(message.message.encode()) <= 4_096
    message.SerializeToString()


def test_unknown_numbers_are_unknown() -> None:
    assert StatusCode(99) == StatusCode.UNKNOWN and ErrorKind(99) == ErrorKind.UNKNOWN


def test_enums_are_those_of_the_idl() -> None:
    assert {k.name: k.value for k in ErrorKind} == {
        name.replace("ERROR_KIND_", ""): number for name, number in common.ErrorKind.items()
    }
    assert {k.name: k.value for k in StatusCode} == {
        name.replace("STATUS_CODE_", ""): number for name, number in common.StatusCode.items()
    }


def test_methods_are_complete() -> None:
    assert methods.ALL[1792].full_name == "Admin.Health"
    assert all(m.request.DESCRIPTOR.fields_by_number[1].name == "header" for m in methods.ALL.values())
